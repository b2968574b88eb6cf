from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from resonate_graph import Audio, NodeError, ParamError
from resonate_nodes import resample
from resonate_nodes.space.rate import converted
from tests.counts import examples
from tests.signals import decibels, difference_db, impulse, peak, response, sine

RATES = [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000]


Method = Literal["soxr", "torchaudio"]


@pytest.fixture(params=["soxr", "torchaudio"])
def method(request: pytest.FixtureRequest) -> Method:
    return request.param  # type: ignore[no-any-return]


def middle(audio: Audio) -> Audio:
    """Return a sound without its ends, where a sine that starts at once is no sine yet."""
    edge = audio.frames // 5
    return audio.with_samples(audio.samples[:, edge:-edge])


@pytest.mark.parametrize(("rate", "new_rate"), [(48_000, 44_100), (44_100, 48_000)])
def test_a_sine_is_the_same_sine_at_the_other_rate(
    rate: int, new_rate: int, method: Method
) -> None:
    before = sine(1000, rate=rate, amplitude=0.9, phase_degrees=30)
    expected = sine(1000, rate=new_rate, amplitude=0.9, phase_degrees=30)
    heard = resample(before, sample_rate=new_rate, method=method)
    assert difference_db(middle(heard), middle(expected)) < -120


@pytest.mark.parametrize("frequency_hz", [100.0, 1000.0, 10_000.0])
def test_there_and_back_keeps_a_sine_its_length_and_its_place(
    frequency_hz: float, method: Method
) -> None:
    before = sine(frequency_hz, rate=48_000, amplitude=0.9, channels=2)
    back = resample(
        resample(before, sample_rate=44_100, method=method), sample_rate=48_000, method=method
    )
    assert back.samples.shape == before.samples.shape
    assert difference_db(middle(back), middle(before)) < -120


