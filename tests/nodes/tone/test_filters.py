"""Frequency responses are measured from impulses and held against the filters' closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from resonate_graph import Audio, NodeError, ParamError
from resonate_nodes import Band, eq, highpass, lowpass
from tests import degradations
from tests.counts import examples
from tests.signals import Array, decibels, difference_db, impulse, response, si_sdr_db

Kind = Literal["bell", "low_shelf", "high_shelf", "notch"]
KINDS: tuple[Kind, ...] = ("bell", "low_shelf", "high_shelf", "notch")
RATE = 48_000
CLICK = impulse(frames=8192, rate=RATE)
FREQUENCIES = np.geomspace(40, 23_000, 40)


def analog_prototype(band: Band) -> tuple[list[float], list[float]]:
    """Return numerator and denominator in s, with the band's frequency at 1 (EQ Cookbook)."""
    a, q = 10 ** (band.gain_db / 40), band.q
    root = np.sqrt(a) / q
    forms = {
        "bell": ([1, a / q, 1], [1, 1 / (a * q), 1]),
        "low_shelf": ([a, a * root, a * a], [a, root, 1]),
        "high_shelf": ([a * a, a * root, a], [1, root, a]),
        "notch": ([1, 0, 1], [1, 1 / q, 1]),
    }
    return forms[band.kind]


def closed_form(band: Band, rate: int, frequencies_hz: Array) -> Array:
    """Return the response in dB: the analog one at the frequencies the bilinear transform maps."""
    warped = np.tan(np.pi * frequencies_hz / rate) / np.tan(np.pi * band.frequency_hz / rate)
    _, spectrum = signal.freqs(*analog_prototype(band), worN=warped)
    magnitudes: Array = 20 * np.log10(np.abs(spectrum) + 1e-300)
    return magnitudes


