from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import chirp

from resonate_graph import Audio, NodeError
from resonate_nodes import Band, deess, eq, gain, highpass
from tests import degradations
from tests.signals import decibels, difference_db, joined, si_sdr_db, sine


def hiss(seconds: float, *, rate: int = 48_000, amplitude: float = 0.5) -> Audio:
    """Return an s-sound of one level: a tone that runs over all of the upper band."""
    time = np.arange(round(seconds * rate)) / rate
    run = chirp(time, 5000.0, seconds, 0.45 * rate)
    return Audio((amplitude * run)[None], rate)


def test_harsh_s_sounds_are_turned_down(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    assert si_sdr_db(deess(harsh), groove) > si_sdr_db(harsh, groove) + 15
    assert si_sdr_db(deess(harsh, ratio=2.0), groove) > si_sdr_db(harsh, groove) + 7


def test_between_the_s_sounds_nothing_changes(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    changed = (deess(harsh).samples != harsh.samples).any(axis=0)
    sibilant = (harsh.samples != groove.samples).any(axis=0)
    near = np.convolve(sibilant, np.ones(2 * 1323 + 1), "same") > 0.5
    assert not (changed & ~near).any()


@pytest.mark.parametrize("harsh_db", [0.0, 10.0])
@pytest.mark.parametrize(("ratio", "above_db"), [(2.0, 6.0), (4.0, 3.0), (100.0, 0.12)])
def test_above_the_threshold_it_grows_by_the_ratio(
    ratio: float, above_db: float, harsh_db: float
) -> None:
    voice = sine(300, seconds=4, rate=48_000, amplitude=0.5)
    quiet = voice.with_samples(0 * voice.samples)
    both = joined(voice, hiss(0.3), quiet)
    # the loud passages are the voice: the hiss lies 12 dB above a threshold of -12 dB
    heard = deess(both, threshold_db=-12.0, ratio=ratio, harsh_db=harsh_db)
    middle = slice(int(4.1 * 48_000), int(4.2 * 48_000))
    level = decibels(float(np.std(heard.samples[:, middle]) / np.std(both.samples[:, middle])))
    assert level == pytest.approx(above_db - 12.0, abs=0.1)


def test_what_is_not_harsh_or_does_not_last_stays() -> None:
    voice = sine(300, seconds=4, rate=48_000, amplitude=0.5)
    quiet = voice.with_samples(0 * voice.samples)
    stroke = joined(voice, hiss(0.02), quiet)
    assert deess(stroke, threshold_db=-12.0, harsh_db=10.0) == stroke
    assert deess(stroke, threshold_db=-12.0, harsh_db=0.0) != stroke
    lasting = joined(voice, hiss(0.2), quiet)
    assert deess(lasting, threshold_db=-12.0, harsh_db=16.0) == lasting
    assert deess(lasting, threshold_db=-12.0, harsh_db=12.0) != lasting


def test_it_works_alike_at_any_level(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    quiet = gain(harsh, gain_db=-40.0)
    assert difference_db(gain(deess(quiet), gain_db=40.0), deess(harsh)) < -100


def test_both_channels_keep_their_balance(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    same = harsh.with_samples(harsh.samples[:1] * [[1.0], [0.5]])
    heard = deess(same)
    np.testing.assert_allclose(heard.samples[1], 0.5 * heard.samples[0], atol=1e-6)


def test_a_split_beyond_the_rate_is_an_error() -> None:
    with pytest.raises(NodeError, match="4500 Hz is not below 4000 Hz"):
        deess(sine(300, rate=8000))


def test_a_long_sound_is_treated_alike_throughout() -> None:
    # it is worked on ten seconds at a time; periods of 3.7 s meet all that in other places
    voice = sine(300, seconds=2.5, rate=16_000, amplitude=0.5)
    s_sound = hiss(0.3, rate=16_000, amplitude=0.25)
    quiet = voice.with_samples(0.01 * voice.samples[:, :14_400])
    heard = deess(joined(*[voice, s_sound, quiet] * 9), threshold_db=-12.0, harsh_db=3.0).samples
    periods = heard.reshape(9, -1)
    assert difference_db(Audio(periods[0], 16_000), joined(voice, s_sound, quiet)) > -40
    np.testing.assert_allclose(periods[1:-1], np.broadcast_to(periods[4], (7, 59_200)), atol=1e-6)


def struck(seconds: float, *frequencies_hz: float, decay_seconds: float = 0.08) -> Audio:
    """Return a bell of some partials, or without any a stick on metal."""
    time = np.arange(round(seconds * 48_000)) / 48_000
    noise = np.random.default_rng(4).standard_normal(len(time))
    wave = sum((np.sin(2 * np.pi * hz * time) for hz in frequencies_hz), np.zeros(len(time)))
    return Audio(
        (0.5 * np.exp(-time / decay_seconds) * (wave if frequencies_hz else noise))[None], 48_000
    )


MUSIC = {
    "a bell": struck(0.5, 5200.0, 7100.0, 9300.0),
    "a stroke on metal": struck(0.4),
    "a block of wood": struck(0.1, *np.linspace(4800.0, 9000.0, 12), decay_seconds=0.012),
    "what swells": Audio(struck(0.8).samples[:, ::-1], 48_000),
    "a note held": sine(8000, seconds=0.3, rate=48_000, amplitude=0.5),
    "a hiss that goes on": hiss(3.0),
}


@pytest.mark.parametrize("name", MUSIC)
def test_what_is_loud_up_there_in_music_is_no_s_sound(name: str) -> None:
    voice = sine(300, seconds=4, rate=48_000, amplitude=0.5)
    heard = joined(voice, MUSIC[name], voice)
    assert deess(heard, threshold_db=-12.0, harsh_db=8.0) == heard
    assert deess(heard, threshold_db=-12.0, harsh_db=0.0) != heard


@pytest.mark.parametrize("level", [1.0, 2.0**-60, 2.0**-100])
def test_without_a_voice_it_is_no_s_sound(level: float) -> None:
    """Shakers sound like an s, and nobody speaks."""

    def at_level(sound: Audio) -> Audio:
        return sound.with_samples(level * sound.samples)

    quiet = sine(300, seconds=0.5, rate=48_000, amplitude=0.005)
    beat = at_level(joined(*[quiet, hiss(0.1)] * 6, quiet))
    assert deess(beat) == beat
    voice = sine(300, seconds=0.5, rate=48_000, amplitude=0.5)
    spoken = at_level(joined(*[voice, hiss(0.1)] * 6))
    assert deess(spoken) != spoken


@pytest.mark.parametrize("gain_db", [18.0, 24.0])
def test_a_reader_too_close_to_the_microphone(speech: Audio, gain_db: float) -> None:
    """S-sounds of a voice itself go down by 4 dB and more, and nothing else is touched."""
    shelf = [Band(kind="high_shelf", frequency_hz=4000.0, gain_db=gain_db)]
    harsh = eq(speech, bands=shelf)
    heard = deess(harsh, harsh_db=6.0)
    upper = [highpass(one, frequency_hz=5000.0).samples for one in (harsh, heard)]
    s_sounds = np.abs(upper[0]) > 0.3 * np.abs(upper[0]).max()
    assert np.std(upper[1][s_sounds]) < 10 ** (-4 / 20) * np.std(upper[0][s_sounds])
    assert np.count_nonzero(heard.samples != harsh.samples) < 0.3 * harsh.frames


def test_samples_near_the_limit_of_float32(groove: Audio) -> None:
    harsh = degradations.with_sibilance(groove)
    huge = harsh.with_samples(harsh.samples * (3.4e38 / np.abs(harsh.samples).max()))
    heard = deess(huge).samples / 3.4e38 * np.abs(harsh.samples).max()
    assert difference_db(harsh.with_samples(heard), deess(harsh)) < -100
