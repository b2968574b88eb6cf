"""What channels are: read from files of every kind, kept on the way, written back, and stored."""

from __future__ import annotations

import json
import pickle
import re
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio, AudioError, Graph, Store, read_audio
from resonate_graph._node.ports import PortType
from resonate_graph._sound.layouts import SPEAKERS, speakers_of
from resonate_nodes import (
    crossfade,
    difference,
    encode_flac,
    encode_ogg,
    encode_wav,
    gain,
    mid_side,
    mix,
    resample,
    separate,
    trim,
    width,
)
from tests import uncompressed
from tests.depth import sampled
from tests.tools import needs
from tests.uncompressed import drawn

#: Layouts of three and more channels by their masks, as Microsoft and ffmpeg have them.
MASKS = {
    "2.1": 0x00B, "3.0": 0x007, "3.0(back)": 0x103, "4.0": 0x107, "quad": 0x033,
    "quad(side)": 0x603, "3.1": 0x00F, "5.0": 0x037, "5.0(side)": 0x607, "4.1": 0x10F,
    "5.1": 0x03F, "5.1(side)": 0x60F, "6.0": 0x707, "hexagonal": 0x137, "6.1": 0x70F,
    "7.0": 0x637, "7.1": 0x63F, "7.1(wide)": 0x0FF, "FL+FR+LFE+BC": 0x10B,
}  # fmt: skip


def sound_of(layout: str, frames: int = 200, rate: int = 48_000) -> Audio:
    channels = len(speakers_of(layout) or ())
    noise = np.random.default_rng(2).integers(-(2**12), 2**12, (channels, frames)) / 2**15
    return Audio(noise, rate, layout)


def probed(path: Path) -> str:
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return str(said["streams"][0].get("channel_layout"))


# -- the value ------------------------------------------------------------------------------------


def test_a_layout_names_each_channel_in_the_order_of_wav() -> None:
    audio = Audio(np.zeros((6, 8)), 48_000, "5.1(side)")
    assert audio.speakers == ("FL", "FR", "FC", "LFE", "SL", "SR")
    assert repr(audio) == "Audio(6 ch 5.1(side), 8 frames, 48000 Hz, 0.000 s)"
    assert Audio(np.zeros((3, 8)), 48_000, "FL+FR+LFE").layout == "2.1"
    assert pickle.loads(pickle.dumps(audio)).layout == "5.1(side)"


def test_one_and_two_channels_are_mono_and_stereo_and_more_are_not_guessed() -> None:
    layouts = [Audio(np.zeros((channels, 1)), 8000).layout for channels in range(1, 10)]
    assert layouts == ["mono", "stereo", *[None] * 7]
    assert Audio(np.zeros((3, 1)), 8000).speakers is None
    assert repr(Audio(np.zeros((2, 8)), 8000)) == "Audio(2 ch, 8 frames, 8000 Hz, 0.001 s)"


@pytest.mark.parametrize("layout", ["5.1", "stereo!", "FR+FL", "FL+FL", "", "FL+XX"])
def test_a_layout_of_other_channels_is_refused(layout: str) -> None:
    with pytest.raises(AudioError, match="layout"):
        Audio(np.zeros((2, 1)), 8000, layout)


def test_what_is_known_of_the_channels_is_part_of_what_a_sound_is() -> None:
    samples = np.zeros((6, 4))
    kinds = [Audio(samples, 8000, layout) for layout in (None, "5.1", "5.1(side)")]
    assert len({audio.digest for audio in kinds}) == 3
    assert kinds[1] != kinds[2]
    assert Audio(samples[:2], 8000) == Audio(samples[:2], 8000, "stereo")


