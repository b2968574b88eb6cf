"""Voices in noise, kept by nodes and by ffmpeg: ``python -m tests.benchmarks.speech``.

Each voice is put into each noise at each level; printed are, by noise and in all, means of how far
the SI-SDR rises (dB), of PESQ (ITU-T P.862.2, wide band, by ``pesq``) and of STOI (by ``pystoi``).
Below stand what comes out of the voices alone, and how much of music is left. The noises are made
here, as wide as the recordings: hiss (white), pink noise, rain (sparse drops over pink noise), a
crowd (six stretches of the other voices at once), a restaurant (twenty of them in a room, and
cutlery), wind (gusts of low noise), a worn record (crackle, rumble and hiss) and a fan (low noise
and the tones of its blades). With ``--noises DIR`` a recording there whose name begins with that of
a noise stands for it.

DeepFilterNet itself is its library as it comes: the sound brought to 48 kHz by soxr, given frame by
frame as loud as it is, its delay cut off.

The voices are the reader of the tests and, with ``--recordings DIR``, those below a folder; ten
seconds of each count, after ``--rate``, to which they are converted first: a recording of today
holds noise up to 20 kHz, whatever the voice does. `denoise` and `spectral_gate` are told nothing of
the noise, as the others are not. What is not installed is left out: ``pip install -e ".[bench]"``.
"""

from __future__ import annotations

import argparse
import shutil
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from resonate_graph import Audio, read_audio
from resonate_nodes import declick, denoise, enhance_speech, resample, spectral_gate, to_mono
from tests.benchmarks.restoration import Repair, excerpt, recordings, through_ffmpeg
from tests.deepfilternet import DELAY, FRAME, by_its_library
from tests.degradations import rms
from tests.signals import Array, si_sdr_db

READER = Path(__file__).parents[1] / "recordings" / "speech.flac"
SNRS_DB = (0.0, 10.0, 20.0)


def by_deepfilternet(audio: Audio) -> Audio:
    """Return what DeepFilterNet's library makes of one channel, with nothing of ours around it."""
    there = resample(audio, sample_rate=48_000).samples[0]
    padded = np.pad(there, (0, DELAY + -len(there) % FRAME))
    voice = by_its_library(padded)[DELAY:][: len(there)]
    back = resample(Audio(voice, 48_000), sample_rate=audio.sample_rate)
    return audio.with_samples(np.pad(back.samples, ((0, 0), (0, 2)))[:, : audio.frames])


WAYS: dict[str, Repair] = {
    "nothing": lambda audio: audio,
    "enhance_speech": enhance_speech,
    "DeepFilterNet itself": by_deepfilternet,
    "denoise": denoise,
    "denoise, strength 1": lambda audio: denoise(audio, strength=1.0),
    "declick, denoise strength 1": lambda audio: denoise(declick(audio), strength=1.0),
    "spectral_gate": spectral_gate,
    "spectral_gate, stationary": lambda audio: spectral_gate(audio, stationary=True),
    "ffmpeg afftdn": through_ffmpeg("afftdn"),
    "ffmpeg afftdn=nr=24:tn=1": through_ffmpeg("afftdn=nr=24:tn=1"),
}


def hiss(audio: Audio, random: np.random.Generator) -> Array:
    """Return white noise."""
    return random.standard_normal(audio.frames)


def rain(audio: Audio, random: np.random.Generator) -> Array:
    """Return some hundred drops a second, over noise that falls by 3 dB an octave."""
    from scipy.signal import butter, sosfilt

    top = 0.45 * audio.sample_rate
    band = butter(2, [700, min(9000.0, top)], "bandpass", fs=audio.sample_rate, output="sos")
    falls = random.random(audio.frames) < 400 / audio.sample_rate
    drops = sosfilt(band, falls * random.exponential(size=audio.frames))
    return np.asarray(drops / np.std(drops) + 0.5 * pink(audio, random))


def pink(audio: Audio, random: np.random.Generator) -> Array:
    """Return noise that falls by 3 dB an octave from 20 Hz on."""
    spectrum = np.fft.rfft(random.standard_normal(audio.frames))
    lowest = 20 * audio.frames / audio.sample_rate
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(len(spectrum)), lowest)))
    return np.asarray(np.resize(noise, audio.frames) / np.std(noise))


