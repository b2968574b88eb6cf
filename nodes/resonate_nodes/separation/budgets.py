"""What a file of weights, or of a bag of models, may cost to be read: bytes, values, depth.

A models folder may be a stranger's. What Demucs and its hub have published lies far below each of
these: headers of some 100 kB, bags of 200 bytes, a few hundred tensors.
"""

from __future__ import annotations

import io
import pickletools
import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

#: The header of a safetensors file; the pickle in a ``.th`` file, unpacked.
HEADER_BYTES = 1 << 24
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

_MEMO = {"PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET"}


class OverBudgetError(ValueError):
    """Something would cost too much to be read."""


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


def read_pickle(archive: zipfile.ZipFile) -> io.BytesIO:
    """Return the pickle in a ``.th`` file, once it is known what the archive unpacks to.

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
    for code, argument, _ in pickletools.genops(content):
        # an unpickler makes room for all numbers below
        if code.name in _MEMO and int(argument or 0) > len(content):
            raise OverBudgetError("it counts beyond its own length")
    return io.BytesIO(content)


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
        yaml.YAMLError: it is no YAML.
    """
    if path.stat().st_size > BAG_BYTES:
        raise OverBudgetError(f"it is larger than {BAG_BYTES:,} bytes")
    text = path.read_text(encoding="utf-8")
    depth = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            raise OverBudgetError("it refers to itself")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            raise OverBudgetError("it is nested too deep")
    return yaml.load(text, Loader=yaml.BaseLoader)
