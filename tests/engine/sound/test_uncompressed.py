"""WAV and its relatives, AIFF, CAF and AU: whole, unfinished, cut off, contradictory.

The files are written byte by byte; what is read is compared with the numbers that went in, and
with what ffmpeg makes of the same file.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resonate_graph import Audio, InputError, Limits, read_audio
from resonate_graph._sound.containers import survey
from resonate_graph._sound.parts import Part
from tests import uncompressed
from tests.counts import examples
from tests.depth import sampled
from tests.tools import needs
from tests.uncompressed import CONTAINERS, drawn

#: Apple's sowt of 24 bits it takes for 16, its raw for signed, and RIFX for RIFF.
FFMPEG_READS_OTHERWISE = (
    ("sowt", "s24"), ("sowt", "s32"), ("aiff", "u8"),
    *(("rifx", kind) for kind in ("s16", "s24", "s32", "f32", "f64")),
)  # fmt: skip


def read(path: Path) -> tuple[Audio, list[str]]:
    codes: list[str] = []
    return read_audio(path, warn=lambda code, message: codes.append(code)), codes


def decoded_by_ffmpeg(path: Path, channels: int) -> np.ndarray:
    return all_decoded_by_ffmpeg([path], channels)[0]


def all_decoded_by_ffmpeg(paths: Sequence[Path], channels: int) -> list[np.ndarray]:
    """Return what is in some files, by one process of it."""
    raws = [path.with_name(f"{path.name}.raw") for path in paths]
    command = ["ffmpeg", "-v", "error"]
    for path in paths:
        command += ["-i", str(path)]
    for number, raw in enumerate(raws):
        command += ["-map", f"{number}:a", "-f", "f64le", str(raw)]
    subprocess.run(command, capture_output=True, check=True)
    return [np.fromfile(raw, "<f8").reshape(-1, channels).T.astype(np.float32) for raw in raws]


def write_by_ffmpeg(audio: Audio, path: Path, *options: str, pipe: bool = False) -> Path:
    source = audio.save(path.with_name("source.wav"))
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *options]
    if pipe:
        path.write_bytes(subprocess.run([*command, "-"], capture_output=True, check=True).stdout)
    else:
        subprocess.run([*command, str(path)], check=True, capture_output=True)
    return path


# -- whole files ----------------------------------------------------------------------------------


@given(
    container=st.sampled_from(sorted(CONTAINERS)),
    data=st.data(),
    frames=st.integers(1, 3000),
    channels=st.integers(1, 9),
    rate=st.sampled_from([8000, 11025, 44100, 48000, 96000, 192000, 12345]),
)
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_container_and_kind_of_samples_is_read_bit_by_bit(
    tmp_path: Path, container: str, data: st.DataObject, frames: int, channels: int, rate: int
) -> None:
    write, kinds = CONTAINERS[container]
    sound = drawn(data.draw(st.sampled_from(kinds)), frames, channels, rate, seed=frames)
    path = tmp_path / "sound"
    path.write_bytes(write(sound))
    found, warned = read(path)
    assert (found.sample_rate, warned) == (rate, [])
    np.testing.assert_array_equal(found.samples, sound.expected())


@needs("ffmpeg")
@pytest.mark.parametrize("container", sorted(set(CONTAINERS) - {"bw64", "au little"}))
def test_ffmpeg_decodes_the_same_from_these_files(tmp_path: Path, container: str) -> None:
    write, kinds = CONTAINERS[container]
    paths = [tmp_path / kind for kind in kinds if (container, kind) not in FFMPEG_READS_OTHERWISE]
    for path in paths:
        path.write_bytes(write(drawn(path.name, 500, 2)))
    for path, theirs in zip(paths, all_decoded_by_ffmpeg(paths, 2), strict=True):
        np.testing.assert_array_equal(read(path)[0].samples, theirs, err_msg=path.name)


@needs("ffmpeg")
@pytest.mark.parametrize("container", ["wav", "rf64", "w64", "aiff", "caf", "au"])
def test_what_ffmpeg_writes_is_read_from_a_file_and_from_a_pipe(
    tmp_path: Path, container: str
) -> None:
    # 1,000 frames: it counts what fills up a Wave64 file among the samples
    noise = np.random.default_rng(3).integers(-(2**15), 2**15, (2, 1000)) / 2**15
    audio = Audio(noise, 48000)
    big = "be" if container in ("aiff", "au") else "le"
    muxer = ["-f", "wav", "-rf64", "always"] if container == "rf64" else ["-f", container]
    codecs = ("pcm_s16", "pcm_s24", "pcm_s32", "pcm_f32", "pcm_f64")
    outputs = [["-c:a", codec + big, *muxer, str(tmp_path / codec)] for codec in codecs]
    *first, last = [part for output in outputs for part in output]
    write_by_ffmpeg(audio, Path(last), *first)
    for codec in ("pcm_s16", "pcm_f32"):
        write_by_ffmpeg(audio, tmp_path / "pipe", *outputs[codecs.index(codec)][:-1], pipe=True)
        found, warned = read(tmp_path / "pipe")
        np.testing.assert_array_equal(found.samples, audio.samples, err_msg=codec)
        assert warned == ["unfinished-header"]
    for codec in codecs:
        found, warned = read(tmp_path / codec)
        np.testing.assert_array_equal(found.samples, audio.samples, err_msg=codec)
        assert warned == []


@pytest.mark.parametrize("kind", ["s16", "f32"])
def test_a_wav_file_of_odd_bits_keeps_them_in_the_upper_ones(tmp_path: Path, kind: str) -> None:
    sound = drawn("s24", 300, 2)
    content = bytearray(uncompressed.wav(sound))
    struct.pack_into("<H", content, 34, 20)
    (tmp_path / "twenty.wav").write_bytes(content)
    np.testing.assert_array_equal(read(tmp_path / "twenty.wav")[0].samples, sound.expected())


@needs("sox")
@pytest.mark.parametrize("kind", ["u8", "s16", "s24"])
def test_sox_decodes_the_same_from_big_endian_wav(tmp_path: Path, kind: str) -> None:
    sound, path = drawn(kind, 500, 2), tmp_path / "a.wav"
    path.write_bytes(uncompressed.rifx(sound))
    command = ["sox", str(path), "-t", "f32", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    theirs = np.frombuffer(raw, "<f4").reshape(-1, 2).T
    np.testing.assert_array_equal(read(path)[0].samples, theirs)


@needs("sox")
@pytest.mark.parametrize("bits", [24, 32])
def test_extensible_big_endian_wav_of_sox_is_read(tmp_path: Path, bits: int) -> None:
    (tmp_path / "little.wav").write_bytes(uncompressed.wav(drawn(f"s{bits}", 500, 4)))
    subprocess.run(["sox", "little.wav", "-B", "big.wav"], cwd=tmp_path, check=True)
    assert (tmp_path / "big.wav").read_bytes()[:4] == b"RIFX"
    assert (tmp_path / "big.wav").read_bytes()[20:22] == b"\xff\xfe"
    little, big = (read(tmp_path / f"{name}.wav")[0] for name in ("little", "big"))
    np.testing.assert_array_equal(big.samples, little.samples)


@pytest.mark.parametrize("container", CONTAINERS)
def test_tags_before_a_file_do_no_harm(tmp_path: Path, container: str) -> None:
    content = CONTAINERS[container][0](drawn("s16", 300, 2))
    for name, tag in (("plain", b""), ("tagged", b"ID3\4\0\0\0\0\0\x40" + bytes(64))):
        (tmp_path / name).write_bytes(tag + content)
    assert read(tmp_path / "tagged") == read(tmp_path / "plain")
    (tmp_path / "tagged").write_bytes((tmp_path / "tagged").read_bytes()[:-100])
    with pytest.raises(InputError, match="it is cut off"):
        read(tmp_path / "tagged")


@pytest.mark.parametrize("law", ["ALAW", "ULAW"])
@pytest.mark.parametrize("container", ["WAV", "AIFF", "CAF", "AU", "W64"])
def test_companded_samples_are_those_of_libsndfile(
    tmp_path: Path, excerpt: Audio, container: str, law: str
) -> None:
    path = tmp_path / "sound"
    soundfile.write(path, excerpt.samples.T, 44100, law, format=container)
    expected = soundfile.read(path, dtype="float32")[0].T
    np.testing.assert_array_equal(read(path)[0].samples, expected)


@pytest.mark.parametrize("subtype", ["ALAC_16", "ALAC_20", "ALAC_24"])
def test_lossless_caf_is_read(tmp_path: Path, excerpt: Audio, subtype: str) -> None:
    path = tmp_path / "sound.caf"
    samples = np.round(excerpt.samples * 2**15) / 2**15
    soundfile.write(path, samples.T, 44100, subtype, format="CAF")
    np.testing.assert_array_equal(read(path)[0].samples, samples)


def test_alac_that_would_be_read_as_other_samples_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.caf"
    codes = np.random.default_rng(0).integers(-(2**31), 2**31, 4096, np.int32)
    soundfile.write(path, codes, 44100, "ALAC_32", format="CAF")
    assert not np.array_equal(soundfile.read(path, dtype="int32")[0], codes)  # why it is refused
    with pytest.raises(InputError, match=r"it holds ALAC of 32 bits.*ffmpeg -i"):
        read(path)


def test_other_chunks_do_no_harm(tmp_path: Path) -> None:
    sound = drawn("s16", 801, 1)
    after = b"LIST" + struct.pack("<I", 5) + b"INFO\0\0" + b"junk" + struct.pack("<I", 2) + b"hm"
    (tmp_path / "a.wav").write_bytes(uncompressed.wav(sound, after=after))
    found, warned = read(tmp_path / "a.wav")
    np.testing.assert_array_equal(found.samples, sound.expected())
    assert warned == []


# -- headers that were never finished -------------------------------------------------------------

#: What writers leave in a header whose end they do not know: bytes of data, and of the whole.
UNFINISHED = {
    "ffmpeg into a pipe": (0xFFFFFFFF, 0xFFFFFFFF),
    "gstreamer into a pipe": (0, 0),
    "sox into a pipe": (0x7FFFF000, 0x7FFFF024),
    "arecord into a pipe": (0x80000000, 0x80000024),
    "the greatest even size": (0xFFFFFFDA, 0xFFFFFFFE),
    "the greatest signed one": (0x7FFFFFFF, 0x7FFFFFFF),
    "a header of no samples": (0, 36),
    "data that the whole does not hold": (1_000_000, 36),
    "data of an open whole": (1_000_000, 0xFFFFFFFF),
    "data of no whole": (1_000_000, 0),
}


@pytest.mark.parametrize("case", UNFINISHED)
@pytest.mark.parametrize("container", ["wav", "rifx"])
def test_a_wav_file_of_unfinished_sizes_is_read_to_its_end(
    tmp_path: Path, container: str, case: str
) -> None:
    data, whole = UNFINISHED[case]
    sound = drawn("s16", 777, 2)
    path = tmp_path / "a.wav"
    content = CONTAINERS[container][0](sound.claiming(data=data, whole=whole))
    for rest in (b"", b"\1", b"\1\2\3"):  # the recorder stopped within a frame
        path.write_bytes(content + rest)
        found, warned = read(path)
        np.testing.assert_array_equal(found.samples, sound.expected())
        assert warned == ["unfinished-header"]


@pytest.mark.parametrize("open_size", [0, 2**63 - 1, 2**64 - 1])
@pytest.mark.parametrize("container", ["rf64", "bw64", "w64"])
def test_wide_sizes_that_are_open_are_read_to_the_end(
    tmp_path: Path, container: str, open_size: int
) -> None:
    sound = drawn("s24", 400, 2)
    path = tmp_path / "a"
    claimed = sound.claiming(data=open_size, whole=open_size, frames=0)
    path.write_bytes(CONTAINERS[container][0](claimed))
    found, warned = read(path)
    np.testing.assert_array_equal(found.samples, sound.expected())
    assert warned == ["unfinished-header"]


@pytest.mark.parametrize(
    ("container", "sizes"),
    [
        ("aiff", {"data": 0, "whole": 0, "frames": 0}),
        ("aiff", {"data": 0x7F000008, "whole": 0x7F000050, "frames": 0x1FC00000}),
        ("caf", {"data": -1}),
        ("caf", {"data": 0}),
        ("au", {"data": 0xFFFFFFFF}),
        ("au", {"data": 0}),
        ("au little", {"data": 0xFFFFFFFF}),
    ],
)
def test_open_sizes_of_the_others_are_read_to_the_end(
    tmp_path: Path, container: str, sizes: dict[str, int]
) -> None:
    sound = drawn("s16", 400, 2)
    path = tmp_path / "a"
    path.write_bytes(CONTAINERS[container][0](sound.claiming(**sizes)))
    found, warned = read(path)
    np.testing.assert_array_equal(found.samples, sound.expected())
    assert warned == ["unfinished-header"]


def test_a_file_whose_whole_alone_was_finished_is_read_to_its_end(tmp_path: Path) -> None:
    """The size of the whole is right and that of the data 0: what follows is sound, or chunks."""
    sound, path = drawn("s16", 777, 2), tmp_path / "a.wav"
    path.write_bytes(uncompressed.wav(sound.claiming(data=0)))
    found, warned = read(path)
    np.testing.assert_array_equal(found.samples, sound.expected())
    assert warned == ["unfinished-header"]
    empty = bytearray(uncompressed.wav(drawn("s16", 0, 2)) + b"LIST\4\0\0\0INFO")
    struct.pack_into("<I", empty, 4, len(empty) - 8)
    path.write_bytes(empty)
    with pytest.raises(InputError, match="no samples"):
        read(path)


def test_the_warning_says_what_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(uncompressed.wav(drawn("s16", 9, 1).claiming(data=0, whole=0)))
    said: list[str] = []
    read_audio(path, warn=lambda code, message: said.append(message))
    assert said == [
        f"{path}: its header gives no length, as when it was written into a pipe or the recorder "
        "lost power; all that is there was read, but whether it was cut off cannot be told"
    ]


def test_a_wav_file_of_no_samples_is_not_taken_for_an_unfinished_one(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    after = b"LIST" + struct.pack("<I", 4) + b"INFO"
    path.write_bytes(uncompressed.wav(drawn("s16", 0, 1), after=after))
    with pytest.raises(InputError, match="holds no samples"):
        read_audio(path)


def test_sizes_beyond_4_gib_that_were_counted_in_32_bits(tmp_path: Path) -> None:
    path, data = tmp_path / "long.wav", 2**32 + 4000
    sound = drawn("s16", 0, 2)
    with path.open("wb") as file:  # a file with a hole: it takes no room
        file.write(uncompressed.wav(sound.claiming(data=data % 2**32, whole=36 + data % 2**32)))
        file.truncate(44 + data)
    with path.open("rb") as raw:
        (part,) = survey(path, raw).parts
    assert isinstance(part, Part)
    assert part.frames == data // 4


@needs("sox")
@pytest.mark.parametrize("container", ["caf", "w64"])
def test_what_sox_makes_of_a_pipe_is_refused(
    tmp_path: Path, excerpt: Audio, container: str
) -> None:
    """It cannot go back to its header, and writes another one among the samples."""
    source, path = excerpt.save(tmp_path / "a.wav"), tmp_path / "piped"
    command = ["sox", str(source), "-b", "16", "-t", container, "-"]
    path.write_bytes(subprocess.run(command, check=True, capture_output=True).stdout)
    with pytest.raises(InputError, match="damaged"):
        read_audio(path)


# -- files that were cut off ----------------------------------------------------------------------


@pytest.mark.parametrize("container", sorted(CONTAINERS))
def test_a_file_that_was_cut_off_is_refused_with_the_reason(tmp_path: Path, container: str) -> None:
    write, _ = CONTAINERS[container]
    path = tmp_path / "a"
    whole = write(drawn("s16", 1000, 2))
    end = len(whole) - (8 - 4 if container == "w64" else 0)  # what fills it up is no sample
    for length in (end - 1, end - 2000, 200):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=rf"cut off: {length:,} of the [\d,]+ bytes it should"):
            read_audio(path)
    for length in range(1, len(whole) - 4000):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut off|damaged|no WAV|no samples"):
            read_audio(path)


# -- blocks of a codec ----------------------------------------------------------------------------


@needs("ffmpeg")
@needs("sox")
@pytest.mark.parametrize("frames", [1, 999, 2041, 5000])
@pytest.mark.parametrize("codec", ["ms-adpcm", "ima-adpcm"])
def test_adpcm_ends_where_its_fact_chunk_says(
    tmp_path: Path, excerpt: Audio, codec: str, frames: int
) -> None:
    source = excerpt.with_samples(excerpt.samples[:, :frames]).save(tmp_path / "source.wav")
    path = tmp_path / "a.wav"
    subprocess.run(["sox", "-D", str(source), "-e", codec, str(path)], check=True)
    found, warned = read(path)
    assert (found.frames, warned) == (frames, [])
    theirs = decoded_by_ffmpeg(path, 2)[:, :frames]
    assert np.abs(found.samples - theirs).max() < 4e-3  # it rounds differences otherwise
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="cut off"):
        read_audio(path)


@needs("ffmpeg")
@pytest.mark.parametrize("blocks", [1, 2, 7])
def test_gsm_has_no_block_beyond_its_last(tmp_path: Path, excerpt: Audio, blocks: int) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, excerpt.samples[0, : 320 * blocks], 8000, "GSM610")
    found, warned = read(path)
    assert (found.frames, warned) == (320 * blocks, [])
    assert np.abs(found.samples - decoded_by_ffmpeg(path, 1)).max() < 1e-3


@needs("ffmpeg")
@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("-c:a", "mp2"), "MPEG audio (MP1 or MP2)"),
        (("-c:a", "libmp3lame"), "MP3"),
        (("-c:a", "g722", "-ac", "1", "-ar", "16000"), "G.722"),
        (("-c:a", "g726", "-ac", "1", "-ar", "8000"), "G.726"),
        (("-c:a", "ac3"), "AC-3"),
        (("-c:a", "wmav2"), "WMA 2"),
        (("-c:a", "adpcm_yamaha"), "Yamaha ADPCM"),
    ],
)
def test_other_codecs_in_a_wav_file_are_called_by_their_names(
    tmp_path: Path, excerpt: Audio, options: tuple[str, ...], name: str
) -> None:
    path = write_by_ffmpeg(excerpt, tmp_path / "it's.wav", *options, "-f", "wav")
    with pytest.raises(InputError) as caught:
        read_audio(path)
    line = "ffmpeg -i 'it'\"'\"'s.wav' -map 0:a:0 -c:a pcm_f32le 'it'\"'\"'s.wav.wav'"
    assert str(caught.value) == (
        f"{path}: it is a WAV file that holds {name}: convert it with: {line}"
    )
    subprocess.run(line, shell=True, check=True, cwd=tmp_path, capture_output=True)
    assert read(tmp_path / "it's.wav.wav")[0].frames > 0


@pytest.mark.parametrize(("field", "value"), [(32, 3), (32, 0), (22, 3), (34, 24), (34, 0)])
def test_a_fmt_chunk_that_contradicts_itself_is_refused(
    tmp_path: Path, field: int, value: int
) -> None:
    content = bytearray(uncompressed.wav(drawn("s16", 600, 2)))
    struct.pack_into("<H", content, field, value)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=r"its fmt chunk contradicts itself: [23] channels of"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("codec", ["IMA_ADPCM", "MS_ADPCM"])
@pytest.mark.parametrize(("field", "value"), [(22, 1), (22, 3), (32, 100), (34, 3), (38, 400)])
def test_a_fmt_chunk_of_adpcm_that_contradicts_itself_is_refused(
    tmp_path: Path, excerpt: Audio, codec: str, field: int, value: int
) -> None:
    """Its blocks would be cut at wrong places, and decoded to noise."""
    path = tmp_path / "a.wav"
    soundfile.write(path, excerpt.samples.T, excerpt.sample_rate, codec)
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, field, value)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"its fmt chunk contradicts itself: \d+ frames of"):
        read_audio(path)


def test_blocks_of_no_bytes_are_refused(tmp_path: Path, excerpt: Audio) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, excerpt.samples[0], 8000, "GSM610")
    content = bytearray(path.read_bytes())
    struct.pack_into("<H", content, 32, 0)
    for damaged in (content, content[: len(content) // 2]):
        path.write_bytes(damaged)
        for limits in (Limits(), Limits(salvage=True)):
            with pytest.raises(InputError, match=r"damaged|cut off"):
                read_audio(path, limits)


@pytest.mark.parametrize(("field", "value"), [(24, 0), (24, 2**31)])
def test_a_rate_that_cannot_be_is_refused(tmp_path: Path, field: int, value: int) -> None:
    content = bytearray(uncompressed.wav(drawn("s16", 600, 2)))
    struct.pack_into("<I", content, field, value)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=f"its header says 2 channels at {value} Hz"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("container", "field", "said"),
    [("aiff", 26, "signed samples of 0 bit are not read"), ("caf", 36, "contradicts itself"),
     ("aiff", 20, "0 channels"), ("caf", 44, "contradicts itself"), ("au", 20, "0 channels")],
)  # fmt: skip
def test_headers_of_nothing_are_refused(
    tmp_path: Path, container: str, field: int, said: str
) -> None:
    content = bytearray(CONTAINERS[container][0](drawn("s16", 600, 2)))
    size = 2 if container == "aiff" else 4
    content[field : field + size] = bytes(size)
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_audio(tmp_path / "a")


@given(
    container=st.sampled_from(sorted(CONTAINERS)),
    changes=st.lists(st.tuples(st.integers(0, 150), st.integers(0, 255)), min_size=1, max_size=6),
    length=st.integers(20, 400),
)
@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_headers_lead_to_sound_or_to_an_input_error(
    tmp_path: Path, container: str, changes: list[tuple[int, int]], length: int
) -> None:
    content = bytearray(CONTAINERS[container][0](drawn("s16", 64, 2)))
    for place, value in changes:
        content[place % len(content)] = value
    path = tmp_path / "a"
    path.write_bytes(content[:length])
    try:
        frames, refused = read(path)[0].frames, None
    except InputError as error:
        frames, refused = 0, str(error)
    assert frames <= len(content)
    assert refused is None or refused.startswith(f"{path}: ")


# -- formats that are not read --------------------------------------------------------------------


@needs("ffmpeg")
@pytest.mark.parametrize(
    ("suffix", "name"),
    [
        ("m4a", "M4A (AAC or ALAC)"), ("mp4", "MP4"), ("mov", "QuickTime"),
        ("wma", "WMA (Windows Media, ASF)"), ("wv", "WavPack"), ("tta", "TTA"),
        ("mka", "Matroska or WebM"), ("webm", "Matroska or WebM"), ("avi", "AVI"),
        ("ts", "MPEG video (transport stream)"), ("m2ts", "MPEG video (transport stream)"),
        ("vob", "MPEG video (program stream)"), ("aac", "AAC (ADTS)"), ("ac3", "AC-3"),
        ("flv", "Flash video"),
    ],
)  # fmt: skip
@sampled(4)
def test_a_foreign_format_is_called_by_its_name(
    tmp_path: Path, excerpt: Audio, suffix: str, name: str
) -> None:
    path = write_by_ffmpeg(excerpt, tmp_path / f"a.{suffix}")
    with pytest.raises(InputError) as caught:
        read_audio(path)
    line = f"ffmpeg -i a.{suffix} -map 0:a:0 -c:a pcm_f32le a.{suffix}.wav"
    assert str(caught.value) == (
        f"{path}: this is {name}, which is not read: convert it with: {line}"
    )
    subprocess.run(line.split(), check=True, cwd=tmp_path, capture_output=True)
    assert read(tmp_path / f"a.{suffix}.wav")[0].channels == 2


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"MAC \x96\x0f\0\0", "this is Monkey's Audio (APE), which is not read: convert it"),
        (b"MPCKSH", "this is Musepack, which is not read: convert it"),
        (b"DSD \x1c\0\0\0", "this is DSD (DSF), which is not read: convert it"),
        (b"FRM8\0\0\0\0", "this is DSD (DSDIFF), which is not read: convert it"),
        (b"#!AMR\n", "this is AMR, which is not read: convert it"),
        (bytes(4) + b"\xf8\x72\x6f\xba", "this is Dolby TrueHD, which is not read: convert it"),
        (b"Creative Voice File\x1a", "this is VOC, which is not read: convert it"),
        (b".SoX\x1c\0\0\0", "this is SoX's own format, which is not read: convert it"),
        (b"NIST_1A\n", "this is NIST SPHERE, which is not read: convert it"),
        (b"\x64\xa3\1\0", "this is IRCAM, which is not read: convert it"),
        (b"Extended Module: a", "this is a tracker module (XM), which is not read: convert it"),
        (b"IMPM", "this is a tracker module (IT), which is not read: convert it"),
        (bytes(44) + b"SCRM", "this is a tracker module (S3M), which is not read: convert it"),
        (bytes(1080) + b"M.K.", "this is a tracker module (MOD), which is not read: convert it"),
        (b"MThd\0\0\0\6", "this is MIDI, notes without sound"),
        (b"PK\3\4", "this is a ZIP archive: unpack it"),
    ],
)
def test_others_are_known_by_their_first_bytes(tmp_path: Path, head: bytes, said: str) -> None:
    (tmp_path / "a").write_bytes(head + bytes(2000))
    with pytest.raises(InputError) as caught:
        read_audio(tmp_path / "a")
    assert said in str(caught.value)


def test_the_limit_holds_for_all_of_them(tmp_path: Path) -> None:
    for container, (write, _) in CONTAINERS.items():
        path: Path = tmp_path / container
        path.write_bytes(write(drawn("s16", 44100, 1)))
        with pytest.raises(InputError, match="longer than"):
            read_audio(path, Limits(max_minutes=0.9 / 60))