def wind(audio: Audio, random: np.random.Generator) -> Array:
    """Return gusts of noise below 250 Hz, and what whistles about 700 Hz when they are strong."""
    from scipy.signal import butter, sosfilt

    rate = audio.sample_rate
    air = sosfilt(butter(2, 250, fs=rate, output="sos"), random.standard_normal(audio.frames))
    whistle = sosfilt(
        butter(2, [500, 1000], "bandpass", fs=rate, output="sos"),
        random.standard_normal(audio.frames),
    )
    slow = np.interp(
        np.arange(audio.frames) / rate, np.arange(0, 60, 0.7), random.standard_normal(86)
    )
    gusts = 10 ** (6 * slow / 20)
    return np.asarray(gusts * air / np.std(air) + 0.1 * gusts**2 * whistle / np.std(whistle))


def vinyl(audio: Audio, random: np.random.Generator) -> Array:
    """Return the surface of a worn record: crackle, rumble and hiss."""
    from scipy.signal import butter, sosfilt

    rate = audio.sample_rate
    falls = random.random(audio.frames) < 60 / rate
    strikes = falls * random.standard_normal(audio.frames) * random.exponential(size=audio.frames)
    band = butter(1, [500, min(8000.0, 0.45 * rate)], "bandpass", fs=rate, output="sos")
    crackle = sosfilt(band, strikes)
    low = butter(2, 60, fs=rate, output="sos")
    rumble = sosfilt(low, random.standard_normal(audio.frames))
    parts = (crackle, 0.7), (rumble, 0.5), (pink(audio, random), 0.5)
    return np.asarray(sum(level * part / np.std(part) for part, level in parts))


def restaurant(audio: Audio, random: np.random.Generator, others: list[Audio]) -> Array:
    """Return twenty stretches of other voices in a room, and cutlery."""
    from scipy.signal import fftconvolve

    rate = audio.sample_rate
    seconds = np.arange(rate) / rate
    talk = crowd(audio, random, others, 20)
    room = random.standard_normal(rate) * 10 ** (-3 * seconds / 0.7)  # -60 dB after 0.7 s
    far = fftconvolve(talk, room)[: audio.frames]
    ring = np.zeros(audio.frames + rate)
    for start in random.integers(0, audio.frames, 3 * round(audio.duration_seconds)):
        hertz = random.uniform(2500, 7000, 4)
        tones = np.sin(2 * np.pi * np.minimum(hertz, 0.45 * rate)[:, None] * seconds)
        ring[start : start + rate] += random.exponential() * (tones * np.exp(-seconds / 0.02)).sum(
            0
        )
    ring = ring[: audio.frames]
    return np.asarray(far / np.std(far) + 0.3 * ring / np.std(ring))


def fan(audio: Audio, random: np.random.Generator) -> Array:
    """Return noise that falls from 300 Hz on, and a tone of 87 Hz with its harmonics."""
    from scipy.signal import butter, sosfilt

    low = butter(1, 300, fs=audio.sample_rate, output="sos")
    air = sosfilt(low, random.standard_normal(audio.frames))
    phase = 2 * np.pi * 87 * np.arange(audio.frames) / audio.sample_rate
    blades = sum(np.sin(k * phase + k * k) / k for k in range(1, 9))
    return np.asarray(air / np.std(air) + 0.5 * blades / np.std(blades))


