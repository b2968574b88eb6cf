"""Clean sounds that are all onsets: rain, applause, plectra, sticks. None of it is a click."""

from __future__ import annotations

from pathlib import Path

import pytest

from resonate_graph import Audio, read_audio
from resonate_nodes import declick, encode_mp3, gain
from tests import degradations, onsets
from tests.depth import sampled, thorough
from tests.signals import relative_db, si_sdr_db

pytestmark = pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")

# Other ones than those that the network was fitted to.
SEED = 7
# Drops that come singly are short rings at random times, as clicks are: not all are told apart.
NAMES = [name for name in onsets.SOUNDS if name != "soft rain"]


@pytest.mark.parametrize("rate", [44_100, 22_050, 96_000])
@pytest.mark.parametrize("name", NAMES)
@sampled(6)
def test_a_sound_of_onsets_is_left_alone(name: str, rate: int) -> None:
    sound = onsets.SOUNDS[name](rate, SEED)
    assert relative_db(declick(sound), sound) < -60


@pytest.mark.parametrize("name", ["applause", "castanets", "hard plectra", "rain"])
@thorough
def test_so_is_one_from_a_lossy_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sound.mp3"
    path.write_bytes(encode_mp3(onsets.SOUNDS[name](44_100, SEED), bitrate_kbps=96).content)
    sound = read_audio(path)
    assert relative_db(declick(sound), sound) < -60


@pytest.mark.parametrize("gain_db", [-57.0, 3.0])
@thorough
def test_how_loud_it_is_does_not_matter(gain_db: float) -> None:
    sound = gain(onsets.applause(44_100, SEED), gain_db=gain_db)
    assert relative_db(declick(sound), sound) < -60


def test_where_clicks_are_many_the_softer_ones_go_too(groove: Audio) -> None:
    # one that is alone has to be beyond doubt; in company it takes less
    clean = groove.with_samples(groove.samples[:, : 6 * groove.sample_rate])
    for per_second in (1.0, 20.0):
        record = degradations.with_clicks(clean, per_second=per_second)
        assert si_sdr_db(declick(record), clean) > si_sdr_db(record, clean) + 12
