"""Pictures show what is in a sound, at the right place, and are the same bytes each time."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from resonate_graph import Audio, File, NodeError
from resonate_nodes import (
    denoise,
    gain,
    measure_loudness,
    plot_compare,
    plot_loudness,
    plot_spectrogram,
    plot_waveform,
)
from tests import degradations
from tests.depth import sampled, thorough
from tests.signals import joined, sine, white_noise

Plot = Callable[[Audio], File]
PLOTS: dict[str, Plot] = {
    "plot_waveform": plot_waveform,
    "plot_spectrogram": plot_spectrogram,
    "plot_loudness": plot_loudness,
    "plot_compare": lambda audio: plot_compare(audio, audio),
}
every_plot = pytest.mark.parametrize("name", PLOTS)

#: Where the panels of one channel lie, in parts of the width of the picture.
LEFT, RIGHT = 0.085, 0.9


def pixels(file: File) -> NDArray[Any]:
    """The red, green and blue of each pixel, from 0 to 1."""
    seen: NDArray[Any] = imread(io.BytesIO(file.content), format="png")[:, :, :3]
    return seen


def panels(file: File, count: int) -> list[NDArray[Any]]:
    """The pixels inside each panel: what long dark lines enclose."""
    seen = pixels(file)
    columns = seen.shape[1]
    inside = seen[:, round(LEFT * columns) + 4 : round(RIGHT * columns) - 4]
    framed = (inside.max(axis=2) < 0.35).mean(axis=1) > 0.99
    rows = np.flatnonzero(framed)
    edges = rows[np.flatnonzero(np.diff(rows, prepend=-10) > 1)]
    starts = [row for row in edges if row + 20 < len(seen)]
    assert len(starts) >= 2 * count
    return [inside[starts[2 * index] + 3 : starts[2 * index + 1] - 3] for index in range(count)]


def spectrum_panels(file: File, count: int, heights: float) -> list[NDArray[Any]]:
    """The pixels of spectrogram panels, whose black may run into their frames."""
    seen = pixels(file)
    top, gap, height = 0.62 * 130, 0.12 * 130, heights * 130
    columns = slice(round(LEFT * seen.shape[1]) + 2, round(RIGHT * seen.shape[1]) - 2)
    return [
        seen[round(top + index * (height + gap)) + 3 : round(top + index * (height + gap) + height)
             - 3, columns]
        for index in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("frequency_hz", "seconds"), [(50, 0.5), (440, 0.5), (6000, 0.5), (50, 100), (6000, 100)]
)
@sampled(1)
def test_a_tone_lies_at_its_frequency(frequency_hz: float, seconds: float) -> None:
    file = plot_spectrogram(sine(frequency_hz, seconds=seconds))
    (panel,) = spectrum_panels(file, 1, 4.2)
    rows = panel[:, 300:].mean(axis=(1, 2))[::-1]
    loudest = np.flatnonzero(rows > 0.995 * rows.max()).mean() / len(rows)
    assert 20 * (24_000 / 20) ** loudest == pytest.approx(frequency_hz, rel=0.1)


def test_each_channel_has_its_panel() -> None:
    samples = np.stack([sine(1000).samples[0], 0 * sine(1000).samples[0]])
    left, right = spectrum_panels(plot_spectrogram(Audio(samples, 48_000)), 2, 2.9)
    assert left[:, 300:].max() > 0.9
    assert right[40:, 300:].max() < 0.05
    upper, lower = panels(plot_waveform(Audio(samples, 48_000)), 2)

    def blue(panel: NDArray[Any]) -> float:
        return float((panel[:, :, 2] - panel[:, :, 0] > 0.2).mean())

    assert blue(upper) > 0.5
    assert blue(lower) < 0.02


def test_the_same_level_has_the_same_colour_in_every_picture() -> None:
    def brightest(level_db: float) -> float:
        tone = gain(sine(1000), gain_db=level_db)
        (panel,) = spectrum_panels(plot_spectrogram(tone), 1, 4.2)
        return float(panel[:, 300:].sum(axis=2).max())

    bright = [brightest(level) for level in (0, -20, -60, -100)]
    assert bright == sorted(bright, reverse=True)
    (panel,) = spectrum_panels(plot_spectrogram(joined(sine(3000), gain(sine(1000), gain_db=-60))),
                               1, 4.2)  # fmt: skip
    assert float(panel[:, 600:900].sum(axis=2).max()) == pytest.approx(bright[2], abs=0.02)


def test_a_click_in_a_long_recording_is_seen() -> None:
    samples = np.zeros((1, 300 * 48_000), np.float32)
    samples[0, 150 * 48_000] = 0.9
    (panel,) = panels(plot_waveform(Audio(samples, 48_000)), 1)
    blue = np.flatnonzero((panel[:80, :, 2] - panel[:80, :, 0] > 0.2).any(axis=0))
    assert len(blue) >= 1
    assert np.abs(blue / panel.shape[1] - 0.5).max() < 0.01


def test_what_exceeds_full_scale_is_marked() -> None:
    def red(audio: Audio) -> int:
        seen = pixels(plot_waveform(audio))
        return int(np.count_nonzero(seen[:, :, 0] - seen[:, :, 2] > 0.3))

    assert red(sine(3, amplitude=0.99)) == 0
    assert red(sine(3, amplitude=1.4)) > 1000


def test_the_line_of_integrated_loudness_lies_where_it_is() -> None:
    tone = joined(sine(997, seconds=10, amplitude=0.1), sine(997, seconds=2, amplitude=0.2))
    integrated = measure_loudness(tone).integrated_lufs
    assert integrated is not None
    (panel,) = panels(plot_loudness(tone), 1)
    red = (panel[:, :, 0] - panel[:, :, 2] > 0.3).sum(axis=1)
    row = float(np.flatnonzero(red > 100).mean()) / len(panel)
    # the loudest moment is at -17 LUFS: the axis goes from -35 to -15
    assert -15 - 20 * row == pytest.approx(integrated, abs=0.2)


@thorough
def test_what_was_taken_out_is_blue_and_what_came_is_red(excerpt: Audio) -> None:
    clean = excerpt.with_samples(excerpt.samples[:1, :44_100])
    noisy = degradations.with_hiss(clean, snr_db=15)

    def change(before: Audio, after: Audio) -> tuple[float, float]:
        seen = pixels(plot_compare(before, after))
        last = seen[-round(2.3 * 130) : -round(0.6 * 130), 120:1160]
        tint = last[:, :, 2] - last[:, :, 0]
        return float((tint > 0.1).mean()), float((tint < -0.1).mean())

    blue, red = change(noisy, denoise(noisy, strength=1.0))
    assert blue > 0.3 > 10 * red
    blue, red = change(clean, noisy)
    assert red > 0.3 > 10 * blue
    assert change(clean, clean) == pytest.approx((0, 0), abs=0.01)


def test_what_cannot_be_drawn_is_refused(excerpt: Audio) -> None:
    many = white_noise(channels=17)
    for plot in (plot_waveform, plot_spectrogram):
        with pytest.raises(NodeError, match="room for 16 channels"):
            plot(many)
    with pytest.raises(NodeError, match="rate and length have to match"):
        plot_compare(excerpt, excerpt.with_samples(excerpt.samples[:, 1:]))


@every_plot
@sampled(1)
def test_a_picture_is_the_same_bytes_whatever_happens_beside_it(name: str, excerpt: Audio) -> None:
    import matplotlib

    plot, sound = PLOTS[name], excerpt.with_samples(excerpt.samples[:, :22_050])
    mine: Any = {"font.size": 20, "axes.facecolor": "black", "savefig.dpi": 50, "figure.dpi": 40}
    with matplotlib.rc_context(mine):
        expected = plot(sound)
        assert matplotlib.rcParams["font.size"] == 20
    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(plot, [sound] * 2)) == {expected}
    only_the_picture(expected.content)


def only_the_picture(content: bytes) -> None:
    """Check that nothing else is in a file: no time, no program's name."""
    kinds, place = set(), 8
    while place < len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        kinds.add(kind)
        place += length + 12
    assert kinds <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    assert struct.unpack(">I", content[16:20]) == (1300,)


@pytest.mark.parametrize(
    ("plot", "title"),
    [
        (plot_waveform, "$odd_title^2$ \\frac{1}{2} 日本 🎧"),
        (plot_loudness, ""),
        (plot_spectrogram, "x" * 200),
    ],
)
@sampled(1)
def test_any_title_is_drawn_as_it_is(plot: Callable[..., File], title: str) -> None:
    noise = white_noise(seconds=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        file = plot(noise, title=title)
    assert pixels(file).shape[1] == 1300


@every_plot
@sampled(4)
def test_short_silent_and_loud_ones_have_a_picture(name: str, torture: bool) -> None:
    """Those of no samples and of far too loud ones are drawn by `test_every_node` each time."""
    tried = {1: 3.0, 100: 0.0, **({0: 0.0, 4000: 1e6} if torture else {})}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for frames, value in tried.items():
            assert PLOTS[name](Audio(np.full((2, frames), value), 8000)).suffix == ".png"
