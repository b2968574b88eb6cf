from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph import Audio, NodeError, ParamError, ResonateWarning
from resonate_nodes import (
    fade,
    gain,
    pad,
    select_channels,
    to_mono,
    to_stereo,
    trim,
    trim_silence,
)
from tests.signals import decibels, joined, peak, sine, white_noise


def test_mono_is_the_mean_as_librosa_makes_it(excerpt: Audio) -> None:
    import librosa

    expected = librosa.to_mono(excerpt.samples)
    np.testing.assert_allclose(to_mono(excerpt).samples[0], expected, rtol=0, atol=1e-7)


def test_mono_to_stereo_and_back_is_the_same_sound(speech: Audio) -> None:
    both = to_stereo(speech)
    np.testing.assert_array_equal(both.samples, np.tile(speech.samples, (2, 1)))
    assert to_mono(both) == speech
    assert to_mono(speech) == speech


@pytest.mark.parametrize(
    ("right", "left_over"),
    [(-1.0, "nothing is left"), (-0.9, "what is left lies 26 dB lower")],
)
def test_what_cancels_in_mono_is_told(right: float, left_over: str, speech: Audio) -> None:
    apart = Audio(speech.samples[0] * np.array([[1.0], [right]]), speech.sample_rate)
    with pytest.warns(ResonateWarning, match=f"cancels-in-mono: .*{left_over}"):
        assert to_mono(apart).channels == 1
    three = np.concatenate([apart.samples, 0 * apart.samples[:1]])
    surround = Audio(three, speech.sample_rate, "3.0")
    with pytest.warns(ResonateWarning, match="cancels-in-mono"):
        to_mono(surround)


def test_what_left_and_right_do_not_share_is_not_said_to_cancel(speech: Audio) -> None:
    alone = Audio(speech.samples[0] * np.array([[1.0], [0.0]]), speech.sample_rate)
    noise = white_noise(channels=2)
    for sound in (alone, noise, Audio(np.zeros((2, 100)), 44_100), Audio(np.zeros((2, 0)), 44_100)):
        to_mono(sound)


def test_two_channels_stay_as_they_are(excerpt: Audio) -> None:
    assert to_stereo(excerpt) == excerpt


#: What of each channel goes into left and right, in dB (ITU-R BS.775-3, table 2).
DOWNMIX_DB: dict[str, tuple[list[float | None], list[float | None]]] = {
    "3.0": ([0, None, -3], [None, 0, -3]),
    "2.1": ([0, None, None], [None, 0, None]),
    "3.0(back)": ([0, None, -6.02], [None, 0, -6.02]),
    "quad": ([0, None, -3, None], [None, 0, None, -3]),
    "4.0": ([0, None, -3, -6.02], [None, 0, -3, -6.02]),
    "5.0": ([0, None, -3, -3, None], [None, 0, -3, None, -3]),
    "5.1(side)": ([0, None, -3, None, -3, None], [None, 0, -3, None, None, -3]),
    "7.1": ([0, None, -3, None, -3, None, -3, None], [None, 0, -3, None, None, -3, None, -3]),
}


@pytest.mark.parametrize("layout", DOWNMIX_DB)
def test_surround_is_mixed_down_after_bs_775(layout: str) -> None:
    channels = len(DOWNMIX_DB[layout][0])
    alone = Audio(np.eye(channels), 48_000, layout)  # frame n: full scale in channel n only
    for side, levels in zip(to_stereo(alone).samples, DOWNMIX_DB[layout], strict=True):
        for heard, level in zip(side, levels, strict=True):
            if level is None:
                assert heard == 0
            else:
                assert decibels(float(heard)) == pytest.approx(level, abs=0.02)
    np.testing.assert_allclose(
        to_mono(alone).samples[0], to_stereo(alone).samples.mean(axis=0), atol=1e-7
    )


def test_channels_of_which_nothing_is_known_are_guessed_aloud() -> None:
    for node in (to_mono, to_stereo):
        with pytest.warns(ResonateWarning, match=r"the 6 channels are; they are taken for 5\.1"):
            mixed = node(Audio(np.eye(6), 48_000))
        assert mixed == node(Audio(np.eye(6), 48_000, "5.1"))
        with pytest.raises(NodeError, match="nothing says what the 9 channels are"):
            node(Audio(np.zeros((9, 8)), 48_000))


def test_chosen_channels_are_for_the_loudspeakers_they_were_for() -> None:
    surround = Audio(np.eye(6), 48_000, "5.1(side)")
    for channels, layout in (
        ([1, 2, 3, 5, 6], "5.0(side)"), ([1, 2, 4], "2.1"), ([1, 3, 2, 4, 5, 6], "5.1(side)"),
        ([4, 1, 2], None), ([1, 1, 2], None), ([5, 6], "stereo"), ([4], "mono"),
    ):  # fmt: skip
        assert select_channels(surround, channels=channels).layout == layout


def test_channels_are_taken_in_the_order_they_are_named(excerpt: Audio) -> None:
    swapped = select_channels(excerpt, channels=[2, 1])
    np.testing.assert_array_equal(swapped.samples, excerpt.samples[::-1])
    assert select_channels(swapped, channels=[2, 1]) == excerpt
    assert select_channels(excerpt, channels=[1, 1, 2]).channels == 3


