"""Finding Demucs models: in a folder, in ``RESONATE_MODELS``, in packages, on Demucs' hub.

A folder has Demucs' own layout: ``SIG.th`` or ``SIG-CHECKSUM.th`` per model (or
``SIG.safetensors``, as on its hub) and ``NAME.yaml`` for a bag of models.
"""

from __future__ import annotations

import difflib
import importlib.util
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from blake3 import blake3
from yaml import YAMLError

from resonate_graph import MissingModelError, ModelError

from . import shipped
from .budgets import MODELS, OverBudgetError, files_of, read_bag
from .weights import read_description

#: How much alike a name is to that of a model that was most likely meant, from 0 to 1.
_NEAR = 0.75

#: What models may be called.
NAME = r"^[A-Za-z0-9_]+$"

MODELS_VARIABLE = "RESONATE_MODELS"
OFFLINE_VARIABLE = "HF_HUB_OFFLINE"


@dataclass(frozen=True)
class HubModel:
    """A model on Demucs' hub; known here, so that a wrong stem is found before a download."""

    repository: str
    stems: tuple[str, ...] = ("drums", "bass", "other", "vocals")


HUB: Mapping[str, HubModel] = {
    "htdemucs": HubModel("adefossez/HTDemucs"),
    "htdemucs_ft": HubModel("adefossez/HTDemucs-ft"),
    "htdemucs_6s": HubModel(
        "adefossez/HTDemucs-6s", ("drums", "bass", "other", "vocals", "guitar", "piano")
    ),
    "hdemucs_mmi": HubModel("adefossez/Demucs-hdemucs_mmi"),
    "mdx": HubModel("adefossez/Demucs-mdx"),
    "mdx_extra": HubModel("adefossez/Demucs-mdx_extra"),
}


