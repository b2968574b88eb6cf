"""Tags and cover art travel from the input to the outputs, between any two formats.

They are put in and read back by mutagen's own classes and by ffprobe, not by what is tested.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from mutagen import aiff, flac, id3, mp3, oggvorbis, wave

from resonate_graph import Audio, Graph, InputError, OutputError, Result, Store, read_audio
from resonate_graph._sound.tags import Picture, Tags, read_tags, write_tags
from resonate_nodes import (
    encode_flac,
    encode_mp3,
    encode_ogg,
    encode_wav,
    gain,
    measure_loudness,
    mix,
    residual,
)
from tests.engine.commands import Command
from tests.faults import full_disk
from tests.files import write_sound
from tests.signals import white_noise
from tests.tools import needs

FORMATS = ("wav", "flac", "ogg", "mp3")
TITLE, ARTISTS, COVER = (
    "Für Élise",
    ["Ludwig", "Thérèse"],
    b"\xff\xd8\xff\xe0" + bytes(range(256)) * 9,
)
frames: Any = id3


def id3_frames(kind: Any) -> None:
    kind.add(frames.TIT2(encoding=3, text=[TITLE]))
    kind.add(frames.TPE1(encoding=3, text=ARTISTS))
    kind.add(frames.TRCK(encoding=3, text=["3/12"]))
    kind.add(frames.TXXX(encoding=3, desc="REPLAYGAIN_TRACK_GAIN", text=["-6.0 dB"]))
    kind.add(frames.TSSE(encoding=3, text=["old encoder"]))
    kind.add(frames.RVA2(desc="track", channel=1, gain=-6.0, peak=0.9))
    kind.add(frames.COMM(encoding=3, lang="eng", desc="iTunNORM", text=["00 01"]))
    kind.add(frames.APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=COVER))


def cover() -> Any:
    picture: Any = flac.Picture()
    picture.type, picture.mime, picture.data = 3, "image/jpeg", COVER
    return picture


def comment(tags: Any) -> None:
    tags["title"] = TITLE
    tags["ARTIST"] = ARTISTS
    tags["tracknumber"], tags["tracktotal"] = "3", "12"
    tags["replaygain_track_gain"] = "-6.0 dB"
    tags["encoder"] = "old encoder"


def tagged(audio: Audio, path: Path) -> Path:
    """Write a file with tags and a cover, by mutagen."""
    write_sound(audio, path)
    kinds: dict[str, Any] = {
        ".wav": wave.WAVE, ".flac": flac.FLAC, ".ogg": oggvorbis.OggVorbis, ".mp3": mp3.MP3
    }  # fmt: skip
    sound = kinds[path.suffix](path)
    if sound.tags is None:
        sound.add_tags()
    if path.suffix in (".wav", ".mp3"):
        id3_frames(sound.tags)
    else:
        comment(sound.tags)
        if path.suffix == ".flac":
            sound.add_picture(cover())
        else:
            sound.tags["metadata_block_picture"] = [base64.b64encode(cover().write()).decode()]
    sound.save()
    return path


def found_in(path: Path) -> tuple[list[str], list[str], str, bytes, str]:
    """Return title, artists, track, cover and everything as text, by mutagen."""
    sound: Any = mutagen.File(path)
    tags = sound.tags
    if isinstance(tags, id3.ID3):
        [picture] = tags.getall("APIC")
        track = str(tags["TRCK"])
        return tags["TIT2"].text, tags["TPE1"].text, track, picture.data, str(list(tags.keys()))
    [picture] = (
        sound.pictures
        if path.suffix == ".flac"
        else [flac.Picture(base64.b64decode(tags["metadata_block_picture"][0]))]
    )
    track = f"{tags['tracknumber'][0]}/{tags['tracktotal'][0]}"
    rest = str([pair for pair in tags if pair[0].lower() != "metadata_block_picture"])
    return tags["title"], tags["artist"], track, picture.data, rest


def to_every_format(*, gain_db: float = -3.0) -> Graph:
    graph = Graph("formats")
    quiet = graph.add(gain, "quiet")(graph.input("take", Audio), gain_db=gain_db)
    graph.output("wav", graph.add(encode_wav)(quiet))
    graph.output("flac", graph.add(encode_flac)(quiet))
    graph.output("ogg", graph.add(encode_ogg)(quiet))
    graph.output("mp3", graph.add(encode_mp3)(quiet))
    graph.output("float", quiet)
    graph.output("loudness", graph.add(measure_loudness)(quiet))
    return graph


@pytest.fixture(scope="module")
def second() -> Audio:
    return white_noise(rate=44_100, channels=2)


def test_chapters_and_ratings_are_not_carried(second: Audio, tmp_path: Path) -> None:
    take = tagged(second, tmp_path / "take.mp3")
    sound: Any = mp3.MP3(take)
    sound.tags.add(frames.POPM(email="a@b", rating=196, count=3))
    title = frames.TIT2(encoding=3, text=["Chorus"])
    times = {"start_time": 0, "end_time": 500, "start_offset": 2**32 - 1, "end_offset": 2**32 - 1}
    sound.tags.add(frames.CHAP(element_id="one", sub_frames=[title], **times))
    sound.save()
    paths = to_every_format().run({"take": take}, store=False).save(tmp_path / "out")
    for name in FORMATS:
        *_, rest = found_in(paths[name])
        assert not any(one in rest for one in ("POPM", "CHAP", "Chorus"))


@pytest.mark.parametrize("provenance", [True, False])
@pytest.mark.parametrize("source", FORMATS)
def test_tags_and_cover_travel_from_each_format_to_each(
    source: str, provenance: bool, second: Audio, tmp_path: Path
) -> None:
    take = tagged(second, tmp_path / f"take.{source}")
    result = to_every_format().run({"take": take}, store=False)
    paths = result.save(tmp_path / "tagged", provenance=provenance)
    plain = result.save(tmp_path / "plain", provenance=provenance, tags=False)
    for name in (*FORMATS, "float"):
        title, artists, track, picture, rest = found_in(paths[name])
        assert (title, artists, track, picture) == ([TITLE], ARTISTS, "3/12", COVER)
        assert "replaygain" not in rest.lower()
        assert "old encoder" not in rest
        assert not any(one in rest for one in ("RVA2", "TSSE", "iTun"))
        assert ("RESONATE_GRAPH" in rest) is provenance
        assert read_audio(paths[name]) == read_audio(plain[name])  # no sample is another one
        assert TITLE.encode() not in plain[name].read_bytes()
    assert result.report["warnings"] == []


@needs("ffprobe")
@pytest.mark.parametrize("target", FORMATS)
def test_ffprobe_reads_them_too(target: str, second: Audio, tmp_path: Path) -> None:
    take = tagged(second, tmp_path / "take.flac")
    path = to_every_format().run({"take": take}, store=False).save(tmp_path / "out")[target]
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", str(path)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    places = [said["format"], *said["streams"]]
    tags = {k.lower(): v for one in places for k, v in one.get("tags", {}).items()}
    assert TITLE in (tags["title"], said["format"].get("tags", {}).get("title"))
    assert "Ludwig" in tags["artist"]


def test_a_wav_carries_the_info_chunk_that_others_read(second: Audio, tmp_path: Path) -> None:
    take = tagged(second, tmp_path / "take.mp3")
    content = to_every_format().run({"take": take}, store=False).save(tmp_path)["wav"].read_bytes()
    assert struct.unpack_from("<I", content, 4)[0] == len(content) - 8
    assert b"INAM" + struct.pack("<I", len(TITLE.encode()) + 1) + TITLE.encode() in content


def test_the_info_chunk_of_a_wav_is_read(second: Audio, tmp_path: Path) -> None:
    path = write_sound(second, tmp_path / "take.wav")
    content = path.read_bytes()
    items = b"INAM\x04\0\0\0A B\0" + b"IART\x03\0\0\0\xc9.\0\0" + b"ISFT\x04\0\0\0Old\0"
    content += b"LIST" + struct.pack("<I", 4 + len(items)) + b"INFO" + items
    path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
    out = to_every_format().run({"take": path}, store=False).save(tmp_path / "out")["flac"]
    tags: Any = flac.FLAC(out).tags
    assert (tags["title"], tags["artist"]) == (["A B"], ["É."])
    assert "Old" not in str(tags)


def test_the_tags_of_an_aiff_file_are_read(second: Audio, tmp_path: Path) -> None:
    path = tmp_path / "take.aiff"
    soundfile.write(path, second.samples.T, second.sample_rate, format="AIFF")
    content = path.read_bytes()
    content += b"NAME\0\0\0\x03A B\0" + b"AUTH\0\0\0\x02\xc9."
    path.write_bytes(content[:4] + struct.pack(">I", len(content) - 8) + content[8:])
    assert read_tags(path).fields == {"TITLE": ["A B"], "ARTIST": ["É."]}
    sound: Any = aiff.AIFF(path)
    sound.add_tags()
    id3_frames(sound.tags)
    sound.save()
    out = to_every_format().run({"take": path}, store=False).save(tmp_path / "out")["flac"]
    title, artists, track, picture, _ = found_in(out)
    assert (title, artists, track, picture) == ([TITLE], ARTISTS, "3/12", COVER)


def test_old_id3_versions_are_read(second: Audio, tmp_path: Path) -> None:
    path = write_sound(second, tmp_path / "take.mp3")
    tags = id3.ID3()
    tags.add(frames.TIT2(encoding=1, text=["Old"]))
    tags.add(frames.TDRC(encoding=1, text=["1961-05-07"]))
    tags.add(frames.TCON(encoding=1, text=["(8)"]))
    tags.update_to_v23()
    tags.save(path, v2_version=3)
    assert read_tags(path).fields == {"TITLE": ["Old"], "DATE": ["1961-05-07"], "GENRE": ["Jazz"]}
    plain = write_sound(second, tmp_path / "v1.mp3")
    with plain.open("ab") as file:
        file.write(b"TAG" + b"One".ljust(30, b"\0") + b"Two".ljust(30, b"\0") + bytes(64) + b"\x08")
    assert read_tags(plain).fields == {"TITLE": ["One"], "ARTIST": ["Two"], "GENRE": ["Jazz"]}


# -- which file's tags ----------------------------------------------------------------------------


def titled(audio: Audio, path: Path, **tags: str) -> Path:
    write_sound(audio, path)
    sound: Any = flac.FLAC(path)
    sound.update(tags)
    sound.save()
    return path


def test_they_come_along_the_first_input_of_each_step(second: Audio, tmp_path: Path) -> None:
    graph = Graph("rest")
    other = graph.input("other", Audio)  # declared first, and yet not what the output mainly is
    song = graph.input("song", Audio)
    graph.output("rest", graph.add(residual)(song, [other]))
    inputs = {
        "song": titled(second, tmp_path / "song.flac", title="Song"),
        "other": titled(second, tmp_path / "other.flac", title="Other"),
    }
    path = graph.run(inputs, store=False).save(tmp_path / "out")["rest"]
    assert read_tags(path).fields["TITLE"] == ["Song"]


def test_a_sum_of_several_files_carries_what_all_of_them_say(second: Audio, tmp_path: Path) -> None:
    graph = Graph("sum")
    tracks = [graph.input(name, Audio) for name in ("one", "two")]
    graph.output("sum", graph.add(mix)(tracks))
    inputs: dict[str, Any] = {
        name: titled(second, tmp_path / f"{name}.flac", title=name, album="Both", artist="Same")
        for name in ("one", "two")
    }
    path = graph.run(inputs, store=False).save(tmp_path / "out", provenance=False)["sum"]
    assert read_tags(path).fields == {"ALBUM": ["Both"], "ARTIST": ["Same"]}
    inputs["two"] = second  # of which nothing is known
    path = graph.run(inputs, store=False).save(tmp_path / "out", provenance=False)["sum"]
    assert read_tags(path) == Tags()


def test_many_ways_from_an_input_are_gone_once(second: Audio, tmp_path: Path) -> None:
    graph = Graph("deep")
    sound = graph.input("take", Audio)
    for layer in range(40):  # 2**40 ways
        sound = graph.add(mix, f"mix{layer}")([sound, sound], gains_db=[-6.0, -6.0])
    graph.output("out", sound)
    take = titled(second, tmp_path / "take.flac", title="Deep")
    path = graph.run({"take": take}, store=False).save(tmp_path / "out")["out"]
    assert read_tags(path).fields["TITLE"] == ["Deep"]


# -- tags are no part of a sound ------------------------------------------------------------------


def test_other_tags_compute_nothing_again(second: Audio, tmp_path: Path, store: Store) -> None:
    take = titled(second, tmp_path / "take.flac", title="One")
    first = to_every_format().run({"take": take}, store=store)
    sound: Any = flac.FLAC(take)
    sound["title"] = "Two"
    sound.save()
    again = to_every_format().run({"take": take}, store=store)
    assert {node["status"] for node in again.report["nodes"]} == {"cached"}
    digests = [[one["digest"] for one in r.report["outputs"].values()] for r in (first, again)]
    assert digests[0] == digests[1]
    assert read_tags(again.save(tmp_path / "out")["mp3"]).fields["TITLE"] == ["Two"]


def test_equal_runs_write_equal_files(second: Audio, tmp_path: Path) -> None:
    take = tagged(second, tmp_path / "take.mp3")

    def files(folder: Path) -> dict[str, bytes]:
        paths = to_every_format().run({"take": take}, store=False).save(folder)
        return {name: path.read_bytes() for name, path in paths.items()}

    assert files(tmp_path / "a") == files(tmp_path / "b")


# -- damaged, hostile and strange tags ------------------------------------------------------------


def id3_of(body: bytes, *, version: int = 4, claimed: int | None = None) -> bytes:
    size = len(body) if claimed is None else claimed
    return b"ID3" + bytes([version, 0, 0]) + bytes(size >> n & 0x7F for n in (21, 14, 7, 0)) + body


def bomb() -> bytes:
    packed = zlib.compress(bytes(300_000_000), 1)
    frame = b"TIT2" + struct.pack(">IH", len(packed) + 4, 0x80) + struct.pack(">I", 9) + packed
    return id3_of(frame, version=3)


def with_id3(tag: bytes | Callable[[], bytes]) -> Callable[[Audio, Path], Path]:
    def make(audio: Audio, path: Path) -> Path:
        path = write_sound(audio, path.with_suffix(".mp3"))
        path.write_bytes((tag if isinstance(tag, bytes) else tag()) + path.read_bytes())
        return path

    return make


def with_wav_chunk(name: bytes, body: bytes) -> Callable[[Audio, Path], Path]:
    def make(audio: Audio, path: Path) -> Path:
        path = write_sound(audio, path.with_suffix(".wav"))
        chunk = name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
        content = path.read_bytes() + chunk
        path.write_bytes(content[:4] + struct.pack("<I", len(content) - 8) + content[8:])
        return path

    return make


def with_bad_picture(audio: Audio, path: Path) -> Path:
    path = write_sound(audio, path.with_suffix(".ogg"))
    sound: Any = oggvorbis.OggVorbis(path)
    sound["metadata_block_picture"] = ["no base64 at all!", "AAAA"]
    sound.save()
    return path


DAMAGED: dict[str, Callable[[Audio, Path], Path]] = {
    "bomb": with_id3(bomb),
    "id3 of rubbish in wav": with_wav_chunk(b"id3 ", b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f rubbish"),
    "a picture that is none": with_bad_picture,
}
HARMLESS: dict[str, Callable[[Audio, Path], Path]] = {
    "frames of rubbish": with_id3(id3_of(b"TIT2\x7f\x7f\x7f\x7f\0\0" + bytes(range(200)))),
    "no frames": with_id3(id3_of(bytes(100))),
    "an encrypted frame": with_id3(id3_of(b"TIT2\0\0\0\x05\0\x04\x01\x00abc")),
    "info of rubbish": with_wav_chunk(b"LIST", b"INFOINAM\xff\xff\xff\x7fabc"),
    "a list that is no info": with_wav_chunk(b"LIST", b"adtl"),
    "an empty id3 chunk": with_wav_chunk(b"id3 ", b""),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_tags_are_a_warning(name: str, second: Audio, tmp_path: Path) -> None:
    path = DAMAGED[name](second, tmp_path / "take")
    result = to_every_format().run({"take": path}, store=False)
    assert read_audio(result.save(tmp_path / "out")["float"]) == result["float"]
    [warning] = result.report["warnings"]
    assert warning["code"] == "tags-lost"
    assert f"{path}: its tags are damaged" in warning["message"]
    result.save(tmp_path / "out")
    assert result.report["warnings"] == [warning]  # told once


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_no_tag_is_passed_over(name: str, second: Audio, tmp_path: Path) -> None:
    path = HARMLESS[name](second, tmp_path / "take")
    result = to_every_format().run({"take": path}, store=False)
    assert read_audio(result.save(tmp_path / "out")["float"]) == result["float"]
    assert all(one["code"] == "tags-lost" for one in result.report["warnings"])


def test_an_input_that_is_gone_is_a_warning(second: Audio, tmp_path: Path) -> None:
    take = tagged(second, tmp_path / "take.flac")
    result = to_every_format().run({"take": take}, store=False)
    take.unlink()
    assert read_audio(result.save(tmp_path / "out")["float"]) == result["float"]
    assert [one["code"] for one in result.report["warnings"]] == ["tags-lost"]


@given(content=st.binary(max_size=300), at=st.integers(0, 400))
def test_no_damage_does_more_than_warn(content: bytes, at: int, hurt: dict[str, Path]) -> None:
    for path in hurt.values():
        whole = path.read_bytes()
        broken = path.with_name(f"broken{path.suffix}")
        broken.write_bytes(whole[:at] + content + whole[at + len(content) :])
        try:
            read_tags(broken)
        except Exception as error:
            assert type(error).__name__ == "InputError"  # noqa: PT017


@pytest.fixture(scope="module")
def hurt(second: Audio, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hurt")
    short = second.with_samples(second.samples[:, :2000])
    return {name: tagged(short, folder / f"take.{name}") for name in FORMATS}


names = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7D, exclude_characters="="),
                min_size=1, max_size=20).filter(lambda name: name.strip() == name)  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


@given(
    fields=st.dictionaries(
        st.sampled_from(["TITLE", "ARTIST", "DATE", "BPM", "PERFORMER", "PRODUCER", "X Y"])
        | names.map(str.upper),
        st.lists(texts, min_size=1, max_size=3, unique=True),
        max_size=6,
    ),
    suffix=st.sampled_from([f".{name}" for name in FORMATS]),
)
def test_any_text_can_be_written(
    fields: dict[str, list[str]], suffix: str, hurt: dict[str, Path]
) -> None:
    source = hurt[suffix[1:]]
    path = source.with_name(f"any{suffix}")
    path.write_bytes(source.read_bytes())
    with path.open("r+b") as file:
        write_tags(file, suffix, Tags({"TITLE": ["x"], **fields}, (Picture(3, "a/b", "", b"1"),)))
    assert "TITLE" in read_tags(path).fields
    np.testing.assert_array_equal(read_audio(path).samples, read_audio(source).samples)


def test_a_cover_that_flac_cannot_hold_is_left_out_there_with_a_warning(
    second: Audio, tmp_path: Path
) -> None:
    take = write_sound(second, tmp_path / "take.mp3")
    tags = id3.ID3()
    tags.add(frames.TIT2(encoding=3, text=["Big"]))
    tags.add(frames.APIC(encoding=3, mime="image/png", type=3, desc="", data=bytes(17_000_000)))
    tags.save(take)
    result = to_every_format().run({"take": take}, outputs=["flac", "mp3"], store=False)
    paths = result.save(tmp_path / "out")
    for kind, covers in (("flac", 0), ("mp3", 1)):
        out = read_tags(paths[kind])
        assert out.fields["TITLE"] == ["Big"]
        assert len(out.pictures) == covers
    [warning] = result.report["warnings"]
    assert warning["code"] == "tags-lost"
    assert warning["message"] == (
        f"{paths['flac']}: a picture is left out: FLAC holds none above 16 MiB"
    )


def test_tags_that_a_format_cannot_hold_are_a_warning(second: Audio, tmp_path: Path) -> None:
    take = write_sound(second, tmp_path / "take.mp3")
    tags = id3.ID3()
    tags.add(frames.TIT2(encoding=3, text=["Long"]))
    tags.add(frames.COMM(encoding=3, lang="eng", desc="", text=["x" * 17_000_000]))
    tags.save(take)
    result = to_every_format().run({"take": take}, outputs=["flac", "mp3"], store=False)
    paths = result.save(tmp_path / "out")
    assert len(read_tags(paths["mp3"]).fields["COMMENT"][0]) == 17_000_000
    assert list(read_tags(paths["flac"]).fields) == ["RESONATE_GRAPH"]
    [warning] = result.report["warnings"]
    assert warning["code"] == "tags-lost"
    assert f"{paths['flac']}: its tags could not be written: " in warning["message"]
    assert read_audio(paths["flac"]).frames == second.frames


def damaged_in_part(kind: str, audio: Audio, path: Path) -> Path:
    """Return a file with a title that is right, and something beside it that is damaged."""
    if kind == "id3":
        take = write_sound(audio, path.with_suffix(".mp3"))
        pieces = (b"TIT2\0\0\0\x06\0\0\x03Right", b"TPE1\0\0\0\x04\0\0\x09abc")
        take.write_bytes(id3_of(b"".join(pieces)) + take.read_bytes())
        return take
    take = write_sound(audio, path.with_suffix(".ogg" if kind == "ogg" else ".flac"))
    sound: Any = mutagen.File(take)
    sound["title"], sound["artist"] = "Right", "Wrong"
    if kind == "ogg":
        sound["metadata_block_picture"] = "no base64 at all!"
    if kind == "picture":
        picture = flac.Picture()
        picture.data = b"no picture"
        sound.add_picture(picture)
    sound.save()
    content = take.read_bytes()
    hurt = {
        "no text": (b"artist=Wrong", b"artist=\xffrong"),
        "no name": (b"artist=Wrong", b"artist:Wrong"),
        "too long": (b"\x0c\0\0\0artist=Wrong", b"\xff\xff\xff\x7fartist=Wrong"),
        "picture": (b"\0\0\0\x0ano picture", b"\0\0\xff\x0ano picture"),
    }
    if kind in hurt:
        assert hurt[kind][0] in content
        take.write_bytes(content.replace(*hurt[kind]))
    return take


@pytest.mark.parametrize("kind", ["id3", "ogg", "no text", "no name", "too long", "picture"])
@pytest.mark.filterwarnings("ignore:damaged-tags")
def test_tags_that_are_damaged_in_part_are_carried_as_far_as_they_are_not(
    kind: str, second: Audio, tmp_path: Path
) -> None:
    take = damaged_in_part(kind, second, tmp_path / "take")
    result = to_every_format().run({"take": take}, outputs=["flac"], store=False)
    saved = read_tags(result.save(tmp_path / "out")["flac"])
    assert saved.fields["TITLE"] == ["Right"]
    assert not saved.damage
    told = [one["message"] for one in result.report["warnings"] if one["code"] == "tags-lost"]
    assert len(told) == 1
    assert f"{take}: its tags are damaged in part (" in told[0]


@pytest.mark.parametrize("kind", ["too long", "picture"])
def test_flac_whose_tags_are_damaged_is_read_and_said_to_be(
    kind: str, second: Audio, tmp_path: Path
) -> None:
    whole = read_audio(write_sound(second, tmp_path / "whole.flac"))
    take = damaged_in_part(kind, second, tmp_path / "take")
    with pytest.warns(UserWarning, match="damaged-tags: .*its sound is read without them"):
        assert read_audio(take) == whole


def test_fingerprints_are_not_carried_however_they_are_written(
    second: Audio, tmp_path: Path
) -> None:
    take = write_sound(second, tmp_path / "take.mp3")
    tags = id3.ID3()
    for name in ("Acoustid Fingerprint", "MusicMagic Fingerprint", "Acoustid Id"):  # as Picard
        tags.add(frames.TXXX(encoding=3, desc=name, text=["AQAA"]))
    tags.save(take)
    assert read_tags(take).carried.fields == {"ACOUSTID_ID": ["AQAA"]}


def test_a_picture_that_cannot_be_written_takes_no_tags_along(
    second: Audio, tmp_path: Path
) -> None:
    take = write_sound(second, tmp_path / "take.flac")
    sound: Any = flac.FLAC(take)
    sound["title"] = "Kept"
    picture = flac.Picture()
    picture.mime, picture.data = "image/žpeg", COVER  # ID3 holds Latin-1 here
    sound.add_picture(picture)
    sound.save()
    result = to_every_format().run({"take": take}, outputs=["mp3"], store=False)
    saved = read_tags(result.save(tmp_path / "out")["mp3"])
    assert saved.fields["TITLE"] == ["Kept"]
    assert "RESONATE_GRAPH" in saved.fields
    assert not saved.pictures
    [warning] = result.report["warnings"]
    assert "its pictures could not be written: " in warning["message"]


@pytest.mark.parametrize("kind", ["values", "frames", "packed"])
def test_tags_that_would_take_minutes_or_gigabytes_do_not(
    kind: str, second: Audio, tmp_path: Path
) -> None:
    take = write_sound(second, tmp_path / "take.mp3")
    if kind == "values":
        text = "\0".join(f"{number:x}" for number in range(50_000)).encode()
        content = b"TPE1" + (len(text) + 1).to_bytes(4, "big") + b"\0\0\x03" + text
        content = content[:4] + syncsafe(len(text) + 1) + content[8:]
    elif kind == "frames":
        content = b"TPE1\0\0\0\0\0\0" * 50_000
    else:
        packed = zlib.compress(bytes(40_000_000))
        assert len(packed) < 1 << 16
        frame = b"TPE1" + syncsafe(len(packed) + 4) + b"\0\x09" + bytes(4) + packed
        content = frame * 4
    take.write_bytes(b"ID3\x04\0\0" + syncsafe(len(content)) + content + take.read_bytes())
    if kind == "values":
        assert len(read_tags(take).fields["ARTIST"]) == 50_000
    else:
        with pytest.raises(InputError, match=r"minutes|too large"):
            read_tags(take)


def syncsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def test_a_disk_that_is_full_is_no_trouble_of_tags(second: Audio, tmp_path: Path) -> None:
    take = tagged(second, tmp_path / "take.flac")
    result: Result = to_every_format().run({"take": take}, outputs=["float"], store=False)
    size = second.samples.nbytes + 1000  # room for the samples, not for the tags
    with full_disk(size), pytest.raises(OutputError, match="cannot be written"):
        result.save(tmp_path / "out")


# -- the command line -----------------------------------------------------------------------------


def test_the_command_line_carries_them_unless_told_otherwise(
    second: Audio, tmp_path: Path, call: Command
) -> None:
    graph = to_every_format().save(tmp_path / "formats.json")
    take = tagged(second, tmp_path / "take.ogg")

    def run(*options: str) -> str:
        words = ("run", graph, "--only", "mp3", "-i", f"take={take}", "-o", tmp_path / "out")
        ended = call(*words, *options)
        assert ended.code == 0, ended.err
        return ended.err

    assert "warning" not in run()
    made = tmp_path / "out" / "take.mp3.mp3"
    assert read_tags(made).fields["TITLE"] == [TITLE]
    run("--no-tags", "--no-provenance")
    assert read_tags(made) == Tags()
    sound: Any = oggvorbis.OggVorbis(take)
    sound["metadata_block_picture"] = ["no base64 at all!"]
    sound.save()
    assert "its tags are damaged" in run()
