"""What reads what strangers wrote: each reader, whole files for it, and how it is to end.

A target reads one file. Whatever is wrong with that, it is to raise an error of this library, whose
text can be printed, within the memory and the time that `child` allows.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import soundfile
from mutagen import flac, id3

import resonate_graph as rg
from resonate_graph import Audio, Graph, GraphError, Limits, ResonateError
from resonate_graph._corpus.jobs import End, Identity, Job, what_changed
from resonate_graph._corpus.journal import NAME, Journal
from resonate_graph._corpus.listing import Wanted, jobs_of
from resonate_graph._corpus.looking import look
from resonate_graph._corpus.row import BatchRow
from resonate_graph._corpus.sums import Sums
from resonate_graph._sound.tags import read_tags
from resonate_graph._store.records import Entry, Key, Record, seal, unseal
from resonate_nodes import encode_flac, encode_mp3, encode_ogg, encode_wav, gain
from resonate_nodes.models import __file__ as models_file
from resonate_nodes.separation import models, weights
from tests.files import write_lame
from tests.fuzz import mutators
from tests.roformers import config_of, save_model

SOUND = Audio(np.random.default_rng(1).normal(0, 0.1, (2, 4410)), 44_100)


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        suffix: what its files are called.
        seeds: yields whole files, given a folder to work in.
        read: reads a file.
        mutated: returns another file, given one and what to draw from.
    """

    suffix: str
    seeds: Callable[[Path], Iterator[bytes]]
    read: Callable[[Path], object]
    mutated: Callable[[bytes, random.Random], bytes] = mutators.of_bytes

    def try_on(self, path: Path) -> None:
        """Read a file; any end but a result or an error of this library is raised."""
        try:
            self.read(path)
        except ResonateError as error:
            str(error).encode()


def _graphs(folder: Path) -> Iterator[bytes]:
    small = Graph("small")
    quiet = small.add(gain, "quiet")(small.input("take", Audio), gain_db=-2.0)
    small.output("out", small.add(encode_flac, "encoded")(quiet))
    yield small.to_json().encode()
    for name in ("deliver", "speech", "vocal-repair"):
        yield rg.stock(name).to_json().encode()


def _graphs_in_graphs(folder: Path) -> Iterator[bytes]:
    sound = {"type": "audio"}
    level = {"type": "number", "default": 2, "minimum": -20, "maximum": 4}
    steps = {
        "a": {"type": "gain", "inputs": {"audio": "$x"}, "params": {"gain_db": {"$param": "db"}}},
        "b": {"type": "invert", "inputs": {"audio": "a"}},
    }
    inner = {"inputs": {"x": sound}, "params": {"db": level}, "nodes": steps, "outputs": {"y": "b"}}
    once = {"type": "graph", "graph": "inner", "inputs": {"x": "$mix"}, "params": {"db": -3}}
    each = {"type": "graph", "graph": "inner", "for_each": {"x": {"l": "one.y", "r": "$mix"}}}
    again = {"type": "graph", "graph": "inner", "for_each": {"x": "each.*"}, "params": {"db": 1}}
    for nodes, wire in (
        ({"one": once}, "one.y"),
        ({"one": once, "each": each}, "each.l.y"),
        ({"one": once, "each": each, "again": again}, "again.r.y"),
    ):
        document = {
            "format": 1, "name": "outer", "inputs": {"mix": sound}, "graphs": {"inner": inner},
            "nodes": nodes, "outputs": {"out": wire},
        }  # fmt: skip
        yield json.dumps(document).encode()


def _read_graph(path: Path) -> None:
    graph = Graph.from_json(path.read_text(encoding="utf-8", errors="replace"))
    graph.check()
    try:
        graph.check(params=dict.fromkeys(graph.document.params))
    except GraphError as error:
        str(error).encode()


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


def _tagged(folder: Path, *, formats: tuple[str, ...]) -> Iterator[bytes]:
    pictures: Any = flac
    for name, path in _made(folder).items():
        if name not in formats:
            continue
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


