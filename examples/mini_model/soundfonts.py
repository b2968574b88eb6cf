"""Parts through fluidsynth, each alone and dry."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from . import sources
from .score import Note, Part, Song
from .stereo import RATE, Stereo, fitted

if TYPE_CHECKING:
    import mido


def play(song: Song, part: Part, rng: np.random.Generator) -> Stereo:
    """A part by its instrument, ``font:bank:program``; sung ones with vibrato, some with slides."""
    font, bank, program = part.instrument.split(":")
    events = _vibrato(part.notes, rng) if part.stem == "vocals" else []
    if part.details.get("slides"):
        events = _slides(part.notes, rng)
    with tempfile.TemporaryDirectory(prefix="mini-") as folder:
        midi, wave = Path(folder) / "part.mid", Path(folder) / "part.wav"
        channel = 9 if bank == "128" else 0
        _midi(part.notes, channel, int(bank), int(program), events, song.seconds).save(midi)
        subprocess.run(
            [
                "fluidsynth", "-niq", "-R", "0", "-C", "0", "-g", "0.4", "-r", str(RATE),
                "-o", "synth.dynamic-sample-loading=1", "-T", "wav", "-O", "float",
                "-F", str(wave), str(sources.SOURCES[font].path), str(midi),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip
        sound, _ = soundfile.read(wave, dtype="float32", always_2d=True)
    return fitted(sound, song.seconds)


def _midi(
    notes: tuple[Note, ...],
    channel: int,
    bank: int,
    program: int,
    bends: list[tuple[float, int]],
    seconds: float,
) -> mido.MidiFile:
    """A file whose ticks are 1/960 s."""
    import mido

    events: list[tuple[float, int, mido.Message]] = [
        (0, 0, mido.Message("control_change", channel=channel, control=0, value=bank % 128)),
        (0, 1, mido.Message("program_change", channel=channel, program=program)),
    ]
    for time, bend in bends:
        events.append((time, 2, mido.Message("pitchwheel", channel=channel, pitch=bend)))
    for note in notes:
        pitch = int(np.clip(round(note.pitch), 0, 127))
        velocity = int(np.clip(round(note.velocity * 127), 1, 127))
        on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
        off = mido.Message("note_off", channel=channel, note=pitch)
        events += [(note.start, 4, on), (note.start + note.duration, 3, off)]
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    now = 0
    for time, _, message in sorted(events, key=lambda event: event[:2]):
        tick = round(time * 960)
        track.append(message.copy(time=max(0, tick - now)))
        now = max(now, tick)
    end = round(seconds * 960)
    track.append(mido.MetaMessage("end_of_track", time=max(0, end - now)))
    return file


def _vibrato(notes: tuple[Note, ...], rng: np.random.Generator) -> list[tuple[float, int]]:
    """Bends of up to half a semitone (the wheel's full turn is two) at some 5.5 Hz."""
    rate, depth = rng.uniform(4.8, 6.2), rng.uniform(0.1, 0.5)
    bends = []
    for note in notes:
        times = np.arange(0, note.duration, 0.02)
        swell = np.clip(times / 0.5, 0, 1)
        glide = -rng.uniform(0, 1.0) * np.exp(-times / 0.05)
        curve = (depth * swell * np.sin(2 * np.pi * rate * times) + glide) / 2
        bends += [
            (note.start + float(time), int(np.clip(bend, -1, 0.99) * 8192))
            for time, bend in zip(times, curve, strict=True)
        ]
    return bends


def _slides(notes: tuple[Note, ...], rng: np.random.Generator) -> list[tuple[float, int]]:
    """Some notes are slid into from up to two semitones away."""
    bends = []
    for note in notes:
        if note.duration > 0.25 and rng.random() < 0.25:
            start = float(rng.choice((-1.0, -0.5, 0.5)))
            for step in range(9):
                bend = int(np.clip(start * (1 - step / 8), -1, 0.99) * 8192)
                bends.append((note.start + step * 0.012, bend))
    return bends
