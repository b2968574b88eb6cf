"""Files known by their bytes: what was decoded of one before need not be decoded to be known.

What decodes is not imported here: where all is known already, nothing of it is needed.
"""

from __future__ import annotations

import os
import stat
from functools import lru_cache
from pathlib import Path

from blake3 import blake3

from .._base.errors import InputError

#: So many files are known by their digest, as long as they do not change.
_LOOKED_AT = 256


def file_digest(path: Path) -> str:
    """Return the blake3 digest of a file's bytes.

    Raises:
        InputError: it cannot be read.
    """
    try:
        require_regular(path)
        return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()
    except OSError as error:
        raise InputError(path, system_reason(error)) from error


def file_digest_at_a_look(path: Path) -> str:
    """Return a file's digest, without reading it again while its size and its times stay the same.

    That is good enough to say what a run would do. A run itself reads.

    Raises:
        InputError: it cannot be read.
    """
    try:
        known = path.stat()
    except (OSError, ValueError):
        return file_digest(path)  # which says what is wrong
    times = known.st_mtime_ns, known.st_ctime_ns
    return _digest_as_of(path.absolute(), known.st_dev, known.st_ino, known.st_size, *times)


@lru_cache(maxsize=_LOOKED_AT)
def _digest_as_of(path: Path, *_: int) -> str:
    return file_digest(path)


def decoder_version() -> str:
    """Return what decodes, as it enters keys."""
    import soundfile

    libsndfile = soundfile.__libsndfile_version__
    return (
        f"soundfile {soundfile.__version__}, libsndfile {libsndfile}, channels as in WAV, layouts, "
        "frames in order, Opus at 48 kHz"
    )


def require_regular(path: Path) -> None:
    """Refuse what is no file: reading a pipe or a device may never end.

    Raises:
        InputError: it is none.
        OSError: nothing can be known of it.
    """
    try:
        possible = b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise InputError(path, "no file can have this name")
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(path, "this is a pipe or a device, not a file")


def system_reason(error: OSError) -> str:
    """Say why the system cannot read a file."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "this is a folder, not a file"
    return f"cannot be read: {error.strerror or error}"
