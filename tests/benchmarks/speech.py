"""Voices in noise, kept by nodes and by ffmpeg: ``python -m tests.benchmarks.speech``.

Each voice is put into each noise at each level; printed are, by noise and in all, means of how far
the SI-SDR rises (dB), of PESQ (ITU-T P.862.2, wide band, by ``pesq``) and of STOI (by ``pystoi``).
Below stand what comes out of the voices alone, and how much of music is left. The noises are made
here, as wide as the recordings: hiss (white), rain (sparse drops over pink noise), a crowd (six
stretches of the other voices at once) and a fan (low noise and the tones of its blades).

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
from resonate_nodes import denoise, enhance_speech, resample, spectral_gate, to_mono
from tests.benchmarks.restoration import Repair, excerpt, recordings, through_ffmpeg
from tests.degradations import rms
from tests.signals import Array, si_sdr_db

READER = Path(__file__).parents[1] / "recordings" / "speech.flac"
SNRS_DB = (0.0, 10.0, 20.0)

WAYS: dict[str, Repair] = {
    "nothing": lambda audio: audio,
    "enhance_speech": enhance_speech,
    "denoise": denoise,
    "denoise, strength 1": lambda audio: denoise(audio, strength=1.0),
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
    spectrum = np.fft.rfft(random.standard_normal(audio.frames))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    pink = np.fft.irfft(spectrum, audio.frames)
    return np.asarray(drops / np.std(drops) + 0.5 * pink / np.std(pink))


def fan(audio: Audio, random: np.random.Generator) -> Array:
    """Return noise that falls from 300 Hz on, and a tone of 87 Hz with its harmonics."""
    from scipy.signal import butter, sosfilt

    low = butter(1, 300, fs=audio.sample_rate, output="sos")
    air = sosfilt(low, random.standard_normal(audio.frames))
    phase = 2 * np.pi * 87 * np.arange(audio.frames) / audio.sample_rate
    blades = sum(np.sin(k * phase + k * k) / k for k in range(1, 9))
    return np.asarray(air / np.std(air) + 0.5 * blades / np.std(blades))


def crowd(audio: Audio, random: np.random.Generator, others: list[Audio]) -> Array:
    """Return six stretches of other voices at once, some nearer than others."""
    talk = np.concatenate([one.samples[0] / rms(one) for one in others])
    talk = np.tile(talk, 1 + 2 * audio.frames // len(talk))
    starts = random.integers(0, len(talk) - audio.frames, 6)
    levels = 10 ** (random.uniform(-4, 4, 6) / 20)
    return np.asarray(sum(level * talk[start:][: audio.frames]
                          for start, level in zip(starts, levels, strict=True)))  # fmt: skip


NOISES: dict[str, Callable[..., Array]] = {"hiss": hiss, "rain": rain, "crowd": crowd, "fan": fan}


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
    in_noise(list(voices.values()), ways)
    alone(list(voices.values()), ways)


def in_noise(voices: list[Audio], ways: Mapping[str, Repair]) -> None:
    """Print what each way makes of voices in noise."""
    row = "{:<10}{:<30}{:>8}{:>8}{:>8}"
    print(row.format("", "", "SI-SDR", "PESQ", "STOI"))
    figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in ways}
    makers: dict[str, Callable[..., Array]] = {
        "hiss": hiss,
        "rain": rain,
        "crowd": crowd,
        "fan": fan,
    }
    for kind, make in makers.items():
        here: dict[str, list[tuple[float, ...]]] = {name: [] for name in ways}
        for index, voice in enumerate(voices):
            others = [other for other in voices if other is not voice] or voices
            maker = partial(make, others=others) if make is crowd else make
            noise = maker(voice, np.random.default_rng(index))
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
