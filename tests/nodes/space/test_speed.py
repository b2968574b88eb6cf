from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonate_graph import Audio, NodeError
from resonate_nodes import (
    change_speed,
    highpass,
    pitch_shift,
    resample,
    residual,
    select_channels,
    time_stretch,
)
from resonate_nodes import mix as mix_tracks
from resonate_nodes.space.speed import Method
from tests.counts import examples
from tests.signals import decibels, difference_db, sine

METHODS: list[Method] = ["rubberband", "phase-vocoder"]


def middle(audio: Audio) -> Audio:
    edge = audio.frames // 5
    return audio.with_samples(audio.samples[:, edge:-edge])


def frequency_hz(audio: Audio) -> float:
    """Return the frequency of the strongest tone: a parabola over the logarithms of three bins."""
    wave = middle(audio).samples[0].astype(float)
    levels: np.ndarray[Any, Any] = np.log(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) + 1e-12)
    peak = int(levels.argmax())
    before, at, after = map(float, levels[peak - 1 : peak + 2])
    return (
        (peak + (before - after) / (2 * (before - 2 * at + after))) * audio.sample_rate / len(wave)
    )


def envelope(audio: Audio, step: int) -> np.ndarray[Any, Any]:
    whole = audio.frames // step * step
    found: np.ndarray[Any, Any] = (
        np.square(audio.samples[:, :whole], dtype=np.float64)
        .mean(axis=0)
        .reshape(-1, step)
        .mean(axis=1)
    )
    return found


# -- speed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ratio", [78.26 / 45, 0.5, 2.0, 2 ** (37 / 1200), 0.9417])
def test_a_sine_is_the_sine_of_the_other_speed(ratio: float) -> None:
    before = sine(1000, seconds=2, rate=44_100, amplitude=0.5)
    heard = change_speed(before, ratio=ratio)
    time = np.arange(heard.frames) / 44_100
    expected = heard.with_samples(0.5 * np.sin(2 * np.pi * 1000 * ratio * time))
    assert difference_db(middle(heard), middle(expected)) < -110


def test_it_is_resampling_where_that_is_exact(excerpt: Audio) -> None:
    """At another rate, played at the first."""
    faster = change_speed(excerpt, ratio=44_100 / 48_000)
    wanted = resample(excerpt, sample_rate=48_000)
    assert faster.frames == wanted.frames
    assert difference_db(faster, excerpt.with_samples(wanted.samples)) < -120


@settings(max_examples=examples(12))
@given(
    frames=st.integers(0, 4000),
    ratio=st.floats(0.1, 10),
    channels=st.integers(1, 3),
    rate=st.sampled_from([11_025, 44_100, 48_000]),
)
def test_the_length_is_rounded(frames: int, ratio: float, channels: int, rate: int) -> None:
    heard = change_speed(Audio(np.ones((channels, frames)), rate), ratio=ratio)
    assert (heard.channels, heard.sample_rate) == (channels, rate)
    assert heard.frames == round(frames / ratio)


def test_there_and_back_everything_stands_where_it_stood(speech: Audio) -> None:
    back = change_speed(change_speed(speech, ratio=0.8), ratio=1.25)
    assert back.frames == speech.frames
    # an octave's band lies at the edge of the filters
    assert difference_db(back, speech) < -40


def test_three_ways_say_the_same(speech: Audio) -> None:
    by_ratio = change_speed(speech, ratio=2.0)
    assert by_ratio == change_speed(speech, cents=1200.0)
    assert by_ratio == change_speed(speech, from_rpm=22.5, to_rpm=45.0)
    assert change_speed(speech) is speech


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"ratio": 2.0, "cents": 3.0}, "only one"),
        ({"from_rpm": 45.0}, "together"),
        ({"to_rpm": 45.0, "ratio": 1.0}, "together"),
    ],
)
def test_two_ways_at_once_are_refused(params: dict[str, Any], said: str, speech: Audio) -> None:
    with pytest.raises(NodeError, match=said):
        change_speed(speech, **params)


