"""The stock graphs that separate, with the model that is installed, on a song it never heard.

All these separate the bundled song, in one store for all processes, so that each separation is
made once. What `song-repair` makes of it is what the demo shows: see `tests/examples`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import Audio, Result, Store
from resonate_graph._cli.demo_song import STEMS, Song, bundled_song, summed
from resonate_nodes import hpss
from tests import mini
from tests.depth import thorough
from tests.signals import si_sdr_db


@pytest.fixture(scope="module")
def song() -> Song:
    return bundled_song()


@pytest.fixture(scope="module")
def stems(song: Song, shared_store: Store) -> dict[str, Audio]:
    """What the model makes of the song."""
    graph = rg.Graph.from_json(
        """{"format": 1, "name": "stems", "inputs": {"mix": {"type": "audio"}},
            "nodes": {"split": {"type": "separate", "inputs": {"mix": "$mix"},
                                "params": {"model": "mini"}}},
            "outputs": {"drums": "split.drums", "bass": "split.bass",
                        "other": "split.other", "vocals": "split.vocals"}}"""
    )
    result = graph.run({"mix": song.mix}, store=shared_store)
    return {name: heard(result, name) for name in STEMS}


def run(graph: str, mix: Audio, store: Store, **params: Any) -> Result:
    return rg.stock(graph).run({"mix": mix}, params={"model": "mini", **params}, store=store)


def beginning(audio: Audio) -> Audio:
    """Return the first ten seconds."""
    return audio.with_samples(audio.samples[:, : 10 * audio.sample_rate])


def heard(result: Result, name: str) -> Audio:
    audio = result[name]
    assert isinstance(audio, Audio)
    return audio


def gain_db(found: Audio, before: Audio, truth: Audio) -> float:
    """Return how much nearer to the truth a sound is than another, as SI-SDR in dB."""
    return si_sdr_db(found, truth) - si_sdr_db(before, truth)


def best_equaliser(song: Song, stem: str) -> Audio:
    """Return the mix through the equaliser that brings it nearest to a stem: a Wiener filter.

    It has a gain for each third of an octave, and knows what a real one does not: the stem.
    """
    from scipy.signal import istft, stft

    frequencies, _, mix = stft(song.mix.samples, song.mix.sample_rate, nperseg=8192)
    wanted = stft(song.stems[stem].samples, song.mix.sample_rate, nperseg=8192)[2]
    bands = np.round(3 * np.log2(np.maximum(frequencies, 20) / 20)).astype(int)
    shared, whole = (
        np.bincount(bands, (other * mix.conj()).real.sum(axis=(0, 2))) for other in (wanted, mix)
    )
    gains = np.clip(shared / whole, 0, 1)[bands]
    filtered = istft(mix * gains[:, None], nperseg=8192)[1]
    return song.mix.with_samples(filtered[:, : song.mix.frames])


# -- separate -------------------------------------------------------------------------------------


@thorough
@pytest.mark.parametrize("stem", STEMS)
def test_a_stem_is_as_near_to_the_true_one_as_the_model_card_says(
    song: Song, stems: dict[str, Audio], stem: str
) -> None:
    assert stems[stem].samples.shape == song.mix.samples.shape
    assert gain_db(stems[stem], song.mix, song.stems[stem]) > mini.STEM_GAIN_DB[stem]


@thorough
@pytest.mark.parametrize("stem", STEMS)
def test_a_stem_is_nearer_than_what_an_equaliser_can_make_of_the_mix(
    song: Song, stems: dict[str, Audio], stem: str
) -> None:
    assert gain_db(stems[stem], best_equaliser(song, stem), song.stems[stem]) > 0


@thorough
def test_a_stem_is_nearer_than_what_hpss_makes_of_the_mix(
    song: Song, stems: dict[str, Audio]
) -> None:
    parts = hpss(beginning(song.mix))
    for stem in STEMS:
        without_model = parts.percussive if stem == "drums" else parts.harmonic
        found, truth = beginning(stems[stem]), beginning(song.stems[stem])
        assert gain_db(found, without_model, truth) > 0, stem


@thorough
def test_the_stems_are_separated_once_for_all_graphs(
    song: Song, stems: dict[str, Audio], shared_store: Store
) -> None:
    assert stems
    result = run("instrumental", song.mix, shared_store)
    split = next(node for node in result.report["nodes"] if node["id"] == "split")
    assert split["status"] != "ran"


# -- the stock graphs -----------------------------------------------------------------------------


def test_instrumental_is_the_song_without_its_vocals(song: Song, shared_store: Store) -> None:
    result = run("instrumental", song.mix, shared_store)
    rest = summed({name: stem for name, stem in song.stems.items() if name != "vocals"})
    found, vocals = heard(result, "instrumental"), heard(result, "vocals")
    assert gain_db(found, song.mix, rest) > mini.INSTRUMENTAL_GAIN_DB
    assert gain_db(vocals, song.mix, song.stems["vocals"]) > mini.STEM_GAIN_DB["vocals"]
    exactly = song.mix.samples.astype(np.float64) - vocals.samples
    np.testing.assert_array_equal(found.samples, exactly.astype(np.float32))


@thorough
def test_vocal_repair_cleans_vocals_that_were_sung_into_hiss(
    song: Song, shared_store: Store
) -> None:
    """The hiss is on the vocals alone, as of a bad preamplifier, 12 dB below them.

    They are better than what the model gives, but for the rumble and the phase that a filter at
    70 Hz takes from them.
    """
    vocals, mix = beginning(song.stems["vocals"]), beginning(song.mix)
    level = np.sqrt(np.mean(np.square(vocals.samples, dtype=np.float64)))
    hiss = np.random.default_rng(3).standard_normal(vocals.samples.shape) * level * 0.25
    damaged = mix.with_samples(mix.samples + hiss)
    graph = rg.stock("vocal-repair")
    document = graph.document.model_copy(
        update={"outputs": {**graph.document.outputs, "before": "rumble", "vocals": "vocals"}}
    )
    shown = rg.Graph.from_json(document.to_json())
    result = shown.run({"mix": damaged}, params={"model": "mini"}, store=shared_store)
    before, repaired = heard(result, "before"), heard(result, "vocals")
    assert gain_db(repaired, damaged, vocals) > mini.VOCAL_REPAIR_GAIN_DB
    assert gain_db(repaired, before, vocals) > 0


@thorough
def test_stem_remaster_brings_the_damaged_song_nearer_to_what_it_was(
    song: Song, shared_store: Store
) -> None:
    damaged, mix = beginning(song.damaged), beginning(song.mix)
    restored = heard(run("stem-remaster", damaged, shared_store), "remastered")
    assert gain_db(restored, damaged, mix) > mini.STEM_REMASTER_GAIN_DB


# -- the song -------------------------------------------------------------------------------------


def test_the_song_is_the_sum_of_stems_that_all_sound(song: Song) -> None:
    summed_up = sum(stem.samples.astype(np.float64) for stem in song.stems.values())
    np.testing.assert_array_equal(song.mix.samples, np.asarray(summed_up, np.float32))
    assert np.abs(song.mix.samples).max() < 0.9
    for stem in song.stems.values():
        seconds = stem.samples[:, : 20 * 44100].reshape(2, 20, 44100)
        levels = np.sqrt(np.mean(np.square(seconds, dtype=np.float64), axis=(0, 2)))
        assert levels.min() > 10 ** (-40 / 20)


def test_the_song_is_credited() -> None:
    recordings = Path(rg.__file__).parent / "recordings"
    credits_text = (recordings / "CREDITS.md").read_text()
    for path in recordings.rglob("*.ogg"):
        assert path.name in credits_text
