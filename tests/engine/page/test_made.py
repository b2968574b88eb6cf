"""What is made of a sound for players: once for each store, the same in every folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from resonate_graph import Audio, Store, inventory
from resonate_graph._page.player import Track, player
from tests.engine.runs import objects
from tests.processes import files_in
from tests.signals import white_noise

SOUND = white_noise(rate=8000, channels=2, seed=1)


def page(folder: Path | None, store: Store | None, sound: Audio = SOUND) -> str:
    return player([Track("one", "One", sound=sound)], folder=folder, store=store)


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


def uses(store: Store) -> list[int]:
    return [item.uses for item in inventory(store) if item.state == "page"]


def test_it_is_taken_from_the_store_for_another_folder(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first = page(tmp_path / "one", store)
    assert uses(store) == [1]
    assert page(tmp_path / "two", store) == first == page(tmp_path / "none", None)
    assert uses(store) == [2]
    made = content(tmp_path / "two")
    assert {Path(name).name for name in made} == {"0.js", "sound.json", "spectrum.png"}
    assert made == content(tmp_path / "one") == content(tmp_path / "none")


def test_a_page_that_is_one_file_has_it_from_there_too(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert page(None, store) == page(None, store) == page(None, None)
    assert uses(store) == [2]


def test_other_samples_are_looked_at_themselves(tmp_path: Path) -> None:
    store = Store(tmp_path)
    quieter = SOUND.with_samples(SOUND.samples * np.float32(0.5))
    assert page(None, store) != page(None, store, quieter)
    assert uses(store) == [1, 1]


def test_what_was_damaged_in_the_store_is_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = page(None, store)
    (archive,) = (path for path in objects(store) if path.suffix == ".zip")
    archive.write_bytes(archive.read_bytes()[:-1] + b"!")
    assert page(None, Store(tmp_path)) == first
    assert archive.read_bytes()[-1:] != b"!"
