"""Loudness of files whose channel mask says what the channels are, against ffmpeg's meter."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from resonate_graph import Audio, ResonateWarning, read_audio
from resonate_nodes import measure_loudness, normalize_loudness
from tests.depth import sampled
from tests.tools import needs

RATE = 48_000


def surround(layout: str) -> Audio:
    """Return noise in each channel at a level of its own, and a low tone in the LFE."""
    speakers = Audio(np.zeros((_channels(layout), 1)), RATE, layout).speakers or ()
    time = np.arange(2 * RATE) / RATE
    draw = np.random.default_rng(4)
    channels = [
        10 ** (-10 / 20) * np.sin(2 * np.pi * 60 * time)
        if speaker == "LFE"
        else 10 ** (-(24 + 1.7 * index) / 20) * draw.standard_normal(len(time))
        for index, speaker in enumerate(speakers)
    ]
    return Audio(np.stack(channels), RATE, layout)


def _channels(layout: str) -> int:
    return 1 + layout.count("+") if "+" in layout else sum(map(int, layout[:3].split(".")))


def lufs_by_ffmpeg(path: Path) -> float:
    command = ["ffmpeg", "-nostats", "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])


@needs("ffmpeg")
@pytest.mark.parametrize(
    "layout",
    ["2.1", "3.0", "3.1", "4.0", "4.1", "5.0", "5.0(side)", "5.1", "5.1(side)", "6.0",
     "FL+FR+BL+BR", "FL+FR+SL+SR", "FL+FR+LFE+BC"],
)  # fmt: skip
@sampled(3)
def test_up_to_six_channels_measure_as_ffmpeg_measures_them(tmp_path: Path, layout: str) -> None:
    path = surround(layout).save(tmp_path / "a.wav")
    found = measure_loudness(read_audio(path))
    assert found.integrated_lufs == pytest.approx(lufs_by_ffmpeg(path), abs=0.06)
    normalized = normalize_loudness(read_audio(path), target_lufs=-23.0)
    assert normalized.layout == read_audio(path).layout
    path = normalized.save(tmp_path / "b.wav")
    assert lufs_by_ffmpeg(path) == pytest.approx(-23.0, abs=0.11)


@pytest.mark.parametrize(
    ("channels", "guess"), [(3, "3.0"), (4, "quad"), (5, "5.0"), (6, "5.1"), (7, "6.1"), (8, "7.1")]
)
def test_what_a_file_does_not_say_is_guessed_aloud(channels: int, guess: str) -> None:
    noise = 0.01 * np.random.default_rng(1).standard_normal((channels, RATE))
    with pytest.warns(ResonateWarning, match=f"the {channels} channels are; they are taken for"):
        report = measure_loudness(Audio(noise, RATE))
    assert (report.layout, report.layout_guessed) == (guess, True)
    said = measure_loudness(Audio(noise, RATE, guess))
    assert said.integrated_lufs == report.integrated_lufs
    with pytest.warns(ResonateWarning, match=re.escape(f"taken for {guess} (FL FR")):
        normalize_loudness(Audio(noise, RATE), target_lufs=-30.0)