def test_digests_of_sounds_without_a_layout_are_those_of_earlier_versions() -> None:
    assert Audio(np.zeros((2, 3)), 44_100).digest == (
        "8c2043f9a518b4b6bcf70b34e36446087498012be7387fa07afb7b8af2d04198"
    )
    assert Audio(np.zeros((6, 3)), 44_100).digest == (
        "7fa646e384d4415496d61f1a3ce7e31d1334cee1d83064194888b5591e3ad77f"
    )


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", MASKS)
def test_the_mask_of_a_wav_file_says_what_the_channels_are(tmp_path: Path, layout: str) -> None:
    sound = replace(drawn("s16", 50, bin(MASKS[layout]).count("1")), mask=MASKS[layout])
    for name, write in (
        ("wav", uncompressed.wav), ("rf64", uncompressed.rf64), ("bw64", uncompressed.bw64),
        ("w64", uncompressed.w64),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(write(sound))
        found = read_audio(tmp_path / name)
        assert found.layout == layout
        np.testing.assert_array_equal(found.samples, sound.expected())


@pytest.mark.parametrize(
    ("channels", "mask", "layout"),
    [(6, 0, None), (3, 0x3, None), (6, 0x1F, None), (3, 0x80000007, "3.0"), (3, 0x3F, "3.0"),
     (2, 0x60F, "stereo"), (2, 0, "stereo"), (1, 0x1, "FL"), (1, 0x4, "mono"), (2, 0x9, "FL+LFE")],
)  # fmt: skip
def test_masks_that_do_not_fit(
    tmp_path: Path, channels: int, mask: int, layout: str | None
) -> None:
    """What is too much does not count; where one is too few, nothing is known of the others."""
    path = tmp_path / "a.wav"
    path.write_bytes(uncompressed.wav(replace(drawn("s16", 50, channels), mask=mask)))
    assert read_audio(path).layout == layout


def chan(tag: int, mask: int = 0, labels: tuple[int, ...] = ()) -> bytes:
    described = b"".join(struct.pack(">II12x", label, 0) for label in labels)
    return struct.pack(">III", tag, mask, len(labels)) + described


@pytest.mark.parametrize(
    ("chunk", "layout", "order"),
    [
        (chan(121 << 16 | 6), "5.1(side)", [0, 1, 2, 3, 4, 5]),
        (chan(124 << 16 | 6), "5.1(side)", [1, 2, 0, 5, 3, 4]),  # C L R Ls Rs LFE
        (chan(0x10000, 0x3F), "5.1", [0, 1, 2, 3, 4, 5]),
        (chan(0, labels=(3, 1, 2, 5, 6, 4)), "5.1", [1, 2, 0, 5, 3, 4]),
        (chan(0, labels=(1, 2, 3, 4, 5, 5)), None, [0, 1, 2, 3, 4, 5]),
        (chan(147 << 16 | 6), None, [0, 1, 2, 3, 4, 5]),
        (chan(101 << 16 | 2), None, [0, 1, 2, 3, 4, 5]),
        (b"\0\0", None, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_core_audio_says_the_order_of_channels_too(
    tmp_path: Path, chunk: bytes, layout: str | None, order: list[int]
) -> None:
    sound = drawn("s16", 50, 6)
    for write in (uncompressed.caf, uncompressed.aiff):
        (tmp_path / "a").write_bytes(write(sound, chan=chunk))
        found = read_audio(tmp_path / "a")
        assert found.layout == layout
        np.testing.assert_array_equal(found.samples, sound.expected()[order])


@needs("ffmpeg")
@pytest.mark.parametrize("suffix", ["wav", "w64", "caf", "flac", "ogg"])
@pytest.mark.parametrize("layout", ["2.1", "quad", "5.1", "5.1(side)", "7.1"])
@sampled(5)
def test_files_of_ffmpeg_are_read_with_the_layout_it_finds_in_them(
    tmp_path: Path, layout: str, suffix: str
) -> None:
    source = sound_of(layout).save(tmp_path / "source.wav")
    path = tmp_path / f"a.{suffix}"
    done = subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), str(path)], check=False)
    if done.returncode or not (said := probed(path)) or " channels" in said:
        return  # a format or version that has no such layout
    found = read_audio(path)
    assert found.layout is not None
    if suffix == "flac":  # in whose rule they are at the back or at the side, as one likes
        assert found.layout.removesuffix("(side)") == said.removesuffix("(side)")
    else:
        assert found.layout == said
    # it takes the side and back channels of Core Audio's MPEG_7_1_C for one another
    if suffix != "ogg" and (suffix, layout) != ("caf", "7.1"):
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-"]
        raw = subprocess.run(command, capture_output=True, check=True).stdout
        theirs = np.frombuffer(raw, "<f4").reshape(-1, found.channels).T
        np.testing.assert_array_equal(found.samples, theirs)


@pytest.mark.parametrize(
    ("channels", "layout"),
    list(enumerate(["mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"], 1)),
)
def test_flac_and_ogg_have_fixed_orders(tmp_path: Path, channels: int, layout: str) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal((2000, channels))
    for suffix in ("flac", "ogg"):
        path = tmp_path / f"a.{suffix}"
        soundfile.write(path, noise, 48_000)
        assert read_audio(path).layout == layout


# -- on the way -----------------------------------------------------------------------------------


@pytest.mark.torch
def test_nodes_that_keep_the_channels_keep_what_they_are() -> None:
    audio = sound_of("5.1(side)", 3000)
    unknown = Audio(audio.samples, audio.sample_rate)
    for made in (
        gain(audio, gain_db=-3.0),
        resample(audio, sample_rate=44_100),
        trim(audio, start_seconds=0.01),
        mix([audio, audio]),
        mix([unknown, audio]),
        mix([audio, Audio(audio.samples[0], audio.sample_rate)]),
        crossfade(audio, audio, overlap_seconds=0.01),
        difference(audio, audio),
        separate(audio, model="mini").vocals,
    ):
        assert made.layout == "5.1(side)"
    assert mix([audio, Audio(audio.samples, audio.sample_rate, "6.0")]).layout is None
    assert mid_side(Audio(audio.samples[:2], 48_000)).mid.layout == "mono"
    assert width(Audio(audio.samples[:2], 48_000), width=0.5).layout == "stereo"


# -- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", MASKS)
def test_what_is_written_is_read_back(tmp_path: Path, layout: str) -> None:
    audio = sound_of(layout)
    path = audio.save(tmp_path / "a.wav")
    assert read_audio(path) == audio
    assert struct.unpack_from("<I", path.read_bytes(), 76) == (MASKS[layout],)
    for encoded in (
        encode_wav(audio, subtype="PCM_16", dither="none"),
        encode_wav(audio, subtype="FLOAT"),
        encode_flac(audio, subtype="PCM_16", dither="none"),
    ):
        path = tmp_path / f"b{encoded.suffix}"
        path.write_bytes(encoded.content)
        found = read_audio(path)
        assert found.layout == layout
        np.testing.assert_array_equal(found.samples, audio.samples)


@needs("ffmpeg")
@pytest.mark.parametrize("layout", ["2.1", "3.1", "4.1", "5.1", "5.1(side)", "6.0", "7.1"])
def test_ffmpeg_finds_the_layout_in_what_is_written(tmp_path: Path, layout: str) -> None:
    audio = sound_of(layout)
    encoded = [encode_wav(audio), encode_wav(audio, subtype="FLOAT"), encode_flac(audio)]
    for number, file in enumerate(encoded):
        path = tmp_path / f"{number}{file.suffix}"
        path.write_bytes(file.content)
        assert probed(path) == layout


def test_mono_and_stereo_of_integers_stay_plain_wav() -> None:
    content = encode_wav(sound_of("stereo")).content
    assert struct.unpack_from("<IH", content, 16) == (16, 1)


def test_what_vorbis_cannot_say_is_told(tmp_path: Path) -> None:
    for layout in ("3.0", "quad", "5.1", "6.1", "7.1"):
        encode_ogg(sound_of(layout))
    for layout, usual in (
        ("2.1", "3.0"), ("4.0", "quad"), ("quad(side)", "quad"), ("5.1(side)", "5.1"),
        ("6.0", "5.1"), ("7.1(wide)", "7.1"),
    ):  # fmt: skip
        path = tmp_path / "a.ogg"
        with pytest.warns(match=re.escape(f"layout-lost: OGG Vorbis has no {layout}: its ")):
            path.write_bytes(encode_ogg(sound_of(layout)).content)
        assert read_audio(path).layout == usual


def test_every_speaker_has_its_place_in_the_mask() -> None:
    audio = Audio(np.zeros((len(SPEAKERS), 1)), 8000, "+".join(SPEAKERS))
    content = encode_wav(audio).content
    assert struct.unpack_from("<I", content, 40) == (2**18 - 1,)


# -- the store ------------------------------------------------------------------------------------


def test_a_layout_comes_back_from_the_store(tmp_path: Path) -> None:
    path = sound_of("2.1", 3000).save(tmp_path / "a.wav")
    graph = Graph("quieter")
    graph.output("quiet", graph.add(gain)(graph.input("take", Audio), gain_db=-6.0))
    first = graph.run({"take": path}, store=Store(tmp_path / "store"))
    again = graph.run({"take": path}, store=Store(tmp_path / "store"))
    assert [step["status"] for step in again.report["nodes"]] == ["cached"]
    for result in (first, again):
        found = result["quiet"]
        assert isinstance(found, Audio)
        assert found.layout == "2.1"
        assert found == first["quiet"]
    saved = again.save(tmp_path / "out")["quiet"]
    assert read_audio(saved).layout == "2.1"


def test_files_of_earlier_versions_without_a_mask_are_read_from_the_store(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    audio = sound_of("stereo")
    entry = store.put(audio)
    (path,) = (tmp_path / "store").rglob("*.wav")
    content = bytearray(path.read_bytes())
    assert struct.unpack_from("<I", content, 76) == (3,)
    struct.pack_into("<I", content, 76, 0)
    path.chmod(0o644)
    path.write_bytes(content)
    assert entry.layout is None
    assert Store(tmp_path / "store").get(entry, PortType(Audio)) == audio
