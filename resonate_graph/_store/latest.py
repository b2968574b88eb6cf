"""The latest records: a log of keys, in the order in which their records were written.

A key is appended just before its record is published, so a process that is killed in between
leaves a key without a record at worst, and that is passed over. Any number of processes append. A
log that has grown long becomes the older one and a new one is begun; what was in the one that was
older before is not among the latest any more. The first line says whether these two name all
records there are, so that where few are found nobody looks for more.
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

#: So many keys are put into it where it is begun in a store that is older.
AT_FIRST = 1000

#: The first line, where there are no records but those that are named.
_WHOLE = "all"

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
                is_first = not length and not (self._folder / "records").exists()
                os.write(descriptor, (f"{_WHOLE}\n{key}\n" if is_first else f"{key}\n").encode())
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

    @property
    def is_whole(self) -> bool:
        """Whether there are no records but those of its keys."""
        return (read_lines(self._older) or read_lines(self._log))[:1] == [_WHOLE]

    def begin_with(self, keys: Sequence[str]) -> None:
        """Take over what was found otherwise, in a store that is older than its log.

        Args:
            keys: the keys of all records, the latest first.
        """
        with contextlib.suppress(*_LET_BE), self._right():
            found = set(keys)
            since = [key for key in self.keys() if key not in found]
            lines = [f"{key}\n" for key in reversed([*since, *keys[:AT_FIRST]])]
            whole = [f"{_WHOLE}\n"] if len(keys) <= AT_FIRST else []
            rewrite(self._older, whole + lines, temp_folder=self._folder / "temporary")

    def _begin_anew(self) -> None:
        with contextlib.suppress(*_LET_BE), self._right():
            if self._log.stat().st_size > LONG_LOG_BYTES:  # nobody has done it meanwhile
                self._log.replace(self._older)

    def _right(self) -> FileLock:
        """Return the right to replace a log; of several that come at once one is enough."""
        return FileLock(self._folder / "latest.lock", timeout=0)
