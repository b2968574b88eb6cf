"""An overview says of a sound what computing it all at once says, however it is cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph import Audio, overview
from tests.files import write_sound
from tests.signals import impulse, sine, white_noise


@given(
    frames=st.integers(0, 5000),
    columns=st.integers(1, 300),
    channels=st.integers(1, 3),
    bands=st.sampled_from([0, 7]),
)
def test_extremes_and_levels_are_those_of_the_samples(
    frames: int, columns: int, channels: int, bands: int
) -> None:
    sound = white_noise(seconds=frames / 8000, rate=8000, channels=channels)
    seen = overview(sound, columns=columns, bands=bands)
    edges = np.rint(seen.seconds * 8000).astype(int)
    assert edges[0] == 0
    assert edges[-1] == frames
    assert seen.low.shape == seen.high.shape == seen.mean_square.shape
    assert seen.low.shape == (channels, len(edges) - 1)
    assert len(edges) - 1 <= columns
    assert seen.power.shape == (channels, bands, len(edges) - 1)
    for index, (start, stop) in enumerate(pairwise(edges)):
        part = sound.samples[:, start:stop]
        np.testing.assert_array_equal(seen.low[:, index], part.min(axis=1))
        np.testing.assert_array_equal(seen.high[:, index], part.max(axis=1))
        np.testing.assert_allclose(seen.mean_square[:, index], (part**2).mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("seconds", [0.2, 3.0, 40.0])
@pytest.mark.parametrize("frequency_hz", [50.0, 440.0, 10_000.0])
@pytest.mark.parametrize("scale", ["log", "mel", "linear"])
def test_a_tone_has_its_level_at_its_frequency(
    seconds: float, frequency_hz: float, scale: str
) -> None:
    tone = sine(frequency_hz, seconds=seconds, amplitude=0.1, channels=2)
    seen = overview(tone, columns=200, bands=300, scale=scale)  # type: ignore[arg-type]
    middle = seen.power[1, :, seen.power.shape[2] // 2]
    loudest = int(middle.argmax())
    # a Hann window of 4096 samples has a main lobe of 4 bins, of 12 Hz each
    assert seen.hertz[loudest] - 12 <= frequency_hz <= seen.hertz[loudest + 1] + 12
    assert 10 * np.log10(middle.max()) == pytest.approx(-20, abs=2)


def test_spectra_are_those_of_scipy() -> None:
    from scipy.signal import spectrogram

    noise = white_noise(seconds=1.0, rate=16_000)
    seen = overview(noise, columns=125, bands=32, scale="linear", window_seconds=0.016)
    # 256 samples per window and 128 per column: one window each, centred on where it begins
    padded = np.pad(noise.samples[0], 128)
    hertz, _, power = spectrogram(
        padded, 16_000, "hann", 256, 128, detrend=False, scaling="spectrum"
    )
    inside = [
        (hertz + 31.25 > low) & (hertz - 31.25 <= high)
        for low, high in zip(seen.hertz[:-1], seen.hertz[1:], strict=True)
    ]
    expected = np.stack([2 * power[one].max(axis=0) for one in inside])[:, :125]
    found = seen.power[0]
    # scipy's bins at the edges are those that a band meets; ours leave out the one that ends there
    assert np.mean(np.isclose(found, expected, rtol=1e-3)) > 0.75
    assert (found <= expected * 1.001).all()


def test_a_click_is_in_its_column_alone() -> None:
    click = impulse(frames=48_000, at=24_000)
    seen = overview(click, columns=100)
    assert np.flatnonzero(seen.high[0]).tolist() == [50]


def test_a_file_is_seen_as_its_samples_are(tmp_path: Path) -> None:
    noise = white_noise(seconds=5.0, channels=2)
    path = write_sound(noise, tmp_path / "noise.wav", "FLOAT")
    one, other = (overview(sound, columns=77, bands=50) for sound in (noise, path))
    for name in ("seconds", "low", "high", "hertz"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    # summed in other blocks
    np.testing.assert_allclose(one.mean_square, other.mean_square, rtol=1e-5)
    np.testing.assert_allclose(one.power, other.power, rtol=1e-4, atol=1e-12)


def test_it_reads_and_changes_nothing() -> None:
    silence = Audio(np.zeros((2, 100)), 8)
    seen = overview(silence, bands=5)
    assert not seen.power.any()
    assert seen.sample_rate == 8
