"""Times of broadcast WAV files: carried from WAV to WAV, shifted as the sound is, never wrong."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Graph, Result, Store, node, read_audio
from resonate_nodes import (
    crossfade,
    encode_flac,
    encode_wav,
    gain,
    mix,
    pad,
    resample,
    to_mono,
    trim,
    trim_silence,
)
from tests import uncompressed
from tests.tools import needs
from tests.uncompressed import drawn

RATE = 48_000
REFERENCE = 10 * 3600 * RATE + 12_345  # a little after ten o'clock
FRAMES = 4 * RATE // 10


def bext(reference: int, version: int = 2) -> bytes:
    text = b"Scene 4".ljust(256, b"\0") + b"Recorder".ljust(32, b"\0") + b"REF".ljust(32, b"\0")
    text += b"2026-11-27" + b"10:00:00"
    loudness = struct.pack("<5h", -2300, 500, -100, -2000, -2100)
    head = struct.pack("<QH", reference, version) + bytes(64) + loudness + bytes(180)
    return text + head + b"A=PCM,F=48000,W=24\r\n"


def ixml(reference: int, rate: int = RATE) -> bytes:
    return (
        "<?xml version='1.0' encoding='UTF-8'?><BWFXML><SCENE>4</SCENE><TAKE>2</TAKE><SPEED>"
        f"<FILE_SAMPLE_RATE>{rate}</FILE_SAMPLE_RATE><AUDIO_BIT_DEPTH>24</AUDIO_BIT_DEPTH>"
        f"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>{reference >> 32}"
        "</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI>"
        f"<TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>{reference & 0xFFFFFFFF}"
        "</TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO>"
        f"<TIMESTAMP_SAMPLE_RATE>{rate}</TIMESTAMP_SAMPLE_RATE></SPEED></BWFXML>"
    ).encode()


def cues(*places: int) -> bytes:
    points = [
        struct.pack("<II4sIII", number, place, b"data", 0, 0, place)
        for number, place in enumerate(places, 1)
    ]
    return struct.pack("<I", len(places)) + b"".join(points)


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def labels(*names: str) -> bytes:
    items = [
        chunk(b"labl", struct.pack("<I", number) + name.encode() + b"\0")
        for number, name in enumerate(names, 1)
    ]
    region = chunk(b"ltxt", struct.pack("<II4sHHHH", 1, 4800, b"rgn ", 0, 0, 0, 0))
    return chunk(b"LIST", b"adtl" + b"".join(items) + region)


def recording(path: Path, *, head: bytes = b"RIFF", reference: int = REFERENCE) -> Path:
    after = chunk(b"bext", bext(reference)) + chunk(b"iXML", ixml(reference))
    after += chunk(b"cue ", cues(0, 4800, 14_400)) + labels("begin", "slate", "end")
    loud = drawn("s24", FRAMES, 2, RATE)
    quiet = replace(loud, samples=loud.samples.astype(np.int64) // 16)  # no peak is to be told
    path.write_bytes(uncompressed.wav(quiet, head=head, after=after))
    return path


def chunks_of(path: Path) -> dict[bytes, bytes]:
    """Return the chunks of a WAV file, walked as the standard says; the whole has to add up."""
    content = path.read_bytes()
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    found, position = {}, 12
    while position < len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        key = name + content[position + 8 : position + 12] if name == b"LIST" else name
        found[key] = content[position + 8 : position + 8 + length]
        position += 8 + length + length % 2
    assert position == len(content)
    return found


def reference_of(path: Path) -> int:
    return int(struct.unpack_from("<Q", chunks_of(path)[b"bext"], 338)[0])


def cues_of(path: Path) -> list[int]:
    content = chunks_of(path)[b"cue "]
    return [struct.unpack_from("<I", content, at + 20)[0] for at in range(4, len(content), 24)]


def saved(tmp_path: Path, source: Path, *steps: Any, store: Any = False) -> tuple[Path, Result]:
    """Run a chain of (node, params) and save what comes out."""
    graph = Graph("chain")
    wire: Any = graph.input("take", Audio)
    for step, params in steps:
        wire = graph.add(step)(wire, **params)
    graph.output("out", wire)
    result = graph.run({"take": source}, store=store)
    return result.save(tmp_path / "out")["out"], result


def codes(result: Result) -> list[str]:
    return [warning["code"] for warning in result.report["warnings"]]


@pytest.mark.parametrize("head", [b"RIFF", b"RF64", b"BW64"])
@pytest.mark.parametrize("encoded", [False, True])
def test_times_are_carried_as_they_are(tmp_path: Path, encoded: bool, head: bytes) -> None:
    steps: list[Any] = [(gain, {"gain_db": -3.0})] + ([(encode_wav, {})] if encoded else [])
    source = recording(tmp_path / "take.wav", head=head)
    path, result = saved(tmp_path, source, *steps)
    found = chunks_of(path)
    assert codes(result) == []
    assert reference_of(path) == REFERENCE
    assert found[b"bext"][:338] == bext(REFERENCE)[:338]
    assert found[b"bext"][602:] == bext(REFERENCE)[602:]  # the coding history
    assert struct.unpack_from("<5h", found[b"bext"], 412) == (0x7FFF,) * 5  # no longer known
    bits = b"24" if encoded else b"32"
    assert found[b"iXML"] == ixml(REFERENCE).replace(b">24<", b">" + bits + b"<")
    assert found[b"cue "] == cues(0, 4800, 14_400)
    assert b"slate" in found[b"LISTadtl"]
    assert read_audio(path).frames == FRAMES


def test_they_shift_with_what_is_cut_and_put_before(tmp_path: Path) -> None:
    source = recording(tmp_path / "take.wav")
    path, result = saved(tmp_path, source, (trim, {"start_seconds": 0.05, "end_seconds": 0.2}))
    assert reference_of(path) == REFERENCE + 2400
    assert cues_of(path) == [2400]
    assert b"slate" in chunks_of(path)[b"LISTadtl"]
    assert b"begin" not in chunks_of(path)[b"LISTadtl"]
    low = re.search(rb"MIDNIGHT_LO>(\d+)<", chunks_of(path)[b"iXML"])
    assert low is not None
    assert int(low[1]) == REFERENCE + 2400
    assert codes(result) == ["time-lost"]
    [warning] = result.report["warnings"]
    assert warning["message"] == (
        f"{path}: a part of what {source} says of time is left out: 2 of its cues lie outside"
    )
    path, result = saved(tmp_path, source, (pad, {"start_seconds": 0.5, "end_seconds": 1.0}))
    assert reference_of(path) == REFERENCE - 24_000
    assert cues_of(path) == [24_000, 28_800, 38_400]
    path, _ = saved(tmp_path, source, (trim, {"start_seconds": 0.1}), (pad, {"start_seconds": 0.1}))
    assert reference_of(path) == REFERENCE


@pytest.mark.torch
def test_they_are_counted_at_the_rate_of_the_output(tmp_path: Path) -> None:
    source = recording(tmp_path / "take.wav")
    steps = [(resample, {"sample_rate": 96_000}), (trim, {"start_seconds": 0.1})]
    path, result = saved(tmp_path, source, *steps)
    assert reference_of(path) == 2 * (REFERENCE + 4800)
    assert cues_of(path) == [0, 2 * (14_400 - 4800)]
    assert b"<FILE_SAMPLE_RATE>96000<" in chunks_of(path)[b"iXML"]
    path, result = saved(tmp_path, source, (resample, {"sample_rate": 44_100}))
    assert reference_of(path) == round(REFERENCE * 44_100 / 48_000)
    assert codes(result) == []
    length = chunks_of(path)[b"LISTadtl"].index(b"ltxt") + 12
    assert struct.unpack_from("<I", chunks_of(path)[b"LISTadtl"], length) == (4410,)


@node(version=1)
def second_half(audio: Audio) -> Audio:
    """Keep the second half, and say nothing of it."""
    return audio.with_samples(audio.samples[:, audio.frames // 2 :])


@pytest.mark.parametrize(
    "steps",
    [
        [(second_half, {})],
        [(second_half, {}), (pad, {"end_seconds": 0.2})],  # as long as it was, but not the same
        [(trim_silence, {"threshold_dbfs": -20.0})],
    ],
)
def test_where_the_beginning_is_not_known_they_are_left_out_aloud(
    tmp_path: Path, steps: list[Any]
) -> None:
    sound = drawn("s24", FRAMES, 2, RATE)
    sound.samples[: FRAMES // 4] = 0
    source = tmp_path / "take.wav"
    source.write_bytes(uncompressed.wav(sound, after=chunk(b"bext", bext(REFERENCE))))
    path, result = saved(tmp_path, source, *steps)
    assert b"bext" not in chunks_of(path)
    [warning] = [one for one in result.report["warnings"] if one["code"] == "time-lost"]
    assert warning["message"] == (
        f"{path}: bext of {source} are left out: where in the recording it begins is not known"
    )


def test_several_recordings_have_no_one_time(tmp_path: Path) -> None:
    graph = Graph("sum")
    one, two = graph.input("one", Audio), graph.input("two", Audio)
    graph.output("sum", graph.add(mix)([one, two]))
    graph.output("joined", graph.add(crossfade)(one, two, overlap_seconds=0.0))
    inputs = {name: recording(tmp_path / f"{name}.wav") for name in ("one", "two")}
    result = graph.run(inputs, store=False)
    paths = result.save(tmp_path / "out")
    assert all(b"bext" not in chunks_of(path) for path in paths.values())
    messages = " ".join(warning["message"] for warning in result.report["warnings"])
    assert "it is made of several recordings" in messages


def test_what_would_not_be_true_is_left_out(tmp_path: Path) -> None:
    source = recording(tmp_path / "take.wav", reference=100)
    path, result = saved(tmp_path, source, (pad, {"start_seconds": 0.1}))
    assert b"bext" not in chunks_of(path)
    assert cues_of(path) == [4800, 9600, 19_200]
    assert codes(result) == ["time-lost"] * len(codes(result))
    assert "before midnight" in result.report["warnings"][0]["message"]
    tracks = ixml(REFERENCE).replace(b"</BWFXML>", b"<TRACK_LIST></TRACK_LIST></BWFXML>")
    after = chunk(b"bext", bext(REFERENCE)) + chunk(b"iXML", tracks)
    source.write_bytes(uncompressed.wav(drawn("s24", FRAMES, 2, RATE), after=after))
    path, result = saved(tmp_path, source, (to_mono, {}))
    assert reference_of(path) == REFERENCE
    assert b"iXML" not in chunks_of(path)
    assert "its iXML tells of other channels" in result.report["warnings"][0]["message"]


def test_only_wav_files_hold_them(tmp_path: Path) -> None:
    source = recording(tmp_path / "take.wav")
    _, result = saved(tmp_path, source, (encode_flac, {}))
    assert codes(result) == ["time-lost"]
    assert "only WAV files below 4 GB hold them" in result.report["warnings"][0]["message"]


def test_cached_steps_shift_them_too(tmp_path: Path) -> None:
    source = recording(tmp_path / "take.wav")
    steps = [(trim, {"start_seconds": 0.05}), (gain, {"gain_db": -1.0})]
    for _ in range(2):
        path, result = saved(tmp_path, source, *steps, store=Store(tmp_path / "store"))
        assert reference_of(path) == REFERENCE + 2400
    assert {one["status"] for one in result.report["nodes"]} <= {"cached", "skipped"}


def test_without_tags_there_are_no_times_and_no_words_about_them(tmp_path: Path) -> None:
    graph = Graph("quiet")
    graph.output("out", graph.add(gain)(graph.input("take", Audio), gain_db=-1.0))
    result = graph.run({"take": recording(tmp_path / "take.wav")}, store=False)
    path = result.save(tmp_path / "out", tags=False)["out"]
    assert not {b"bext", b"iXML", b"cue "} & set(chunks_of(path))
    assert codes(result) == []


@needs("ffprobe")
def test_ffprobe_reads_the_time_reference(tmp_path: Path) -> None:
    source = recording(tmp_path / "take.wav")
    path, _ = saved(tmp_path, source, (trim, {"start_seconds": 0.1}))
    command = ["ffprobe", "-v", "error", "-show_format", "-of", "json", str(path)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert said["format"]["tags"]["time_reference"] == str(REFERENCE + 4800)


def test_damaged_chunks_do_no_harm(tmp_path: Path) -> None:
    for name, content in (
        (b"bext", b"short"), (b"cue ", b"\xff" * 30), (b"iXML", b"\xff\xfe<TIMESTAMP_SAMPLE_RATE>"),
        (b"LIST", b"adtl" + b"\xff" * 9),
    ):  # fmt: skip
        source = tmp_path / "take.wav"
        after = chunk(name, content) + chunk(b"LIST", b"adtlfoo")
        source.write_bytes(uncompressed.wav(drawn("s16", FRAMES, 2, RATE), after=after))
        path, _ = saved(tmp_path, source, (trim, {"start_seconds": 0.1}))
        assert np.isfinite(read_audio(path).samples).all()
        chunks_of(path)
