"""What was recorded: loops and one-shots, and speech, in stretches that can be pitched."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from . import sources
from .stereo import RATE, Stereo


@cache
def sample(name: str, loops: Path | None) -> Stereo:
    """A loop or one-shot of that name, from a folder or else from where its package keeps it."""
    folders = (*((loops,) if loops else ()), sources.SAMPLES)
    path = next(path for path in (folder / f"{name}.flac" for folder in folders) if path.exists())
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE, path
    return np.ascontiguousarray(np.broadcast_to(sound, (len(sound), 2)))


def recordings(speaker: str, count: int, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Some recordings of a speaker, mono, without the silence around them."""
    paths = _speech_files(speaker)
    found: list[NDArray[np.float32]] = []
    while len(found) < count:
        voice = _spoken_file(paths[int(rng.integers(len(paths)))])
        loud = np.flatnonzero(np.abs(voice) > 0.02)
        if len(loud) > RATE // 5:
            found.append(voice[loud[0] : loud[-1]])
    return found


@cache
def _speech_files(speaker: str) -> tuple[Path, ...]:
    paths = sorted(sources.SOURCES[speaker].path.rglob("*.g722"))
    return tuple(path for path in paths if path.stat().st_size > 12000)


def _spoken_file(path: Path) -> NDArray[np.float32]:
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-ar", str(RATE),
         "-"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return np.frombuffer(done.stdout, np.float32)


def syllables(speaker: str, rng: np.random.Generator) -> list[tuple[NDArray[np.float32], float]]:
    """Voiced stretches between dips of loudness, with their MIDI pitches."""
    found: list[tuple[NDArray[np.float32], float]] = []
    while len(found) < 24:
        for voice in recordings(speaker, 4, rng):
            hop = RATE // 100
            frames = voice[: len(voice) // hop * hop].reshape(-1, hop)
            level = np.convolve(np.sqrt((frames**2).mean(axis=1)), np.hanning(7) / 3, "same")
            dips = [
                place
                for place in range(1, len(level) - 1)
                if level[place] <= level[place - 1] and level[place] < level[place + 1]
            ]
            for start, end in zip([0, *dips], [*dips, len(level)], strict=True):
                cut = voice[start * hop : end * hop]
                if 0.12 <= len(cut) / RATE <= 0.6 and level[start:end].max() > 0.04:
                    pitch = _pitch(cut)
                    if pitch is not None:
                        fade = np.minimum(1, np.arange(len(cut)) / 200)
                        found.append(((cut * fade).astype(np.float32), pitch))
    return found


def _pitch(voice: NDArray[np.float32]) -> float | None:
    """The MIDI pitch of the middle by autocorrelation between 70 and 400 Hz, if it has one."""
    middle = voice[len(voice) // 2 :][:2048]
    if len(middle) < 1600:
        return None
    spectrum = np.fft.rfft(middle * np.hanning(len(middle)), 8192)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)
    shortest, longest = RATE // 400, RATE // 70
    lag = shortest + int(correlation[shortest:longest].argmax())
    if correlation[lag] < 0.35 * correlation[0]:
        return None
    return float(69 + 12 * np.log2(RATE / lag / 440))
