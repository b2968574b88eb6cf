from __future__ import annotations

import hashlib
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio, InputError, ResonateWarning, read_audio, salvage
from tests.files import claim_flac_frames, flac_frames, ogg_pages, write_sound
from tests.tools import needs

ID3 = b"ID3\x04\0\0\0\0\x02\0" + bytes(256)
ID3V1 = b"TAG" + bytes(125)


def flac(folder: Path, excerpt: Audio, subtype: str = "PCM_16") -> bytes:
    return write_sound(excerpt, folder / "made.flac", subtype).read_bytes()


def reads(folder: Path, content: bytes) -> Audio:
    path = folder / "a.flac"
    path.write_bytes(content)
    return read_audio(path)


def two(audio: Audio) -> Audio:
    return audio.with_samples(np.concatenate([audio.samples, audio.samples], axis=1))


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("before", [b"", ID3, ID3 + ID3], ids=len)
@pytest.mark.parametrize("after", [b"", ID3V1], ids=len)
def test_tags_around_a_file_do_no_harm(
    tmp_path: Path, excerpt: Audio, subtype: str, before: bytes, after: bytes
) -> None:
    content = flac(tmp_path, excerpt, subtype)
    expected = soundfile.read(tmp_path / "made.flac", dtype="float32")[0].T
    found = reads(tmp_path, before + content + after)
    np.testing.assert_array_equal(found.samples, expected)


@pytest.mark.parametrize("between", [b"", ID3V1, ID3, ID3V1 + ID3], ids=len)
def test_joined_files_are_one_sound(tmp_path: Path, excerpt: Audio, between: bytes) -> None:
    content = flac(tmp_path, excerpt)
    one = reads(tmp_path, content)
    assert reads(tmp_path, content + between + content + ID3V1) == two(one)


def test_joined_files_of_other_rates_are_refused_by_name(tmp_path: Path, excerpt: Audio) -> None:
    one, other = flac(tmp_path, excerpt), flac(tmp_path, Audio(excerpt.samples, 48000))
    mono = flac(tmp_path, Audio(excerpt.samples[:1], 44100))
    for joined, named in ((other, "48000 Hz in 2 channels"), (mono, "44100 Hz in 1 channels")):
        with pytest.raises(InputError, match=f"of 44100 Hz in 2 channels and {named}"):
            reads(tmp_path, one + joined)


@pytest.mark.parametrize("after", [b"", ID3V1], ids=len)
def test_a_file_of_unknown_length_is_read_to_its_end(
    tmp_path: Path, excerpt: Audio, after: bytes
) -> None:
    content = flac(tmp_path, excerpt)
    one = reads(tmp_path, content)
    streamed = claim_flac_frames(content, 0)
    assert reads(tmp_path, streamed + after) == one
    assert reads(tmp_path, streamed + streamed + after) == two(one)
    for length in (1, 100, len(content) // 2):
        with pytest.raises(InputError, match=r"damaged or cut off.*salvage=True"):
            reads(tmp_path, streamed[:-length] + after)


@needs("flac")
def test_flac_in_ogg_and_from_a_pipe_is_read(tmp_path: Path, excerpt: Audio) -> None:
    wav = write_sound(excerpt, tmp_path / "a.wav", "PCM_16")
    expected = soundfile.read(wav, dtype="float32")[0].T
    for options in ("--ogg -o a.oga a.wav", "--ogg --serial-number=7 -8 -o a.oga a.wav"):
        subprocess.run(["flac", "-s", "-f", *options.split()], cwd=tmp_path, check=True)
        content = (tmp_path / "a.oga").read_bytes()
        np.testing.assert_array_equal(reads(tmp_path, content).samples, expected)
        np.testing.assert_array_equal(
            reads(tmp_path, content * 2).samples, np.concatenate([expected] * 2, axis=1)
        )
        pages = ogg_pages(content)
        with pytest.raises(InputError, match="pages are missing"):
            reads(tmp_path, b"".join([*pages[:5], *pages[6:]]))
    piped = subprocess.run(
        ["sh", "-c", "cat a.wav | flac -s -c -"], cwd=tmp_path, check=True, capture_output=True
    ).stdout
    np.testing.assert_array_equal(reads(tmp_path, piped).samples, expected)


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_the_checksum_of_the_samples_is_compared(
    tmp_path: Path, excerpt: Audio, subtype: str
) -> None:
    content = flac(tmp_path, excerpt, subtype)
    whole = reads(tmp_path, content)  # without a word
    bits = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}[subtype]
    integers = np.round(whole.samples.T.astype(np.float64) * 2 ** (bits - 1)).astype("<i4")
    packed = np.ascontiguousarray(integers).view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()
    assert content[26:42] == hashlib.md5(packed).digest()
    wrong = content[:26] + bytes([content[26] ^ 1]) + content[27:]
    with pytest.warns(ResonateWarning, match="checksum-mismatch: .*a.flac: its samples are not"):
        assert reads(tmp_path, wrong) == whole
    assert reads(tmp_path, content[:26] + bytes(16) + content[42:]) == whole


