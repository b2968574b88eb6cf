from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

import resonate_graph as rg
from resonate_graph import Audio, NodeError, ParamError, ResonateWarning
from resonate_nodes import dehum, detect_hum
from tests import degradations
from tests.depth import sampled
from tests.signals import decibels, difference_db, peak, si_sdr_db, sine, white_noise

# where hum is nearly all there is, as in many of these tests
pytestmark = pytest.mark.filterwarnings("ignore:loud-hum:resonate_graph.ResonateWarning")


def hum(base_hz: float, *, seconds: float, rate: int, drift: float = 0.0) -> Audio:
    """Return hum alone, of eight harmonics, with an RMS of 0.1."""
    silence = Audio(np.full((1, round(seconds * rate)), 0.1), rate)
    return silence.with_samples(degradations.hum_for(silence, base_hz, drift, 0.0, 8)[None])


@pytest.fixture(scope="module")
def side(groove: Audio) -> Audio:
    """The left channel of the bundled recording."""
    return groove.with_samples(groove.samples[:1])


@pytest.mark.parametrize(
    ("base_hz", "drift", "level_db", "gain_db"),
    [
        (50.0, 0.0, -12, 18),
        (50.2, 0.0, -12, 16),
        (59.8, 0.0, -12, 18),
        (50.0, 0.0, -20, 10),
        (50.0, 0.005, -12, 12),
        (60.0, 0.003, -12, 14),
        (50.0, 0.001, -20, 8),
    ],
)
@sampled(3)
def test_hum_goes_and_the_music_stays(
    base_hz: float, drift: float, level_db: float, gain_db: float, side: Audio
) -> None:
    tape = degradations.with_hum(side, base_hz=base_hz, drift=drift, level_db=level_db)
    assert si_sdr_db(dehum(tape), side) > si_sdr_db(tape, side) + gain_db


@pytest.mark.parametrize(
    ("rate", "base_hz"), [(8000, 50.0), (8000, 60.3), (44_100, 60.3), (192_000, 50.0)]
)
def test_hum_alone_is_taken_out(rate: int, base_hz: float) -> None:
    mains = hum(base_hz, seconds=8, rate=rate)
    left = dehum(mains, base_hz=round(base_hz, -1)).samples
    assert decibels(float(np.abs(left).max()) / peak(mains)) < -40


def test_hum_that_wanders_is_followed() -> None:
    mains = hum(50.0, seconds=30, rate=8000, drift=0.005)
    left = dehum(mains, base_hz=50.0).samples[:, 2 * 8000 : -2 * 8000]
    assert decibels(float(np.std(left) / np.std(mains.samples))) < -30


def test_hum_that_swells_is_followed_more_closely() -> None:
    """Its frequency is steady, its level is not: under the longest window it would leave 14 dB."""
    seconds = np.arange(12 * 8000) / 8000
    mains = hum(49.93, seconds=12, rate=8000).samples * (1 + 0.3 * np.sin(2 * np.pi * seconds / 7))
    hiss = white_noise(seconds=12, rate=8000, channels=1)
    hiss = hiss.with_samples(np.float32(0.1) * hiss.samples)
    left = dehum(hiss.with_samples(hiss.samples + mains), base_hz=50.0).samples - hiss.samples
    assert decibels(float(np.std(left) / np.std(mains))) < -16


def test_another_base_can_be_named() -> None:
    whine = hum(400.0, seconds=4, rate=44_100)
    assert decibels(float(np.std(dehum(whine, base_hz=400.0).samples) / 0.1)) < -40


def test_the_only_harmonic_asked_for() -> None:
    tone = sine(50, seconds=6, rate=44_100, amplitude=0.2)
    hiss = white_noise(seconds=6, rate=44_100, rms=0.01)
    heard = dehum(tone.with_samples(tone.samples + hiss.samples), base_hz=50.0, harmonics=1)
    assert si_sdr_db(heard, hiss) > 20


def test_hum_in_one_channel_is_taken_out_there(groove: Audio) -> None:
    tape = degradations.with_hum(groove, level_db=-12)
    samples = np.stack([tape.samples[0], groove.samples[1]])
    heard = dehum(groove.with_samples(samples))
    np.testing.assert_array_equal(heard.samples[1], groove.samples[1])
    assert si_sdr_db(heard, groove) > si_sdr_db(groove.with_samples(samples), groove) + 9


