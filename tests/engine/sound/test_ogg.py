from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio, InputError, ResonateWarning, read_audio, salvage
from tests.files import fixed_page, ogg_pages

CODECS = ("VORBIS", "OPUS")
LAST = 4


def ogg(folder: Path, codec: str, *, rate: int = 48000, channels: int = 2) -> bytes:
    """Return three seconds that change all the time, in pages of half a second."""
    time = np.arange(3 * rate) / rate
    sweep = 0.4 * np.sin(2 * np.pi * (200 * time + 400 * time**2))
    noise = np.random.default_rng(2).normal(0, 0.05, (3 * rate, channels))
    path = folder / "made.ogg"
    soundfile.write(path, sweep[:, None] + noise, rate, codec, format="OGG")
    return path.read_bytes()


def reads(folder: Path, content: bytes) -> Audio:
    path = folder / "a.ogg"
    path.write_bytes(content)
    return read_audio(path)


def unmarked(page: bytes) -> bytes:
    return fixed_page(page[:5] + bytes([page[5] & ~LAST]) + page[6:])


@pytest.mark.parametrize("codec", CODECS)
def test_chained_streams_are_one_sound(tmp_path: Path, codec: str) -> None:
    content = ogg(tmp_path, codec)
    one = reads(tmp_path, content)
    chained = reads(tmp_path, content * 3)
    np.testing.assert_array_equal(chained.samples, np.concatenate([one.samples] * 3, axis=1))


def test_chained_streams_of_other_rates_or_channels_are_refused(tmp_path: Path) -> None:
    one = ogg(tmp_path, "VORBIS")
    for other, named in (
        (ogg(tmp_path, "VORBIS", rate=44100), "of 48000 and of 44100 Hz"),
        (ogg(tmp_path, "VORBIS", channels=1), "of 2 and of 1 channels"),
    ):
        with pytest.raises(InputError, match=f"one after another, {named}: split it first"):
            reads(tmp_path, one + other)


@pytest.mark.parametrize("codec", CODECS)
def test_a_last_page_that_is_not_marked_is_read_with_a_warning(tmp_path: Path, codec: str) -> None:
    content = ogg(tmp_path, codec)
    whole = reads(tmp_path, content)
    *pages, last = ogg_pages(content)
    with pytest.warns(ResonateWarning, match="unfinished: .*its last page is not marked"):
        assert reads(tmp_path, b"".join([*pages, unmarked(last)])) == whole


@pytest.mark.parametrize("codec", CODECS)
def test_a_stream_recorded_from_its_middle_is_read(tmp_path: Path, codec: str) -> None:
    content = ogg(tmp_path, codec)
    whole = reads(tmp_path, content)
    pages = ogg_pages(content)
    with pytest.warns(ResonateWarning, match=r"begins-late: .*it begins [01]\.\d\d s into"):
        found = reads(tmp_path, b"".join([*pages[:2], *pages[4:]]))
    assert 0.3 * whole.frames < found.frames < 0.9 * whole.frames
    end = whole.samples[:, whole.frames - found.frames :]
    if codec == "VORBIS":
        np.testing.assert_array_equal(found.samples, end)
    else:  # after 80 ms it has settled (RFC 7845, 4.6)
        error = (found.samples - end)[:, 3840:]
        assert np.sqrt(np.mean(error**2) / np.mean(end**2)) < 0.03


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda pages: [*pages[:3], *pages[4:]], "pages are missing before the page at byte"),
        (lambda pages: [*pages[:2], *pages[3:]], "pages are missing before the page at byte"),
        (lambda pages: [*pages[:2], pages[3], pages[2], *pages[4:]], "missing before|order"),
        (lambda pages: [*pages[:4], *pages[3:]], "is there twice"),
        (lambda pages: [*pages[:3], pages[4], pages[3], *pages[5:]], "pages are missing|order"),
        (lambda pages: [*pages[:3], pages[3][:-9] + bytes(9), *pages[4:]], "is not intact"),
        (lambda pages: [*pages[:3], b"junk", *pages[3:]], "there is no page at byte"),
        (
            lambda pages: [*pages[:3], fixed_page(pages[3][:4] + b"\1" + pages[3][5:]), *pages[4:]],
            "there is no page at byte",
        ),
        (lambda pages: [*pages[:-1], pages[-1][:-1]], "cut off in the page at byte"),
        (lambda pages: pages[1:], "its first page is missing, .*nothing of it can be decoded"),
        (lambda pages: [bytes(20), *pages[1:]], "no page at byte 0, .*nothing of it can be"),
        (lambda pages: pages[:2], "before its last page"),
    ],
)
def test_damage_is_told(tmp_path: Path, codec: str, change: object, said: str) -> None:
    assert callable(change)
    pages = ogg_pages(ogg(tmp_path, codec))
    with pytest.raises(InputError, match=said):
        reads(tmp_path, b"".join(change(pages)))


