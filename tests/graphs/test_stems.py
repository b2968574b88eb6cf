"""The stock graphs that separate, with a model that can: what both channels share is the vocals.

The accompaniment is a recording turned upside down in one channel, so that model, whose weights are
set by hand, takes the two apart nearly without loss.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import Audio, Result, Store
from resonate_nodes import LoudnessReport, highpass, measure_loudness
from tests import degradations
from tests.depth import thorough
from tests.models import MIDDLE_AND_SIDES, linear_htdemucs, save_th
from tests.signals import si_sdr_db

RATE = 44_100


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("linear")
    save_th(linear_htdemucs(MIDDLE_AND_SIDES), folder / "middle.th")
    return folder


@pytest.fixture(scope="module")
def accompaniment(groove: Audio) -> Audio:
    mono = groove.samples[:, : 8 * RATE].mean(axis=0)
    return Audio(np.stack([mono, -mono]), RATE)


@pytest.fixture(scope="module")
def vocals() -> Audio:
    """Notes of a voice-like tone with vibrato and pauses, in both channels."""
    seconds = np.arange(8 * RATE) / RATE
    phase = 2 * np.pi * (220 * seconds + 0.8 * np.sin(2 * np.pi * 5.5 * seconds))
    tone = sum(np.sin(k * phase) / k**1.5 for k in range(1, 30))
    swell = np.sin(np.pi * np.minimum(1, seconds % 1 / 0.7)) ** 2
    return Audio(np.tile(0.25 * tone * swell, (2, 1)), RATE)


def run(name: str, mix: Audio, models: Path, **params: Any) -> Result:
    settings = {"model": "middle", **params}
    return rg.stock(name).run({"mix": mix}, params=settings, models=models, store=False)


def added(one: Audio, other: Audio) -> Audio:
    return one.with_samples(one.samples + other.samples)


def test_instrumental_is_the_mix_without_its_vocals(
    vocals: Audio, accompaniment: Audio, models: Path
) -> None:
    mix = added(vocals, accompaniment)
    result = run("instrumental", mix, models)
    found, taken = result["instrumental"], result["vocals"]
    assert isinstance(found, Audio)
    assert isinstance(taken, Audio)
    assert si_sdr_db(mix, accompaniment) < 5
    assert si_sdr_db(found, accompaniment) > 30
    assert si_sdr_db(taken, vocals) > 30
    exactly = mix.samples.astype(np.float64) - taken.samples
    np.testing.assert_array_equal(found.samples, exactly.astype(np.float32))


def test_instrumental_costs_one_model_of_a_bag(
    excerpt: Audio, models_dir: Path, forwards: list[Any]
) -> None:
    rg.stock("instrumental").run({"mix": excerpt}, models=models_dir, store=False)
    assert len({id(model) for model in forwards}) == 1


def test_vocal_repair_brings_the_mix_nearer_to_what_it_was(
    vocals: Audio, accompaniment: Audio, models: Path
) -> None:
    seconds = np.arange(vocals.frames) / RATE
    hiss = 0.01 * np.random.default_rng(1).standard_normal(vocals.frames)
    noisy = vocals.with_samples(vocals.samples + hiss + 0.02 * np.sin(2 * np.pi * 20 * seconds))
    mix, damaged = added(vocals, accompaniment), added(noisy, accompaniment)
    restored = run("vocal-repair", damaged, models)["restored"]
    assert isinstance(restored, Audio)
    assert measure_loudness(restored).integrated_lufs == pytest.approx(-14, abs=0.05)
    # the filter takes the lowest of the voice, so the reference goes through it too
    filtered = highpass(vocals, frequency_hz=70.0, slope_db_per_octave=12, phase="linear")
    clean = added(filtered, accompaniment)
    assert si_sdr_db(restored, clean) > si_sdr_db(damaged, mix) + 6


@thorough
def test_stem_remaster_brings_the_mix_nearer_to_what_it_was(
    vocals: Audio, accompaniment: Audio, models: Path
) -> None:
    mix = added(vocals, accompaniment)
    damaged = degradations.with_hum(degradations.with_hiss(mix, snr_db=20))
    result = run("stem-remaster", damaged, models)
    restored, loudness = result["remastered"], result["loudness"]
    assert isinstance(restored, Audio)
    assert isinstance(loudness, LoudnessReport)
    assert restored.samples.shape == mix.samples.shape
    assert loudness.integrated_lufs == pytest.approx(-14, abs=0.05)
    assert loudness.true_peak_dbtp is not None
    assert loudness.true_peak_dbtp <= -1 + 0.05
    assert si_sdr_db(restored, mix) > si_sdr_db(damaged, mix) + 9


def test_stem_remaster_balances_the_stems(
    vocals: Audio, accompaniment: Audio, models: Path
) -> None:
    mix = added(vocals, accompaniment)
    plain = {"denoise_strength": 0.0, "gate_db": -120.0}
    quieter = run("stem-remaster", mix, models, vocals_db=-20.0, **plain)["remastered"]
    assert isinstance(quieter, Audio)
    middle = quieter.samples.sum(axis=0)
    sides = quieter.samples[0] - quieter.samples[1]
    before = vocals.samples.sum(axis=0)
    beside = accompaniment.samples[0] - accompaniment.samples[1]
    changed_db = 20 * np.log10(
        np.linalg.norm(middle) / np.linalg.norm(before)
        * np.linalg.norm(beside) / np.linalg.norm(sides)
    )  # fmt: skip
    assert changed_db == pytest.approx(-20, abs=0.3)


def test_what_one_graph_separated_another_need_not(excerpt: Audio, store: Store) -> None:
    """`instrumental` asks for the voice alone; the model gives the others in the same pass."""
    sound, params = {"mix": excerpt}, {"model": "mini"}
    (split, *_) = rg.stock("instrumental").plan(sound, params=params, store=store)
    assert (split.wanted, split.besides) == (("vocals",), ("bass", "drums", "other"))
    rg.stock("instrumental").run(sound, params=params, store=store)
    (split, *others) = rg.stock("vocal-repair").plan(sound, params=params, store=store)
    assert (split.id, split.status) == ("split", "cached")
    assert {one.status for one in others} <= {"run", "open"}
    result = rg.stock("vocal-repair").run(sound, params=params, store=store)
    assert result.report["nodes"][0]["status"] == "cached"