@pytest.mark.parametrize(
    ("base_hz", "places"), [(50.0, "50 Hz"), (60.0, "60 Hz"), ("auto", "50 Hz or 60 Hz")]
)
def test_where_there_is_no_hum_it_says_so(
    base_hz: float | Literal["auto"], places: str, groove: Audio
) -> None:
    graph = rg.Graph("hum")
    recording = graph.input("recording", Audio)
    graph.output("heard", graph.add(dehum, "dehum")(recording, base_hz=base_hz))
    result = graph.run({"recording": groove})
    assert result["heard"] == groove
    assert result.report["nodes"][0]["did"] == {"summary": f"no hum found around {places}"}
    assert not result.report["warnings"]


def test_a_steady_level_under_the_hum_stays() -> None:
    mains = hum(50.0, seconds=8, rate=8000)
    raised = dehum(mains.with_samples(mains.samples + 0.25), base_hz=50.0)
    flat = dehum(mains, base_hz=50.0)
    assert difference_db(raised, flat.with_samples(flat.samples + 0.25)) < -80


def test_harmonics_beyond_the_rate_are_left_out_and_a_base_beyond_it_is_an_error() -> None:
    mains = hum(60.0, seconds=8, rate=1000)
    assert dehum(mains, base_hz=60.0, harmonics=100) == dehum(mains, base_hz=60.0, harmonics=8)
    with pytest.raises(NodeError, match="500 Hz is not below 500 Hz, half the sample rate"):
        dehum(mains, base_hz=500.0)
    with pytest.raises(ParamError, match="harmonics"):
        dehum(mains, harmonics=0)


@pytest.mark.parametrize("frames", [1, 2, 3, 100, 20_000])
def test_a_very_short_sound_comes_back_with_a_warning(frames: int) -> None:
    mains = hum(50.0, seconds=1, rate=44_100)
    short = mains.with_samples(mains.samples[:, :frames])
    with pytest.warns(ResonateWarning, match="too-short"):
        assert dehum(short) == short


@pytest.mark.parametrize(("base_hz", "drift"), [(50.0, 0.0), (50.2, 0.002), (59.8, 0.0)])
@pytest.mark.parametrize("level_db", [-12, -20])
@sampled(3)
def test_hum_is_measured(base_hz: float, drift: float, level_db: float, side: Audio) -> None:
    tape = degradations.with_hum(side, base_hz=base_hz, drift=drift, level_db=level_db)
    report = detect_hum(tape)
    assert report.found
    assert report.base_hz == pytest.approx(base_hz, rel=0.0015)
    assert report.lowest_hz == pytest.approx(base_hz * (1 - drift), rel=0.001)
    assert report.highest_hz == pytest.approx(base_hz * (1 + drift), rel=0.001)
    expected = decibels(degradations.rms(side)) + level_db
    for channel in report.channels:
        # what music there is beside the harmonics is counted with them
        assert channel.level_dbfs == pytest.approx(expected, abs=2)


def test_the_levels_of_harmonics_are_measured() -> None:
    mains = hum(50.0, seconds=8, rate=44_100)
    report = detect_hum(mains, harmonics=8)
    (channel,) = report.channels
    assert channel.level_dbfs == pytest.approx(-20, abs=0.1)
    assert channel.below_sound_db == pytest.approx(0, abs=0.1)
    first, *others = report.harmonics
    assert [one.number for one in others] == [2, 3, 4, 5, 6, 7, 8]
    for one in others:
        assert one.frequency_hz == pytest.approx(50 * one.number, rel=1e-3)
        assert first.level_dbfs is not None
        assert one.level_dbfs == pytest.approx(first.level_dbfs - decibels(one.number), abs=0.1)


def test_no_hum_is_found_where_there_is_none(groove: Audio) -> None:
    report = detect_hum(groove)
    assert (report.found, report.base_hz, report.harmonics) == (False, None, ())
    assert [channel.found for channel in report.channels] == [False, False]


def test_hum_in_one_channel_is_found_there(groove: Audio) -> None:
    humming = degradations.with_hum(groove, level_db=-12)
    tape = groove.with_samples(np.stack([groove.samples[0], humming.samples[1]]))
    left, right = detect_hum(tape).channels
    assert (left.found, right.found) == (False, True)
    assert left.level_dbfs is None


def test_too_short_a_sound_says_so() -> None:
    with pytest.warns(ResonateWarning, match="too short to find hum"):
        assert not detect_hum(sine(50, seconds=0.2)).found