#: What is done to the frames of a FLAC file, and what is said of it.
DAMAGE: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a frame lost": (lambda frames: [*frames[:3], *frames[4:]], "frames are missing before"),
    "the one before the last lost": (
        lambda frames: [*frames[:-2], frames[-1]],
        "frames are missing before",
    ),
    "a frame twice": (lambda frames: [*frames[:4], *frames[3:]], "twice or out of order"),
    "frames swapped": (
        lambda frames: [*frames[:3], frames[4], frames[3], *frames[5:]],
        "frames are missing before",
    ),
}
KINDS: dict[str, Callable[[bytes], bytes]] = {
    "with its checksum": lambda content: content,
    "without a checksum": lambda content: content[:26] + bytes(16) + content[42:],
    "of unknown length": lambda content: claim_flac_frames(
        content[:26] + bytes(16) + content[42:], 0
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("harm", DAMAGE)
def test_frames_that_are_missing_or_there_twice_are_told(
    tmp_path: Path, excerpt: Audio, kind: str, harm: str
) -> None:
    """Each is intact: libFLAC puts silence where one is missing, and says nothing."""
    change, said = DAMAGE[harm]
    content = flac(tmp_path, excerpt)
    whole = reads(tmp_path, content)
    head, frames = flac_frames(KINDS[kind](content))
    assert len(frames) == 33
    damaged = head + b"".join(change(frames))
    with pytest.raises(InputError, match=f"it is damaged: .*{said}.*salvage"):
        reads(tmp_path, damaged)
    with pytest.warns(ResonateWarning, match="salvaged: "):
        found, gaps = salvage(tmp_path / "a.flac")
    expected = whole.samples.copy()
    if "lost" in harm:
        lost = 3 if harm == "a frame lost" else 31
        assert gaps == [(lost * 4096 / 44100, (lost + 1) * 4096 / 44100)]
        expected[:, lost * 4096 : (lost + 1) * 4096] = 0
    np.testing.assert_array_equal(found.samples, expected)


@pytest.mark.parametrize("kind", ["with its checksum", "without a checksum"])
@pytest.mark.parametrize("claimed", [50_000, 4096 * 5])
def test_a_header_that_claims_too_few_is_told(
    tmp_path: Path, excerpt: Audio, kind: str, claimed: int
) -> None:
    content = flac(tmp_path, excerpt)
    whole = reads(tmp_path, content)
    with pytest.raises(InputError, match=f"holds 132,300 frames, and .* tells of {claimed:,}"):
        reads(tmp_path, claim_flac_frames(KINDS[kind](content), claimed))
    with pytest.warns(ResonateWarning, match="nothing is known to be lost"):
        assert salvage(tmp_path / "a.flac") == (whole, [])


def test_what_was_recorded_from_its_middle_is_read_and_told(tmp_path: Path, excerpt: Audio) -> None:
    content = flac(tmp_path, excerpt)
    whole = reads(tmp_path, content)
    head, frames = flac_frames(KINDS["of unknown length"](content))
    path = tmp_path / "late.flac"
    path.write_bytes(head + b"".join(frames[5:]))
    for read in (read_audio, lambda path: salvage(path).audio):
        with pytest.warns(ResonateWarning, match=r"begins-late: .*it begins 0\.46 s into"):
            found = read(path)
        np.testing.assert_array_equal(found.samples, whole.samples[:, 5 * 4096 :])


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_16", "PCM_24"])
def test_frames_without_a_beginning_are_salvaged(
    tmp_path: Path, excerpt: Audio, subtype: str
) -> None:
    """Each says rate, channels and bits itself."""
    content = flac(tmp_path, excerpt, subtype)
    whole = reads(tmp_path, content)
    _, frames = flac_frames(content)
    for damaged, first in (
        (content[30:], 0),
        (bytes(60) + content[60:], 0),
        (content[:4] + bytes(38) + content[42:], 0),
        (b"".join(frames), 0),
        (frames[1][9:] + b"".join(frames[2:]), 2),
    ):
        with pytest.raises(InputError, match=r"it is damaged: .*salvage"):
            reads(tmp_path, damaged)
        with pytest.warns(ResonateWarning, match="its beginning is missing") as said:
            found, gaps = salvage(tmp_path / "a.flac")
        np.testing.assert_array_equal(found.samples, whole.samples[:, first * 4096 :])
        assert gaps == []
        assert ("its first 0.19 s are missing" in str(said[0].message)) == bool(first)


@needs("flac")
def test_flac_in_ogg_without_its_first_page_is_salvaged(tmp_path: Path, excerpt: Audio) -> None:
    wav = write_sound(excerpt, tmp_path / "a.wav", "PCM_16")
    subprocess.run(["flac", "-s", "--ogg", "-o", "a.oga", "a.wav"], cwd=tmp_path, check=True)
    content = (tmp_path / "a.oga").read_bytes()
    for damaged in (b"".join(ogg_pages(content)[1:]), bytes(50) + content[50:]):
        with pytest.raises(InputError, match=r"it is damaged: .*page.*salvage"):
            reads(tmp_path, damaged)
        with pytest.warns(ResonateWarning, match="its beginning is missing"):
            assert salvage(tmp_path / "a.flac") == (read_audio(wav), [])


def test_integers_of_other_widths_are_refused_with_the_reason(
    tmp_path: Path, excerpt: Audio
) -> None:
    content = flac(tmp_path, excerpt)
    for bits in (12, 20, 32):
        numbers = int.from_bytes(content[18:26], "big") & ~(31 << 36) | (bits - 1) << 36
        changed = content[:18] + numbers.to_bytes(8, "big") + content[26:]
        with pytest.raises(InputError, match=f"integers of {bits} bits.*flac -d a.flac"):
            reads(tmp_path, changed)


@needs("flac")
def test_the_line_that_converts_32_bits_converts_them(tmp_path: Path, excerpt: Audio) -> None:
    path = write_sound(excerpt, tmp_path / "my take.wav", "PCM_32")
    expected = read_audio(path)
    subprocess.run(["flac", "-s", str(path)], check=True)
    path.unlink()
    with pytest.raises(InputError) as caught:
        read_audio(path.with_suffix(".flac"))
    command = str(caught.value).partition("convert it: ")[2].partition(" (flac 1.4")[0]
    subprocess.run([*shlex.split(command), "-s"], cwd=tmp_path, check=True)
    assert read_audio(path) == expected