@pytest.mark.parametrize(
    ("rate", "new_rate"), [(48_000, 44_100), (44_100, 48_000), (8000, 192_000)]
)
def test_an_impulse_keeps_its_place_and_its_symmetry(
    rate: int, new_rate: int, method: Method
) -> None:
    # linear phase: what lies ahead of the impulse mirrors what lies behind it
    heard = resample(
        impulse(frames=rate // 2, at=rate // 4, rate=rate), sample_rate=new_rate, method=method
    )
    wave = heard.samples[0].astype(float)
    place = new_rate // 4
    assert np.argmax(np.abs(wave)) == place
    reach = 400
    ahead, behind = wave[place - reach : place][::-1], wave[place + 1 : place + reach + 1]
    np.testing.assert_allclose(ahead, behind, atol=1e-6 * abs(wave[place]))


@pytest.mark.parametrize(("rate", "new_rate"), [(44_100, 48_000), (96_000, 44_100)])
def test_it_agrees_with_scipys_fft_resampling(rate: int, new_rate: int, method: Method) -> None:
    # a sound that ends in silence has no ends for a circular method to wrap around
    random = np.random.default_rng(0)
    frames = rate // 4
    noise = signal.sosfilt(
        signal.butter(8, 4000, fs=rate, output="sos"), random.standard_normal(frames)
    )
    before = Audio(0.3 * noise * np.hanning(frames) ** 2, rate)
    expected = signal.resample(before.samples.astype(float), frames * new_rate // rate, axis=1)
    heard = resample(before, sample_rate=new_rate, method=method)
    assert difference_db(heard, Audio(expected, new_rate)) < -110


def test_what_the_new_rate_cannot_hold_is_removed_and_the_rest_kept(method: Method) -> None:
    click = impulse(frames=9600, at=4800, rate=96_000)
    heard = resample(click, sample_rate=48_000, method=method)
    # half the frames carry the same spectrum at half the sum
    passed = response(heard, np.array([20.0, 1000.0, 10_000.0, 20_000.0])) + decibels(2)
    np.testing.assert_allclose(passed, 0, atol=0.01)
    too_high = resample(sine(30_000, rate=96_000), sample_rate=48_000, method=method)
    assert decibels(peak(middle(too_high))) < -120


@settings(max_examples=examples(20))
@given(
    frames=st.integers(0, 5000),
    rate=st.sampled_from(RATES),
    new_rate=st.sampled_from(RATES),
    channels=st.integers(1, 7),
)
def test_the_length_is_rounded(frames: int, rate: int, new_rate: int, channels: int) -> None:
    heard = resample(Audio(np.ones((channels, frames)), rate), sample_rate=new_rate)
    assert heard.sample_rate == new_rate
    assert heard.channels == channels
    assert heard.frames == round(frames * new_rate / rate)


def test_the_same_rate_is_the_same_sound(excerpt: Audio) -> None:
    assert resample(excerpt, sample_rate=excerpt.sample_rate) is excerpt


def test_channels_are_converted_apart(method: Method) -> None:
    samples = np.zeros((3, 2000))
    samples[1] = np.random.default_rng(0).standard_normal(2000)
    heard = resample(Audio(samples, 44_100), sample_rate=48_000, method=method)
    assert not heard.samples[[0, 2]].any()
    alone = resample(Audio(samples[1], 44_100), sample_rate=48_000, method=method)
    # torch sums in another order where there are more channels
    np.testing.assert_allclose(
        heard.samples[1], alone.samples[0], atol=0 if method == "soxr" else 3e-6
    )


@pytest.mark.parametrize("sample_rate", [999, 768_001, 0, -44_100])
def test_a_rate_out_of_range_is_refused(sample_rate: int, excerpt: Audio) -> None:
    with pytest.raises(ParamError, match="sample_rate"):
        resample(excerpt, sample_rate=sample_rate)


@pytest.mark.parametrize("rate", [1, 999, 768_001, 4_294_967_295])
def test_a_sound_at_a_rate_out_of_range_is_refused(rate: int, method: Method) -> None:
    # 200 frames at 1 Hz would become 154 million at 768 kHz
    with pytest.raises(NodeError, match=f"{rate} Hz"):
        resample(Audio(np.zeros((1, 200)), rate), sample_rate=768_000, method=method)


@given(
    rates=st.sampled_from([(44_100, 48_000), (48_000, 44_100), (8000, 44_100), (96_000, 44_100)]),
    lengths=st.lists(st.integers(0, 3000), max_size=8),
)
@settings(max_examples=examples(15))
def test_a_sound_in_blocks_is_what_soxr_makes_of_the_whole(
    rates: tuple[int, int], lengths: list[int]
) -> None:
    rate, new_rate = rates
    whole = np.random.default_rng(0).uniform(-1, 1, (2, sum(lengths))).astype(np.float32)
    blocks = np.split(whole, np.cumsum(lengths)[:-1], axis=1) if lengths else []
    expected = soxr.resample(whole.T, rate, new_rate, quality="VHQ").T if whole.size else whole
    frames = round(whole.shape[1] * new_rate / rate)
    for wanted in (frames, frames + 5, max(0, frames - 5)):
        found = np.concatenate(list(converted(blocks, 2, rate, new_rate, wanted)), axis=1)
        assert found.shape == (2, wanted)
        common = min(wanted, expected.shape[1])
        np.testing.assert_array_equal(found[:, :common], expected[:, :common])
        assert not found[:, common:].any()


def test_by_torchaudio_a_long_sound_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = Audio(np.random.default_rng(0).uniform(-0.5, 0.5, (2, 100_003)), 44_100)
    whole = resample(sound, sample_rate=48_000, method="torchaudio")
    monkeypatch.setattr("resonate_nodes.space.sinc._GROUPS_AT_ONCE", 7)
    assert difference_db(resample(sound, sample_rate=48_000, method="torchaudio"), whole) < -130


def test_torchaudio_and_soxr_agree_where_both_let_pass(excerpt: Audio) -> None:
    sections = signal.butter(12, 14_000, fs=44_100, output="sos")
    sound = excerpt.with_samples(signal.sosfiltfilt(sections, excerpt.samples, axis=1))
    one, other = (resample(sound, sample_rate=48_000, method=by) for by in ("soxr", "torchaudio"))
    # where it sets in hard they keep other parts of what lies above 20 kHz
    assert difference_db(middle(one), middle(other)) < -120


def test_rates_with_little_in_common_are_for_soxr(excerpt: Audio) -> None:
    with pytest.raises(NodeError, match="soxr"):
        resample(excerpt, sample_rate=44_101, method="torchaudio")
    assert resample(excerpt, sample_rate=44_101).frames == round(excerpt.frames * 44_101 / 44_100)