@dataclass(frozen=True)
class ModelFiles:
    """A model as it lies on disk.

    Attributes:
        name: what it was asked for as.
        files: one file per sub-model, in order; a single model is a bag of one.
        weights: for each sub-model, how much it counts for each stem; None for all alike.
        segment_seconds: overrides the segment length of the sub-models; None to leave it.
    """

    name: str
    files: tuple[Path, ...]
    weights: tuple[tuple[float, ...], ...] | None = None
    segment_seconds: float | None = None

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems it separates into, in the order of its outputs."""
        return _stems(self.files[0])

    @property
    def digests(self) -> tuple[str, ...]:
        """blake3 of each file."""
        return tuple(_file_digest(path) for path in self.files)


def find(name: str, folder: Path | None, *, fetch: bool) -> ModelFiles:
    """Return where a model lies: a folder, ``RESONATE_MODELS``, a package, or Demucs' hub.

    Args:
        name: a model or bag, such as ``htdemucs_ft``, or a signature.
        folder: where to look first; None for nowhere.
        fetch: whether it may be downloaded.

    Raises:
        MissingModelError: it is nowhere to be had; one line says what was tried and what to do.
        ModelError: what is there is damaged, not trusted, or does not go together.
    """
    tried: list[str] = []
    here: set[str] = set()
    variable = os.environ.get(MODELS_VARIABLE)
    for label, place in (("`models`", folder), (MODELS_VARIABLE, variable)):
        if not place:
            tried.append(f"{label} (not given)" if label == "`models`" else f"{label} (not set)")
            continue
        if not Path(place).is_dir():
            raise ModelError(name, f"the models folder {place} ({label}) is no folder")
        if found := _find_in(name, Path(place)):
            return _consistent(found)
        having = _inventory(Path(place))
        tried.append(f"{label} {place} (has {_listed(having)})")
        here |= having
    found, having, troubles = _find_shipped(name)
    if found:
        return _consistent(found)
    tried.append(f"installed packages ({'; '.join([f'have {_listed(having)}', *troubles])})")
    here |= having
    if found := _find_on_hub(name, fetch, tried):
        return _consistent(found)
    here |= {other for other in HUB if _find_on_hub(other, False, [])}
    usable = {other for other in here if re.match(NAME, other)}
    instead = f", or use a model that is here: {_listed(usable)}" if usable else ""
    near = difflib.get_close_matches(name.lower(), {*usable, *HUB}, n=1, cutoff=_NEAR)
    meant = f" (did you mean {near[0]!r}?)" if near and name not in HUB else ""
    raise MissingModelError(
        name,
        f"no weights of model {name!r}{meant}; tried {', '.join(tried)}; put the model's files "
        f"into a folder and name it with `models=...`{instead}",
        instead=sorted(usable),
    )


def _find_in(name: str, folder: Path) -> ModelFiles | None:
    if single := _weights_file(folder, name):
        return ModelFiles(name, (single,))
    bag = folder / f"{name}.yaml"
    if not bag.is_file():
        return None
    signatures, weights, segment = _read_bag(name, bag)
    files = [_weights_file(folder, signature) for signature in signatures]
    present = tuple(path for path in files if path is not None)
    if len(present) < len(files):
        missing = [one for one, path in zip(signatures, files, strict=True) if path is None]
        raise ModelError(name, f"{bag} names {', '.join(missing)}, which {folder} does not have")
    return ModelFiles(name, present, weights, segment)


def _weights_file(folder: Path, signature: str) -> Path | None:
    candidates = [
        path
        for path in _files(signature, folder)
        if path.suffix in (".th", ".safetensors") and signature in _names(path)
    ]
    if len(candidates) > 1:
        names = ", ".join(sorted(path.name for path in candidates))
        raise ModelError(signature, f"{folder} has {signature} more than once: {names}")
    return candidates[0] if candidates else None


def _files(name: str, folder: Path) -> list[Path]:
    try:
        return files_of(folder)
    except OverBudgetError as error:
        raise ModelError(name, f"{folder}: this is no models folder: {error}") from error


def _names(path: Path) -> tuple[str, ...]:
    """Return what a file of a models folder is asked for as, the usual name first."""
    signature = path.stem.rpartition("-")[0]
    return (signature, path.stem) if path.suffix == ".th" and signature else (path.stem,)


def _read_bag(
    name: str, path: Path
) -> tuple[list[str], tuple[tuple[float, ...], ...] | None, float | None]:
    try:
        bag = read_bag(path)
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
    except (OSError, ValueError, LookupError, TypeError, AttributeError, YAMLError) as error:
        raise ModelError(name, f"{path}: this is no bag of models: {error}") from error
    if not signatures or (weights is not None and len(weights) != len(signatures)):
        raise ModelError(name, f"{path}: {len(signatures)} models do not fit the weights")
    return signatures, weights, segment


def _number(text: str) -> float:
    """Return a number as YAML writes it."""
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _unless_null(value: Any) -> Any:
    return None if value in ("", "~", "null") else value


def _consistent(found: ModelFiles) -> ModelFiles:
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


def _inventory(folder: Path) -> set[str]:
    return {
        _names(path)[0]
        for path in _files(folder.name, folder)
        if path.suffix in (".th", ".yaml", ".safetensors")
    }


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "no models"


def _find_shipped(name: str) -> tuple[ModelFiles | None, set[str], list[str]]:
    """Return a model that an installed package brings; else what they have, and their troubles."""
    having: set[str] = set()
    troubles: list[str] = []
    for pack in shipped.packs():
        for folder in pack.folders:
            if found := _find_in(name, folder):
                bag = folder / f"{name}.yaml"
                for file in (*found.files, *([bag] if bag.is_file() else [])):
                    pack.verify(name, file, _file_digest(file))
                return found, having, troubles
            having |= _inventory(folder)
        pack.require(name)
        if pack.trouble:
            troubles.append(f"{pack.origin} {pack.trouble}")
    return None, having, troubles


def _find_on_hub(name: str, fetch: bool, tried: list[str]) -> ModelFiles | None:
    """Return a model from Demucs' hub: from the local copy, else by download."""
    if name not in HUB:
        tried.append(f"Demucs' hub (has {', '.join(HUB)})")
        return None
    offline = os.environ.get(OFFLINE_VARIABLE, "").upper() in ("1", "ON", "YES", "TRUE")
    attempts = (("Hugging Face hub", _from_hugging_face), ("old Demucs host", _from_old_host))
    for label, attempt in attempts:
        try:
            if found := attempt(name, fetch and not offline):
                return found
            why = f"; {OFFLINE_VARIABLE} is set" if offline else ""
            tried.append(f"local copy of the {label} (none{why})")
        except Exception as error:  # whatever a network leads to
            reason = (str(error).strip().splitlines() or [""])[0][:120]
            tried.append(f"{label} ({type(error).__name__}: {reason})")
    return None


