"""The song generator of `examples/mini_model`, as far as it runs without soundfonts."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

from examples.mini_model import sources, synthesis
from examples.mini_model.composition import compose
from examples.mini_model.grooves import FILLS, GROOVES, KIT
from examples.mini_model.make_data import described, is_written
from examples.mini_model.score import MODES, SPLITS, STEMS, Note, Song
from examples.mini_model.tracks import RATE_HZ
from examples.mini_model.voices import REGISTERS


@pytest.fixture(scope="module")
def songs() -> list[Song]:
    return [compose(split, number) for split in SPLITS for number in range(15)]


def test_the_same_seed_gives_the_same_song_and_another_gives_another() -> None:
    assert compose("train", 3) == compose("train", 3)
    assert compose("train", 3) != compose("train", 4)
    assert compose("train", 3).parts != compose("test", 3).parts


def test_a_song_does_not_depend_on_the_songs_written_before() -> None:
    alone = compose("valid", 7)
    for number in range(7):
        compose("valid", number)
    assert compose("valid", 7) == alone


def check_notes(song: Song) -> None:
    assert {part.stem for part in song.parts} <= set(STEMS)
    assert set(song.scale) == {(song.tonic + step) % 12 for step in MODES[song.mode]}
    for part in song.parts:
        for note in part.notes:
            assert 0 <= note.start < song.seconds
            assert note.duration > 0
            assert 0 < note.velocity <= 1
            assert 0 < note.pitch < 128
        pitches = [note.pitch for note in part.notes]
        if part.stem == "drums" or part.player == "loop":
            continue
        assert {round(pitch) % 12 for pitch in pitches} <= set(song.scale)
        if part.stem == "bass":
            assert all(24 <= pitch <= 64 for pitch in pitches)
        if part.stem == "vocals" and not part.details.get("behind"):
            lowest, highest = REGISTERS[str(part.details["register"])]
            assert all(lowest <= pitch <= highest for pitch in pitches)


def test_notes_are_within_the_song_in_key_and_in_range(songs: list[Song]) -> None:
    for song in songs:
        check_notes(song)


def test_a_voice_sings_one_note_at_a_time(songs: list[Song]) -> None:
    voices = [part for song in songs for part in song.parts if part.stem == "vocals"]
    for part in voices:
        if part.player != "loop":
            for note, following in zip(part.notes, part.notes[1:], strict=False):
                assert note.start + note.duration <= following.start + 1e-9


def test_songs_vary(songs: list[Song]) -> None:
    assert len({song.groove for song in songs}) > 20
    assert len({song.mode for song in songs}) >= 5
    assert {song.meter for song in songs} == {"4/4", "3/4", "6/8"}
    assert {part.stem for song in songs for part in song.parts} == set(STEMS)
    tempi = [song.tempo for song in songs]
    assert min(tempi) < 80
    assert max(tempi) > 160


def test_no_two_splits_share_an_instrument_a_loop_or_a_speaker() -> None:
    def instruments(split: str) -> set[str]:
        palette = sources.palette(split)
        fonts = [*palette.basses, *palette.voices, *palette.speech]
        fonts += [name for names in palette.others.values() for name in names]
        loops = [*palette.drum_loops, *palette.bass_tones, *palette.pitched_loops]
        fonts += [loop.name for loop in (*loops, *palette.voice_loops)]
        return {*fonts, *palette.kits} - {"synthesiser", *sources.MACHINES}

    for one, two in combinations(SPLITS, 2):
        assert not instruments(one) & instruments(two)
        assert not set(synthesis.WAVES[one]) & set(synthesis.WAVES[two])
        shots = [
            {shot for kit in sources.SHOT_KITS[split] for shot in sources.SHOTS[kit].values()}
            for split in (one, two)
        ]
        kicks = [{name for name in names if name.startswith(("bd_", "sn_"))} for names in shots]
        assert not kicks[0] & kicks[1]


def test_what_is_promised_to_be_kept_out_of_training_is() -> None:
    train = sources.palette("train")
    names = {loop.name for loop in (*train.drum_loops, *train.pitched_loops)}
    assert not names & {"loop_tabla", "guit_em9", "loop_breakbeat", "ambi_piano"}
    assert not any("tim:" in name for name in (*train.kits, *train.basses))


def test_only_free_licences_enter_training() -> None:
    used = [source for source in sources.SOURCES.values() if "train" in source.splits]
    assert {source.licence.split(",")[0] for source in used} == {"MIT", "CC0", "CC BY 3.0"}
    fonts = {name.split(":")[0] for name in _fonts_of("train")}
    assert fonts <= {source.name for source in used}


def _fonts_of(split: str) -> set[str]:
    palette = sources.palette(split)
    names = {name for family in palette.others.values() for name in family if ":" in name}
    return names | set(palette.basses) | {kit for kit in palette.kits if ":128:" in kit}


def test_a_groove_is_one_bar_of_known_pieces() -> None:
    for groove in GROOVES:
        assert {len(strokes) for strokes in groove.lines.values()} == {groove.steps}, groove.name
        assert set(groove.lines) <= set(KIT), groove.name
        assert groove.steps in FILLS, groove.name


def test_fills_are_as_long_as_their_bars() -> None:
    for steps, fills in FILLS.items():
        for fill in fills:
            assert {len(strokes) for strokes in fill.lines.values()} == {steps}
            assert set(fill.lines) <= set(KIT)


@pytest.mark.parametrize("kind", ["bass", "lead", "pad", "pluck"])
@pytest.mark.parametrize("split", SPLITS)
def test_a_synthesiser_plays_the_pitch_it_is_given(kind: str, split: str) -> None:
    drawn = synthesis.draw_patch(np.random.default_rng(5), kind, split)
    patch = replace(
        drawn, detune_cents=0.0, vibrato_cents=0.0, sustain=1.0, filter_decay_s=9.0, attack_s=0.1
    )
    sound = synthesis.synthesise((Note(0.5, 2.0, 45.0, 0.8),), patch, 3.0)
    assert sound.shape == (3 * RATE_HZ, 2)
    assert np.isfinite(sound).all()
    assert not sound[: RATE_HZ // 2].any()
    # All of its energy lies on multiples of 55 Hz, the octave below's: the sub oscillator's.
    hz, power = signal.welch(sound[:, 0] + sound[:, 1], RATE_HZ, "blackmanharris", nperseg=1 << 15)
    near = np.abs(hz / 55 - np.round(hz / 55)) * 55 < 6
    assert power[near].sum() > 0.98 * power.sum()
    assert power[hz < 40].sum() < 0.02 * power.sum()


@pytest.mark.parametrize("split", SPLITS)
def test_a_drum_machine_has_a_low_kick_and_high_hats(split: str) -> None:
    machine = synthesis.draw_machine(np.random.default_rng(3), split)

    def centroid_hz(pitch: int) -> float:
        power = np.abs(np.fft.rfft(machine[pitch])) ** 2
        hz = np.fft.rfftfreq(len(machine[pitch]), 1 / RATE_HZ)
        return float((hz * power).sum() / power.sum())

    assert centroid_hz(KIT["kick"]) < 300
    assert centroid_hz(KIT["closed"]) > 4000
    assert centroid_hz(KIT["kick"]) < centroid_hz(KIT["snare"]) < centroid_hz(KIT["closed"])


def test_only_songs_as_asked_for_count_as_written(tmp_path: Path) -> None:
    folder = tmp_path / "00000"
    assert not is_written(folder, 30.0, free=True)
    folder.mkdir()
    song = compose("test", 0, seconds=5.0, free=True)
    (folder / "song.json").write_text(json.dumps(described(song, free=True)))
    assert is_written(folder, 5.0, free=True)
    assert not is_written(folder, 5.0, free=False)
    assert not is_written(folder, 30.0, free=True)
