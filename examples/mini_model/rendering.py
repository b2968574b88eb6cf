"""Songs into sound: four stereo stems of equal length at 44.1 kHz.

Parts of soundfonts go through fluidsynth one by one, dry; samples and loops are placed here;
`singing` sings. Each part and each stem then gets its own effects, drawn from the song's seed,
and the stems are balanced like pop mixes are.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import mido
import numpy as np
import soundfile
from numpy.typing import NDArray

from . import singing, sources, synthesis
from .score import STEMS, Note, Part, Song, generator
from .tracks import RATE_HZ as RATE

if TYPE_CHECKING:
    import pedalboard

Stereo = NDArray[np.float32]  # (samples, 2)

# Loudness of each stem in LUFS before the mix is brought below full scale; the spread is
# normal, 2 dB, at most 4.
LOUDNESS_LUFS = {"drums": -17.5, "bass": -20.0, "other": -19.5, "vocals": -17.0}


def render(song: Song, loops: Path | None = None) -> dict[str, Stereo]:
    """The song's stems, each (samples, 2); the mix is their sum and stays below full scale.

    Args:
        song: What to play.
        loops: A folder to look for samples in before the packages' own.
    """
    length = round(song.seconds * RATE)
    stems = {stem: np.zeros((length, 2), np.float32) for stem in STEMS}
    for place, part in enumerate(song.parts):
        if part.notes:
            rng = generator(song.split, song.number, purpose=100 + place)
            played = _levelled(PLAYERS[part.player](song, part, rng, loops), -20.0)
            stems[part.stem] += _placed(played, part, rng)
    for place, (stem, sound) in enumerate(stems.items()):
        if sound.any():
            rng = generator(song.split, song.number, purpose=10 + place)
            stems[stem] = _balanced(_mixed_down(sound, stem, rng), stem, rng)
    rng = generator(song.split, song.number, purpose=1)
    peak = max(float(np.abs(sound).max()) for sound in (*stems.values(), sum_of(stems)))
    scale = min(1.0, float(rng.uniform(0.7, 0.98)) / max(peak, 1e-6))
    return {stem: (sound * scale).astype(np.float32) for stem, sound in stems.items()}


def sum_of(stems: dict[str, Stereo]) -> Stereo:
    """The mix."""
    return np.asarray(np.sum(list(stems.values()), axis=0), np.float32)


# Players: a part into (samples, 2).


def _font(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
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
    return _fitted(sound, song)


def _midi(
    notes: tuple[Note, ...],
    channel: int,
    bank: int,
    program: int,
    bends: list[tuple[float, int]],
    seconds: float,
) -> mido.MidiFile:
    """A file whose ticks are 1/960 s."""
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


def _kit(song: Song, part: Part, rng: np.random.Generator, loops: Path | None) -> Stereo:
    kind, _, name = part.instrument.partition(":")
    if kind == "samples":
        shots = {pitch: _sample(shot, loops) for pitch, shot in sources.SHOTS[name].items()}
    elif kind == "machine":
        # All parts of a song that name one machine play the same one.
        drawn = generator(song.split, song.number, purpose=1000 + int(name))
        machine = synthesis.draw_machine(drawn, song.split)
        shots = {pitch: _panned(shot, PANNED.get(pitch, 0.0)) for pitch, shot in machine.items()}
    else:
        return _font(song, part, rng, loops)
    sound = _silence(song)
    for note in part.notes:
        pitch = int(note.pitch)
        played = pitch if pitch in shots else KINDRED.get(pitch, 42)
        if played in shots:
            _add(sound, shots[played] * note.velocity**1.5, note.start)
    return sound


# Where a drum machine's pieces stand, -1 left to 1 right.
PANNED = {42: 0.3, 44: 0.3, 46: 0.3, 51: -0.4, 49: -0.3, 41: 0.5, 43: 0.3, 47: -0.1, 50: -0.4,
          82: -0.5, 54: 0.5, 70: -0.6}  # fmt: skip

# What a kit plays instead of what it has not.
KINDRED = {
    37: 38, 39: 38, 40: 38, 41: 43, 43: 41, 44: 42, 46: 42, 47: 41, 50: 47, 51: 42, 52: 49,
    53: 51, 55: 49, 49: 46,
}  # fmt: skip


def _loop(song: Song, part: Part, _rng: np.random.Generator, loops: Path | None) -> Stereo:
    """Loops of a rhythm fill their notes' time; tones are transposed."""
    import soxr

    sound = _silence(song)
    heard: dict[tuple[float, float], Stereo] = {}
    for note in part.notes:
        key = (round(note.duration, 4), note.pitch)
        if key not in heard:
            original = _sample(part.instrument, loops)
            if part.details.get("pitched"):
                factor = 2 ** (-(note.pitch - 60) / 12)
            else:
                factor = note.duration * RATE / len(original)
            turned = soxr.resample(original, RATE, RATE * factor, quality="MQ")
            kept = turned[: round(note.duration * RATE)]
            fade = np.minimum(1, np.arange(len(kept), 0, -1) / 400)[:, None]
            heard[key] = (kept * fade).astype(np.float32)
        _add(sound, heard[key] * note.velocity, note.start)
    return sound