def test_a_channel_that_is_not_there_is_named(excerpt: Audio) -> None:
    with pytest.raises(NodeError, match="no channel 3: this sound has channels 1 to 2"):
        select_channels(excerpt, channels=[1, 3])
    with pytest.raises(ParamError, match="channels"):
        select_channels(excerpt, channels=[0])
    with pytest.raises(ParamError, match="at least 1 item"):
        select_channels(excerpt, channels=[])


@given(start=st.floats(0, 2.9), length=st.floats(0.001, 5))
def test_trim_keeps_the_samples_between_two_times(start: float, length: float) -> None:
    sound = white_noise(seconds=3.0, rate=8000, channels=2)
    first, last = round(start * 8000), round((start + length) * 8000)
    kept = trim(sound, start_seconds=start, end_seconds=start + length)
    np.testing.assert_array_equal(kept.samples, sound.samples[:, first:last])


def test_what_cannot_be_trimmed_says_why(excerpt: Audio) -> None:
    with pytest.raises(NodeError, match="nothing from 3 s on: the sound is only 3 s long"):
        trim(excerpt, start_seconds=3.0)
    with pytest.raises(ParamError, match="does not come after"):
        trim(excerpt, start_seconds=2.0, end_seconds=2.0)


def test_parts_put_together_again_are_the_whole(excerpt: Audio) -> None:
    parts = trim(excerpt, end_seconds=1.0), trim(excerpt, start_seconds=1.0)
    assert joined(*parts) == excerpt


@pytest.mark.parametrize("ends", ["both", "start", "end"])
def test_silence_is_cut_off_within_5_ms_of_the_sound(speech: Audio, ends: str) -> None:
    loud = trim(speech, start_seconds=0.3, end_seconds=6.5)
    loud = loud.with_samples(np.clip(loud.samples, 0.01, None))
    padded = pad(loud, start_seconds=1.5, end_seconds=0.7)
    kept = trim_silence(padded, margin_ms=0.0, ends=ends)  # type: ignore[arg-type]
    before = 1.5 if ends == "end" else 0.0
    after = 0.7 if ends == "start" else 0.0
    expected = loud.duration_seconds + before + after
    assert expected <= kept.duration_seconds <= expected + 2 * 0.0051
    margin = trim_silence(padded, margin_ms=100.0, ends=ends)  # type: ignore[arg-type]
    cut = 2 if ends == "both" else 1
    assert margin.duration_seconds == pytest.approx(kept.duration_seconds + 0.1 * cut, abs=1e-3)


def test_what_is_kept_by_trim_silence_is_what_librosa_keeps(speech: Audio) -> None:
    import librosa

    padded = pad(speech, start_seconds=1.0, end_seconds=1.0)
    _, (start, stop) = librosa.effects.trim(
        padded.samples[0], top_db=40, ref=1.0, frame_length=160, hop_length=16
    )
    kept = trim_silence(padded, threshold_dbfs=-40.0, margin_ms=0.0)
    first = int(np.flatnonzero(padded.samples[0] == kept.samples[0, 0])[0])
    assert kept.frames == pytest.approx(stop - start, abs=2 * 160)
    assert abs(first - start) < 200 or padded.samples[0, first] == 0


def test_a_quiet_channel_and_pauses_stay(speech: Audio) -> None:
    pause = pad(speech, end_seconds=2.0)
    twice = joined(pause, speech)
    left_only = twice.with_samples(np.concatenate([twice.samples, 0 * twice.samples]))
    assert trim_silence(left_only).frames > pause.frames + 0.9 * speech.frames


def test_silence_throughout_comes_back_with_a_warning() -> None:
    soft = gain(sine(440), gain_db=-70.0)
    with pytest.warns(ResonateWarning, match="all-silent"):
        assert trim_silence(soft) == soft


#: The level in the middle of a fade: closed forms.
MIDDLE = {
    "linear": 0.5,
    "cosine": 0.5,
    "equal_power": 0.5**0.5,
    "exponential": (1000**0.5 - 1) / 999,
}


@pytest.mark.parametrize("curve", MIDDLE)
def test_a_fade_goes_from_nothing_to_all_and_is_the_same_backwards(curve: str) -> None:
    steady = Audio(np.ones((2, 10_000)), 10_000)
    heard = fade(steady, in_seconds=0.2, out_seconds=0.4, curve=curve)  # type: ignore[arg-type]
    rise, fall = heard.samples[0, :2001], heard.samples[1, 5999:][::-1]
    assert rise[0] == fall[0] == 0
    assert rise[2000] == fall[4000] == 1
    assert rise[1000] == pytest.approx(MIDDLE[curve], abs=1e-6)
    assert fall[2000] == pytest.approx(MIDDLE[curve], abs=1e-6)
    assert (np.diff(rise) > 0).all()
    assert (heard.samples[:, 2000:6000] == 1).all()


def test_fades_that_are_longer_than_the_sound_meet_in_it(speech: Audio) -> None:
    heard = fade(speech, in_seconds=100.0, out_seconds=100.0)
    assert heard.frames == speech.frames
    assert heard.samples[0, 0] == heard.samples[0, -1] == 0
    assert peak(heard) > 0


def test_padding_is_digital_silence_and_trimming_takes_it_off(excerpt: Audio) -> None:
    padded = pad(excerpt, start_seconds=0.25, end_seconds=0.5)
    assert padded.frames == excerpt.frames + 11_025 + 22_050
    assert not padded.samples[:, :11_025].any()
    assert not padded.samples[:, -22_050:].any()
    assert trim(padded, start_seconds=0.25, end_seconds=3.25) == excerpt