def choir(frequency_hz: float, *, voices: int, seconds: float, rate: int) -> Audio:
    """Return a note sung by some: each a little off, with a vibrato and a swell of its own."""
    random = np.random.default_rng(int(frequency_hz))
    time = np.arange(round(seconds * rate)) / rate
    total = np.zeros(len(time))
    for _ in range(voices):
        own = frequency_hz * (1 + 0.004 * random.standard_normal())
        pace, swell = random.uniform(4.5, 6.5), random.uniform(0.4, 1.2)
        sway = 0.02 * np.sin(2 * np.pi * pace * time + random.uniform(0, 2 * np.pi))
        phase = 2 * np.pi * np.cumsum(own * (1 + sway)) / rate
        level = 1 + 0.5 * np.sin(2 * np.pi * swell * time + random.uniform(0, 2 * np.pi))
        for harmonic in range(1, 13):
            turned = harmonic * phase + random.uniform(0, 2 * np.pi)
            total += level * np.sin(turned) / harmonic
    return Audio(0.1 * total[None] / voices, rate)


@pytest.mark.parametrize(
    ("frequency_hz", "seconds"),
    [
        (100.0, 1.0),
        (100.0, 3.0),
        (120.0, 1.6),
        (149.0, 1.0),
        (151.0, 1.6),
        (180.0, 1.0),
        (180.0, 3.0),
        (200.0, 1.6),
        (240.0, 1.0),
    ],
)
def test_a_note_sung_where_hum_might_be_is_no_hum(frequency_hz: float, seconds: float) -> None:
    note = choir(frequency_hz, voices=6, seconds=seconds, rate=44_100)
    assert dehum(note) == note


@pytest.mark.parametrize("vibrato", [0.0, 0.004])
def test_a_bass_note_beside_the_mains_is_no_hum(vibrato: float) -> None:
    """The open G of a bass, 49 Hz, held: the mains lie within 1 % of 50 Hz."""
    seconds = np.arange(8 * 8000) / 8000
    steps = 2 * np.pi * 49.0 * (1 + vibrato * np.sin(2 * np.pi * 5 * seconds)) / 8000
    phase = np.cumsum(steps)
    note = white_noise(rms=1e-4, seconds=8, rate=8000)
    held = sum(0.2 / k * np.sin(k * phase) for k in range(1, 10 if vibrato else 2))
    note = note.with_samples(note.samples + held)
    assert dehum(note) == note


def test_hum_that_comes_later_is_taken_out_from_there_on(groove: Audio) -> None:
    tape = degradations.with_hum(groove, base_hz=60.0, level_db=-9)
    start = groove.frames // 2
    late = tape.samples.copy()
    late[:, :start] = groove.samples[:, :start]
    heard = dehum(groove.with_samples(late))
    second = groove.sample_rate
    np.testing.assert_array_equal(
        heard.samples[:, : start - 2 * second], groove.samples[:, : start - 2 * second]
    )
    assert si_sdr_db(heard, groove) > si_sdr_db(groove.with_samples(late), groove) + 6
    report = detect_hum(groove.with_samples(late))
    assert report.base_hz == pytest.approx(60.0, rel=1e-3)


def hum_at_times(audio: Audio, which: str, level_db: float) -> Audio:
    """Return a sound with hum of 50.03 Hz in a part of it: as loud as it would be throughout."""
    second = np.arange(audio.frames) // audio.sample_rate
    on = {
        "the first 3 s": second < 3,
        "every other 2 s": second // 2 % 2 == 0,
        "from 3 s on": second >= 3,
        "the second half": second >= audio.duration_seconds / 2,
    }[which]
    mains = degradations.hum_for(audio, 50.03, 0.0, level_db, 8)
    return audio.with_samples(audio.samples + on * mains)


@pytest.mark.parametrize("level_db", [-12, -20])
@pytest.mark.parametrize(
    "which", ["the first 3 s", "every other 2 s", "from 3 s on", "the second half"]
)
@sampled(4)
def test_hum_that_is_there_at_times_goes_there(which: str, level_db: float, groove: Audio) -> None:
    tape = hum_at_times(groove, which, level_db)
    assert si_sdr_db(dehum(tape), groove) > si_sdr_db(tape, groove) + 5


@pytest.mark.parametrize("which", ["the first 3 s", "from 3 s on"])
def test_where_the_hum_is_off_nothing_is_put_in_its_place(which: str, groove: Audio) -> None:
    heard = dehum(hum_at_times(groove, which, -12))
    off = slice(4, None) if which == "the first 3 s" else slice(0, 2)
    rate = groove.sample_rate
    frames = slice(off.start * rate, None if off.stop is None else off.stop * rate)
    np.testing.assert_array_equal(heard.samples[:, frames], groove.samples[:, frames])