def _tone(song: Song, part: Part, _rng: np.random.Generator, loops: Path | None) -> Stereo:
    """A bass tone transposed onto each note."""
    import soxr

    own = next(loop.pitch for loop in sources.LOOPS if loop.name == part.instrument) + 36
    tone = _sample(part.instrument, loops)
    turned: dict[float, Stereo] = {}
    sound = _silence(song)
    for note in part.notes:
        if note.pitch not in turned:
            factor = 2 ** (-(note.pitch - own) / 12)
            turned[note.pitch] = soxr.resample(tone, RATE, RATE * factor, quality="MQ")
        kept = turned[note.pitch][: round((note.duration + 0.03) * RATE)]
        fade = np.minimum(1, np.arange(len(kept), 0, -1) / 1300)[:, None]
        _add(sound, kept * fade * note.velocity, note.start)
    return sound


def _synthesiser(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    patch = synthesis.draw_patch(rng, part.instrument, song.split)
    return synthesis.synthesise(part.notes, patch, song.seconds)


def _singer(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    voice = singing.draw_voice(
        rng,
        cast("singing.Register", part.details["register"]),
        cast("singing.Split", song.split),
    )
    notes: list[singing.Note] = [
        (note.start, note.duration, note.pitch, note.velocity, None) for note in part.notes
    ]
    sound = singing.sing(notes, voice, rng, song.seconds)
    return _fitted(np.repeat(sound[:, None], 2, axis=1), song)


def _speech(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    """Syllables of recordings, each stretched and pitched onto a note."""
    import pedalboard

    syllables = _syllables(part.instrument, rng)
    register = float(np.median([note.pitch for note in part.notes]))
    own = float(np.median([pitch for _, pitch in syllables]))
    # Whole octaves bring the melody to where the speaker speaks, so that the voice stays a voice.
    octaves = 12 * round((own + 3 - register) / 12)
    sound = _silence(song)
    for place, note in enumerate(part.notes):
        syllable, pitch = syllables[place % len(syllables)]
        shift = float(np.clip(note.pitch + octaves - pitch, -12, 14))
        factor = float(np.clip(len(syllable) / RATE / note.duration, 0.25, 2.5))
        sung = pedalboard.time_stretch(
            syllable[None], RATE, stretch_factor=factor, pitch_shift_in_semitones=shift
        )[0]
        sung = sung[: round(note.duration * 1.1 * RATE)]
        fade = np.minimum(1, np.arange(len(sung), 0, -1) / 1500)
        _add(sound, np.repeat((sung * fade * note.velocity)[:, None], 2, axis=1), note.start)
    return sound


def _spoken(song: Song, part: Part, rng: np.random.Generator, _loops: Path | None) -> Stereo:
    """Recordings one after the other from where the part begins, with pauses."""
    sound = _silence(song)
    now = part.notes[0].start
    for voice in _recordings(part.instrument, 14, rng):
        _add(sound, np.repeat(voice[:, None], 2, axis=1), now)
        now += len(voice) / RATE + float(rng.choice((0.1, 0.4, 1.5)))
        if now > song.seconds:
            break
    return sound


Player = Callable[[Song, Part, np.random.Generator, Path | None], Stereo]
PLAYERS: dict[str, Player] = {
    "font": _font, "kit": _kit, "loop": _loop, "tone": _tone, "synthesiser": _synthesiser,
    "singer": _singer, "speech": _speech, "spoken": _spoken,
}  # fmt: skip


# Recordings.


@cache
def _sample(name: str, loops: Path | None) -> Stereo:
    folders = (*((loops,) if loops else ()), sources.SAMPLES)
    path = next(path for path in (folder / f"{name}.flac" for folder in folders) if path.exists())
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE, path
    return np.ascontiguousarray(np.broadcast_to(sound, (len(sound), 2)))


def _recordings(speaker: str, count: int, rng: np.random.Generator) -> list[NDArray[np.float32]]:
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


def _syllables(speaker: str, rng: np.random.Generator) -> list[tuple[NDArray[np.float32], float]]:
    """Voiced stretches between dips of loudness, with their MIDI pitches."""
    found: list[tuple[NDArray[np.float32], float]] = []
    while len(found) < 24:
        for voice in _recordings(speaker, 4, rng):
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


# Effects and levels.


def _placed(sound: Stereo, part: Part, rng: np.random.Generator) -> Stereo:
    """A part's own character, width and place in the stem."""
    import pedalboard as fx

    board: list[fx.Plugin] = []
    driven = part.details.get("family") == "driven guitar"
    if rng.random() < (0.5 if driven else 0.12):
        board.append(fx.Distortion(drive_db=float(rng.uniform(3, 20 if driven else 10))))
        board.append(fx.LowpassFilter(float(rng.uniform(3500, 9000))))
    if part.stem == "other":
        if rng.random() < 0.25:
            board.append(fx.Chorus(rate_hz=float(rng.uniform(0.3, 2)), mix=0.4))
        if rng.random() < 0.07:
            board.append(fx.Phaser(rate_hz=float(rng.uniform(0.1, 1.5)), mix=0.5))
        if rng.random() < 0.4:
            board.append(fx.HighpassFilter(float(rng.uniform(60, 250))))
    if rng.random() < 0.3:
        board.append(
            fx.PeakFilter(
                float(np.exp(rng.uniform(np.log(200), np.log(6000)))),
                float(rng.uniform(-6, 6)),
                float(rng.uniform(0.5, 1.5)),
            )
        )
    sound = _through(board, sound)
    if part.stem == "bass":
        width, pan = 0.2 * rng.random(), 0.0
    elif part.stem == "other":
        width, pan = rng.uniform(0.2, 1.3), rng.uniform(-0.7, 0.7)
    elif part.details.get("behind"):
        width, pan = 1.0, rng.uniform(-0.8, 0.8)
    else:
        width, pan = rng.uniform(0.5, 1.1), rng.normal(0, 0.05)
    level = rng.uniform(-8, 0) if part.stem == "other" else rng.uniform(-3, 0)
    level -= 9 if part.details.get("behind") else 0
    middle, side = sound.mean(axis=1), (sound[:, 0] - sound[:, 1]) / 2 * width
    angle = (np.clip(pan, -1, 1) + 1) * np.pi / 4
    gain = 10 ** (level / 20) * np.sqrt(2)
    left, right = (middle + side) * np.cos(angle), (middle - side) * np.sin(angle)
    return np.asarray(np.stack((left, right), axis=1) * gain, np.float32)


def _mixed_down(sound: Stereo, stem: str, rng: np.random.Generator) -> Stereo:
    """A stem's equaliser, compressor, saturation, echo and room."""
    import pedalboard as fx

    board: list[fx.Plugin] = []
    if rng.random() < 0.6:
        board.append(fx.LowShelfFilter(float(rng.uniform(80, 300)), float(rng.uniform(-5, 4))))
    if rng.random() < 0.6:
        board.append(fx.HighShelfFilter(float(rng.uniform(3000, 9000)), float(rng.uniform(-5, 5))))
    if stem == "vocals" and rng.random() < 0.7:
        board.append(fx.HighpassFilter(float(rng.uniform(60, 160))))
    if rng.random() < {"vocals": 0.7, "drums": 0.5, "bass": 0.5}.get(stem, 0.25):
        board.append(
            fx.Compressor(
                float(rng.uniform(-30, -15)), float(rng.uniform(2, 6)),
                float(rng.uniform(1, 20)), float(rng.uniform(40, 250)),
            )
        )  # fmt: skip
    if rng.random() < {"bass": 0.3, "drums": 0.2}.get(stem, 0.1):
        board.append(fx.Distortion(drive_db=float(rng.uniform(2, 12))))
    if rng.random() < {"vocals": 0.3, "other": 0.15}.get(stem, 0):
        board.append(
            fx.Delay(float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.1, 0.4)),
                     float(rng.uniform(0.08, 0.25)))
        )  # fmt: skip
    if rng.random() < {"vocals": 0.8, "drums": 0.6, "other": 0.7}.get(stem, 0.1):
        wet = float(rng.uniform(0.03, 0.25 if stem != "drums" else 0.15))
        room, damping = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.2, 0.8))
        board.append(fx.Reverb(room, damping, wet_level=wet, dry_level=1 - wet / 2))
    return _through(board, sound)


