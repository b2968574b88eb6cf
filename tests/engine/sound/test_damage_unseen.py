"""Damage that nobody can see is read as sound, as docs/files.md says: no more is promised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from resonate_graph import Audio, InputError, ResonateWarning, read_audio
from resonate_nodes import encode_mp3
from tests.files import (
    claim_flac_frames,
    flac_frames,
    mpeg_frames,
    ogg_pages,
    write_lame,
    write_sound,
)


@pytest.fixture
def part(excerpt: Audio) -> Audio:
    return excerpt.with_samples(excerpt.samples[:, :30_000])


def reads(path: Path, content: bytes) -> Audio:
    path.write_bytes(content)
    return read_audio(path)


def units(content: bytes) -> list[bytes]:
    """Return the frames of an MP3 file."""
    starts = mpeg_frames(content)
    stops = [*starts[1:], len(content)]
    return [content[start:stop] for start, stop in zip(starts, stops, strict=True)]


def piped_flac(part: Audio, folder: Path) -> tuple[bytes, list[bytes]]:
    """Return a FLAC file that says neither its length nor its checksum: its head, its frames."""
    content = claim_flac_frames(write_sound(part, folder / "whole.flac").read_bytes(), 0)
    return flac_frames(content[:26] + bytes(16) + content[42:])


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".caf", ".au"])
def test_changed_samples_are_other_samples_where_there_is_no_checksum(
    suffix: str, part: Audio, tmp_path: Path
) -> None:
    whole = write_sound(part, tmp_path / f"whole{suffix}", "PCM_16").read_bytes()
    place = len(whole) - 1001
    changed = whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :]
    one, other = (reads(tmp_path / f"a{suffix}", content) for content in (whole, changed))
    assert one.samples.shape == other.samples.shape
    assert np.count_nonzero(one.samples != other.samples) == 1


def test_changed_bytes_within_a_frame_of_mp3_are_another_sound(part: Audio, tmp_path: Path) -> None:
    frames = units(write_lame(part, tmp_path / "whole.mp3").read_bytes())
    changed = frames[9][:120] + bytes(one ^ 0x11 for one in frames[9][120:124]) + frames[9][124:]
    one = reads(tmp_path / "a.mp3", b"".join(frames))
    other = reads(tmp_path / "a.mp3", b"".join([*frames[:9], changed, *frames[10:]]))
    assert one.samples.shape == other.samples.shape
    assert one != other


def test_a_frame_of_mp3_that_is_missing_is_told_only_where_a_header_counts_and_one_twice_never(
    part: Audio, tmp_path: Path
) -> None:
    path = tmp_path / "a.mp3"
    streamed = units(write_lame(part, tmp_path / "whole.mp3").read_bytes())
    counted = units(encode_mp3(part).content)
    for frames in (streamed, counted):
        whole = reads(path, b"".join(frames))
        twice = reads(path, b"".join([*frames[:9], *frames[8:]]))
        assert whole.frames < twice.frames <= whole.frames + 1152
    without = reads(path, b"".join([*streamed[:9], *streamed[10:]]))
    assert without.frames == reads(path, b"".join(streamed)).frames - 1152
    with pytest.raises(InputError, match="of the 28 MPEG frames it should have"):
        reads(path, b"".join([*counted[:9], *counted[10:]]))


def test_a_stream_without_a_length_that_was_cut_behind_a_frame_is_shorter(
    part: Audio, tmp_path: Path
) -> None:
    head, frames = piped_flac(part, tmp_path)
    whole = reads(tmp_path / "a.flac", head + b"".join(frames))
    cut = reads(tmp_path / "a.flac", head + b"".join(frames[:-2]))
    np.testing.assert_array_equal(cut.samples, whole.samples[:, : cut.frames])
    assert cut.frames < whole.frames
    streamed = units(write_lame(part, tmp_path / "whole.mp3").read_bytes())
    assert reads(tmp_path / "a.mp3", b"".join(streamed[:-3])).frames < part.frames
    pages = ogg_pages(write_sound(part, tmp_path / "whole.ogg").read_bytes())
    with pytest.warns(ResonateWarning, match="^unfinished"):
        assert reads(tmp_path / "a.ogg", b"".join(pages[:-1])).frames < part.frames


def test_that_the_first_frame_is_missing_is_told_of_flac_and_not_of_an_mp3_without_a_header(
    part: Audio, tmp_path: Path
) -> None:
    streamed = units(write_lame(part, tmp_path / "whole.mp3").read_bytes())
    whole = reads(tmp_path / "a.mp3", b"".join(streamed))
    assert reads(tmp_path / "a.mp3", b"".join(streamed[1:])).frames == whole.frames - 1152
    head, frames = piped_flac(part, tmp_path)
    with pytest.warns(ResonateWarning, match="^begins-late"):
        reads(tmp_path / "a.flac", head + b"".join(frames[1:]))
