"""What is left of damaged files: bit by bit what the whole file gives, at its place."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from resonate_graph import Audio, InputError, Limits, ResonateWarning, read_audio, salvage
from resonate_nodes import encode_mp3
from tests.counts import examples
from tests.files import claim_flac_frames, mpeg_frames, ogg_pages, write_lame

KINDS = ("wav", "rf64", "flac", "ogg", "opus", "mp3", "streamed mp3")
#: Frames of sound that a frame or page may hold, and what a decoder needs to settle.
REACH = {"flac": 4096, "ogg": 30_000, "mp3": 6 * 1152, "streamed mp3": 6 * 1152}
FEW = settings(
    max_examples=examples(8), suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Files(dict[str, tuple[bytes, Audio]]):
    """Files by kind, and what they hold."""

    def __repr__(self) -> str:
        return "Files()"  # not a megabyte, where a test fails


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Whole files of noise, which is never silent by chance, and what they hold."""
    folder = tmp_path_factory.mktemp("files")
    noise = np.random.default_rng(5).uniform(-0.5, 0.5, (2, 200_000))
    sound = Audio(noise, 48_000)
    made = {"mp3": encode_mp3(sound).content}
    made["streamed mp3"] = write_lame(sound, folder / "s.mp3").read_bytes()
    for kind, container, subtype in (
        ("wav", "WAV", "PCM_24"),
        ("rf64", "RF64", "FLOAT"),
        ("flac", "FLAC", "PCM_16"),
        ("ogg", "OGG", "VORBIS"),
        ("opus", "OGG", "OPUS"),
    ):
        buffer = io.BytesIO()
        soundfile.write(buffer, noise.T, 48_000, subtype, format=container)
        made[kind] = buffer.getvalue()
    (folder / "a").touch()
    found = Files()
    for kind, content in made.items():
        (folder / "a").write_bytes(content)
        found[kind] = content, read_audio(folder / "a")
    return found


def salvaged(folder: Path, content: bytes) -> tuple[Audio, list[tuple[int, int]], str]:
    """Return what is left, the gaps in frames, and what is said of it."""
    path = folder / "damaged"
    path.write_bytes(content)
    with pytest.warns(ResonateWarning) as said:
        audio, gaps = salvage(path)
    (message,) = {str(one.message) for one in said}
    rate = audio.sample_rate
    return audio, [(round(start * rate), round(stop * rate)) for start, stop in gaps], message


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_read_as_ever(tmp_path: Path, files: Files, kind: str) -> None:
    content, whole = files[kind]
    path = tmp_path / "whole"
    path.write_bytes(content)
    assert salvage(path) == (whole, [])
    assert read_audio(path, Limits(salvage=True)) == whole