def crowd(audio: Audio, random: np.random.Generator, others: list[Audio], count: int = 6) -> Array:
    """Return stretches of other voices at once, some nearer than others."""
    talk = np.concatenate([one.samples[0] / rms(one) for one in others])
    talk = np.tile(talk, 1 + 2 * audio.frames // len(talk))
    starts = random.integers(0, len(talk) - audio.frames, count)
    levels = 10 ** (random.uniform(-4, 4, count) / 20)
    return np.asarray(sum(level * talk[start:][: audio.frames]
                          for start, level in zip(starts, levels, strict=True)))  # fmt: skip


def recorded(noise: Audio, audio: Audio, random: np.random.Generator) -> Array:
    """Return a stretch of a recording of noise."""
    there = resample(to_mono(noise), sample_rate=audio.sample_rate).samples[0]
    there = np.tile(there, 2 + audio.frames // len(there))
    start = random.integers(0, len(there) - audio.frames)
    return there[start:][: audio.frames].astype(np.float64)


#: Those that other voices are part of come last.
NOISES: dict[str, Callable[..., Array]] = {
    "hiss": hiss,
    "pink": pink,
    "rain": rain,
    "wind": wind,
    "vinyl": vinyl,
    "fan": fan,
    "restaurant": restaurant,
    "crowd": crowd,
}
OF_VOICES = (restaurant, crowd)


def noisy(audio: Audio, noise: Array, snr_db: float) -> Audio:
    """Return a voice in noise."""
    level = rms(audio) * 10 ** (-snr_db / 20) / np.sqrt(np.mean(noise**2))
    return audio.with_samples(audio.samples + level * noise)


def pesq_and_stoi(heard: Audio, clean: Audio) -> tuple[float, float]:
    """Return PESQ and STOI, not a number where their package is not installed."""
    one, other = (resample(sound, sample_rate=16_000).samples[0] for sound in (clean, heard))
    found = [np.nan, np.nan]
    if find_spec("pesq"):
        from pesq import pesq

        found[0] = pesq(16_000, one, other, "wb")
    if find_spec("pystoi"):
        from pystoi import stoi

        found[1] = stoi(one, other, 16_000)
    return found[0], found[1]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, help="a folder of voices: WAV, FLAC, OGG, MP3")
    parser.add_argument("--noises", type=Path, help="a folder of noises: WAV, FLAC, OGG, MP3")
    parser.add_argument("--rate", type=int, default=44_100, help="sample rate in Hz; 0: their own")
    parser.add_argument("ways", nargs="*", default=[""], help="beginnings of what to try")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    voices = {"reader": read_audio(READER)}
    if asked.recordings:
        paths = sorted(path for path in asked.recordings.rglob("*") if path.is_file())
        voices |= {path.stem: to_mono(read_audio(path)) for path in paths}
    voices = {
        name: excerpt(resample(voice, sample_rate=asked.rate or voice.sample_rate))
        for name, voice in voices.items()
    }
    print(f"{len(voices)} voices at {asked.rate or 'their own'} Hz: {', '.join(voices)}")
    ways = {
        name: way
        for name, way in WAYS.items()
        if name.startswith(tuple(asked.ways))
        and (shutil.which("ffmpeg") or not name.startswith("ffmpeg"))
    }
    makers = dict(NOISES)
    for path in sorted(asked.noises.iterdir()) if asked.noises else []:
        for kind in (kind for kind in NOISES if path.name.startswith(kind)):
            makers[kind] = partial(recorded, read_audio(path))
            print(f"{kind} is {path.name}")
    in_noise(list(voices.values()), ways, makers)
    alone(list(voices.values()), ways)


def in_noise(
    voices: list[Audio], ways: Mapping[str, Repair], makers: Mapping[str, Callable[..., Array]]
) -> None:
    """Print what each way makes of voices in noise."""
    row = "{:<12}{:<30}{:>8}{:>8}{:>8}"
    print(row.format("", "", "SI-SDR", "PESQ", "STOI"))
    figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in ways}
    for kind, make in makers.items():
        here: dict[str, list[tuple[float, ...]]] = {name: [] for name in ways}
        for index, voice in enumerate(voices):
            others = [other for other in voices if other is not voice] or voices
            given = {"others": others} if make in OF_VOICES else {}
            noise = make(voice, np.random.default_rng(index), **given)
            for snr_db in SNRS_DB:
                damaged = noisy(voice, noise, snr_db)
                before = si_sdr_db(damaged, voice)
                for name, way in ways.items():
                    heard = way(damaged)
                    rise = si_sdr_db(heard, voice) - before
                    here[name].append((rise, *pesq_and_stoi(heard, voice)))
        for name, found in here.items():
            figures[name] += found
            print(row.format(kind, name, *map("{:.2f}".format, np.mean(found, axis=0))), flush=True)
    for name, found in figures.items():
        print(row.format("all", name, *map("{:.2f}".format, np.mean(found, axis=0))))


def alone(voices: list[Audio], ways: Mapping[str, Repair]) -> None:
    """Print what comes out of voices without noise, in SI-SDR, and how much of music is left."""
    music = recordings(None, held_out=False)
    print(f"\n{'':<30}{'clean voices':>14}{'left of music':>16}")
    for name, way in ways.items():
        if name != "nothing":
            clean = np.mean([si_sdr_db(way(voice), voice) for voice in voices])
            left = [20 * np.log10(rms(way(one)) / rms(one)) for one in music.values()]
            print(f"{name:<30}{clean:>11.1f} dB{np.mean(left):>13.1f} dB", flush=True)


if __name__ == "__main__":
    main()