# -- time and pitch -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ratio", [0.5, 0.97, 1.3, 2.0])
def test_a_stretched_tone_keeps_its_pitch_and_level(method: Method, ratio: float) -> None:
    before = sine(440, seconds=3, rate=44_100, amplitude=0.5)
    heard = time_stretch([before], ratio=ratio, method=method)
    assert heard.frames == round(before.frames / ratio)
    assert frequency_hz(heard) == pytest.approx(440, rel=1e-3)
    level = decibels(float(np.std(middle(heard).samples) / np.std(middle(before).samples)))
    # a plain vocoder lets the bins of one tone drift apart
    assert level == pytest.approx(0, abs=0.5 if method == "rubberband" else 1.5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("semitones", [-12.0, -0.25, 3.0, 12.0])
def test_a_shifted_tone_has_the_new_pitch_and_the_old_length(
    method: Method, semitones: float
) -> None:
    before = sine(440, seconds=3, rate=44_100, amplitude=0.5)
    heard = pitch_shift([before], semitones=semitones, method=method)
    assert heard.frames == before.frames
    assert frequency_hz(heard) == pytest.approx(440 * 2 ** (semitones / 12), rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ratio", [Fraction(4, 5), Fraction(5, 4)])
def test_on_the_whole_it_neither_leads_nor_lags(
    method: Method, ratio: Fraction, speech: Audio
) -> None:
    """Envelopes in steps that correspond, of 5 ms and 4 or 6.25 ms: the best fit is in place."""
    heard = time_stretch([speech], ratio=float(ratio), method=method)
    before, after = envelope(speech, 80), envelope(heard, int(80 / ratio))
    size = min(len(before), len(after))
    inner = before[20 : size - 20]
    fits = [
        float(np.corrcoef(inner, after[20 + lag : size - 20 + lag])[0, 1]) for lag in range(-15, 16)
    ]
    assert abs(int(np.argmax(fits)) - 15) <= 2
    assert max(fits) > 0.7


@pytest.fixture
def stems(excerpt: Audio) -> tuple[Audio, Audio]:
    """What is above and what is below 2 kHz; left and right differ."""
    high = highpass(excerpt, frequency_hz=2000.0, slope_db_per_octave=48)
    return residual(excerpt, [high]), high


@pytest.mark.parametrize("ratio", [0.9, 1.1])
def test_stems_that_go_together_add_up_to_the_mix(
    ratio: float, stems: tuple[Audio, Audio], excerpt: Audio
) -> None:
    mix = time_stretch([excerpt], ratio=ratio, method="phase-vocoder")
    together = time_stretch([*stems], ratio=ratio, method="phase-vocoder")
    assert together.channels == 4
    low, high = (select_channels(together, channels=pair) for pair in ([1, 2], [3, 4]))
    # what the phases of the sum do at its softest depends on the last bit of its samples
    in_step = difference_db(mix_tracks([low, high]), mix)
    assert in_step < -40
    apart = [time_stretch([one], ratio=ratio, method="phase-vocoder") for one in stems]
    assert difference_db(mix_tracks(apart), mix) > in_step + 10


def test_sides_that_cancel_are_stretched_too() -> None:
    tone = sine(440, seconds=2, rate=44_100, amplitude=0.5).samples
    heard = time_stretch(
        [Audio(np.vstack([tone, -tone]), 44_100)], ratio=0.8, method="phase-vocoder"
    )
    np.testing.assert_allclose(heard.samples[0], -heard.samples[1], atol=1e-5)
    assert frequency_hz(heard) == pytest.approx(440, rel=1e-3)


@pytest.mark.parametrize("node", [time_stretch, pitch_shift])
def test_tracks_that_differ_are_refused(node: Any, excerpt: Audio, speech: Audio) -> None:
    with pytest.raises(NodeError, match="must be alike"):
        node([excerpt, speech])


def test_formants_need_rubber_band(speech: Audio) -> None:
    with pytest.raises(NodeError, match="rubberband"):
        pitch_shift([speech], semitones=2.0, preserve_formants=True, method="phase-vocoder")
