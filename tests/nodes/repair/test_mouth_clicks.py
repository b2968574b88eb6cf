"""Mouth clicks in the pauses of a voice, and what of a voice is none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

import resonate_graph as rg
from resonate_graph import Audio, ParamError
from resonate_nodes import mouth_declick
from tests.signals import Array, si_sdr_db

RATE = 44_100


def spoken(seed: int = 3) -> tuple[Array, Array]:
    """Return syllables of 0.3 s, pauses of 0.7 s in the noise of a room, and when one begins."""
    random = np.random.default_rng(seed)
    time = np.arange(6 * RATE) / RATE
    voice = sum(np.sin(2 * np.pi * 130 * k * time) / k for k in range(1, 25))
    starts = np.arange(0.5, 5.5, 1.0)
    gate = np.zeros(len(time))
    for start in starts:
        place = (time >= start) & (time < start + 0.3)
        gate[place] = np.sin(np.pi * (time[place] - start) / 0.3) ** 0.5
    room = sosfilt(butter(1, 3000, fs=RATE, output="sos"), random.standard_normal(len(time)))
    return 0.1 * voice * gate + 3e-4 * room, starts


def smack(length_ms: float, level_db: float, pitch_hz: float) -> Array:
    frames = round(length_ms * RATE / 1000)
    wave: Array = np.hanning(frames) ** 0.5 * np.sin(
        2 * np.pi * pitch_hz * np.arange(frames) / RATE
    )
    scaled: Array = 10 ** (level_db / 20) * wave / np.abs(wave).max()
    return scaled


def with_smacks(clean: Array, starts: Array, after: float = 0.5) -> tuple[Array, list[int]]:
    """Add clicks in the pauses: some time after each syllable began."""
    random = np.random.default_rng(1)
    samples, places = clean.copy(), []
    for start in starts:
        click = smack(random.uniform(0.8, 3), random.uniform(-42, -30), random.uniform(800, 4000))
        place = round((start + after) * RATE)
        samples[place : place + len(click)] += click
        places.append(place)
    return samples, places


@pytest.mark.parametrize("after", [0.45, 0.65, 0.9])
def test_mouth_clicks_in_pauses_go(after: float) -> None:
    clean, starts = spoken()
    samples, places = with_smacks(clean, starts, after)
    damaged, wanted = Audio(samples, RATE), Audio(clean, RATE)
    repaired = mouth_declick(damaged)
    changed = repaired.samples[0] != damaged.samples[0]
    assert all(changed[place : place + 60].any() for place in places)
    near = np.zeros(len(clean), bool)
    for place in places:
        near[place - 100 : place + 300] = True
    assert not changed[~near].any()
    assert si_sdr_db(repaired, wanted) > si_sdr_db(damaged, wanted) + 10


def test_a_voice_stays(speech: Audio) -> None:
    """A reader, as he is and softer, faster, and with the hiss of a microphone."""
    random = np.random.default_rng(0)
    hiss = 3e-4 * random.standard_normal(speech.samples.shape)
    for voice in (
        speech,
        speech.with_samples(speech.samples * np.float32(0.01)),
        speech.with_samples(speech.samples + hiss),
        Audio(speech.samples, 22_050),
    ):
        assert mouth_declick(voice) == voice


def test_a_plosive_after_a_pause_stays() -> None:
    """A burst of 3 ms, 20 ms before the vowel; one that ends a word after a closure of 60 ms."""
    clean, starts = spoken()
    random = np.random.default_rng(2)
    burst = 0.03 * random.standard_normal(130) * np.exp(-np.arange(130) / 40)
    for at in (starts - 0.023, starts + 0.36):
        samples = clean.copy()
        for start in at:
            place = round(start * RATE)
            samples[place : place + len(burst)] += burst
        voice = Audio(samples, RATE)
        assert mouth_declick(voice) == voice


def test_a_breath_stays() -> None:
    clean, starts = spoken()
    random = np.random.default_rng(4)
    breath = 0.004 * random.standard_normal(RATE // 4) * np.hanning(RATE // 4)
    for start in starts:
        place = round((start + 0.5) * RATE)
        clean[place : place + len(breath)] += breath
    voice = Audio(clean, RATE)
    assert mouth_declick(voice) == voice


def test_the_pulses_of_a_creaky_voice_stay() -> None:
    """Ten pulses, 35 a second, as a sentence ends."""
    clean, starts = spoken()
    for start in starts:
        for pulse in range(10):
            click = smack(2.5, -32 - pulse, 700)
            place = round((start + 0.32 + pulse / 35) * RATE)
            clean[place : place + len(click)] += click
    voice = Audio(clean, RATE)
    assert mouth_declick(voice) == voice


@pytest.mark.parametrize("rate", [8000, 44_100])
def test_short_sounds_without_a_voice_or_louder_than_it_stay(rate: int) -> None:
    """A metronome, and one that a soft voice counts along with: its ticks are no mouth clicks."""
    samples = np.zeros(6 * rate)
    seconds = np.arange(rate // 100) / rate
    tick = 0.5 * np.exp(-700 * seconds) * np.sin(2 * np.pi * 2500 * seconds)
    for start in np.arange(0.3, 5.8, 0.5):
        samples[round(start * rate) :][: len(tick)] = tick
    assert mouth_declick(Audio(samples, rate)) == Audio(samples, rate)
    clean, _ = spoken()
    voice = np.interp(np.arange(6 * rate) / rate, np.arange(6 * RATE) / RATE, 0.02 * clean)
    counted = Audio(samples + voice, rate)
    assert mouth_declick(counted) == counted


def test_what_lasts_longer_and_what_stands_out_less_stays() -> None:
    clean, starts = spoken()
    samples, _ = with_smacks(clean, starts)
    voice = Audio(samples, RATE)
    assert mouth_declick(voice, threshold_db=60.0) == voice
    assert mouth_declick(voice, max_click_ms=0.3) == voice
    with pytest.raises(ParamError, match="threshold_db"):
        mouth_declick(voice, threshold_db=3.0)


def test_the_graph_for_speech_takes_them_out() -> None:
    clean, starts = spoken()
    samples, places = with_smacks(clean, starts)
    graph = rg.stock("speech")
    wanted, restored, without = (
        graph.run({"speech": Audio(one, RATE)}, params=params)["speech"]
        for one, params in ((clean, {}), (samples, {}), (samples, {"mouth_click_db": 60}))
    )
    assert isinstance(wanted, Audio)
    assert isinstance(restored, Audio)
    assert isinstance(without, Audio)

    def apart(heard: Audio) -> float:
        """Return how far from the clean voice it is where clicks were."""
        difference = heard.samples[0] - wanted.samples[0]
        return float(sum(np.sum(difference[at : at + 300] ** 2) for at in places))

    assert apart(restored) < apart(without) / 10
