"""Waveforms and spectra that can be zoomed into: made once beside a run, read in parts.

Of each sound there are the extremes of short stretches, and a spectrum every 50 ms or so, in
decibels as bytes. A wide part is summed up from these, so that an hour opens as fast as a minute;
a narrow one is read from the sound file itself.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .. import Audio, Result, overview, read_audio
from .. import File as EncodedFile
from .._base.publish import publish

Scale = Literal["log", "linear"]

#: A column of the stored waveform stands for so many samples.
_FINEST_SAMPLES = 256
#: How far apart the stored spectra are, and how many there are at most.
_SPECTRUM_SECONDS = 0.05
_MOST_SPECTRA = 72_000
_BANDS = 200
_LOWEST_HZ = 20.0
#: What bytes stand for: 0 is the lowest level and what lies below it, 255 the highest.
LOWEST_DBFS, HIGHEST_DBFS = -130.0, 0.0
#: Parts up to so long are looked at anew.
_ANEW_SECONDS = 30.0
_MOST_COLUMNS, _MOST_BANDS = 4000, 1000
_WAVE, _FACTS = "wave.npy", "view.json"


@dataclass(frozen=True)
class Facts:
    """What is known of a sound that can be looked at.

    Attributes:
        label: what it is called.
        kind: ``before``, ``after``, ``difference`` or ``part``.
        rate: in Hz.
        frames: how many samples a channel has.
        channels: how many there are.
        reach: the largest amplitude.
        file: the WAV file, relative to the folder of views or absolute.
    """

    label: str
    kind: str
    rate: int
    frames: int
    channels: int
    reach: float
    file: str

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate


def make_views(result: Result, folder: Path) -> list[str]:
    """Make a view of what went in, what came out and what was taken out; return their names."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[str] = []

    def make(label: str, kind: str, sound: Audio, file: Path | None) -> None:
        if not sound.frames:
            return
        name = f"{len(made)}"
        made.append(name)
        _make(folder / name, label, kind, sound, file)

    whole = list(result.removed)
    for name, bound in result.inputs.items():
        sound = bound if isinstance(bound, Audio) else read_audio(bound)
        make(f"{name}, as it was", "before", sound, None)
    for name, value in result.items():
        if isinstance(value, EncodedFile):
            continue
        if isinstance(value, Audio):
            path = result.report["outputs"][name]["path"]
            kind = "after" if name in whole else "part"
            make(name, kind, value, Path(path))
        if name in whole:
            output = result.report["outputs"][name]
            taken = Path(output["removed"]["path"])
            make(f"taken out of {name}", "difference", result.removed[name], taken)
    return made