#: What is written by libsndfile of each format: (container, coding, frames, channels).
_SOUNDS: dict[str, tuple[tuple[str, str, int, int], ...]] = {
    "wav": (
        ("WAV", "PCM_16", 600, 2), ("WAV", "PCM_U8", 600, 1), ("WAV", "IMA_ADPCM", 600, 2),
        ("WAV", "GSM610", 600, 1), ("WAVEX", "PCM_24", 600, 2), ("RF64", "FLOAT", 600, 2),
    ),
    "w64": (("W64", "PCM_16", 600, 2), ("W64", "FLOAT", 600, 1)),
    "aiff": (("AIFF", "PCM_24", 600, 2), ("AIFF", "IMA_ADPCM", 600, 1), ("AIFF", "FLOAT", 600, 1)),
    "caf": (("CAF", "PCM_16", 600, 2), ("CAF", "ALAC_16", 600, 2), ("CAF", "ALAC_24", 5000, 1)),
    "au": (("AU", "PCM_16", 600, 2), ("AU", "G721_32", 600, 1), ("AU", "ULAW", 600, 1)),
    "flac": (("FLAC", "PCM_16", 5000, 2), ("FLAC", "PCM_24", 600, 1)),
    "ogg": (("OGG", "VORBIS", 2000, 2), ("OGG", "OPUS", 2000, 1), ("OGG", "VORBIS", 600, 1)),
    "mp3": (("MP3", "MPEG_LAYER_III", 4410, 2), ("MP3", "MPEG_LAYER_III", 2000, 1)),
}  # fmt: skip


def _sounds(folder: Path, *, name: str) -> Iterator[bytes]:
    for container, coding, frames, channels in _SOUNDS[name]:
        file = io.BytesIO()
        samples = SOUND.samples[:channels, :frames].T
        soundfile.write(file, samples, 48_000, coding, format=container)
        yield file.getvalue()
    if name == "mp3":
        yield write_lame(SOUND, folder / "seed.mp3", quality=5.0).read_bytes()
    if name == "ogg":  # several pages of another rate than that of Opus
        file = io.BytesIO()
        soundfile.write(file, np.zeros(32_000), 16_000, "OPUS", format="OGG")
        yield file.getvalue()
    if name in ("mp3", "ogg", "flac"):
        joined = file.getvalue()
        yield joined + joined
        yield b"ID3\x04\0\0\0\0\x01\0" + bytes(128) + joined


def _all_sounds(folder: Path) -> Iterator[bytes]:
    for name in _SOUNDS:
        yield from _sounds(folder, name=name)


def _read_sound(path: Path, *, salvage: bool = False) -> None:
    said: list[str] = []
    limits = Limits(max_minutes=5, salvage=salvage)
    rg.read_audio(path, limits, warn=lambda code, message: said.append(message))
    "".join(said).encode()


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


def _smallest(folder: Path) -> None:
    """Write a checkpoint and its config: of few weights, so that changes hit what says of them."""
    config = config_of("bs")
    config["model"] |= {"dim": 4, "depth": 1, "heads": 1, "dim_head": 4, "mask_estimator_depth": 1,
                        "freqs_per_bands": [30, 35]}  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the network transforms a first sound without a window
        save_model(folder, "case", config)


def _configs(folder: Path) -> Iterator[bytes]:
    """Configs of networks, beside the checkpoint of one."""
    _smallest(folder)
    for family in ("bs", "mel", "mdx23c", "scnet"):
        yield json.dumps(config_of(family)).encode()
    yield (folder / "case.yaml").read_bytes()


def _read_config(path: Path) -> None:
    weights.load(path.with_suffix(".ckpt"))


def _checkpoints(folder: Path) -> Iterator[bytes]:
    """A checkpoint, beside its config."""
    _smallest(folder)
    yield (folder / "case.ckpt").read_bytes()


def _manifests(folder: Path, *, lines: bool) -> Iterator[bytes]:
    """Manifests, beside a sound that they name."""
    SOUND.save(folder / "take.wav")
    rows: Sequence[dict[str, Any]] = (
        {"take": "take.wav", "level": -3.5, "quiet.gain_db": 2, "title": "One"},
        {"take": "take.wav", "title": "Two, or {suffix}"},
    )
    if lines:
        yield "\n".join(map(json.dumps, rows)).encode()
        yield json.dumps(rows[0] | {"title": ["One", {"two": None}]}).encode()
    else:
        yield b'take,level,title\ntake.wav,-3.5,One\ntake.wav,,"Two, or ""{suffix}"""\n'
        yield b"\xef\xbb\xbftake,quiet.gain_db,title\r\ntake.wav,2,One\r\n"


@cache
def _of_a_manifest() -> Graph:
    sound = {"type": "audio"}
    level = {"type": "number", "default": 2, "minimum": -20, "maximum": 4}
    quiet = {
        "type": "gain",
        "inputs": {"audio": "$take"},
        "params": {"gain_db": {"$param": "level"}},
    }
    plain = {
        "format": 1, "name": "levels", "inputs": {"take": sound}, "params": {"level": level},
        "nodes": {"quiet": quiet}, "outputs": {"out": "quiet"},
    }  # fmt: skip
    return Graph.from_json(json.dumps(plain))


