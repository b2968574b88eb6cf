"""A model as it lies on disk: one file, a bag of several, or several models together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from blake3 import blake3

from resonate_graph import ModelError

from . import configs
from .budgets import MODELS, read_bag
from .families import Family
from .weights import read_description, state_of


@dataclass(frozen=True)
class ModelFiles:
    """A model as it lies on disk.

    Attributes:
        name: what it was asked for as.
        files: one file per sub-model, in order; a single model is a bag of one.
        weights: for each sub-model, how much it counts for each stem; None for all alike.
        segment_seconds: overrides the segment length of the sub-models; None to leave it.
        ensemble: for several models at once: their stems, and what overrides the segment length of
            each sub-model.
    """

    name: str
    files: tuple[Path, ...]
    weights: tuple[tuple[float, ...], ...] | None = None
    segment_seconds: float | None = None
    ensemble: tuple[tuple[str, ...], tuple[float | None, ...]] | None = None

    @property
    def shares(self) -> tuple[tuple[float, ...], ...]:
        """How much each sub-model counts for each stem."""
        return self.weights or tuple((1.0,) * len(self.stems) for _ in self.files)

    @property
    def segments(self) -> tuple[float | None, ...]:
        """What overrides the segment length of each sub-model, in seconds."""
        return self.ensemble[1] if self.ensemble else (self.segment_seconds,) * len(self.files)

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems it separates into, in the order of its outputs."""
        return self.ensemble[0] if self.ensemble else _stems(self.files[0])

    @property
    def digests(self) -> tuple[str, ...]:
        """blake3 of each file, and after it of the config beside it where there is one."""
        every = (file for path in self.files for file in (path, configs.config_of(path)))
        return tuple(file_digest(file) for file in every if file is not None)

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of the sub-models, each once."""
        return tuple(dict.fromkeys(read_description(path).family for path in self.files))


def read_bag_of(
    name: str, path: Path
) -> tuple[list[str], tuple[tuple[float, ...], ...] | None, float | None]:
    """Return what a bag names: its models, how much each counts, how long segments are.

    Raises:
        ModelError: it is no bag, but perhaps a config without weights.
    """
    try:
        bag = read_bag(path)
        if configs.is_config(path):
            raise ModelError(
                name,
                f"{path}: this is the config of a network, and its weights are not beside it: "
                f"{path.stem}.ckpt, .pt, .pth or .safetensors",
            )
        if "models" not in bag:
            raise ValueError("it names no 'models'")
        signatures = bag["models"]
        if not isinstance(signatures, list) or not all(isinstance(one, str) for one in signatures):
            raise TypeError("'models' is no list of names")
        if len(signatures) > MODELS:
            raise ValueError(f"it names more than {MODELS} models")
        matrix = _unless_null(bag.get("weights"))
        weights = tuple(tuple(map(_number, row)) for row in matrix) if matrix else None
        length = _unless_null(bag.get("segment"))
        segment = _number(length) if length is not None else None
        if segment is not None and not 0 < segment < math.inf:
            raise ValueError(f"its segments are {segment:g} seconds long")
        if not all(math.isfinite(weight) for row in weights or () for weight in row):
            raise ValueError("not all of its weights are finite")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ModelError(name, f"{path}: this is no bag of models: {error}") from error
    if not signatures or (weights is not None and len(weights) != len(signatures)):
        raise ModelError(name, f"{path}: {len(signatures)} models do not fit the weights")
    return signatures, weights, segment


def _number(text: str) -> float:
    """Return a number as YAML writes it."""
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _unless_null(value: Any) -> Any:
    return None if value in ("", "~", "null") else value


def consistent(found: ModelFiles) -> ModelFiles:
    """Return what was found; refuse a bag whose models or weights do not go together."""
    stems = found.stems
    for path in found.files:
        if (others := _stems(path)) != stems:
            raise ModelError(
                found.name,
                f"{path} gives {', '.join(others)}, but {found.files[0]} gives {', '.join(stems)}: "
                "a bag's models give the same stems in the same order",
            )
    for row in found.weights or ():
        if len(row) != len(stems):
            raise ModelError(
                found.name,
                f"the bag {found.name!r} has {len(row)} weights per model for {len(stems)} stems",
            )
    for stem, column in zip(stems, zip(*(found.weights or ()), strict=True), strict=False):
        if not sum(column):
            raise ModelError(found.name, f"no model of the bag {found.name!r} counts for {stem!r}")
    return found


@lru_cache(maxsize=256)
def _digest_of(path: Path, size: int, mtime_ns: int) -> str:
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()


def file_digest(path: Path) -> str:
    """Return blake3 of a file."""
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _stems_of(state: tuple[object, ...], path: Path) -> tuple[str, ...]:
    return read_description(path).stems


def _stems(path: Path) -> tuple[str, ...]:
    """Return the stems of a weights file, read again where it was written anew."""
    try:
        state = state_of(path)
    except OSError:
        return read_description(path).stems  # which says what is wrong
    return _stems_of(state, path)