def _from_hugging_face(name: str, fetch: bool) -> ModelFiles | None:
    from huggingface_hub import constants

    repository = HUB[name].repository
    kept = Path(constants.HF_HUB_CACHE, f"models--{repository.replace('/', '--')}")
    if not fetch and not kept.is_dir():
        return None  # what looks closer takes a fifth of a second to import

    from huggingface_hub import (
        get_hf_file_metadata,
        hf_hub_download,
        hf_hub_url,
        try_to_load_from_cache,
    )

    def get(file: str) -> Path | None:
        cached = try_to_load_from_cache(repository, file)
        if isinstance(cached, str):
            return Path(cached)
        if not fetch:
            return None
        # asks once; without a network, hf_hub_download alone keeps trying for half a minute
        get_hf_file_metadata(hf_hub_url(repository, file), timeout=5)
        return Path(hf_hub_download(repository, file, etag_timeout=5))

    bag = get(f"{name}.yaml")
    if bag is None:
        return None
    signatures, weights, segment = _read_bag(name, bag)
    files = tuple(path for one in signatures if (path := get(f"{one}.safetensors")))
    return ModelFiles(name, files, weights, segment) if len(files) == len(signatures) else None


def _from_old_host(name: str, fetch: bool) -> ModelFiles | None:
    """Return a model from the host Demucs used before the hub; torch keeps what it downloads."""
    remote = _demucs_folder() / "remote"
    signatures, weights, segment = _read_bag(name, remote / f"{name}.yaml")
    addresses = dict(_old_addresses(remote / "files.txt"))
    if not fetch:
        home = Path(os.environ.get("TORCH_HOME", Path.home() / ".cache" / "torch"))
        kept = [home / "hub" / "checkpoints" / Path(addresses[one]).name for one in signatures]
        here = all(path.is_file() for path in kept)
        return ModelFiles(name, tuple(kept), weights, segment) if here else None
    import torch

    folder = Path(torch.hub.get_dir()) / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for one in signatures:
        target = folder / Path(addresses[one]).name
        if not target.is_file():
            checksum = target.stem.rpartition("-")[2]
            torch.hub.download_url_to_file(addresses[one], str(target), hash_prefix=checksum)
        files.append(target)
    return ModelFiles(name, tuple(files), weights, segment)


def _old_addresses(listing: Path) -> Iterator[tuple[str, str]]:
    root = ""
    for line in listing.read_text(encoding="utf-8").splitlines():
        if line.startswith("root:"):
            root = line.removeprefix("root:").strip()
        elif line.strip() and not line.startswith("#"):
            address = f"https://dl.fbaipublicfiles.com/demucs/{root}{line.strip()}"
            yield line.partition("-")[0], address


def _demucs_folder() -> Path:
    spec = importlib.util.find_spec("demucs")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


@lru_cache(maxsize=256)
def _digest_of(path: Path, size: int, mtime_ns: int) -> str:
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()


def _file_digest(path: Path) -> str:
    status = path.stat()
    return _digest_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _stems_of(path: Path, size: int, mtime_ns: int) -> tuple[str, ...]:
    return read_description(path).stems


def _stems(path: Path) -> tuple[str, ...]:
    try:
        status = path.stat()
    except OSError:
        return read_description(path).stems  # which says what is wrong
    return _stems_of(path, status.st_size, status.st_mtime_ns)
