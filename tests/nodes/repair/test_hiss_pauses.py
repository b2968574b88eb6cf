"""Pauses that were muted, dithered or gated are not the noise floor of what lies between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import denoise, noise_floor, resample
from tests.counts import examples
from tests.depth import thorough
from tests.signals import Array, decibels, relative_db, si_sdr_db, white_noise

Times = NDArray[np.bool_]


def rms(samples: Array) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def with_noise(clean: Audio, snr_db: float, seed: int = 0) -> Audio:
    noise = np.random.default_rng(seed).standard_normal(clean.samples.shape)
    noise *= rms(clean.samples.astype(float)) * 10 ** (-snr_db / 20)
    return clean.with_samples(clean.samples + noise)


def muted(audio: Audio, *, every: float = 3.0, seconds: float = 0.9, start: float = 1.4) -> Times:
    """Return which samples lie in pauses of some seconds in each few."""
    time = np.arange(audio.frames) / audio.sample_rate
    return (time - start) % every < seconds


def dithered(samples: NDArray[np.floating], kind: str, seed: int = 1) -> Array:
    """Round to 16 bit with dither of two triangles (TPDF) or one rectangle (RPDF)."""
    random = np.random.default_rng(seed)
    throws = random.uniform(-0.5, 0.5, (2 if kind == "TPDF" else 1, *samples.shape)).sum(axis=0)
    rounded: Array = np.round(samples * 32_768 + throws) / 32_768
    return rounded


def gate(audio: Audio, closed: Times, depth_db: float, release_seconds: float = 0.0) -> Audio:
    """Turn down what is closed; the level falls by an exponential and opens at once."""
    low = 10 ** (depth_db / 20)
    kept = np.exp(-1 / (release_seconds * audio.sample_rate)) if release_seconds else 0.0
    frames = np.arange(audio.frames)
    since_open = frames - np.maximum.accumulate(np.where(closed, -1, frames))
    return audio.with_samples(audio.samples * (low + (1 - low) * kept**since_open))


def part(audio: Audio, chosen: Times) -> Audio:
    return audio.with_samples(audio.samples[:, chosen])


# -- muted, and dithered --------------------------------------------------------------------------


@given(
    rate=st.sampled_from([8000, 16_000]),
    channels=st.sampled_from([1, 2]),
    kind=st.sampled_from(["TPDF", "RPDF"]),
    start=st.floats(0, 2.5),
    seconds=st.floats(0.7, 2.0),
    snr_db=st.sampled_from([5.0, 10.0]),
    stationary=st.booleans(),
)
# two seconds of sound between three pauses, whose edges are part of many frames
@example(rate=8000, channels=1, kind="TPDF", start=0.0, seconds=2.0, snr_db=5.0, stationary=False)
@settings(max_examples=examples(4))
def test_dithered_pauses_are_taken_for_what_silent_ones_are(
    rate: int,
    channels: int,
    kind: str,
    start: float,
    seconds: float,
    snr_db: float,
    stationary: bool,
    speech: Audio,
) -> None:
    clean = resample(speech, sample_rate=rate)
    clean = clean.with_samples(np.tile(clean.samples, (channels, 1)))
    noisy = with_noise(clean, snr_db)
    pauses = muted(clean, start=start, seconds=seconds)
    silent = noisy.with_samples(noisy.samples * ~pauses)
    saved = silent.with_samples(dithered(silent.samples.astype(float), kind))
    heard, wanted = (
        part(denoise(sound, strength=1.0, stationary=stationary), ~pauses)
        for sound in (saved, silent)
    )
    assert relative_db(heard, wanted) < -40
    before = si_sdr_db(part(noisy, ~pauses), part(clean, ~pauses))
    assert si_sdr_db(heard, part(clean, ~pauses)) > before + 4
    floor, as_silent = noise_floor(saved).noise_dbfs, noise_floor(silent).noise_dbfs
    assert floor == pytest.approx(as_silent, abs=0.2)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_dithered_pauses_at_the_rates_of_studios(rate: int, excerpt: Audio) -> None:
    clean = resample(excerpt, sample_rate=rate)
    pauses = muted(clean, start=1.0, seconds=0.8)
    noisy = with_noise(clean, 20)
    saved = noisy.with_samples(dithered(noisy.samples * ~pauses, "TPDF"))
    heard = part(denoise(saved, strength=1.0), ~pauses)
    assert si_sdr_db(heard, part(clean, ~pauses)) > 20 + 3


@pytest.mark.parametrize("kind", ["TPDF", "RPDF"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_floor_is_that_of_the_hiss_and_not_of_the_dither(kind: str, channels: int) -> None:
    hiss = white_noise(seconds=15, rate=16_000, rms=0.003, channels=channels)
    saved = dithered(hiss.samples * ~muted(hiss), kind)
    report = noise_floor(hiss.with_samples(saved))
    assert report.noise_dbfs == pytest.approx(decibels(0.003), abs=1)
    assert [one.noise_dbfs for one in report.channels] == [
        pytest.approx(decibels(0.003), abs=1)
    ] * channels


def test_dither_alone_is_a_noise_floor() -> None:
    silence = Audio(dithered(np.zeros((1, 8 * 16_000)), "TPDF"), 16_000)
    quarter_of_a_step = 10 * np.log10(0.25 / 32_768**2)
    assert noise_floor(silence).noise_dbfs == pytest.approx(quarter_of_a_step, abs=1)


def test_a_soft_recording_is_treated_as_a_loud_one(speech: Audio, music: Audio) -> None:
    gain_db = -40.0
    for loud in (speech, with_noise(speech, 30), music):
        soft = loud.with_samples(loud.samples.astype(float) * 10 ** (gain_db / 20))
        heard = denoise(soft, strength=1.0).samples * 10 ** (-gain_db / 20)
        assert relative_db(loud.with_samples(heard), denoise(loud, strength=1.0)) < -60
        found, wanted = noise_floor(soft).noise_dbfs, noise_floor(loud).noise_dbfs
        assert found == pytest.approx((wanted or 0) + gain_db, abs=0.1)


# -- gated ----------------------------------------------------------------------------------------


@thorough
@given(
    start=st.floats(0, 2.0),
    depth_db=st.floats(-24, -10),
    snr_db=st.sampled_from([5.0, 10.0]),
    stationary=st.booleans(),
    of_music=st.booleans(),
)
@settings(max_examples=examples(4))
def test_gated_pauses_are_no_noise_floor(
    start: float,
    depth_db: float,
    snr_db: float,
    stationary: bool,
    of_music: bool,
    speech: Audio,
    groove: Audio,
) -> None:
    music = groove.with_samples(groove.samples[:1, : 8 * 44_100])
    clean = music if of_music else speech
    noisy = with_noise(clean, snr_db)
    closed = muted(clean, start=start, every=3.3, seconds=1.2)
    gated = gate(noisy, closed, depth_db)
    heard = denoise(gated, strength=1.0, stationary=stationary)
    ungated = denoise(noisy, strength=1.0, stationary=stationary)
    open_gain = si_sdr_db(part(heard, ~closed), part(clean, ~closed))
    assert open_gain > si_sdr_db(part(ungated, ~closed), part(clean, ~closed)) - 1
    # and what was gated, sound and all, is not taken for noise
    assert si_sdr_db(part(heard, closed), part(clean, closed)) > si_sdr_db(
        part(noisy, closed), part(clean, closed)
    )
    floor, wanted = noise_floor(gated).noise_dbfs, noise_floor(noisy).noise_dbfs
    assert floor == pytest.approx(wanted, abs=2)


@pytest.mark.parametrize(("release_ms", "depth_db"), [(10, -30), (50, -12), (100, -12)])
def test_the_pauses_of_a_gate_with_a_release(
    release_ms: float, depth_db: float, groove: Audio
) -> None:
    music = groove.with_samples(groove.samples[:1, : 10 * 44_100])
    pauses = muted(music)
    clean = music.with_samples(music.samples * ~pauses)
    noisy = with_noise(clean, 10)
    gated = gate(noisy, pauses, depth_db, release_ms / 1000)
    heard = part(denoise(gated, strength=1.0), ~pauses)
    ungated = part(denoise(noisy, strength=1.0), ~pauses)
    wanted = part(clean, ~pauses)
    assert si_sdr_db(heard, wanted) > si_sdr_db(ungated, wanted) - 1
    assert noise_floor(gated).noise_dbfs == pytest.approx(noise_floor(noisy).noise_dbfs, abs=2)


@pytest.mark.filterwarnings("ignore:no-noise-found:resonate_graph.ResonateWarning")
def test_a_rhythm_is_no_gate() -> None:
    """A chord chopped into eighths, at 12 dB, has no second floor; one that is held has none."""
    rate = 22_050
    time = np.arange(8 * rate) / rate
    tones = sum(np.sin(2 * np.pi * f * k * time) / k
                for f in (110.0, 138.6, 164.8) for k in range(1, 60))  # fmt: skip
    eighths = np.where(time % 0.5 < 0.25, 1.0, 10 ** (-12 / 20))
    held, chopped = Audio(0.05 * tones, rate), Audio(0.05 * tones * eighths, rate)
    lost = [relative_db(denoise(chord, strength=1.0), chord) for chord in (chopped, held)]
    assert lost[0] < -23  # what it loses where no gate is looked for
    assert lost[1] < -60


# -- nothing found --------------------------------------------------------------------------------


def test_where_nothing_was_found_it_says_so(speech: Audio) -> None:
    """Comfort noise in the pauses: neither silence nor the hiss at another level."""
    noisy = with_noise(speech, 15)
    murmur = lfilter([1], [1, -0.9], np.random.default_rng(3).standard_normal(speech.frames))
    murmur *= 10 ** (-80 / 20) / rms(murmur)
    filled = noisy.with_samples(np.where(muted(speech), murmur, noisy.samples))
    with pytest.warns(ResonateWarning, match=r"no-noise-found: next to nothing was found .* 60 dB"):
        heard = denoise(filled, strength=0.5)
    assert relative_db(heard, filled) < -60


def test_where_something_was_found_it_says_nothing(speech: Audio, music: Audio) -> None:
    for clean in (speech, music):
        for sound in (clean, with_noise(clean, 40), with_noise(clean, 10)):
            denoise(sound, strength=0.3)
    denoise(Audio(np.zeros((1, 16_000)), 16_000))
