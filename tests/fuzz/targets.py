"""What reads what strangers wrote: each reader, whole files for it, and how it is to end.

A target reads one file. Whatever is wrong with that, it is to raise an error of this library, whose
text can be printed, within the memory and the time that `child` allows.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import soundfile
from mutagen import flac, id3

import resonate_graph as rg
from resonate_graph import Audio, Graph, Limits, ResonateError
from resonate_graph._sound.tags import read_tags
from resonate_graph._store.records import Entry, Key, Record, seal, unseal
from resonate_nodes import encode_flac, encode_mp3, encode_ogg, encode_wav, gain
from resonate_nodes.models import __file__ as models_file
from resonate_nodes.separation import models, weights

SOUND = Audio(np.random.default_rng(1).normal(0, 0.1, (2, 4410)), 44_100)


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        suffix: what its files are called.
        seeds: yields whole files, given a folder to work in.
        read: reads a file.
    """

    suffix: str
    seeds: Callable[[Path], Iterator[bytes]]
    read: Callable[[Path], object]

    def try_on(self, path: Path) -> None:
        """Read a file; any end but a result or an error of this library is raised."""
        try:
            self.read(path)
        except ResonateError as error:
            str(error).encode()


def _graphs(folder: Path) -> Iterator[bytes]:
    for name in rg.stock_graphs():
        yield rg.stock(name).to_json().encode()


def _read_graph(path: Path) -> None:
    graph = Graph.from_json(path.read_text(encoding="utf-8", errors="replace"))
    graph.check()
    graph.check(params=dict.fromkeys(graph.document.params))


def _made(folder: Path) -> dict[str, Path]:
    graph = Graph("formats")
    quiet = graph.add(gain, "quiet")(graph.input("take", Audio), gain_db=-2.0)
    graph.output("float", quiet)
    graph.output("wav", graph.add(encode_wav)(quiet))
    graph.output("flac", graph.add(encode_flac)(quiet))
    graph.output("mp3", graph.add(encode_mp3)(quiet))
    graph.output("ogg", graph.add(encode_ogg)(quiet))
    return graph.run({"take": SOUND}, store=False).save(folder)


def _provenances(folder: Path) -> Iterator[bytes]:
    for path in _made(folder).values():
        yield path.with_name(f"{path.name}.provenance.json").read_bytes()


def _read_provenance(path: Path) -> None:
    recipe = rg.read_provenance(path)
    list(recipe.changes({"quiet.gain_db": 1.0}))
    made = {"inputs": {}, "nodes": dict(recipe.nodes), "outputs": dict(recipe.outputs)}
    list(recipe.differences(made))


def _tagged(folder: Path) -> Iterator[bytes]:
    pictures: Any = flac
    for name, path in _made(folder).items():
        sound: Any = mutagen.File(path)
        if name in ("flac", "ogg"):
            sound["title"], sound["artist"] = "Title", ["One", "Two"]
            if name == "flac":
                picture = pictures.Picture()
                picture.data = b"picture" * 20
                sound.add_picture(picture)
        else:
            frames: Any = id3
            sound.tags.add(frames.TIT2(encoding=3, text=["Title"]))
            sound.tags.add(frames.APIC(encoding=3, mime="image/png", type=3, data=b"picture" * 20))
        sound.save()
        yield path.read_bytes()


def _sounds(folder: Path) -> Iterator[bytes]:
    for container, subtype in (
        ("WAV", "PCM_16"), ("WAVEX", "PCM_24"), ("RF64", "FLOAT"), ("W64", "PCM_16"),
        ("AIFF", "PCM_24"), ("CAF", "PCM_16"), ("AU", "PCM_16"), ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
    ):  # fmt: skip
        file = io.BytesIO()
        soundfile.write(file, SOUND.samples.T, 48_000, subtype, format=container)
        yield file.getvalue()


def _read_sound(path: Path) -> None:
    for salvage in (False, True):
        try:
            limits = Limits(max_minutes=5, salvage=salvage)
            rg.read_audio(path, limits, warn=lambda code, message: None)
        except ResonateError as error:
            str(error).encode()


def _safetensors(folder: Path) -> Iterator[bytes]:
    content = (Path(models_file).parent / "mini.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    kept = {"__metadata__": header["__metadata__"]}
    kept["one"] = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    text = json.dumps(kept).encode()
    yield len(text).to_bytes(8, "little") + text + bytes(8)


def _pickles(folder: Path) -> Iterator[bytes]:
    plain = b"\x80\x02}q\x00(X\x05\x00\x00\x00klassq\x01cdemucs.htdemucs\nHTDemucs\nq\x02"
    plain += b"X\x04\x00\x00\x00argsq\x03X\x05\x00\x00\x00drumsq\x04\x85q\x05\x85q\x06"
    plain += b"X\x06\x00\x00\x00kwargsq\x07}q\x08X\x05\x00\x00\x00stateq\x09}q\x0au."
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as archive:
            archive.writestr("archive/data.pkl", plain)
        yield file.getvalue()


def _bags(folder: Path) -> Iterator[bytes]:
    yield b"models: ['one', 'two']\nweights: [[1., 0., 0., 1.], [0., 1., 1., 0.]]\nsegment: 44\n"
    yield b"models: [one]\n"


def _read_bag(path: Path) -> None:
    models.find(path.stem, path.parent, fetch=False)


def _records(folder: Path) -> Iterator[bytes]:
    key = Key.of({"type": "gain", "format": 1})
    yield seal(Record(key=key.hex, preimage=dict(key.preimage), ports={"out": Entry.of(SOUND)}))


def _read_record(path: Path) -> None:
    record = unseal(path.read_bytes())
    if record is not None:
        for entry in record.ports.values():
            assert entry.size.bytes >= 0 or entry.kind == "audio"


TARGETS = {
    "graph": Target(".json", _graphs, _read_graph),
    "provenance": Target(".provenance.json", _provenances, _read_provenance),
    "tags": Target(".sound", _tagged, read_tags),
    "sound": Target(".sound", _sounds, _read_sound),
    "safetensors": Target(".safetensors", _safetensors, weights.verify),
    "pickle": Target(".th", _pickles, weights.verify),
    "bag": Target(".yaml", _bags, _read_bag),
    "record": Target(".json", _records, _read_record),
}
