"""Loudness over time against ffmpeg's meter, and against the loudness of the whole."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes import loudness_over_time, measure_loudness
from tests.tools import needs


@needs("ffmpeg")
def test_each_tenth_of_a_second_is_as_ffmpeg_measures_it(excerpt: Audio, tmp_path: Path) -> None:
    sound = Audio(np.tile(excerpt.samples, 6)[:, : 8 * excerpt.sample_rate], excerpt.sample_rate)
    file = str(sound.save(tmp_path / "a.wav"))
    command = ["ffmpeg", "-nostats", "-loglevel", "verbose", "-i", file,
               "-af", "ebur128=framelog=verbose", "-f", "null", "-"]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    lines = re.findall(r"t: ([\d.]+)\s.*?M:\s*(-?[\d.]+)\s+S:\s*(-?[\d.]+)", said)
    report = loudness_over_time(sound)
    for column, seconds, values, start in (
        (1, 0.4, report.momentary_lufs, report.momentary_start_seconds),
        (2, 3.0, report.short_term_lufs, report.short_term_start_seconds),
    ):
        meter = {round(float(one[0]), 1): float(one[column]) for one in lines}
        ends = [start + at * report.step_seconds + seconds / 2 for at in range(len(values))]
        theirs = [meter[round(end, 1)] for end in ends if round(end, 1) in meter]
        ours = [one for end, one in zip(ends, values, strict=True) if round(end, 1) in meter]
        assert len(ours) > 40
        assert ours == pytest.approx(theirs, abs=0.11)  # it says one decimal


def test_silence_and_short_sounds_have_their_places(excerpt: Audio) -> None:
    rate = excerpt.sample_rate
    report = loudness_over_time(Audio(np.zeros((2, 4 * rate)), rate))
    assert set(report.momentary_lufs) == set(report.short_term_lufs) == {None}
    short = excerpt.with_samples(excerpt.samples[:, : rate // 5])
    report = loudness_over_time(short)
    assert (report.momentary_start_seconds, report.short_term_lufs) == (0.1, ())
    (momentary,) = report.momentary_lufs
    assert momentary == pytest.approx(measure_loudness(short).max_momentary_lufs, abs=0.006)
    assert loudness_over_time(Audio(np.zeros((1, 0)), rate)).momentary_lufs == ()
