"""Finding Demucs models: in a folder, in ``RESONATE_MODELS``, in packages, on Demucs' hub.

A folder has Demucs' own layout: ``SIG.th`` or ``SIG-CHECKSUM.th`` per model (or
``SIG.safetensors``, as on its hub) and ``NAME.yaml`` for a bag of models.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_cache_path

from resonate_graph import KnownModel, MissingModelError, ModelError, ParamError

from . import cards, configs, ensembles, shipped
from .bags import ModelFiles, consistent, file_digest, read_bag_of
from .budgets import OverBudgetError, files_of
from .weights import verify as verify_weights

#: How much alike a name is to that of a model that was most likely meant, from 0 to 1.
_NEAR = 0.75

_SUFFIXES = (".th", ".safetensors", *configs.SUFFIXES)

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


def find(name: str, folder: Path | None, *, fetch: bool) -> ModelFiles:
    """Return where a model lies: a folder, ``RESONATE_MODELS``, a package, or Demucs' hub.

    Args:
        name: a model or bag, such as ``htdemucs_ft``, a signature, or an ensemble of these.
        folder: where to look first; None for nowhere.
        fetch: whether it may be downloaded.

    Raises:
        MissingModelError: it is nowhere to be had; one line says what was tried and what to do.
        ModelError: what is there is damaged, not trusted, or does not go together.
    """
    terms = ensembles.terms(name)
    if terms == (ensembles.Term(name),):
        return _find_one(name, folder, fetch=fetch)
    try:
        return _joined(name, [(one, _find_one(one.model, folder, fetch=fetch)) for one in terms])
    except MissingModelError as error:
        error.instead = ()  # another model would not be the ensemble
        raise


def verify(files: ModelFiles) -> None:
    """Compare the files of a model with all that is known of them.

    Raises:
        ModelError: one does not match.
    """
    for path in files.files:
        verify_weights(path)
        for term in ensembles.terms(files.name):
            cards.verify(term.model, path)


def _joined(name: str, parts: Sequence[tuple[ensembles.Term, ModelFiles]]) -> ModelFiles:
    """Return several models as one, of which each counts for its stems."""
    for term, files in parts:
        if missing := [stem for stem in term.stems if stem not in files.stems]:
            raise ParamError(
                f"model {term.model!r} has no stem {', '.join(map(repr, missing))}; it has: "
                f"{', '.join(files.stems)}",
                param="model",
            )
        if not term.weight:
            raise ParamError(f"model {term.model!r} counts for nothing", param="model")
    every = [stem for term, files in parts for stem in term.stems or files.stems]
    stems = ensembles.in_order(every)
    rows: dict[tuple[Path, float | None], list[float]] = {}
    for term, files in parts:
        totals = [sum(column) for column in zip(*files.shares, strict=True)]
        for path, segment, shares in zip(files.files, files.segments, files.shares, strict=True):
            row = rows.setdefault((path, segment), [0.0] * len(stems))
            for stem, share, total in zip(files.stems, shares, totals, strict=True):
                if stem in (term.stems or files.stems):
                    row[stems.index(stem)] += term.weight * share / total
    used = {place: tuple(row) for place, row in rows.items() if any(row)}
    files_of, segments = zip(*used, strict=True)
    return ModelFiles(name, files_of, tuple(used.values()), None, (stems, segments))


def _own_folders(name: str, folder: Path | None) -> list[tuple[str, Path | None]]:
    """Return the user's folders of models, and by what each is named; None where one is not."""
    places = {"`models`": folder, MODELS_VARIABLE: os.environ.get(MODELS_VARIABLE)}
    for label, place in places.items():
        if place and not Path(place).is_dir():
            raise ModelError(name, f"the models folder {place} ({label}) is no folder")
    return [(label, Path(place) if place else None) for label, place in places.items()]


def _find_one(name: str, folder: Path | None, *, fetch: bool) -> ModelFiles:
    """Return where a model, a bag or a signature lies."""
    tried: list[str] = []
    here: set[str] = set()
    for label, place in _own_folders(name, folder):
        if place is None:
            tried.append(f"{label} (not given)" if label == "`models`" else f"{label} (not set)")
            continue
        if found := _find_in(name, place):
            if fetch:  # to be run
                cards.verify(name, found.files[0])
            return consistent(found)
        having = _inventory(place)
        tried.append(f"{label} {place} (has {_listed(having)})")
        here |= having
    found, having, troubles = _find_shipped(name)
    if found:
        return consistent(found)
    tried.append(f"installed packages ({'; '.join([f'have {_listed(having)}', *troubles])})")
    here |= having
    if found := _find_published(name, fetch, tried) or _find_on_hub(name, fetch, tried):
        return consistent(found)
    here |= {other for other in HUB if _find_on_hub(other, False, [])}
    usable = {other for other in here if re.fullmatch(ensembles.MODEL, other)}
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
    for signature in filter(None, (name, cards.published_as(name))):
        if single := _weights_file(folder, signature):
            return ModelFiles(name, (single,))
    bag = folder / f"{name}.yaml"
    if not bag.is_file():
        return None
    signatures, weights, segment = read_bag_of(name, bag)
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
        if path.suffix in _SUFFIXES and signature in _names(path)
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