@pytest.mark.parametrize("rate", [8000, 12_000, 16_000, 24_000, 44_100, 0])
def test_opus_is_decoded_at_48_khz_whatever_its_encoder_was_given(
    tmp_path: Path, rate: int
) -> None:
    """RFC 7845, 5.1: the rate in the header is not that of what is coded."""
    content = ogg(tmp_path, "OPUS")
    whole = reads(tmp_path, content)
    first, *others = ogg_pages(content)
    at = first.index(b"OpusHead") + 12
    first = fixed_page(first[:at] + rate.to_bytes(4, "little") + first[at + 4 :])
    assert reads(tmp_path, b"".join([first, *others])) == whole
    short = b"".join([*ogg_pages(content)[:3]])  # half a second: one page of sound
    with pytest.warns(ResonateWarning, match="unfinished"):
        expected = reads(tmp_path, short)
    with pytest.warns(ResonateWarning, match="unfinished"):
        assert reads(tmp_path, b"".join([first, *others[:2]])) == expected
    path = tmp_path / "torn.opus"
    path.write_bytes(b"".join([first, *others[:2], *others[3:]]))
    with pytest.warns(ResonateWarning, match="salvaged"):
        torn, gaps = salvage(path)
    assert torn.frames == whole.frames
    assert len(gaps) == 1
    before = slice(0, round(gaps[0][0] * 48_000))
    np.testing.assert_array_equal(torn.samples[:, before], whole.samples[:, before])


@pytest.mark.parametrize("wavering", [[0, 488, 0, 0], [24, -24, 17, -24], [5, 0, -5, -7]])
def test_granules_of_opus_that_waver_do_no_harm(tmp_path: Path, wavering: list[int]) -> None:
    """As ffmpeg 5.1 writes them where the times of what it reads do: here and there by 488."""
    pages = ogg_pages(ogg(tmp_path, "OPUS"))
    whole = reads(tmp_path, b"".join(pages))
    for index, more in enumerate(wavering, 3):
        granule = int.from_bytes(pages[index][6:14], "little") + more
        changed = pages[index][:6] + granule.to_bytes(8, "little") + pages[index][14:]
        pages[index] = fixed_page(changed)
    assert len(pages) > 7  # the last one says where the sound ends
    assert reads(tmp_path, b"".join(pages)) == whole


@pytest.mark.parametrize("family", [2, 255])
def test_channels_of_opus_that_are_for_no_loudspeakers_stay_in_their_order(
    tmp_path: Path, family: int
) -> None:
    """Family 2 is Ambisonics, 255 says nothing (RFC 8486, 3.1; RFC 7845, 5.1.1.3)."""
    content = ogg(tmp_path, "OPUS", channels=6)
    surround = reads(tmp_path, content)
    assert surround.layout == "5.1"
    first, *others = ogg_pages(content)
    at = first.index(b"OpusHead") + 18
    first = fixed_page(first[:at] + bytes([family]) + first[at + 1 :])
    found = reads(tmp_path, b"".join([first, *others]))
    assert found.layout is None
    in_order_of_vorbis = [0, 2, 1, 4, 5, 3]
    np.testing.assert_array_equal(found.samples, surround.samples[in_order_of_vorbis])


def test_other_codecs_are_refused_by_name(tmp_path: Path) -> None:
    pages = ogg_pages(ogg(tmp_path, "VORBIS"))
    speex = fixed_page(pages[0].replace(b"\x01vorbis", b"Speex  "))
    pages[0] = fixed_page(pages[0].replace(b"\x01vorbis\0", b"Speex   "))
    assert speex != pages[0]
    with pytest.raises(InputError, match="it holds Speex in Ogg, which is not read"):
        reads(tmp_path, b"".join(pages))


def test_sounds_side_by_side_are_refused(tmp_path: Path) -> None:
    first = ogg_pages(ogg(tmp_path, "VORBIS"))
    second = [fixed_page(page[:14] + b"abcd" + page[18:]) for page in first]
    mixed = [page for pair in zip(first, second, strict=True) for page in pair]
    with pytest.raises(InputError, match="several sounds side by side"):
        reads(tmp_path, b"".join(mixed))
