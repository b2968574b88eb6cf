"""What a page plays: copies of its sounds, and by how much each is raised or lowered."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio
from resonate_graph._page import copies
from resonate_graph._page.player import Track, player
from resonate_graph._page.terms import explained
from tests.signals import white_noise

RATE = 8000


def told(*tracks: Track) -> list[dict[str, Any]]:
    """Return what the player's script is told of each track."""
    (text,) = re.findall(
        '<script type="application/json">(.*?)</script>', player(tracks, folder=None), re.DOTALL
    )
    found: list[dict[str, Any]] = json.loads(text)["tracks"]
    return found


def gains(*tracks: Track) -> list[float]:
    return [one["gain_db"] for one in told(*tracks)]


def sound(channels: int = 1, rate: int = RATE) -> Audio:
    return white_noise(seconds=0.5, rate=rate, channels=channels, seed=1)


def test_what_is_lost_of_a_short_sound_lies_98_db_below_its_highest_sample() -> None:
    quiet = sound(2).with_samples(sound(2).samples * np.float32(0.01))
    peak = float(abs(quiet.samples).max())
    planned = copies.plan(quiet, peak, copies.LOSSLESS_MINUTES)
    (piece,) = copies.pieces(quiet, planned)
    assert soundfile.info(io.BytesIO(piece)).format == "FLAC"
    codes, rate = soundfile.read(io.BytesIO(piece), dtype="int16")
    lost = codes.T * (peak / 32_767) - quiet.samples
    assert rate == RATE
    assert 20 * np.log10(np.sqrt(np.mean(lost**2)) / peak) < -98


@pytest.mark.parametrize(("minutes", "codec"), [(9.9, "flac"), (10.1, "mp3")])
def test_longer_sounds_are_compressed(minutes: float, codec: str) -> None:
    samples = np.broadcast_to(np.float32(0), (1, round(minutes * 60 * RATE)))
    assert copies.plan(Audio(samples, RATE), 1.0, copies.LOSSLESS_MINUTES).codec == codec


def test_more_than_two_channels_are_folded_and_odd_rates_are_only_seen() -> None:
    (six,) = told(Track("six", "Six", sound=sound(6)))
    assert (six["channels"], six["copy"]["codec"]) == (2, "flac")
    slow, fast = told(
        Track("slow", "Slow", sound=sound(rate=2999)),
        Track("fast", "Fast", sound=sound(rate=384_001)),
    )
    assert (slow["copy"], fast["copy"]) == (None, None)


def test_all_come_to_the_loudness_of_the_loudest_where_peaks_allow_it() -> None:
    loud = Track("loud", "Loud", sound=sound(), lufs=-14.0, true_peak_dbtp=-1.0)
    quiet = Track("quiet", "Quiet", sound=sound(), lufs=-20.0, true_peak_dbtp=-9.0)
    assert gains(loud, quiet) == [0.0, 6.0]
    peaky = Track("peaky", "Peaky", sound=sound(), lufs=-30.0, true_peak_dbtp=-5.0)
    assert gains(loud, quiet, peaky) == [-11.0, -5.0, 5.0]  # no further than to full scale
    taken = Track("taken", "Taken out", sound=sound(), level_as="quiet")
    assert gains(loud, quiet, taken) == [0.0, 6.0, 6.0]


def test_stems_are_raised_together_by_the_loudness_of_their_sum() -> None:
    one, two = (white_noise(seconds=1, rate=RATE, seed=seed) for seed in (1, 2))
    mix = Track("mix", "Mix", sound=one.with_samples(one.samples + two.samples))
    stems = [Track("a", "A", sound=one, group="s"), Track("b", "B", sound=two, group="s")]
    assert gains(mix, *stems) == pytest.approx([0.0, 0.0, 0.0], abs=0.02)


def test_terms_are_explained_where_they_stand_first() -> None:
    known: set[str] = set()
    first = explained("<p>-14 LUFS</p>", known)
    assert first.count("LUFS") > 1
    assert explained("<p>-15 LUFS</p>", known) == "<p>-15 LUFS</p>"
