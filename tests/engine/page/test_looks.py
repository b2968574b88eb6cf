"""How sounds look: what is in them is at its place, however long they are."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread
from numpy.typing import NDArray

from resonate_graph import Audio, InputError
from resonate_graph._page.looks import Spectrum, peaks, spectrum
from resonate_graph._page.player import Track, ready
from tests.signals import joined, sine, white_noise

RATE = 48_000


def brightness(seen: Spectrum) -> NDArray[Any]:
    """How bright each pixel is; the lowest frequency first."""
    colours: NDArray[Any] = imread(io.BytesIO(seen.png), format="png")[::-1, :, :3].mean(axis=2)
    return colours


def loudest_hertz(seen: Spectrum) -> float:
    rows = brightness(seen).mean(axis=1)
    brightest = np.flatnonzero(rows > rows.max() - 0.001)  # a band may be several rows high
    place = (brightest.mean() + 0.5) / len(rows)
    return float(seen.low_hz * (seen.high_hz / seen.low_hz) ** place)


def extremes(audio: Audio) -> NDArray[np.float64]:
    """Lowest and highest of each column, as amplitudes."""
    seen = peaks(audio)
    return np.frombuffer(seen.values, np.int8).reshape(-1, 2) / 127 * seen.reach


@pytest.mark.parametrize("frequency_hz", [50, 440, 6000])
@pytest.mark.parametrize("seconds", [0.5, 100])
def test_a_tone_lies_at_its_frequency(frequency_hz: float, seconds: float) -> None:
    seen = spectrum(sine(frequency_hz, seconds=seconds, rate=RATE))
    assert loudest_hertz(seen) == pytest.approx(frequency_hz, rel=0.1)
    assert (seen.low_hz, seen.high_hz) == pytest.approx((20, RATE / 2))


def test_the_same_level_has_the_same_colour_in_every_picture() -> None:
    def tone(frequency_hz: float, level_db: float) -> Audio:
        return sine(frequency_hz, rate=RATE, amplitude=10 ** (level_db / 20))

    bright = [brightness(spectrum(tone(1000, level))).max() for level in (0, -20, -60, -100)]
    assert bright == sorted(bright, reverse=True)
    after_a_loud_one = joined(tone(3000, 0), tone(1000, -40))
    alone = joined(tone(1000, -40), tone(1000, -40))
    first, second = (brightness(spectrum(one)) for one in (after_a_loud_one, alone))
    np.testing.assert_array_equal(first[:, -200:-100], second[:, -200:-100])


def test_channels_are_shown_by_their_mean_power() -> None:
    tone = sine(1000, seconds=1.0, rate=RATE).samples
    against = Audio(np.concatenate([tone, -tone]), RATE)
    both = Audio(np.concatenate([tone, tone]), RATE)
    assert spectrum(against) == spectrum(both)


def test_a_picture_is_as_long_as_its_sound_says() -> None:
    """The right edge may lie beyond the end of the sound, by less than a column."""
    for seconds in (0.013, 1.7, 301.3):
        seen = spectrum(white_noise(seconds=seconds, rate=RATE))
        columns = brightness(seen).shape[1]
        assert seconds <= seen.seconds < seconds + seen.seconds / columns


def test_a_click_in_a_long_recording_is_in_its_column_with_its_level() -> None:
    samples = np.zeros((2, 300 * RATE), np.float32)
    samples[1, 150 * RATE] = 0.9
    seen = extremes(Audio(samples, RATE))
    (column,) = np.flatnonzero(seen[:, 1])
    assert column == 150 * RATE // peaks(Audio(samples, RATE)).samples
    assert seen[column, 1] == pytest.approx(0.9, abs=0.01)


def test_no_sample_sticks_out_of_the_waveform() -> None:
    noise = white_noise(seconds=0.4, rate=RATE, channels=2)
    seen, each = extremes(noise), peaks(noise).samples
    for column, (low, high) in enumerate(seen):
        part = noise.samples[:, column * each : (column + 1) * each]
        assert low - 1e-6 <= part.min() <= part.max() <= high + 1e-6
        assert high - part.max() < 0.01 * peaks(noise).reach


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("frames", "rate", "value"),
    [
        (0, 8000, 0.0),
        (1, 8, 3.0),
        (1, 192_000, 0.0),
        (2, 8000, 3.0),
        (1000, 8, 0.0),
        (1000, 192_000, 3.0),
        (5000, 192_000, 0.0),
    ],
)
def test_short_silent_and_loud_ones_can_be_shown(
    frames: int, rate: int, value: float, tmp_path: Path
) -> None:
    odd = Track("odd", "odd", sound=Audio(np.full((3, frames), value), rate))
    shown = ready(odd, tmp_path)
    assert imread(shown.picture(tmp_path)).ndim == 3
    assert shown.data["frames"] == frames
    assert (shown.data["copy"] is not None) == (frames > 0 and rate > 8)


def test_a_file_is_seen_as_its_samples_are(tmp_path: Path) -> None:
    noise = white_noise(seconds=2.0, rate=RATE, channels=2)
    noise.save(tmp_path / "noise.wav")
    named = Track("x", "x", "noise.wav")
    given = Track("x", "x", "noise.wav", noise)
    shown = [ready(one, place).data for one, place in
             ((named, tmp_path), (given, tmp_path / "elsewhere"))]  # fmt: skip
    assert shown[0]["peaks"] == shown[1]["peaks"]
    assert shown[0]["lufs"] == shown[1]["lufs"]
    inside = Track("x", "x", (tmp_path / "noise.wav").read_bytes())
    assert ready(inside, None).data["peaks"] == shown[0]["peaks"]
    with pytest.raises(InputError, match="no such file"):
        ready(Track("x", "x", "missing.wav"), tmp_path)


def test_a_long_file_takes_little_memory(tmp_path: Path) -> None:
    rate, minutes = 8000, 12
    soundfile.write(tmp_path / "long.flac", np.zeros((minutes * 60 * rate, 1), np.int16), rate)
    long = Track("long", "long", "long.flac", lufs=-20.0, true_peak_dbtp=-1.0)
    tracemalloc.start()
    try:
        ready(long, tmp_path)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < minutes * 60 * rate * 4 / 2
