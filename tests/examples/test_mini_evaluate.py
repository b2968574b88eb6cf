"""How `mini` is measured: what the figures mean, and what stands beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from examples.mini_model.batches import RATE, STEMS, Songs
from examples.mini_model.evaluate import BandSplit, measure

#: Far apart from each other, in Hz.
BANDS = {"bass": (40, 100), "other": (300, 800), "vocals": (1500, 3000), "drums": (6000, 12000)}


def song(seed: int) -> dict[str, NDArray[np.float32]]:
    """Two seconds of noise in a band of its own for each stem."""
    rng = np.random.default_rng(seed)
    found = {}
    for stem in STEMS:
        sections = butter(8, BANDS[stem], "bandpass", fs=RATE, output="sos")
        noise = sosfilt(sections, rng.standard_normal((2, 2 * RATE)))
        found[stem] = (0.05 * noise / noise.std()).astype(np.float32)
    return found


def whole_numbers(stems: dict[str, NDArray[np.float32]]) -> NDArray[np.int16]:
    return np.stack([np.round(stems[stem] * 32768) for stem in STEMS]).astype(np.int16)


def test_the_figures_are_decibels_above_the_mix_where_a_stem_sounds() -> None:
    one, two = song(1), song(2)
    two["vocals"] = np.zeros_like(two["vocals"])
    mixes = {"one": one, "two": two}
    truths = {
        float(np.stack(list(stems.values())).sum(0)[0, 99]): stems for stems in mixes.values()
    }
    noise = np.random.default_rng(0).standard_normal((2, 2 * RATE)).astype(np.float32)

    def nearly(mix: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """The true stems, with noise 20 dB below each."""
        return {stem: true + 0.005 * noise for stem, true in truths[float(mix[0, 99])].items()}

    rows = measure(mixes, {"nothing": lambda mix: dict.fromkeys(STEMS, mix), "nearly": nearly})
    assert [rows[stem]["songs"] for stem in STEMS] == [2, 2, 2, 1]
    for stem in STEMS:
        others_db = [10 * np.log10(3), 10 * np.log10(2)] if stem != "vocals" else [10 * np.log10(3)]
        assert rows[stem]["mix"] == pytest.approx(-np.mean(others_db), abs=0.2)
        assert rows[stem]["nothing"] == 0
        assert rows[stem]["mix"] + rows[stem]["nearly"] == pytest.approx(20, abs=0.2)


def test_an_equaliser_tells_apart_what_lies_in_bands_of_its_own() -> None:
    learned = BandSplit.learn(Songs(("1", "2"), (whole_numbers(song(1)), whole_numbers(song(2)))))
    rows = measure({"3": song(3)}, {"band split": learned})
    for stem in STEMS:
        assert rows[stem]["band split"] > 15


def test_complete_songs_are_read_in_order_as_many_as_are_wanted(tmp_path: Path) -> None:
    for number in range(3):
        folder = tmp_path / f"{number:05d}"
        folder.mkdir()
        for stem, sound in zip(STEMS, whole_numbers(song(number)), strict=True):
            soundfile.write(folder / f"{stem}.flac", sound.T, RATE, subtype="PCM_16")
        if number != 1:
            (folder / "song.json").write_text(json.dumps({}))
    songs = Songs.read(tmp_path)
    assert songs.names == ("00000", "00002")
    np.testing.assert_array_equal(songs.stems[1], whole_numbers(song(2)))
    assert Songs.read(tmp_path, limit=1).names == ("00000",)
    with pytest.raises(SystemExit, match="no songs in"):
        Songs.read(tmp_path / "none")
