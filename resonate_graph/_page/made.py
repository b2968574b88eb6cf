"""What is made of a sound, so that a page shows it and lets it be heard: once for each store.

Waveform, spectrogram and copy of a sound are kept together, as one archive among the objects of a
store: they follow from the samples alone, so whatever page has the sound again finds them there.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import json
import time
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._base.errors import ResonateError
from .._node.ports import PortType
from .._node.values import File
from .._sound.audio import Audio
from .._store.folder import Quarantined, Store
from .._store.records import OWN, PLAYER, Key, Origin
from . import copies, looks

#: What is made of a sound changes with this, so that what earlier versions made is not used.
VERSION = 1

#: Rates that browsers play.
_RATES = range(3000, 384_001)

_SUFFIX = ".zip"
_TOLD, _PICTURE, _PORT = "sound.json", "spectrum.png", "out"
#: A copy that takes more, of hours of sound, is not kept: it is made anew, a piece at a time.
_MOST_KEPT_BYTES = 128_000_000


@dataclass(frozen=True)
class Made:
    """What was made of a sound.

    Attributes:
        told: what the script is told of it, as JSON values.
        picture: its spectrogram, as a PNG file.
        pieces: the pieces of its copy, one by one, once.
    """

    told: Mapping[str, Any]
    picture: bytes
    pieces: Iterable[bytes]


def key(sound: str, lossless_minutes: float) -> Key:
    """Return under which key a store has what was made of a sound.

    Args:
        sound: the digest of its samples, or of its file.
        lossless_minutes: from which length on its copy is compressed with loss.
    """
    return Key.of(
        {
            "type": PLAYER,
            "version": VERSION,
            "params": {"lossless_minutes": lossless_minutes},
            "inputs": {"audio": [sound]},
        }
    )


def make(audio: Audio, lossless_minutes: float) -> Made:
    """Look at a sound of one or two channels, and copy it; the pieces as they are asked for."""
    shape, picture = looks.peaks(audio), looks.spectrum(audio)
    told: dict[str, Any] = {
        "rate": audio.sample_rate,
        "frames": audio.frames,
        "channels": audio.channels,
        "peaks": {
            "samples": shape.samples,
            "reach": shape.reach,
            "values": base64.b64encode(shape.values).decode(),
        },
        "spectrum": {
            "low_hz": picture.low_hz,
            "high_hz": picture.high_hz,
            "seconds": picture.seconds,
        },
        "copy": None,
    }
    if audio.sample_rate not in _RATES or not audio.frames:
        return Made(told, picture.png, ())
    planned = copies.plan(audio, shape.reach, lossless_minutes)
    told["copy"] = {**dataclasses.asdict(planned), "count": planned.count}
    return Made(told, picture.png, copies.pieces(audio, planned))


def kept(store: Store, key: Key) -> Made | None:
    """Return what a store has of a sound, None where it has nothing that is whole."""
    with contextlib.suppress(ResonateError, Quarantined), store.in_use():
        record = store.record(key)
        if record is None or not store.present(record):
            return None
        content = store.get(record.ports[_PORT], PortType(File))
        assert isinstance(content, File)
        archive = zipfile.ZipFile(io.BytesIO(content.content))
        told: dict[str, Any] = json.loads(archive.read(_TOLD))
        count = told["copy"]["count"] if told["copy"] else 0
        pieces = [archive.read(str(index)) for index in range(count)]
        return Made(told, archive.read(_PICTURE), pieces)
    return None


def keeping(store: Store, key: Key, audio: Audio, lossless_minutes: float) -> Made:
    """Make the same as `make`, to be kept in a store when its last piece was taken."""
    began = time.perf_counter()
    made = make(audio, lossless_minutes)
    return dataclasses.replace(made, pieces=_kept_as_they_go(store, key, made, began))


def _kept_as_they_go(store: Store, key: Key, made: Made, began: float) -> Iterator[bytes]:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:  # what is in it is compressed already

        def add(name: str, part: bytes) -> None:
            if content.tell() < _MOST_KEPT_BYTES:
                archive.writestr(zipfile.ZipInfo(name), part)

        add(_TOLD, json.dumps(made.told).encode())
        add(_PICTURE, made.picture)
        for index, piece in enumerate(made.pieces):
            add(str(index), piece)
            yield piece
    if content.tell() >= _MOST_KEPT_BYTES:
        return
    seconds = time.perf_counter() - began
    with contextlib.suppress(ResonateError), store.in_use():  # else it is made again next time
        entry = store.put(File(content.getvalue(), _SUFFIX), seconds=seconds)
        origin = Origin(graph=OWN, node="")
        store.put_record(key, {_PORT: entry}, seconds=seconds, origin=origin)