def _inventory(folder: Path) -> set[str]:
    return {
        _names(path)[0]
        for path in _files(folder.name, folder)
        if path.suffix in _SUFFIXES or (path.suffix == ".yaml" and not configs.is_config(path))
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
                    pack.verify(name, file, file_digest(file))
                return found, having, troubles
            having |= _inventory(folder)
        pack.require(name)
        if pack.trouble:
            troubles.append(f"{pack.origin} {pack.trouble}")
    return None, having, troubles


def _find_published(name: str, fetch: bool, tried: list[str]) -> ModelFiles | None:
    """Return a model of a card: from where it was fetched to, else by download.

    What comes is compared with its SHA-256 before it gets its name.
    """
    listed = cards.fetchable(name)
    if not listed:
        if card := cards.known().get(name):
            unknown = "its digest is not known, so that it is not fetched"
            tried += [f"{card.source} ({unknown})"] if card.files else []
        return None
    folder = user_cache_path("resonate_graph") / "models"
    if fetch and not _offline():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for file in listed:
                if not (target := folder / file["name"]).is_file():
                    _download(file["url"], target, file["sha256"])
        except (OSError, RuntimeError) as error:  # so torch says that a digest is another
            reason = (str(error).strip().splitlines() or [""])[0][:120]
            tried.append(f"{file['url']} ({type(error).__name__}: {reason})")
            return None
    if all((folder / file["name"]).is_file() for file in listed):
        return ModelFiles(name, (folder / listed[0]["name"],))
    tried.append(f"local copy of {listed[0]['url']} (none)")
    return None


def _download(address: str, target: Path, digest: str) -> None:
    from torch.hub import download_url_to_file

    download_url_to_file(address, str(target), hash_prefix=digest, progress=False)


def _offline() -> bool:
    return os.environ.get(OFFLINE_VARIABLE, "").upper() in ("1", "ON", "YES", "TRUE")


def known(folder: Path | None) -> list[KnownModel]:
    """Return the models that are known, and those that lie in models folders and packages.

    Args:
        folder: where to look first; None for nowhere.

    Raises:
        ModelError: a models folder that is named is none.
    """
    names = dict.fromkeys((*cards.known(), *sorted(_here(folder))))
    return [_known(name, folder) for name in names]


def _here(folder: Path | None) -> set[str]:
    """Return what models folders and packages have, but the models a card stands for."""
    places = [place for _, place in _own_folders("", folder) if place is not None]
    places += [place for pack in shipped.packs() for place in pack.folders]
    inside = (_inventory(place) for place in places if place.is_dir())
    published = {signature for name in cards.known() if (signature := cards.published_as(name))}
    return set[str]().union(*inside) - published


def _known(name: str, folder: Path | None) -> KnownModel:
    card = cards.known().get(name)
    try:
        files = _find_one(name, folder, fetch=False)
        place = ", ".join(map(str, dict.fromkeys(path.parent for path in files.files)))
        families = " and ".join(family.name for family in files.families)
    except MissingModelError:
        return card or KnownModel(name, "")
    except ModelError as error:
        return replace(card or KnownModel(name, "cannot be used"), note=str(error))
    found = card or KnownModel(name, families, files.stems, note="In your models folder.")
    return replace(found, here=place, family=families, stems=files.stems)


def _find_on_hub(name: str, fetch: bool, tried: list[str]) -> ModelFiles | None:
    """Return a model from Demucs' hub: from the local copy, else by download."""
    if name not in HUB:
        if cards.published_as(name):
            return None
        tried.append(f"Demucs' hub (has {', '.join(HUB)})")
        return None
    offline = _offline()
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
    signatures, weights, segment = read_bag_of(name, bag)
    files = tuple(path for one in signatures if (path := get(f"{one}.safetensors")))
    return ModelFiles(name, files, weights, segment) if len(files) == len(signatures) else None


def _from_old_host(name: str, fetch: bool) -> ModelFiles | None:
    """Return a model from the host Demucs used before the hub; torch keeps what it downloads."""
    remote = _demucs_folder() / "remote"
    signatures, weights, segment = read_bag_of(name, remote / f"{name}.yaml")
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