def _make(place: Path, label: str, kind: str, sound: Audio, file: Path | None) -> None:
    place.mkdir()
    if file is None:
        file = sound.save(place / "sound.wav")
    columns = -(-sound.frames // _FINEST_SAMPLES)
    seen = overview(sound, columns=columns)
    wave = np.stack([seen.low.min(axis=0), seen.high.max(axis=0)])
    np.save(place / _WAVE, wave)
    seconds = sound.frames / sound.sample_rate
    spectra = int(min(_MOST_SPECTRA, max(1, seconds / _SPECTRUM_SECONDS)))
    for scale in ("log", "linear"):
        seen = overview(sound, columns=spectra, bands=_BANDS, scale=scale, lowest_hz=_LOWEST_HZ)
        np.save(place / f"{scale}.npy", _as_bytes(seen.power.mean(axis=0)))
        np.save(place / f"{scale}-edges.npy", seen.hertz)
        np.save(place / f"{scale}-seconds.npy", seen.seconds)
    reach = float(np.abs(wave).max(initial=0.0))
    facts = Facts(
        label, kind, sound.sample_rate, sound.frames, sound.channels, reach, str(file.resolve())
    )
    content = json.dumps(asdict(facts)).encode()
    publish(place / _FACTS, lambda file: file.write(content), durable=False)


def views_in(folder: Path) -> dict[str, Facts]:
    """Return what there is to look at, by name."""
    places = sorted(folder.glob(f"*/{_FACTS}"), key=lambda one: int(one.parent.name))
    return {one.parent.name: facts_of(one.parent) for one in places}


@lru_cache(maxsize=256)
def facts_of(place: Path) -> Facts:
    """Return what is known of a view, which does not change.

    Raises:
        OSError: there is none.
    """
    return Facts(**json.loads((place / _FACTS).read_bytes()))


@dataclass(frozen=True)
class Wave:
    """A part of a waveform.

    Attributes:
        low: the lowest sample of each column.
        high: the highest, likewise.
        start: the middle of the first column, in seconds.
        step: how far it is from one column to the next.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    start: float
    step: float


def wave(place: Path, start: float, stop: float, columns: int) -> Wave:
    """Return a part of a waveform.

    Args:
        place: the folder of the view.
        start: where the part begins, in seconds.
        stop: where it ends.
        columns: about how many there are to be.
    """
    facts = facts_of(place)
    first, last = _frames(facts, start, stop)
    columns = min(max(columns, 1), _MOST_COLUMNS)
    if last - first >= columns * _FINEST_SAMPLES:
        stored = np.load(place / _WAVE, mmap_mode="r")
        from_, to = first // _FINEST_SAMPLES, -(-last // _FINEST_SAMPLES)
        part, step, begin = stored[:, from_:to], _FINEST_SAMPLES, from_ * _FINEST_SAMPLES
    else:
        samples = _samples(facts, first, last)
        part, step, begin = np.stack([samples.min(axis=0), samples.max(axis=0)]), 1, first
    group = max(1, part.shape[1] // columns)
    starts = np.arange(0, part.shape[1], group)
    low = np.minimum.reduceat(part[0], starts)
    high = np.maximum.reduceat(part[1], starts)
    middle = group * step / 2 if group * step > 1 else 0.0
    return Wave(low, high, (begin + middle) / facts.rate, group * step / facts.rate)


@dataclass(frozen=True)
class Tile:
    """A part of a spectrogram.

    Attributes:
        levels: bytes of shape (bands, columns), the lowest band first; see `LOWEST_DBFS`.
        start: its left edge, in seconds.
        stop: its right edge.
        hertz: the edges of its bands.
    """

    levels: NDArray[np.uint8]
    start: float
    stop: float
    hertz: NDArray[np.float64]


def tile(
    place: Path,
    start: float,
    stop: float,
    columns: int,
    *,
    scale: Scale = "log",
    low_hz: float = 0.0,
    high_hz: float = np.inf,
) -> Tile:
    """Return a part of a spectrogram, in about so many columns.

    A short part is looked at anew, with windows as short as it deserves and bands as narrow.
    """
    facts = facts_of(place)
    first, last = _frames(facts, start, stop)
    columns = min(max(columns, 1), _MOST_COLUMNS)
    if (last - first) / facts.rate > _ANEW_SECONDS:
        return _stored_tile(place, first / facts.rate, last / facts.rate, columns, scale)
    window = min(0.093, max(0.003, (last - first) / facts.rate / 60))
    margin = round(window * facts.rate)
    begin, end = max(0, first - margin), min(facts.frames, last + margin)
    share = _share(facts.rate, scale, low_hz, high_hz)
    seen = overview(
        Audio(_samples(facts, begin, end), facts.rate),
        columns=columns,
        bands=int(min(_MOST_BANDS, _BANDS / share)),
        scale=scale,
        lowest_hz=_LOWEST_HZ,
        window_seconds=window,
    )
    seconds = seen.seconds + begin / facts.rate
    inside = (seconds[1:] > first / facts.rate) & (seconds[:-1] < last / facts.rate)
    bands = (seen.hertz[1:] > low_hz) & (seen.hertz[:-1] < high_hz)
    if not inside.any() or not bands.any():
        inside, bands = np.ones_like(inside), np.ones_like(bands)
    levels = _as_bytes(seen.power.mean(axis=0)[bands][:, inside])
    at = np.flatnonzero(inside)
    band = np.flatnonzero(bands)
    return Tile(
        levels,
        float(seconds[at[0]]),
        float(seconds[at[-1] + 1]),
        seen.hertz[band[0] : band[-1] + 2],
    )


def _stored_tile(place: Path, start: float, stop: float, columns: int, scale: Scale) -> Tile:
    stored = np.load(place / f"{scale}.npy", mmap_mode="r")
    seconds = np.load(place / f"{scale}-seconds.npy")
    from_ = max(0, int(np.searchsorted(seconds, start, "right")) - 1)
    to = min(stored.shape[1], max(from_ + 1, int(np.searchsorted(seconds, stop))))
    part = stored[:, from_:to]
    group = max(1, (to - from_) // columns)
    levels = np.maximum.reduceat(part, np.arange(0, to - from_, group), axis=1)
    # all columns are equally wide but the last one, which may be cut off by the end of the sound
    end = seconds[from_] + levels.shape[1] * group * (seconds[1] - seconds[0])
    edges = np.load(place / f"{scale}-edges.npy")
    return Tile(np.ascontiguousarray(levels), float(seconds[from_]), float(end), edges)


def _share(rate: int, scale: Scale, low_hz: float, high_hz: float) -> float:
    """Return how much of the height of a whole spectrogram some frequencies take."""
    low, high = max(low_hz, _LOWEST_HZ), min(high_hz, rate / 2)
    if low >= high:
        return 1.0
    if scale == "linear":
        return float((high - low) / (rate / 2))
    return float(np.log(high / low) / np.log(rate / 2 / _LOWEST_HZ))


def _as_bytes(power: NDArray[Any]) -> NDArray[np.uint8]:
    with np.errstate(divide="ignore"):
        levels = 10 * np.log10(power)
    steps = (np.clip(levels, LOWEST_DBFS, HIGHEST_DBFS) - LOWEST_DBFS) * 255
    found: NDArray[np.uint8] = np.rint(steps / (HIGHEST_DBFS - LOWEST_DBFS)).astype(np.uint8)
    return found


def _frames(facts: Facts, start: float, stop: float) -> tuple[int, int]:
    first = int(np.clip(np.floor(start * facts.rate), 0, facts.frames - 1))
    last = int(np.clip(np.ceil(stop * facts.rate), first + 1, facts.frames))
    return first, last


def _samples(facts: Facts, first: int, last: int) -> NDArray[np.float32]:
    import soundfile

    with soundfile.SoundFile(facts.file) as file:
        file.seek(first)
        read: NDArray[np.float32] = file.read(last - first, dtype="float32", always_2d=True)
    return read.T