def _through(board: list[pedalboard.Plugin], sound: Stereo) -> Stereo:
    played = np.ascontiguousarray(sound.T)
    for plugin in board:
        played = plugin.process(played, RATE)
    return np.ascontiguousarray(played.T, dtype=np.float32)


def _balanced(sound: Stereo, stem: str, rng: np.random.Generator) -> Stereo:
    """At the stem's loudness (ITU-R BS.1770), more or less."""
    import pyloudnorm

    loudness = pyloudnorm.Meter(RATE).integrated_loudness(sound)
    spread = float(np.clip(rng.normal(0, 2), -4, 4))
    if not np.isfinite(loudness):
        return sound
    gain_db = min(LOUDNESS_LUFS[stem] + spread - loudness, 40.0)
    return np.asarray(sound * 10 ** (gain_db / 20), np.float32)


def _levelled(sound: Stereo, dbfs: float) -> Stereo:
    """At an effective level, silence between notes left out, that effects expect."""
    hop = RATE // 10
    power = (sound[: len(sound) // hop * hop].reshape(-1, hop * 2) ** 2).mean(axis=1)
    heard = power[power > power.max() / 1000]
    if not len(heard) or heard[0] == 0:
        return sound
    return np.asarray(sound * (10 ** (dbfs / 20) / np.sqrt(heard.mean())), np.float32)


def _panned(sound: NDArray[np.float32], place: float) -> Stereo:
    angle = (place + 1) * np.pi / 4
    gains = np.sqrt(2) * np.array((np.cos(angle), np.sin(angle)))
    return np.asarray(sound[:, None] * gains, np.float32)


def _silence(song: Song) -> Stereo:
    return np.zeros((round(song.seconds * RATE), 2), np.float32)


def _fitted(sound: NDArray[np.float32], song: Song) -> Stereo:
    padded = _silence(song)
    padded[: len(sound)] = sound[: len(padded)]
    return padded


def _add(sound: Stereo, other: NDArray[np.floating], start_s: float) -> None:
    first = round(start_s * RATE)
    last = min(len(sound), first + len(other))
    if first < last:
        sound[first:last] += other[: last - first]