@sampled(3)
@pytest.mark.parametrize("start", [0, 7])
@pytest.mark.parametrize("base_hz", [47.0, 50.0, 57.0, 60.0])
def test_no_hum_is_found_in_music_at_any_base(start: int, base_hz: float, groove: Audio) -> None:
    rate = groove.sample_rate
    heard = groove.with_samples(groove.samples[:, start * rate : (start + 5) * rate])
    assert not detect_hum(heard, base_hz=base_hz).found


def test_a_note_that_may_be_hum_is_told() -> None:
    """Held throughout, as steady as the mains and on their frequency, over softer noise."""
    seconds = np.arange(8 * 8000) / 8000
    note = sum(0.2 / k * np.sin(2 * np.pi * 50 * k * seconds) for k in range(1, 9))
    hiss = white_noise(rms=0.1, seconds=8, rate=8000)
    with pytest.warns(ResonateWarning, match=r"loud-hum: .* 50.00 Hz holds \d+% of the energy"):
        dehum(hiss.with_samples(hiss.samples + note))


def test_hum_in_a_soft_lead_in_is_no_note(recwarn: pytest.WarningsRecorder) -> None:
    mains = hum(50.0, seconds=4, rate=8000)
    dehum(mains.with_samples(mains.samples * np.float32(0.1)))
    assert not [one for one in recwarn if "loud-hum" in str(one.message)]


def test_a_pure_tone_beneath_the_noise_of_a_record_is_followed_exactly() -> None:
    """The other harmonics hold noise, and have nothing to say of its frequency."""
    noise = white_noise(seconds=8, rate=8000, channels=2, rms=0.1)
    tone = sine(50, seconds=8, rate=8000, amplitude=0.05)
    hummed = noise.with_samples(noise.samples + tone.samples)
    heard = dehum(hummed)
    assert si_sdr_db(heard, noise) > si_sdr_db(hummed, noise) + 12
    assert detect_hum(hummed).base_hz == pytest.approx(50.0, abs=0.01)


def test_what_both_channels_say_counts_together(groove: Audio) -> None:
    """So soft that a channel may not show it clearly alone; it is found, and goes in part."""
    tape = degradations.with_hum(groove, base_hz=60.0, level_db=-22)
    heard = dehum(tape)
    assert detect_hum(tape).base_hz == pytest.approx(60.0, rel=1e-3)
    for before, after, clean in zip(tape.samples, heard.samples, groove.samples, strict=True):
        assert np.std(after - clean) < 0.9 * np.std(before - clean)


def test_a_pure_tone_of_the_mains_is_hum(groove: Audio) -> None:
    tone = sine(59.9, seconds=groove.duration_seconds, rate=groove.sample_rate)
    amplitude = 0.5 * degradations.rms(groove) / float(np.std(tone.samples))
    hummed = groove.with_samples(groove.samples + amplitude * tone.samples[:, : groove.frames])
    heard = dehum(hummed)
    assert si_sdr_db(heard, groove) > si_sdr_db(hummed, groove) + 3


@pytest.mark.parametrize("base_hz", [100 / 6, 25.0, 47.6, 400.0])
def test_the_mains_of_railways_and_aircraft_and_of_a_tape_off_speed_when_asked(
    base_hz: float, groove: Audio
) -> None:
    tape = degradations.with_hum(groove, base_hz=base_hz, level_db=-12)
    heard = dehum(tape, base_hz=base_hz)
    assert si_sdr_db(heard, groove) > si_sdr_db(tape, groove) + 6


def test_notes_that_pass_over_the_hum_leave_it_as_it_is() -> None:
    """Plucked at 100 Hz, ten times as loud: what is subtracted is the hum, not a part of them."""
    rate = 8000
    mains = hum(50.0, seconds=20, rate=rate)
    time = np.arange(mains.frames) / rate
    plucked = np.sin(2 * np.pi * 100.3 * time) * np.exp(-(time % 2.5) / 0.3)
    notes = mains.with_samples(plucked[None])
    heard = dehum(notes.with_samples(plucked + mains.samples.astype(float)))
    assert (
        si_sdr_db(heard, notes) > si_sdr_db(mains.with_samples(plucked + mains.samples), notes) + 20
    )
