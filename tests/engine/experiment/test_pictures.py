"""Pictures show what is in a sound, at the right place, however long it is."""

from __future__ import annotations

import io
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread
from numpy.typing import NDArray

from resonate_graph import Audio, InputError
from resonate_graph._experiment.pictures import HEIGHT, WIDTH, picture
from tests.processes import end_of, start_python
from tests.signals import joined, sine, white_noise

RATE = 48_000
LOWEST_HZ, HIGHEST_HZ = 20, RATE / 2


def pixels(png: bytes) -> NDArray[Any]:
    """The red, green and blue of each pixel, from 0 to 1."""
    colours: NDArray[Any] = imread(io.BytesIO(png), format="png")[:, :, :3]
    return colours


def part(
    png: bytes, top: float, bottom: float, left: float = 0.115, right: float = 0.845
) -> NDArray[Any]:
    """The pixels between some fractions of height and width."""
    seen = pixels(png)
    rows, columns, _ = seen.shape
    return seen[
        round(top * rows) : round(bottom * rows), round(left * columns) : round(right * columns)
    ]


def spectrogram(png: bytes) -> NDArray[Any]:
    """How bright the spectrogram is; the lowest frequency first."""
    brightness: NDArray[Any] = part(png, 0.345, 0.875).mean(axis=2)
    return brightness[::-1]


def loudest_hertz(png: bytes) -> float:
    """The frequency that is brightest over all."""
    seen = spectrogram(png).mean(axis=1)
    rows = np.flatnonzero(seen > seen.max() - 0.001)  # a band may be several rows high
    inside = (float(rows.mean()) + 0.5) / len(seen)
    place = (inside * 0.53 + 0.005) / 0.54  # the frame is left out of what is seen
    return float(LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** place)


@pytest.mark.parametrize("frequency_hz", [50, 440, 6000])
@pytest.mark.parametrize("seconds", [0.5, 100])
def test_a_tone_lies_at_its_frequency(frequency_hz: float, seconds: float) -> None:
    tone = sine(frequency_hz, seconds=seconds, rate=RATE)
    assert loudest_hertz(picture(tone, "tone")) == pytest.approx(frequency_hz, rel=0.1)


def test_the_same_level_has_the_same_colour_in_every_picture() -> None:
    def tone(frequency_hz: float, level_db: float) -> Audio:
        return sine(frequency_hz, rate=RATE, amplitude=10 ** (level_db / 20))

    levels = (0, -20, -60, -100)
    bright = [spectrogram(picture(tone(1000, level), "x")).max() for level in levels]
    assert bright == sorted(bright, reverse=True)
    after_a_loud_one = joined(tone(3000, 0), tone(1000, -40))
    alone = joined(tone(1000, -40), tone(1000, -40))
    first, second = (spectrogram(picture(one, "x")) for one in (after_a_loud_one, alone))
    np.testing.assert_array_equal(first[:, -200:-100], second[:, -200:-100])


def test_channels_are_shown_by_their_mean_power() -> None:
    tone = sine(1000, seconds=1.0, rate=RATE).samples
    against = Audio(np.concatenate([tone, -tone]), RATE)
    both = Audio(np.concatenate([tone, tone]), RATE)
    np.testing.assert_array_equal(pixels(picture(against, "x")), pixels(picture(both, "x")))


def test_a_click_in_a_long_recording_is_seen() -> None:
    samples = np.zeros((2, 300 * RATE), np.float32)
    samples[1, 150 * RATE] = 0.9
    wave = part(picture(Audio(samples, RATE), "click"), 0.10, 0.19)
    blue = np.flatnonzero((wave[:, :, 2] - wave[:, :, 0] > 0.2).any(axis=0))
    assert len(blue) >= 1
    assert np.abs(blue / wave.shape[1] - 0.5).max() < 0.02


def test_a_file_is_seen_as_its_samples_are(tmp_path: Path) -> None:
    noise = white_noise(seconds=20.0, rate=RATE, channels=2)
    path = noise.save(tmp_path / "noise.wav")
    assert picture(path, "noise") == picture(noise, "noise")
    with pytest.raises(InputError, match="no such file"):
        picture(tmp_path / "missing.wav", "missing")


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
        (5000, 8000, 3.0),
    ],
)
def test_short_silent_and_loud_ones_have_a_picture(frames: int, rate: int, value: float) -> None:
    seen = pixels(picture(Audio(np.full((3, frames), value), rate), "$odd$ title"))
    assert math.isclose(seen.shape[1] / seen.shape[0], WIDTH / HEIGHT)


LONG = """
import resource, sys
from pathlib import Path
from resonate_graph._experiment.pictures import picture
picture(Path(sys.argv[1]), "long")
status = Path("/proc/self/status")  # of this program alone; the other figure may be its parent's
if status.exists():
    print(next(line.split()[1] for line in status.read_text().splitlines() if "VmHWM" in line))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_half_an_hour_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 44100, 2) as file:
        for _ in range(30):
            file.write(np.zeros((60 * 44100, 2), np.int16))
    ended = end_of(start_python(LONG, path))
    assert ended.code == 0, ended.err
    assert int(ended.out) * (1 if sys.platform == "darwin" else 1024) < 500e6
