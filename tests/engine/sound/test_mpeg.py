from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from resonate_graph import Audio, InputError, ResonateWarning, read_audio, salvage
from resonate_nodes import encode_mp3
from tests.files import mpeg_frames, with_mpeg_counts, write_lame, write_sound
from tests.tools import needs

ID3 = b"ID3\x04\0\0\0\0\x02\0" + bytes(256)
FOOTED = b"ID3\x04\0\x10\0\0\x02\0" + bytes(256) + b"3DI\x04\0\x10\0\0\x02\0"
ID3V1 = b"TAG" + bytes(125)


@pytest.fixture
def tagged(tmp_path: Path, excerpt: Audio) -> bytes:
    """An MP3 file whose first frame says how long it is, and what to leave out."""
    return encode_mp3(excerpt).content


def reads(folder: Path, content: bytes) -> Audio:
    path = folder / "a.mp3"
    path.write_bytes(content)
    return read_audio(path)


def as_ffmpeg(folder: Path, content: bytes) -> NDArray[np.float32]:
    path = folder / "b.mp3"
    path.write_bytes(content)
    command = ["ffmpeg", "-v", "quiet", "-i", str(path), "-f", "f32le", "-"]
    done = subprocess.run(command, check=True, capture_output=True)
    return np.frombuffer(done.stdout, "<f4").reshape(-1, 2).T


