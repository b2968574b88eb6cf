"""What is known of models, and how they are found and fetched by what their cards say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, KnownModel, MissingModelError, ModelError
from resonate_nodes import separate
from resonate_nodes.separation import cards, models
from resonate_nodes.separation.families import FAMILIES
from tests.roformers import config_of, require_extra, save_model

PORTS = {"drums", "bass", "other", "vocals", "guitar", "piano"}


@pytest.fixture(autouse=True)
def _nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RESONATE_MODELS", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(models, "user_cache_path", lambda name: tmp_path / "cache" / name)


def test_each_card_says_what_people_ask() -> None:
    kinds = {family.name for family in FAMILIES.values()}
    for name, card in cards.known().items():
        assert card.name == name
        assert set(card.family.split(" and ")) <= kinds
        assert set(card.stems) <= PORTS
        assert card.source
        assert bool(card.sdr_db) == bool(card.sdr_from)
        for file in card.files:
            assert file["url"].startswith("https://")
            assert len(file.get("sha256", 64 * "0")) == 64
    assert {*models.HUB, "mini"} <= cards.known().keys()
    for name, hub in models.HUB.items():
        assert set(cards.known()[name].stems) == set(hub.stems)


def card_of(folder: Path, **changes: str) -> KnownModel:
    """Return the card of a model that lies in a folder, as if that were the place it is from."""
    files: list[dict[str, Any]] = []
    for path in (folder / "Weights-1.0.ckpt", folder / "a_config.yaml"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        files.append({"name": path.name, "url": path.as_uri(), "sha256": digest})
    files[0].update(changes)
    stems = ("vocals", "other")
    return KnownModel("known", "BS-RoFormer", stems, source="here", files=tuple(files))


@pytest.fixture
def published(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with a model of a card, whose config is called as nobody would guess."""
    require_extra(request)
    place = tmp_path / "published"
    place.mkdir()
    save_model(place, "Weights-1.0", config_of("bs"))
    (place / "Weights-1.0.yaml").rename(place / "a_config.yaml")
    known_as(card_of(place), monkeypatch)
    return place


def known_as(card: KnownModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "known", lambda: {card.name: card})
    configs = {card.files[0]["name"]: card.files[1]["name"]}
    monkeypatch.setattr(cards, "_configs", lambda: configs)


NOISE = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (2, 500)).astype(np.float32), 44_100)


def test_a_model_is_found_by_the_names_of_its_card(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(published))
    by_card, by_file = separate(NOISE, model="known"), separate(NOISE, model="Weights-1.0")
    assert by_card.vocals == by_file.vocals
    (known,) = (one for one in models.known(published) if one.name == "known")
    assert known.here == str(published)


def test_another_file_of_the_name_is_not_taken_for_it(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_as(card_of(published, sha256="0" * 64), monkeypatch)
    monkeypatch.setenv("RESONATE_MODELS", str(published))
    with pytest.raises(ModelError, match="this is not the 'known' that is known: its SHA-256"):
        separate(NOISE, model="known")
    assert separate(NOISE, model="Weights-1.0").vocals.frames == 500


def test_it_is_fetched_once_when_it_is_named_and_never_before(
    published: Path, tmp_path: Path
) -> None:
    with pytest.raises(MissingModelError, match="local copy of file:"):
        models.find("known", None, fetch=False)
    models.known(None)
    assert not (tmp_path / "cache").exists()
    assert separate(NOISE, model="known").vocals.frames == 500
    for path in published.iterdir():
        path.unlink()
    (found,) = models.find("known", None, fetch=True).files
    assert found == tmp_path / "cache" / "resonate_graph" / "models" / "Weights-1.0.ckpt"


def test_what_comes_and_is_another_is_not_kept(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_as(card_of(published, sha256="0" * 64), monkeypatch)
    with pytest.raises(MissingModelError, match="invalid hash value"):
        separate(NOISE, model="known")
    assert not list((tmp_path / "cache").rglob("*.ckpt"))


def test_what_has_no_digest_is_not_fetched(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_as(card_of(published, sha256=""), monkeypatch)
    with pytest.raises(MissingModelError, match="its digest is not known, so that it is not"):
        separate(NOISE, model="known")
    assert not (tmp_path / "cache").exists()


def test_offline_nothing_is_fetched(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingModelError):
        separate(NOISE, model="known")


def test_the_data_are_plain() -> None:
    path = Path(models.__file__).parents[1] / "models" / "cards.json"
    names = [one["name"] for one in json.loads(path.read_text(encoding="utf-8"))]
    assert len(names) == len(set(names))
