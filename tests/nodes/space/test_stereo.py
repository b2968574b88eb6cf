from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from resonate_graph import Audio, NodeError
from resonate_nodes import (
    balance,
    check_mono,
    delay,
    from_mid_side,
    gain,
    invert,
    mid_side,
    to_mono,
    to_stereo,
    width,
)
from tests.signals import Array, decibels, difference_db, sine, white_noise

RATE = 48_000


def pair(left: Audio, right: Audio) -> Audio:
    return left.with_samples(np.concatenate([left.samples, right.samples]))


@given(arrays(np.int16, st.tuples(st.just(2), st.integers(0, 50))))
def test_16_bit_sound_comes_back_from_mid_and_side_bit_by_bit(samples: Array) -> None:
    sound = Audio(samples.astype(np.float32) / 32768, RATE)
    assert from_mid_side(*mid_side(sound)) == sound


def test_any_sound_comes_back_from_mid_and_side_within_one_rounding(groove: Audio) -> None:
    back = from_mid_side(*mid_side(groove))
    allowed = np.finfo(np.float32).eps * np.abs(groove.samples).max()
    assert np.abs(back.samples - groove.samples).max() <= allowed


def test_mid_is_mono_and_side_is_what_mono_loses(excerpt: Audio) -> None:
    mid, side = mid_side(excerpt)
    assert mid == to_mono(excerpt)
    assert not mid_side(to_stereo(mid)).side.samples.any()
    lost = excerpt.samples.astype(np.float64) - mid.samples
    np.testing.assert_allclose(side.samples[0], lost[0], rtol=0, atol=1e-7)


def test_mid_and_side_take_what_they_are_made_of(excerpt: Audio) -> None:
    mono = to_mono(excerpt)
    with pytest.raises(NodeError, match="mid_side is for two channels, this sound has 1"):
        mid_side(mono)
    with pytest.raises(NodeError, match="side has 2 channels"):
        from_mid_side(mono, excerpt)
    with pytest.raises(NodeError, match="have to match"):
        from_mid_side(mono, mono.with_samples(mono.samples[:, 1:]))


def test_width_scales_the_sides_and_leaves_mono_as_it_is(excerpt: Audio) -> None:
    mid, side = mid_side(excerpt)
    for amount in (0.0, 0.5, 2.0):
        heard_mid, heard_side = mid_side(width(excerpt, width=amount))
        assert difference_db(heard_mid, mid) < -130
        expected = side.with_samples(side.samples * np.float64(amount))
        assert difference_db(heard_side, expected) < -130
    assert width(excerpt) == excerpt
    assert width(mid, width=0.0) == mid
    with pytest.raises(NodeError, match="two channels, this sound has 6"):
        width(white_noise(channels=6), width=0.5)


@pytest.mark.parametrize("balance_db", [-60.0, -1.5, 0.5, 6.0])
def test_balance_turns_one_side_down_and_none_up(excerpt: Audio, balance_db: float) -> None:
    heard = balance(excerpt, balance_db=balance_db)
    softer, same = (0, 1) if balance_db > 0 else (1, 0)
    np.testing.assert_array_equal(heard.samples[same], excerpt.samples[same])
    turned_down = gain(excerpt, gain_db=-abs(balance_db))
    np.testing.assert_allclose(heard.samples[softer], turned_down.samples[softer], rtol=1e-6)


def test_balance_needs_two_channels(speech: Audio) -> None:
    with pytest.raises(NodeError, match="balance is for two channels"):
        balance(speech)


def test_correlation_is_numpys(excerpt: Audio) -> None:
    centred = excerpt.with_samples(excerpt.samples - excerpt.samples.mean(axis=1, keepdims=True))
    expected = float(np.asarray(np.corrcoef(centred.samples)).ravel()[1])
    assert check_mono(centred).correlation == pytest.approx(expected, abs=1e-5)


def test_loss_is_the_level_of_mono_against_that_of_stereo(excerpt: Audio) -> None:
    rms = np.sqrt(np.mean(excerpt.samples.astype(np.float64) ** 2))
    mono = np.sqrt(np.mean(to_mono(excerpt).samples.astype(np.float64) ** 2))
    assert check_mono(excerpt).lost_db == pytest.approx(decibels(rms / mono), abs=1e-4)


#: Two channels, and what mono leaves of them: correlation and dB lost, by closed forms.
KNOWN: dict[str, tuple[Audio, float | None, float | None]] = {
    "the same": (to_stereo(sine(440)), 1.0, 0.0),
    "inverted": (pair(sine(440), invert(sine(440))), -1.0, None),
    "a quarter of a period apart": (
        pair(sine(440), sine(440, phase_degrees=90)), 0.0, 10 * np.log10(2)
    ),
    "120 degrees apart": (
        pair(sine(440), sine(440, phase_degrees=120)), -0.5, 10 * np.log10(4)
    ),
    "one silent": (pair(sine(440), gain(sine(440), gain_db=-120.0)), None, 10 * np.log10(2)),
    "both silent": (Audio(np.zeros((2, RATE)), RATE), None, None),
    "mono": (sine(440), 1.0, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_known_pairs(name: str) -> None:
    sound, correlation, lost_db = KNOWN[name]
    if name == "one silent":
        sound = sound.with_samples(sound.samples * np.array([[1.0], [0.0]]))
    report = check_mono(sound)
    assert report.correlation == pytest.approx(correlation, abs=1e-5)
    assert report.lost_db == pytest.approx(lost_db, abs=1e-3)


def test_noise_with_nothing_in_common_loses_3_db_in_every_octave() -> None:
    report = check_mono(white_noise(seconds=60.0, channels=2))
    assert report.correlation == pytest.approx(0, abs=0.01)
    assert len(report.bands) == 10
    for band in report.bands[2:]:
        assert band.correlation == pytest.approx(0, abs=0.1)
        assert band.lost_db == pytest.approx(3.01, abs=0.4)


def test_a_delay_shows_in_the_octaves_it_cancels(groove: Audio) -> None:
    """Half a period of 4 kHz apart: what lies there goes, what is far below stays."""
    mono = to_mono(groove)
    apart = pair(mono, delay(mono, delay_ms=1000 / 4000 / 2))
    lost = {band.centre_hz: band.lost_db for band in check_mono(apart).bands}
    assert (lost[4000.0] or 0) > 6
    for centre_hz in (63.0, 125.0, 250.0):
        assert lost[centre_hz] == pytest.approx(0, abs=0.1)


def test_an_octave_is_what_a_bandpass_filter_lets_through(groove: Audio) -> None:
    from scipy.signal import butter, sosfiltfilt

    for band in check_mono(groove).bands[2:9]:
        edges = [band.centre_hz / 2**0.5, band.centre_hz * 2**0.5]
        filters = butter(12, edges, "bandpass", fs=groove.sample_rate, output="sos")
        left, right = sosfiltfilt(filters, groove.samples.astype(np.float64), axis=1)
        expected = (left @ right) / np.sqrt((left @ left) * (right @ right))
        assert band.correlation == pytest.approx(expected, abs=0.03)


def test_more_than_two_channels_have_no_one_mono() -> None:
    with pytest.raises(NodeError, match="check_mono is for two channels"):
        check_mono(white_noise(channels=6))