@pytest.mark.parametrize(
    "head",
    [
        ID3 + bytes(5000),
        ID3 + bytes(range(200)) * 9,
        ID3 + ID3,
        FOOTED,
        ID3 + FOOTED,
        bytes(70_000),
    ],
    ids=["zeros", "junk", "two tags", "footer", "tag and footer", "leading zeros"],
)
def test_odd_heads_are_passed_over(
    tmp_path: Path, tagged: bytes, head: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    assert reads(tmp_path, head + tagged) == reads(tmp_path, tagged)
    assert capfd.readouterr() == ("", "")


def test_a_scrap_of_a_frame_at_the_beginning_is_passed_over(
    tmp_path: Path, excerpt: Audio, tagged: bytes
) -> None:
    streamed = write_lame(excerpt, tmp_path / "s.mp3").read_bytes()
    for content in (tagged, streamed):
        frames = mpeg_frames(content)
        scrap = content[frames[5] + 100 : frames[6]]
        assert reads(tmp_path, scrap + content) == reads(tmp_path, content)


@needs("ffmpeg")
def test_a_recording_that_begins_within_a_frame_is_read_as_ffmpeg_does(
    tmp_path: Path, excerpt: Audio, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first whole frames need bytes that are not there: nobody can decode them."""
    content = write_lame(excerpt, tmp_path / "s.mp3", quality=2).read_bytes()
    torn = content[mpeg_frames(content)[40] + 50 :]
    found, expected = reads(tmp_path, torn).samples, as_ffmpeg(tmp_path, torn)
    assert capfd.readouterr() == ("", "")
    delay, settled = 529, 4 * 1152  # ffmpeg leaves in the decoder's own delay
    assert expected.shape[1] - found.shape[1] == delay
    np.testing.assert_allclose(
        found[:, settled:], expected[:, settled + delay :], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(
    ("frames", "size"), [(1, 0), (1, None), (-1, 0), (0, 128), (0, -128), (0, 5000), (1, -417)]
)
def test_a_header_that_is_a_little_wrong_changes_nothing(
    tmp_path: Path,
    tagged: bytes,
    frames: int,
    size: int | None,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It counts itself, or was written before a tag was stripped."""
    path = tmp_path / "a.mp3"
    expected = reads(tmp_path, tagged)
    path.write_bytes(with_mpeg_counts(tagged, frames, size))
    said: list[str] = []
    assert read_audio(path, warn=lambda code, message: said.append(code)) == expected
    # without a size, the last frame may as well have been cut off
    assert said == (["unfinished"] if size is None else [])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("frames", [1, 2, 30, 100])
@pytest.mark.parametrize("counted", ["all bytes", "as many bytes", "no bytes"])
def test_a_header_that_tells_of_too_few_keeps_delay_and_length(
    tmp_path: Path, excerpt: Audio, frames: int, counted: str
) -> None:
    """What begins within the frames before it was never joined to them."""
    content = encode_mp3(excerpt, bitrate_kbps=128).content
    whole = reads(tmp_path, content)
    fewer = mpeg_frames(content)[-frames] - len(content)
    size = {"all bytes": 0, "as many bytes": fewer, "no bytes": None}[counted]
    assert reads(tmp_path, with_mpeg_counts(content, -frames, size)) == whole


@pytest.mark.parametrize(("frames", "size"), [(2, 0), (30, 0), (1, 417), (30, 12510)])
def test_a_header_that_tells_of_more_is_believed(
    tmp_path: Path, tagged: bytes, frames: int, size: int
) -> None:
    with pytest.raises(InputError, match=r"cut off: .* MPEG frames it should have.*salvage=True"):
        reads(tmp_path, with_mpeg_counts(tagged, frames, size))


def test_what_stands_behind_the_last_frame_is_told(
    tmp_path: Path, excerpt: Audio, tagged: bytes
) -> None:
    """Where a header says how many frames there are, it is nothing to worry about."""
    streamed = write_lame(excerpt, tmp_path / "s.mp3").read_bytes()
    assert reads(tmp_path, tagged + bytes(3000)) == reads(tmp_path, tagged)
    whole = reads(tmp_path, streamed)
    with pytest.warns(ResonateWarning, match="unfinished: .*the last 3,000 bytes are no MPEG"):
        assert reads(tmp_path, streamed + bytes(3000)) == whole


@pytest.mark.parametrize("between", [b"", ID3V1, ID3, ID3V1 + ID3 + bytes(100)], ids=len)
def test_joined_files_are_one_sound(tmp_path: Path, excerpt: Audio, between: bytes) -> None:
    """Each by its own delay and length, also where one of them says neither."""
    tagged = encode_mp3(excerpt).content
    variable = write_sound(excerpt, tmp_path / "v.mp3").read_bytes()
    streamed = write_lame(excerpt, tmp_path / "s.mp3").read_bytes()
    contents = [tagged, variable, streamed, tagged]
    expected = np.concatenate([reads(tmp_path, one).samples for one in contents], axis=1)
    assert reads(tmp_path, tagged).frames == excerpt.frames
    found = reads(tmp_path, between.join(contents))
    np.testing.assert_array_equal(found.samples, expected)


def test_joined_files_of_other_rates_or_channels_are_refused(
    tmp_path: Path, excerpt: Audio, tagged: bytes
) -> None:
    other = encode_mp3(Audio(excerpt.samples, 48000)).content
    mono = encode_mp3(Audio(excerpt.samples[:1], 44100)).content
    for joined, named in ((other, "44100 and of 48000 Hz"), (mono, "2 and of 1 channels")):
        for content in (tagged + joined, tagged + ID3 + joined):
            with pytest.raises(InputError, match=f"one after another, of {named}"):
                reads(tmp_path, content)


def test_damage_between_frames_is_told(tmp_path: Path, excerpt: Audio, tagged: bytes) -> None:
    streamed = write_lame(excerpt, tmp_path / "s.mp3").read_bytes()
    for content in (tagged, streamed):
        at = mpeg_frames(content)
        for damaged in (
            content[: at[40] + 9] + bytes(at[42] - at[40]) + content[at[42] + 9 :],
            content[: at[40] + 9] + content[at[50] + 20 :],
            content[: at[40]] + b"junk" + content[at[40] :],
        ):
            with pytest.raises(InputError, match="there is no MPEG frame"):
                reads(tmp_path, damaged)


def test_frames_with_wrong_checksums_are_told(tmp_path: Path, excerpt: Audio) -> None:
    content = with_checksums(write_lame(excerpt, tmp_path / "s.mp3").read_bytes())
    whole = reads(tmp_path, content)
    at = mpeg_frames(content)
    damaged = bytearray(content)
    damaged[at[50] + 20] ^= 4
    with pytest.raises(InputError, match=f"the MPEG frame at byte {at[50]:,} is not intact"):
        reads(tmp_path, bytes(damaged))
    for place in at:  # an encoder that does not know how to: all of them are wrong
        damaged[place + 4] ^= 255
    damaged[at[50] + 20] ^= 4
    assert reads(tmp_path, bytes(damaged)) == whole


def with_checksums(content: bytes) -> bytes:
    """Return a file whose frames have checksums (ISO 11172-3, 2.4.3.1), computed bit by bit.

    Each takes two bytes of padding; frames are those of 64 kbit/s with room for them.
    """
    places = [*mpeg_frames(content), len(content)]
    frames = []
    for start, stop in pairwise(places):
        frame = content[start:stop]
        head = bytes([frame[0], frame[1] & 0xFE, frame[2], frame[3]])
        remainder = 0xFFFF
        for byte in head[2:] + frame[4:36]:
            for bit in range(7, -1, -1):
                carry = (remainder >> 15) ^ (byte >> bit & 1)
                remainder = (remainder << 1 & 0xFFFF) ^ (0x8005 if carry else 0)
        body = frame[36:]
        frames.append(head + remainder.to_bytes(2, "big") + frame[4:36] + body[: len(body) - 2])
    return b"".join(frames)


def layer_2(folder: Path, kbps: int, seconds: float, rate: int = 44_100) -> bytes:
    """Return a file of Layer II, which nothing but its frames says the length of."""
    path = folder / "layer2.mp2"
    source = f"aevalsrc=0.5*sin(2765*t)|0.4*random(0)-0.2:s={rate}:d={seconds}"
    command = ["ffmpeg", "-y", "-v", "error", "-f", "lavfi", "-i", source]
    subprocess.run([*command, "-b:a", f"{kbps}k", str(path)], check=True)
    return path.read_bytes()


@needs("ffmpeg")
@pytest.mark.parametrize("kind", ["constant", "unpadded", "rising", "falling"])
def test_layer_2_is_read_to_its_last_frame(tmp_path: Path, kind: str) -> None:
    content = {
        "constant": lambda: layer_2(tmp_path, 192, 3),
        # silence, without the bytes that make the bit rate exact
        "unpadded": lambda: bytes.fromhex("fffda000").ljust(626, b"\0") * 400,
        "rising": lambda: layer_2(tmp_path, 64, 1) + layer_2(tmp_path, 384, 2),
        "falling": lambda: layer_2(tmp_path, 384, 1) + layer_2(tmp_path, 64, 2),
    }[kind]()
    expected = as_ffmpeg(tmp_path, content)
    found = reads(tmp_path, content)
    assert found.samples.shape == expected.shape
    # ffmpeg decodes Layer II by integers of 16 bit
    np.testing.assert_allclose(found.samples, expected, atol=2**-14)


@needs("ffmpeg")
def test_damaged_layer_2_is_salvaged_at_its_place(tmp_path: Path) -> None:
    content = layer_2(tmp_path, 192, 3, 48_000)  # frames of 576 bytes
    whole = reads(tmp_path, content)
    path = tmp_path / "damaged.mp2"
    path.write_bytes(content[: 576 * 50 + 200] + bytes(1000) + content[576 * 52 + 48 :])
    with pytest.raises(InputError, match="salvage=True"):
        read_audio(path)
    with pytest.warns(ResonateWarning, match="1 gap is silence"):
        found, gaps = salvage(path)
    assert gaps == [(50 * 1152 / 48_000, 54 * 1152 / 48_000)]  # one more, for the next to settle
    expected = whole.samples.copy()
    expected[:, 50 * 1152 : 54 * 1152] = 0
    np.testing.assert_array_equal(found.samples, expected)