@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(fraction=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_at_any_byte_is_refused_or_exact_and_its_beginning_salvaged(
    tmp_path: Path, files: Files, kind: str, fraction: float
) -> None:
    content, whole = files[kind]
    path = tmp_path / "cut"
    path.write_bytes(content[: int(len(content) * fraction)])
    said: list[str] = []
    try:
        found = read_audio(path, warn=lambda code, message: said.append(code))
    except InputError:
        pass
    else:  # what does not say how long it is may end with any frame, or page
        assert kind == "streamed mp3" or said == ["unfinished"]
        assert (found.samples == whole.samples[:, : found.frames]).all()
    try:
        left = read_audio(path, Limits(salvage=True), warn=lambda code, message: None)
    except InputError:
        assert fraction < 0.35
        return
    np.testing.assert_array_equal(left.samples, whole.samples[:, : left.frames])
    if fraction > 0.5:
        assert left.frames > (fraction - 0.35) * whole.frames


@pytest.mark.parametrize("kind", REACH)
@FEW
@given(fraction=st.floats(0.1, 0.6), length=st.integers(1, 9000))
def test_what_is_overwritten_is_silent_and_the_rest_is_as_it_was(
    tmp_path: Path,
    files: Files,
    kind: str,
    fraction: float,
    length: int,
) -> None:
    content, whole = files[kind]
    start = int(len(content) * fraction)
    damaged = content[:start] + bytes(length) + content[start + length :]
    assume(damaged != content)
    path = tmp_path / "damaged"
    path.write_bytes(damaged)
    if "mp3" in kind:  # what lies within one frame has no checksum
        at = [place for place in mpeg_frames(content) if start - 4 < place < start + length]
        if len(at) < 2:
            return
    with pytest.raises(InputError, match="salvage=True"):
        read_audio(path)
    audio, gaps, message = salvaged(tmp_path, damaged)
    assert audio.frames == whole.frames
    ((begin, end),) = gaps
    assert "salvaged: " in message
    assert f"1 gap is silence, {(end - begin) / 48000:.3f} s" in message
    assert not audio.samples[:, begin:end].any()
    # where a frame was damaged, but its neighbours were not, all else is as it was
    spent = 48_000 * 417 * 8 // 64_000 if "mp3" in kind else 0
    lost = length / len(content) * whole.frames * 1.3 + 2 * REACH[kind] + spent
    assert end - begin <= lost
    np.testing.assert_array_equal(audio.samples[:, :begin], whole.samples[:, :begin])
    np.testing.assert_array_equal(audio.samples[:, end:], whole.samples[:, end:])


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3"])
def test_what_was_cut_out_of_the_middle_is_silent_for_as_long_as_the_container_tells(
    tmp_path: Path, files: Files, kind: str
) -> None:
    content, whole = files[kind]
    third = len(content) // 3
    audio, gaps, _ = salvaged(tmp_path, content[:third] + content[third + 9000 :])
    assert audio.frames == whole.frames
    ((begin, end),) = gaps
    np.testing.assert_array_equal(audio.samples[:, :begin], whole.samples[:, :begin])
    np.testing.assert_array_equal(audio.samples[:, end:], whole.samples[:, end:])


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3"])
def test_what_was_put_into_the_middle_is_no_sound(tmp_path: Path, files: Files, kind: str) -> None:
    content, whole = files[kind]
    half, other = len(content) // 2, np.random.default_rng(1).bytes(3000)
    audio, gaps, _ = salvaged(tmp_path, content[:half] + other + content[half:])
    assert audio.frames == whole.frames
    ((begin, end),) = gaps
    np.testing.assert_array_equal(audio.samples[:, :begin], whole.samples[:, :begin])
    np.testing.assert_array_equal(audio.samples[:, end:], whole.samples[:, end:])


@pytest.mark.parametrize("codec", ["PCM_24", "MS_ADPCM", "IMA_ADPCM"])
def test_a_wav_file_ends_where_it_was_cut(tmp_path: Path, files: Files, codec: str) -> None:
    path = tmp_path / "whole.wav"
    soundfile.write(path, files["wav"][1].samples.T, 48_000, codec)
    whole, content = read_audio(path), path.read_bytes()
    audio, gaps, message = salvaged(tmp_path, content[: len(content) * 7 // 10])
    assert abs(whole.frames * 0.7 - audio.frames) < 2100  # a block at most
    np.testing.assert_array_equal(audio.samples, whole.samples[:, : audio.frames])
    assert gaps == []
    seconds = (whole.frames - audio.frames) / 48_000
    told = f"{seconds:.2f} s at the end are missing"
    if codec == "IMA_ADPCM":  # for which libsndfile writes no number of frames
        told = f"its end is missing ({len(content) - len(content) * 7 // 10:,} bytes)"
    assert message.endswith(f"salvaged: {told}")


@pytest.mark.parametrize(
    ("container", "codec", "channels"),
    [
        ("WAV", "GSM610", 1),
        ("WAV", "G721_32", 1),
        ("WAV", "NMS_ADPCM_16", 1),
        ("W64", "GSM610", 1),
        ("W64", "IMA_ADPCM", 2),
        ("AIFF", "GSM610", 1),
        ("AIFF", "IMA_ADPCM", 1),
        ("AIFF", "IMA_ADPCM", 2),
        ("AU", "G721_32", 1),
        ("AU", "G723_24", 1),
        ("AU", "G723_40", 1),
        ("CAF", "ALAC_16", 2),
        ("CAF", "ALAC_24", 1),
    ],
)
def test_blocks_of_a_codec_end_with_the_last_that_is_whole(
    tmp_path: Path, files: Files, container: str, codec: str, channels: int
) -> None:
    """A decoder makes sound of a piece of a block, and of what an earlier one left behind."""
    path = tmp_path / "whole"
    samples = files["wav"][1].samples[:channels, :40_000]
    soundfile.write(path, samples.T, 8000, codec, format=container)
    whole, content = read_audio(path), path.read_bytes()
    for fraction in (0.5, 0.607, 0.713):
        audio, gaps, message = salvaged(tmp_path, content[: int(len(content) * fraction)])
        assert 0 < whole.frames * fraction - audio.frames < 4200  # a block at most
        np.testing.assert_array_equal(audio.samples, whole.samples[:, : audio.frames])
        assert gaps == []
        assert " missing" in message


def test_alac_without_the_table_of_its_packets_offers_nothing(tmp_path: Path, files: Files) -> None:
    """Where the table stands behind the sound, a cut loses it."""
    path = tmp_path / "a.caf"
    soundfile.write(path, files["wav"][1].samples[:, :30_000].T, 48_000, "ALAC_16", format="CAF")
    content = path.read_bytes()
    table = content.index(b"pakt")
    data = content.index(b"data", table)
    end = data + 12 + int.from_bytes(content[data + 4 : data + 12], "big")
    moved = content[:table] + content[data:end] + content[table:data] + content[end:]
    whole = read_audio(path)
    path.write_bytes(moved)
    assert read_audio(path) == whole
    path.write_bytes(moved[: len(moved) // 2])
    for limits in (Limits(), Limits(salvage=True)):
        with pytest.raises(InputError, match=r"cut off: .* without the table .* decoded$"):
            read_audio(path, limits)


@pytest.mark.parametrize("lost", [1, 4, 12])
@pytest.mark.parametrize("codec", ["PCM_24", "FLOAT", "MS_ADPCM"])
def test_a_wav_file_without_its_beginning_is_found_by_its_chunks(
    tmp_path: Path, files: Files, codec: str, lost: int
) -> None:
    path = tmp_path / "whole.wav"
    soundfile.write(path, files["wav"][1].samples[:, :30_000].T, 48_000, codec)
    whole, content = read_audio(path), path.read_bytes()
    for damaged in (content[lost:], bytes(lost) + content[lost:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"it is damaged: its beginning is missing: .*salvage"):
            read_audio(path)
        audio, gaps, message = salvaged(tmp_path, damaged)
        assert (audio, gaps) == (whole, [])
        assert message.endswith("salvaged: its beginning is missing")
    audio, _, message = salvaged(tmp_path, content[lost:-5000])
    np.testing.assert_array_equal(audio.samples, whole.samples[:, : audio.frames])
    assert message.endswith("and its end (5,000 bytes)")


def test_the_first_page_of_sound_is_silent_where_it_is_lost(tmp_path: Path, files: Files) -> None:
    content, whole = files["ogg"]
    pages = ogg_pages(content)
    audio, gaps, _ = salvaged(tmp_path, b"".join([*pages[:2], *pages[3:]]))
    assert audio.frames == whole.frames
    ((begin, end),) = gaps
    assert begin == 0
    np.testing.assert_array_equal(audio.samples[:, end:], whole.samples[:, end:])


def test_a_streamed_flac_file_that_was_cut_is_told(tmp_path: Path, files: Files) -> None:
    content, whole = files["flac"]
    streamed = claim_flac_frames(content, 0)
    audio, gaps, message = salvaged(tmp_path, streamed[: len(streamed) * 7 // 10])
    np.testing.assert_array_equal(audio.samples, whole.samples[:, : audio.frames])
    assert gaps == []
    assert "its end is missing (the last " in message


def test_pages_that_are_there_twice_or_out_of_order_lose_nothing(
    tmp_path: Path, files: Files
) -> None:
    for kind in ("ogg", "opus"):
        content, whole = files[kind]
        pages = ogg_pages(content)
        for changed in (
            [*pages[:4], *pages[3:]],
            [*pages[:3], pages[4], pages[3], *pages[5:]],
        ):
            audio, gaps, message = salvaged(tmp_path, b"".join(changed))
            assert (audio, gaps) == (whole, [])
            assert message.endswith("nothing is known to be lost")


def test_opus_goes_on_once_it_has_settled(tmp_path: Path, files: Files) -> None:
    content, whole = files["opus"]
    pages = ogg_pages(content)
    audio, gaps, _ = salvaged(tmp_path, b"".join([*pages[:3], *pages[4:]]))
    assert audio.frames == whole.frames
    ((begin, end),) = gaps
    np.testing.assert_array_equal(audio.samples[:, :begin], whole.samples[:, :begin])
    error = audio.samples[:, end:] - whole.samples[:, end:]
    assert np.sqrt(np.mean(error**2) / np.mean(whole.samples**2)) < 0.05


def test_several_gaps_are_told_with_their_places(tmp_path: Path, files: Files) -> None:
    content, whole = files["flac"]
    damaged = bytearray(content)
    for place in (0.2, 0.5, 0.8):
        damaged[int(len(content) * place)] ^= 1
    audio, gaps, message = salvaged(tmp_path, bytes(damaged[:-2000]))
    assert [stop - start for start, stop in gaps] == [4096] * 3
    places = ", ".join(f"{a / 48000:.3f} to {b / 48000:.3f} s" for a, b in gaps)
    assert f"3 gaps are silence, 0.256 s ({places}); 0.0" in message
    assert message.endswith(" s at the end are missing")
    for start, stop in zip([0, *(b for _, b in gaps)], [*(a for a, _ in gaps), audio.frames],
                           strict=True):  # fmt: skip
        np.testing.assert_array_equal(audio.samples[:, start:stop], whole.samples[:, start:stop])


def test_joined_files_are_salvaged_one_by_one(tmp_path: Path, files: Files) -> None:
    for kind in ("flac", "ogg", "mp3"):
        content, whole = files[kind]
        half = len(content) // 2
        broken = content[:half] + bytes(3000) + content[half + 3000 :]
        audio, gaps, _ = salvaged(tmp_path, content + broken)
        assert audio.frames == 2 * whole.frames
        assert len(gaps) == 1
        np.testing.assert_array_equal(audio.samples[:, : whole.frames], whole.samples)


def test_what_nothing_is_left_of_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for content in (b"", b"fLaC" + bytes(90), b"OggS" + bytes(90), bytes(9000), b"RIFF"):
        path.write_bytes(content)
        with pytest.raises(InputError):
            salvage(path)