@pytest.mark.parametrize("node", [highpass, lowpass])
@pytest.mark.parametrize(("slope", "reach"), [(12, 2), (24, 4), (48, 8)])
def test_of_linear_phase_it_turns_nothing_and_reaches_as_far_as_it_says(
    node: Callable[..., Audio], slope: int, reach: float
) -> None:
    at, corner_hz = 40_000, 100.0
    samples = np.zeros(2 * at + 1)
    samples[at] = 1
    click = Audio(samples, RATE)
    heard = node(click, frequency_hz=corner_hz, slope_db_per_octave=slope, phase="linear")
    kernel = heard.samples[0].astype(float)
    np.testing.assert_allclose(kernel, kernel[::-1], atol=1e-7)
    far = round(reach * RATE / corner_hz)
    assert np.abs(kernel[: at - far]).max() < 1e-5
    spectrum = np.fft.rfft(np.roll(kernel, -at))
    assert np.abs(spectrum.imag).max() < 1e-5
    bins = np.fft.rfftfreq(len(kernel), 1 / RATE)
    heard_db = 20 * np.log10(np.abs(np.interp([corner_hz, 50, 200], bins, spectrum.real)))
    assert heard_db[0] == pytest.approx(-3.01, abs=0.05)
    inside = 2 if node is highpass else 1
    # Butterworth, forwards and backwards: an octave into the stop band
    at_octave = 20 * np.log10(1 + (np.sqrt(2) - 1) * 2.0 ** (slope // 6))
    assert heard_db[3 - inside] == pytest.approx(-at_octave, abs=0.1)
    assert heard_db[inside] > -2


@pytest.mark.parametrize("node", [highpass, lowpass])
@pytest.mark.parametrize("corner_hz", [0.5, 20.0, 3920.0, 3999.0])
@pytest.mark.parametrize("slope", [12, 96])
def test_of_linear_phase_a_sound_is_filtered_as_if_silence_went_on_around_it(
    node: Callable[..., Audio], corner_hz: float, slope: int
) -> None:
    random = np.random.default_rng(7)
    part = (0.3 + random.normal(0, 0.1, 500)).astype(np.float32)
    around = np.zeros(240_000, np.float32)
    options: dict[str, Any] = {"frequency_hz": corner_hz, "slope_db_per_octave": slope}
    alone = node(Audio(part, 8000), phase="linear", **options)
    within = node(Audio(np.concatenate([around, part, around]), 8000), phase="linear", **options)
    # the filter is symmetric, so that the same turned round is the same
    turned = node(Audio(part[::-1].copy(), 8000), phase="linear", **options)
    expected = within.samples[:, len(around) : -len(around)]
    np.testing.assert_allclose(alone.samples, expected, atol=2e-6)
    np.testing.assert_allclose(alone.samples[:, ::-1], turned.samples, atol=2e-6)


@pytest.mark.parametrize("node", [highpass, lowpass])
@pytest.mark.parametrize("corner_hz", [1e-310, 1e-12, float(np.nextafter(4000, 0))])
def test_corners_at_the_ends_of_what_there_is_are_filters_too(
    node: Callable[..., Audio], corner_hz: float
) -> None:
    audio = Audio(np.random.default_rng(7).normal(0, 0.1, 400), 8000)
    heard = node(audio, frequency_hz=corner_hz, slope_db_per_octave=48, phase="linear")
    passed = (node is highpass) == (corner_hz < 1)
    np.testing.assert_allclose(heard.samples, audio.samples if passed else 0, atol=1e-4)


def test_filtered_stems_of_linear_phase_add_up_with_what_was_not_filtered(excerpt: Audio) -> None:
    low = lowpass(excerpt, frequency_hz=2000.0, phase="linear")
    high = excerpt.with_samples(excerpt.samples - low.samples)
    # of no phase: what is taken away is what a high-pass leaves, nowhere more than there was
    spectra = [np.abs(np.fft.rfft(one.samples[0].astype(float))) for one in (high, excerpt)]
    loud = spectra[1] > spectra[1].max() / 100
    assert (spectra[0][loud] <= spectra[1][loud] * 1.01).all()


def test_slopes_that_there_are_not_of_linear_phase_are_refused() -> None:
    with pytest.raises(ParamError, match="96 dB per octave, not 18"):
        highpass(CLICK, frequency_hz=100.0, slope_db_per_octave=18, phase="linear")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gain_db", [-18.0, 6.0])
def test_a_band_has_the_response_of_its_closed_form(kind: Kind, gain_db: float) -> None:
    band = Band(kind=kind, frequency_hz=1000.0, gain_db=gain_db, q=0.9)
    measured = response(eq(CLICK, bands=[band]), FREQUENCIES)
    np.testing.assert_allclose(measured, closed_form(band, RATE, FREQUENCIES), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_band_filters_as_scipys_bilinear_transform_of_the_prototype(
    kind: Kind, excerpt: Audio
) -> None:
    band = Band(kind=kind, frequency_hz=2500.0, gain_db=9.0, q=1.3)
    warp = np.tan(np.pi * 2500 / excerpt.sample_rate)
    b, a = signal.bilinear(*analog_prototype(band), fs=1 / (2 * warp))
    expected = excerpt.with_samples(signal.lfilter(b, a, excerpt.samples.astype(float), axis=1))
    assert difference_db(eq(excerpt, bands=[band]), expected) < -120


@settings(max_examples=examples(25))
@given(
    kind=st.sampled_from(KINDS[:3]),
    position=st.floats(0.02, 0.45),
    gain_db=st.floats(-24, 24),
    q=st.floats(0.3, 8),
    rate=st.sampled_from([8000, 44_100, 192_000]),
)
def test_gain_at_the_centre_and_at_the_ends_is_what_was_asked(
    kind: Kind, position: float, gain_db: float, q: float, rate: int
) -> None:
    centre_hz = position * rate
    band = Band(kind=kind, frequency_hz=centre_hz, gain_db=gain_db, q=q)
    heard = eq(impulse(frames=8192, rate=rate), bands=[band])
    low, centre, high = response(heard, np.array([0.0, centre_hz, rate / 2]))
    expected = {
        "bell": (0.0, gain_db, 0.0),
        "low_shelf": (gain_db, gain_db / 2, 0.0),
        "high_shelf": (0.0, gain_db / 2, gain_db),
    }
    np.testing.assert_allclose((low, centre, high), expected[kind], atol=2e-3)


def test_a_notch_takes_its_frequency_out_and_leaves_the_rest() -> None:
    heard = eq(CLICK, bands=[Band(kind="notch", frequency_hz=1000.0, q=10.0)])
    depth, below, above = response(heard, np.array([1000.0, 500.0, 2000.0]))
    assert depth < -120
    assert below == pytest.approx(above, abs=0.01)
    assert -0.05 < above < 0
    # the width between the -3 dB points is the centre over q, but for the bilinear transform
    near = np.linspace(900, 1100, 401)
    inside = near[response(heard, near) < decibels(np.sqrt(0.5))]
    assert inside[-1] - inside[0] == pytest.approx(100, abs=1)


def test_bands_add_up_in_decibels() -> None:
    bands = [
        Band(kind="low_shelf", frequency_hz=200.0, gain_db=-6.0),
        Band(frequency_hz=1000.0, gain_db=4.0, q=2.0),
        Band(frequency_hz=1100.0, gain_db=-3.0, q=4.0),
        Band(kind="high_shelf", frequency_hz=8000.0, gain_db=5.0),
    ]
    together = response(eq(CLICK, bands=bands), FREQUENCIES)
    alone = sum(response(eq(CLICK, bands=[band]), FREQUENCIES) for band in bands)
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_a_cut_undoes_the_boost(excerpt: Audio) -> None:
    up = Band(frequency_hz=800.0, gain_db=12.0, q=2.0)
    down = up.model_copy(update={"gain_db": -12.0})
    assert difference_db(eq(excerpt, bands=[up, down]), excerpt) < -120
    assert difference_db(eq(eq(excerpt, bands=[up]), bands=[down]), excerpt) < -120


def test_bands_of_0_db_and_no_bands_leave_every_sample(excerpt: Audio) -> None:
    flat = [Band(kind=kind, frequency_hz=900.0, gain_db=0.0) for kind in KINDS if kind != "notch"]
    assert eq(excerpt, bands=flat) == excerpt
    assert eq(excerpt, bands=[]) == excerpt


def butterworth(kind: str, order: int, corner_hz: float, frequencies_hz: Array) -> Array:
    ratio = np.tan(np.pi * frequencies_hz / RATE) / np.tan(np.pi * corner_hz / RATE)
    power = ratio ** (2 * order if kind == "lowpass" else -2 * order)
    magnitudes: Array = -10 * np.log10(1 + power)
    return magnitudes


@pytest.mark.parametrize("slope", [6, 12, 18, 24, 36, 48, 96])
@pytest.mark.parametrize("kind", ["highpass", "lowpass"])
def test_pass_filters_are_butterworth(kind: str, slope: int) -> None:
    node = highpass if kind == "highpass" else lowpass
    heard = node(CLICK, frequency_hz=1000.0, slope_db_per_octave=slope)
    expected = butterworth(kind, slope // 6, 1000.0, FREQUENCIES)
    audible = expected > -80
    measured = response(heard, FREQUENCIES)
    np.testing.assert_allclose(measured[audible], expected[audible], atol=0.01)
    assert measured[~audible].max(initial=-np.inf) < -79
    corner = response(heard, np.array([1000.0]))[0]
    assert corner == pytest.approx(-3.0103, abs=1e-3)


@pytest.mark.parametrize("slope", range(6, 54, 6))
@pytest.mark.parametrize("kind", ["highpass", "lowpass"])
def test_the_slope_is_what_was_asked(kind: str, slope: int) -> None:
    # far from the corner, where the curve is straight, and far from Nyquist, which bends it
    rate, corner_hz = 192_000, 200.0
    octaves = np.array([60 / slope, 60 / slope + 1]) if slope > 12 else np.array([3.0, 4.0])
    frequencies = corner_hz * 2.0 ** (octaves if kind == "lowpass" else -octaves)
    node = highpass if kind == "highpass" else lowpass
    click = impulse(frames=32_768, rate=rate)
    heard = node(click, frequency_hz=corner_hz, slope_db_per_octave=slope)
    nearer, farther = response(heard, frequencies)
    assert nearer - farther == pytest.approx(slope * decibels(2) / 6, rel=0.02)


@pytest.mark.parametrize("order", [1, 2, 4, 8])
@pytest.mark.parametrize("node", [highpass, lowpass])
def test_pass_filters_turn_phases_as_analog_ones_do(node: Callable[..., Audio], order: int) -> None:
    heard = node(CLICK, frequency_hz=1000.0, slope_db_per_octave=6 * order)
    turns = np.exp(-2j * np.pi * 1000 / RATE * np.arange(heard.frames))
    at_the_corner = np.sum(heard.samples[0] * turns)
    # of a Butterworth filter, 45 degrees for each order: ahead of a high-pass, behind a low-pass
    expected = (1 if node is highpass else -1) * order * np.pi / 4
    assert abs(at_the_corner / abs(at_the_corner) - np.exp(1j * expected)) < 2e-3


def test_filters_have_no_delay_and_do_not_ring_ahead() -> None:
    late = impulse(frames=2000, at=1000)
    for heard in (
        eq(late, bands=[Band(frequency_hz=3000.0, gain_db=6.0)]),
        highpass(late, frequency_hz=100.0),
        lowpass(late, frequency_hz=8000.0),
    ):
        assert not heard.samples[:, :1000].any()
        assert heard.samples[0, 1000] != 0


def test_channels_are_filtered_alike_and_apart() -> None:
    samples = np.zeros((6, 4000))
    samples[3, 0] = 1.0
    heard = lowpass(Audio(samples, RATE), frequency_hz=500.0)
    alone = lowpass(impulse(frames=4000), frequency_hz=500.0)
    np.testing.assert_array_equal(heard.samples[3], alone.samples[0])
    assert not np.delete(heard.samples, 3, axis=0).any()


@pytest.mark.parametrize("frequency_hz", [4000.0, 4000.5, 20_000.0])
def test_a_frequency_that_the_rate_cannot_hold_is_an_error_that_says_so(
    frequency_hz: float,
) -> None:
    audio = Audio(np.zeros((2, 100)), 8000)
    told = rf"{frequency_hz:g} Hz is not below 4000 Hz, half the sample rate .*8000 Hz"
    with pytest.raises(NodeError, match=told):
        highpass(audio, frequency_hz=frequency_hz)
    with pytest.raises(NodeError, match=told):
        lowpass(audio, frequency_hz=frequency_hz)
    with pytest.raises(NodeError, match=told):
        eq(audio, bands=[Band(frequency_hz=frequency_hz, gain_db=3.0)])


@pytest.mark.parametrize("slope", [0, 5, 7, 102])
def test_a_slope_that_no_filter_has_is_refused(slope: int) -> None:
    with pytest.raises(ParamError, match="slope_db_per_octave"):
        lowpass(CLICK, frequency_hz=1000.0, slope_db_per_octave=slope)


def test_extreme_corners_stay_stable(excerpt: Audio) -> None:
    loud = np.abs(excerpt.samples).max()
    for frequency_hz in (0.001, 1.0, 22_049.0):
        low = lowpass(excerpt, frequency_hz=frequency_hz, slope_db_per_octave=96)
        high = highpass(excerpt, frequency_hz=frequency_hz, slope_db_per_octave=96)
        assert np.abs(low.samples).max() < 2 * loud
        assert np.abs(high.samples).max() < 2 * loud


def test_rumble_goes_and_the_music_stays(groove: Audio) -> None:
    record = degradations.with_rumble(groove, level_db=0.0)
    filtered = highpass(groove, frequency_hz=30.0, slope_db_per_octave=24)
    heard = highpass(record, frequency_hz=30.0, slope_db_per_octave=24)
    # the filter turns the phase of the bass: what is left of the rumble is told beside it;
    # most of that lies above the 30 Hz
    assert si_sdr_db(heard, filtered) > si_sdr_db(record, groove) + 11
