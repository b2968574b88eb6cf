"""What a file of weights, or of a bag of models, may cost to be read: bytes, values, depth, time.

A models folder may be a stranger's. What Demucs and its hub have published lies far below each of
these: files of 300 MB, headers of some 100 kB, bags of 200 bytes, a few hundred tensors.
"""

from __future__ import annotations

import io
import itertools
import pickletools
import stat
import time
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

#: A file of weights.
WEIGHTS_BYTES = 1 << 33
#: Files in a models folder, and models of a bag.
FILES = 10_000
MODELS = 32
#: Comparing a file with what is known of it, which grows with its size.
SECONDS = 300
#: The header of a safetensors file; the pickle in a ``.th`` file, unpacked.
HEADER_BYTES = 1 << 24
#: The steps in which a pickle is read.
STEPS = 1_000_000
#: A bag of models.
BAG_BYTES = 1 << 16
#: Values in what describes a model, each counted as often as it is used, and how deep they nest.
VALUES = 10_000
DEPTH = 16
#: The largest number in it.
NUMBER = 10**9
#: What a ``.th`` file may unpack to, by its size: they are not packed.
UNPACKED = 2
_UNPACKED_AT_LEAST = 1 << 20

_PUT = ("PUT", "BINPUT", "LONG_BINPUT")
_GET = ("GET", "BINGET", "LONG_BINGET")
_SETS = ("ADDITEMS", "FROZENSET")


class OverBudgetError(ValueError):
    """Something would cost too much to be read."""


class Clock:
    """Says when reading has taken too long."""

    def __init__(self) -> None:
        self._end = time.monotonic() + SECONDS

    def check(self) -> None:
        """Go on, while there is time.

        Raises:
            OverBudgetError: there is none left.
        """
        if time.monotonic() > self._end:
            raise OverBudgetError(f"reading it takes longer than {SECONDS} s")


def files_of(folder: Path) -> list[Path]:
    """Return what lies in a models folder.

    Raises:
        OverBudgetError: very much does.
    """
    found = list(itertools.islice(folder.iterdir(), FILES + 1))
    if len(found) > FILES:
        raise OverBudgetError(f"there are more than {FILES:,} files in it")
    return found


def require_file(path: Path) -> None:
    """Refuse what is no file of a possible size: a pipe may never end.

    Raises:
        OSError: it is not there.
        OverBudgetError: it is none.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OverBudgetError("this is no file")
    if status.st_size > WEIGHTS_BYTES:
        raise OverBudgetError(f"it is larger than {WEIGHTS_BYTES:,} bytes")


def require_small(value: Any) -> None:
    """Refuse a structure of very many values, of very large ones, or one very deep.

    Raises:
        OverBudgetError: it is one.
    """
    waiting, count = [(value, 0)], 0
    while waiting:
        one, depth = waiting.pop()
        count += 1
        if count > VALUES or depth > DEPTH:
            raise OverBudgetError("what describes it is too large")
        if isinstance(one, Fraction):
            waiting += [(one.numerator, depth), (one.denominator, depth)]
        elif isinstance(one, (int, float)) and not -NUMBER <= one <= NUMBER:
            raise OverBudgetError(f"one of its numbers is beyond {NUMBER:,}")
        elif isinstance(one, dict):
            waiting += [(part, depth + 1) for pair in one.items() for part in pair]
        elif isinstance(one, (list, tuple, set, frozenset)):
            waiting += [(part, depth + 1) for part in one]


class Archive(zipfile.ZipFile):
    """A ``.th`` file, opened; what describes it is read only if that is not too large.

    Raises:
        OSError: it cannot be read.
        OverBudgetError: its table of contents is too large.
        zipfile.BadZipFile: it is none.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(_InSmallParts(path))

    def close(self) -> None:
        """Close the file too."""
        file = self.fp
        super().close()
        if file is not None:
            file.close()

    def damaged(self) -> str | None:
        """Return what in it differs from its checksum, None for nothing.

        Raises:
            OverBudgetError: it would unpack to too much, or takes too long.
        """
        require_unpacked(self)
        clock = Clock()
        for info in self.infolist():
            try:
                with self.open(info) as part:
                    while part.read(1 << 20):
                        clock.check()
            except zipfile.BadZipFile:
                return info.filename
        return None


