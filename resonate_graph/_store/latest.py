"""The latest records: a log of keys, in the order in which their records were written.

A key is appended just before its record is published, so a process that is killed in between
leaves a key without a record at worst, and that is passed over. Any number of processes append. A
log that has grown long becomes the older one and a new one is begun; what was in the one that was
older before is not among the latest any more. Records of versions of this library that write no log
are not in it: where few are found by it, one has to look whether there are more.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from .._base.errors import OutputError
from .logs import open_to_append, read_lines, rewrite

#: When the log has grown to this, a new one is begun.
LONG_LOG_BYTES = 65_000

#: So many keys are put into it at once, of a store that has records it does not name.
AT_FIRST = 1000

#: What keeps a log from being replaced: it cannot be written, or another process is at it.
_LET_BE = (OSError, NotImplementedError, OutputError, Timeout)

#: A key ends its line; what stands before it was cut off by a disk that was full.
_KEY = re.compile(r"[0-9a-f]{64}$")


class Latest:
    """The log of the latest records of a store. It is advice: where it fails, it is let be.

    Args:
        folder: the store's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "latest.log"
        self._older = folder / "latest.older.log"

    def note(self, key: str) -> None:
        """Note that the record of a key is about to be published."""
        with contextlib.suppress(OSError):
            descriptor = self._opened()
            try:
                length = os.fstat(descriptor).st_size
                os.write(descriptor, f"{key}\n".encode())
            finally:
                os.close(descriptor)
            if length > LONG_LOG_BYTES:
                self._begin_anew()

    def _opened(self) -> int:
        try:
            return open_to_append(self._log)
        except FileNotFoundError:  # there is no store yet
            self._folder.mkdir(parents=True, exist_ok=True)
            return open_to_append(self._log)

    def keys(self) -> Iterator[str]:
        """Yield the keys that are noted, the latest first, each once."""
        lines = [*read_lines(self._older), *read_lines(self._log)]
        found = filter(None, map(_KEY.search, reversed(lines)))
        yield from dict.fromkeys(one.group() for one in found)

    def begin_with(self, keys: Sequence[str]) -> None:
        """Take over what was found otherwise, as of before what is in the log.

        Args:
            keys: the keys of the records there are, the latest first.
        """
        with contextlib.suppress(*_LET_BE), self._right():
            lines = [f"{key}\n" for key in reversed(keys[:AT_FIRST])]
            rewrite(self._older, lines, temp_folder=self._folder / "temporary")

    def _begin_anew(self) -> None:
        with contextlib.suppress(*_LET_BE), self._right():
            if self._log.stat().st_size > LONG_LOG_BYTES:  # nobody has done it meanwhile
                self._log.replace(self._older)

    def _right(self) -> FileLock:
        """Return the right to replace a log; of several that come at once one is enough."""
        return FileLock(self._folder / "latest.lock", timeout=0)
