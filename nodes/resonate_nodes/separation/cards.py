"""Cards of models: what is known of each, as data (``cards.json`` beside the models that are here).

Names, sources, digests, licences and figures are those that publishers give; where a licence or a
digest is not known, the card says nothing, and what has no digest is never fetched.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from resonate_graph import KnownModel, ModelError


@cache
def known() -> Mapping[str, KnownModel]:
    """Return the cards, by name."""
    text = (files("resonate_nodes.models") / "cards.json").read_text(encoding="utf-8")
    return {one["name"]: _card(one) for one in json.loads(text)}


def _card(said: Mapping[str, Any]) -> KnownModel:
    lists = {key: tuple(said.get(key, ())) for key in ("stems", "files")}
    return KnownModel(**{**said, **lists})


@cache
def _configs() -> Mapping[str, str]:
    cards = (card.files for card in known().values() if card.files)
    return {weights["name"]: config["name"] for weights, config in cards}


def configs_of(weights: str) -> tuple[str, ...]:
    """Return how the config of published weights is called, given the name of their file."""
    found = _configs().get(weights)
    return (found,) if found else ()


def published_as(name: str) -> str | None:
    """Return the name of the file of weights of a model that is known, without its ending."""
    card = known().get(name)
    return Path(card.files[0]["name"]).stem if card and card.files else None


def fetchable(name: str) -> tuple[Mapping[str, str], ...]:
    """Return the files of a model that can be fetched, and compared with what they should be."""
    card = known().get(name)
    listed = card.files if card else ()
    return listed if listed and all(one.get("sha256") for one in listed) else ()


def verify(name: str, path: Path) -> None:
    """Compare a file of a model that is known with its digest, if there is one.

    Raises:
        ModelError: it is another.
    """
    card = known().get(name)
    for file in card.files if card else ():
        digest = file.get("sha256")
        if digest and file["name"] == path.name and _sha256(path) != digest:
            raise ModelError(
                name,
                f"{path}: this is not the {name!r} that is known: its SHA-256 is "
                f"{_sha256(path)[:12]}..., not {digest[:12]}...; ask for it as {path.stem!r} to "
                "use it nevertheless",
            )


def _sha256(path: Path) -> str:
    status = path.stat()
    return _sha256_of(path, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _sha256_of(path: Path, size: int, mtime_ns: int) -> str:
    del size, mtime_ns
    hasher = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()