class _InSmallParts(io.FileIO):
    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > HEADER_BYTES:
            raise OverBudgetError("what describes it is too large")
        return super().read(size) or b""


def read_pickle(archive: zipfile.ZipFile) -> io.BytesIO:
    """Return the pickle in a ``.th`` file, once it is known what reading it would cost.

    Raises:
        OverBudgetError: that is too much.
        ValueError: there is none, or it is none.
    """
    require_unpacked(archive)
    names = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if not names:
        raise ValueError("there is no data.pkl in it")
    if archive.getinfo(names[0]).file_size > HEADER_BYTES:
        raise OverBudgetError("what describes it is too large")
    content = archive.read(names[0])
    walk = _Walk()
    for step, (code, argument, _) in enumerate(pickletools.genops(content)):
        if step > STEPS or max(walk.hashed(code, argument), default=0) > VALUES:
            raise OverBudgetError("what describes it is too large")
        if code.name in (*_PUT, *_GET) and int(argument or 0) > len(content):
            # an unpickler makes room for all numbers below
            raise OverBudgetError("it counts beyond its own length")
    return io.BytesIO(content)


class _Walk:
    """Follows the steps of a pickle with the number of values in place of each value.

    A tuple that holds another twice, and that another twice again, is small. But as a key of a
    dict, or in a set, it is hashed as if it were spelled out: 60 of them take for ever.
    """

    def __init__(self) -> None:
        self._stack: list[int] = []
        self._marks: list[int] = []
        self._memo: dict[int, int] = {}

    def hashed(self, code: pickletools.OpcodeInfo, argument: Any) -> list[int]:
        """Take a step; return how many values each of those holds that it hashes."""
        name, stack, marks = code.name, self._stack, self._marks
        if name in _PUT or name == "MEMOIZE":
            self._memo[len(self._memo) if name == "MEMOIZE" else int(argument)] = stack[-1]
        elif name in _GET or name == "DUP":
            stack.append(stack[-1] if name == "DUP" else self._memo[int(argument)])
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "POP" and marks and marks[-1] == len(stack):
            marks.pop()  # it takes the mark away
        else:
            taken, held = self._take(code)
            whole = name.startswith("TUPLE") or name == "FROZENSET"
            # BUILD may give back what it took
            cost = min(1 + sum(held) + sum(taken), VALUES + 1) if whole else max([1, *taken])
            stack += [cost] * len(code.stack_after)
            if name == "SETITEM":
                return taken[1:2]
            return held[::2] if name in ("SETITEMS", "DICT") else held if name in _SETS else []
        return []

    def _take(self, code: pickletools.OpcodeInfo) -> tuple[list[int], list[int]]:
        """Take off the stack what a step takes: below the last mark, and above it."""
        before, start = code.stack_before, len(self._stack)
        count = len(before)
        if pickletools.markobject in before:
            start = self._marks.pop()
            count = before.index(pickletools.markobject)
        if count > start:
            raise ValueError("it takes more than there is")
        taken, held = self._stack[start - count : start], self._stack[start:]
        del self._stack[start - count :]
        return taken, held


def require_unpacked(archive: zipfile.ZipFile) -> None:
    """Refuse an archive that unpacks to much more than it is.

    Raises:
        OverBudgetError: it does.
    """
    held = archive.fp.seek(0, io.SEEK_END) if archive.fp is not None else 0
    unpacked = sum(info.file_size for info in archive.infolist())
    if unpacked > max(UNPACKED * held, _UNPACKED_AT_LEAST):
        raise OverBudgetError(f"it would unpack to {unpacked:,} bytes")


def read_bag(path: Path) -> Any:
    """Return what a bag of models says; all numbers as text.

    Raises:
        OSError: it cannot be read.
        OverBudgetError: it is too large, or nested too deep, or refers to itself.
        ValueError: it is no YAML.
    """
    import yaml

    # libyaml, where PyYAML has it, as its wheels do: it takes a tenth of the time
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    if path.stat().st_size > BAG_BYTES:
        raise OverBudgetError(f"it is larger than {BAG_BYTES:,} bytes")
    text = path.read_text(encoding="utf-8")
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise OverBudgetError("it refers to itself")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEPTH:
                raise OverBudgetError("it is nested too deep")
        return yaml.load(text, Loader=loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