def _read_manifest(path: Path) -> None:
    for job in jobs_of(path, Wanted(_of_a_manifest(), name="{title}-{path}-{output}")):
        # what a journal, tables and pages take
        json.dumps([dict(job.inputs), dict(job.params), dict(job.carried)], ensure_ascii=False)
        (job.label + job.name).encode()


def _journals(folder: Path) -> Iterator[bytes]:
    """The journal of a batch, beside a folder where it is called as journals are."""
    row = {"id": "quiet", "type": "gain", "status": "ran", "did": {"peak_db": -3.0}}
    ended = End("done", 2.0, content="abc", steps=[row], warnings=[{"message": "quiet"}],
                outputs={"out": {"path": "one.wav", "bytes": 3, "mtime_ns": 4}})  # fmt: skip
    ends = {"one": ended, "two": End("failed", kind="node"), "three": End("died", content="abc")}
    for name in ("made", "batch"):  # of an earlier turn
        shutil.rmtree(folder / name, ignore_errors=True)
    journal = Journal(folder / "made")
    start = journal.start("levels", "{}", {"outputs": None})
    parts = {"steps": {"quiet": {"type": "gain"}}, "outputs": {"out": "quiet"}, "settings": {}}
    journal.add_identity("i", parts)
    journal.add_jobs(
        Job(name, name, {"take": "a.wav"}, {"level": 1}, "{title}", {"title": "One"})
        for name in ends
    )
    sums = Sums(total=3, done=1, failed=1, ran=1, took=2.0, sound_seconds=9.0)
    sums.kinds["node"] += 1
    journal.add_ends(start, [(name, "i", end) for name, end in ends.items()], sums)
    journal.close()
    (folder / "batch").mkdir()
    (folder / "batch" / NAME).symlink_to(folder / "case.sqlite")
    yield (folder / "made" / NAME).read_bytes()


def _read_journal(path: Path) -> None:
    folder = path.parent / "batch"
    standing = look(folder)
    json.dumps(standing.document())
    standing.sums.in_words()
    journal = Journal(folder, read_only=True)
    try:
        for job in journal.jobs():
            last = journal.last_end(job.id)
            BatchRow.of(job, last[1] if last else None, kept=False).cells()
        known = journal.identity("i")
        what_changed(known or _NO_IDENTITY, _NO_IDENTITY)
        for content in journal.mortal().values():
            journal.deaths(content)
    finally:
        journal.close()


_NO_IDENTITY: Identity = {"steps": {"quiet": {}}, "outputs": {}, "settings": {}}


def _records(folder: Path) -> Iterator[bytes]:
    key = Key.of({"type": "gain", "format": 1})
    yield seal(Record(key=key.hex, preimage=dict(key.preimage), ports={"out": Entry.of(SOUND)}))


def _read_record(path: Path) -> None:
    record = unseal(path.read_bytes())
    if record is not None:
        for entry in record.ports.values():
            assert entry.size.bytes >= 0 or entry.kind == "audio"


TARGETS = {
    "graph": Target(".json", _graphs, _read_graph, mutators.of_json),
    "subgraph": Target(".json", _graphs_in_graphs, _read_graph, mutators.of_json),
    "provenance": Target(".provenance.json", _provenances, _read_provenance, mutators.of_json),
    "record": Target(".json", _records, _read_record, mutators.of_record),
    "safetensors": Target(".safetensors", _safetensors, weights.verify, mutators.of_safetensors),
    "pickle": Target(".th", _pickles, weights.verify, mutators.of_pickle),
    "bag": Target(".yaml", _bags, _read_bag),
    "config": Target(".yaml", _configs, _read_config, mutators.of_json),
    "checkpoint": Target(".ckpt", _checkpoints, weights.load, mutators.of_pickle),
    "manifest-csv": Target(".csv", partial(_manifests, lines=False), _read_manifest),
    "manifest-jsonl": Target(
        ".jsonl", partial(_manifests, lines=True), _read_manifest, mutators.of_json_lines
    ),
    "journal": Target(".sqlite", _journals, _read_journal, mutators.of_journal),
    **{
        f"tags-{name}": Target(".sound", partial(_tagged, formats=formats), read_tags)
        for name, formats in (
            ("wav", ("float", "wav")), ("flac", ("flac",)), ("ogg", ("ogg",)), ("mp3", ("mp3",)),
        )
    },
    **{name: Target(".sound", partial(_sounds, name=name), _read_sound) for name in _SOUNDS},
    "salvage": Target(".sound", _all_sounds, partial(_read_sound, salvage=True)),
}  # fmt: skip
