"""Whether a file still holds what was written to it, which its provenance says."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from blake3 import blake3

from .._base.errors import InputError
from .._node.values import File, Value
from .._sound.audio import Audio
from .._sound.known_files import file_digest
from .._sound.limits import Limits
from .._sound.tags import TAGGED

Holds = Literal["samples", "coded", "bytes"]

_ANY_LENGTH = Limits(max_minutes=float("inf"))
_SAME: dict[Holds, str] = {
    "samples": "the same samples as were written",
    "coded": "the same sound as was written",
    "bytes": "the same bytes as were written",
}
_OTHER: dict[Holds, str] = {
    "samples": "other samples than were written",
    "coded": "other sound than was written",
    "bytes": "other bytes than were written",
}


@dataclass(frozen=True)
class Verification:
    """Whether a file is what its provenance says.

    Attributes:
        path: the file.
        output: the output of the graph that was written to it.
        is_same: whether that is what it holds.
        message: what was found, in words.
    """

    path: Path
    output: str
    is_same: bool
    message: str


def verify(path: str | os.PathLike[str]) -> Verification:
    """Return whether a file holds what was written to it, as its provenance says.

    Nothing is computed again. Tags may be edited and FLAC may be packed anew; a sample, a frame or
    the sample rate may not be other than they were. It finds what happened to a file by
    accident: provenance is not signed, and whoever rewrites that too is not found out.

    Args:
        path: a file that `Result.save` wrote, or its ``.provenance.json``.

    Raises:
        InputError: there is no such file or no provenance, or it cannot be read, or it is of a
            version that did not say yet what was written.

    Example:
        >>> import tempfile, numpy as np
        >>> from resonate_graph import Audio, Graph, verify
        >>> from resonate_nodes import gain
        >>> take = Audio(np.full((2, 100), 0.5, np.float32), 44100)
        >>> graph = Graph("quieter")
        >>> graph.output("quiet", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=-6.0))
        >>> made = graph.run({"mix": take}, store=False).save(tempfile.mkdtemp())
        >>> verify(made["quiet"]).message
        'the same samples as were written'
        >>> _ = take.save(made["quiet"])
        >>> verify(made["quiet"]).is_same
        False
    """
    from .recipe import file_told, read_provenance

    path = Path(path)
    recipe = read_provenance(path)
    file, held = file_told(path), recipe.held
    if held is None:
        raise InputError(
            path,
            "its provenance is of a version that did not say yet what was written to the file: "
            "only making it again from that would tell",
        )
    if not file.exists():
        raise InputError(file, "there is no such file")
    try:
        is_same = content(file, held.holds) == held.digest
    except InputError as error:
        return Verification(file, held.output, False, str(error).removeprefix(f"{file}: "))
    message = (_SAME if is_same else _OTHER)[held.holds]
    return Verification(file, held.output, is_same, message)


def held(value: Value, file: IO[bytes]) -> dict[str, str]:
    """Return what provenance says of a file that a value was written to, without tags as yet."""
    if isinstance(value, Audio):
        return {"holds": "samples", "digest": value.digest}
    if _is_sound(value):
        from .._sound.content import coded_digest  # with what each format is read by

        coded = coded_digest(file)
        if coded is not None:
            return {"holds": "coded", "digest": coded}
    file.seek(0)
    hasher = blake3()
    while block := file.read(1 << 20):
        hasher.update(block)
    return {"holds": "bytes", "digest": hasher.hexdigest()}


def _is_sound(value: Value) -> bool:
    return isinstance(value, File) and value.suffix in TAGGED


def content(path: Path, holds: Holds) -> str | None:
    """Return the digest of what a file holds; None where it holds nothing of the kind.

    Raises:
        InputError: it cannot be read, or is damaged.
    """
    if holds == "bytes":
        return file_digest(path)
    from .._sound.content import coded_digest
    from .._sound.decode import audio_blocks, read_audio

    if holds == "samples":
        return read_audio(path, _ANY_LENGTH, warn=lambda code, message: None).digest
    with audio_blocks(path) as (_, _, blocks):  # a checksum in the file is judged while it is read
        for _ in blocks:
            pass
    with contextlib.ExitStack() as stack:
        try:
            return coded_digest(stack.enter_context(path.open("rb")))
        except OSError as error:
            raise InputError(path, f"cannot be read: {error.strerror or error}") from error
