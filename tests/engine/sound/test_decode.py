from __future__ import annotations

import io
import os
import random
import subprocess
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio, InputError, Limits, ParamError, ResonateWarning, read_audio
from resonate_graph._sound.containers import survey
from resonate_graph._sound.parts import Part
from resonate_nodes import encode_mp3
from tests.depth import sampled
from tests.files import (
    REFUSED,
    claim_flac_frames,
    flac_of_claims,
    write_lame,
    write_sound,
)
from tests.tools import needs

FORMATS = (".wav", ".flac", ".ogg", ".mp3")
SUBTYPES = ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE")


def noise(channels: int, rate: int, seconds: float = 0.5, level: float = 0.1) -> Audio:
    random_samples = np.random.default_rng(7).normal(0, level, (channels, int(rate * seconds)))
    return Audio(np.clip(random_samples, -0.99, 0.99), rate)


def read_or_refuse(path: Path) -> Audio | InputError:
    try:
        return read_audio(path, warn=lambda code, message: None)
    except InputError as error:
        return error


# -- what is read -------------------------------------------------------------------------------


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_wav_samples_are_those_of_libsndfile(tmp_path: Path, excerpt: Audio, subtype: str) -> None:
    path = write_sound(excerpt, tmp_path / "a.wav", subtype)
    expected = soundfile.read(path, dtype="float32")[0].T
    np.testing.assert_array_equal(read_audio(path).samples, expected)


@pytest.mark.parametrize(
    ("name", "subtype", "channels"),
    [
        ("a.wav", "PCM_U8", 1),
        ("a.wav", "PCM_16", 6),
        ("a.wav", "FLOAT", 2),
        ("a.flac", "PCM_16", 1),
        ("a.flac", "PCM_24", 2),
        ("a.ogg", None, 2),
        ("a.ogg", None, 6),  # whose channels stand in another order
        ("a.mp3", None, 2),
    ],
)
def test_the_digest_that_is_taken_while_decoding_is_that_of_the_samples(
    tmp_path: Path, name: str, subtype: str | None, channels: int
) -> None:
    path = tmp_path / name
    of_several_blocks = noise(channels, 48_000, 36.0 / channels)
    soundfile.write(path, of_several_blocks.samples.T, 48_000, subtype)
    read = read_audio(path)
    assert read.digest == Audio(read.samples.copy(), read.sample_rate, read.layout).digest


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_file_is_read_where_no_thread_can_be_had(
    tmp_path: Path, excerpt: Audio, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sound(excerpt, tmp_path / name, "PCM_24")
    expected = read_audio(path)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")  # as Python does at a limit, and at its end

    monkeypatch.setattr(threading.Thread, "start", refuse)
    read = read_audio(path)
    np.testing.assert_array_equal(read.samples, expected.samples)
    assert read.digest == Audio(read.samples.copy(), read.sample_rate, read.layout).digest


def test_a_path_may_be_a_text(tmp_path: Path, excerpt: Audio) -> None:
    path = write_sound(excerpt, tmp_path / "song.wav", "FLOAT")
    assert read_audio(str(path)) == excerpt


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_what_is_read_is_held_once(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(2, 48_000, 40.0).samples.T, 48_000, subtype)
    read_audio(path)  # what is loaded for the first time does not count
    tracemalloc.start()
    audio = read_audio(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < audio.samples.nbytes + (8 << 20)  # some blocks


def test_a_file_that_is_mostly_silent_is_read_in_several_arrays(tmp_path: Path) -> None:
    """It has more samples than its bytes make likely."""
    samples = np.zeros((5_000_000, 2))
    samples[::999_983] = np.random.default_rng(1).integers(-9, 9, (6, 2)) / 2**15
    path = tmp_path / "a.flac"
    soundfile.write(path, samples, 48_000, "PCM_16")
    assert path.stat().st_size < 50_000
    np.testing.assert_array_equal(read_audio(path).samples, samples.T.astype(np.float32))


def test_float_wav_is_read_bit_by_bit(tmp_path: Path) -> None:
    odd = Audio(np.array([[-0.0, 1e-45, 3.4028235e38, -1.5]], np.float32), 44100)
    found = read_audio(odd.save(tmp_path / "a.wav"))
    np.testing.assert_array_equal(found.samples.view(np.uint32), odd.samples.view(np.uint32))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("suffix", FORMATS)
def test_rate_channels_and_length_are_those_of_the_file(
    tmp_path: Path, suffix: str, channels: int, rate: int
) -> None:
    found = read_audio(write_sound(noise(channels, rate), tmp_path / f"a{suffix}"))
    assert (found.sample_rate, found.channels, found.frames) == (rate, channels, rate // 2)


@pytest.mark.parametrize(
    ("suffix", "channels", "rate"),
    [(".wav", 6, 192_000), (".wav", 64, 44100), (".flac", 8, 192_000), (".ogg", 6, 96_000)],
)
def test_many_channels_and_high_rates_are_kept(
    tmp_path: Path, suffix: str, channels: int, rate: int
) -> None:
    found = read_audio(write_sound(noise(channels, rate, 0.05), tmp_path / f"a{suffix}"))
    assert (found.sample_rate, found.channels) == (rate, channels)


def test_what_a_file_is_decides_not_its_name(tmp_path: Path, excerpt: Audio) -> None:
    path = write_sound(excerpt, tmp_path / "a.flac").rename(tmp_path / "a.mp3")
    assert read_audio(path).frames == excerpt.frames


def test_rf64_is_read(tmp_path: Path, excerpt: Audio) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, excerpt.samples.T, 44100, "FLOAT", format="RF64")
    assert path.read_bytes()[:4] == b"RF64"
    assert read_audio(path) == excerpt


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF + 0x80000000])
def test_a_streamed_wav_file_that_leaves_its_size_open_is_read(
    tmp_path: Path, excerpt: Audio, size: int
) -> None:
    path = write_sound(excerpt, tmp_path / "a.wav", "FLOAT")
    content = bytearray(path.read_bytes())
    for mark in (b"RIFF", b"data"):
        place = content.index(mark) + 4
        content[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.warns(ResonateWarning, match="unfinished-header"):
        assert read_audio(path) == excerpt


def test_a_streamed_flac_file_that_leaves_its_length_open_is_read(
    tmp_path: Path, excerpt: Audio
) -> None:
    path = write_sound(excerpt, tmp_path / "a.flac")
    expected = read_audio(path)
    streamed = claim_flac_frames(path.read_bytes(), 0)
    path.write_bytes(streamed)
    assert read_audio(path) == expected
    for fraction in (0.001, 0.5, 0.9, 0.999):
        path.write_bytes(streamed[: int(len(streamed) * fraction)])
        with pytest.raises(InputError, match="damaged or cut off"):
            read_audio(path)


# -- MP3 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("channels", "quality"), [(1, 9), (2, None), (2, 0)])
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 32000, 44100, 48000])
def test_an_mp3_file_that_does_not_say_its_length_is_read_to_its_end(
    tmp_path: Path, rate: int, channels: int, quality: float | None
) -> None:
    """Most of it is silent, so that the bit rate of the first frames says little of the rest."""
    time = np.arange(3 * rate // 2) / rate
    tone = 0.5 * np.sin(2 * np.pi * 300 * time) * ((time < 0.25) | (time > 1.25))
    sound = np.tile(tone, (channels, 1))
    path = write_lame(Audio(sound, rate), tmp_path / "a.mp3", quality=quality)
    found = read_audio(path)
    assert (found.sample_rate, found.channels) == (rate, channels)
    assert sound.shape[1] <= found.frames < sound.shape[1] + 3 * 1152
    delay = 576  # of LAME's encoder; the decoder's own is taken off
    end = slice(-rate // 8, None)
    for ours, theirs in zip(found.samples[:, delay : delay + len(tone)], sound, strict=True):
        assert np.corrcoef(ours[end], theirs[end])[0, 1] > 0.98


def test_an_mp3_file_is_decoded_as_in_one_go(tmp_path: Path) -> None:
    """At low bit rates a frame needs several before it; a seek between two reads leaves a gap."""
    time = np.arange(72_000) / 48_000
    tone = 0.5 * np.sin(2 * np.pi * 300 * time) * ((time < 0.25) | (time > 1.25))
    path = write_lame(Audio(tone, 48_000), tmp_path / "a.mp3", quality=9)
    with path.open("rb") as raw:
        (part,) = survey(path, raw).parts
        assert isinstance(part, Part)
        part.raw.seek(0)
        file = soundfile.SoundFile(part.raw)
        expected = file.read(dtype="float32", always_2d=True).T
    np.testing.assert_array_equal(read_audio(path).samples, expected)
    assert np.abs(expected[0, 63_000:70_000]).reshape(-1, 100).max(axis=1).min() > 0.1


def test_what_encode_mp3_writes_is_read_back(tmp_path: Path, excerpt: Audio) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(encode_mp3(excerpt).content)
    found = read_audio(path)
    error = np.sqrt(np.mean((found.samples - excerpt.samples) ** 2) / np.mean(excerpt.samples**2))
    assert error < 0.05


@pytest.mark.parametrize("before", [b"", b"ID3\x04\0\0\0\0\x08\0" + bytes(1024)], ids=len)
@pytest.mark.parametrize(
    "after",
    [b"", b"TAG" + bytes(125), b"APETAGEX" + random.Random(9).randbytes(50_000)],
    ids=len,
)
@pytest.mark.parametrize("lame", [True, False])
def test_tags_around_an_mp3_file_do_no_harm(
    tmp_path: Path, excerpt: Audio, before: bytes, after: bytes, lame: bool
) -> None:
    path = tmp_path / "a.mp3"
    write_lame(excerpt, path) if lame else write_sound(excerpt, path)
    bare = read_audio(path)
    path.write_bytes(before + path.read_bytes() + after)
    assert read_audio(path) == bare


def test_mp3_files_one_after_another_are_read_to_the_last(tmp_path: Path, excerpt: Audio) -> None:
    first = write_sound(excerpt, tmp_path / "a.mp3").read_bytes()
    second = write_lame(excerpt, tmp_path / "b.mp3").read_bytes()
    (tmp_path / "both.mp3").write_bytes(first + second)
    assert read_audio(tmp_path / "both.mp3").frames > 2 * excerpt.frames


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_in_one_sentence(
    tmp_path: Path, excerpt: Audio, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    make, message = REFUSED[name]
    path = tmp_path / name
    make(excerpt, path)
    with pytest.raises(InputError) as caught:
        read_audio(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: {message}")
    assert "\n" not in text
    assert caught.value.path == path
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("fraction", [0.0001, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("kind", [*FORMATS, "vbr", "rf64"])
@sampled(20)
def test_a_file_that_is_cut_off_is_refused(
    tmp_path: Path,
    excerpt: Audio,
    kind: str,
    fraction: float,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / f"a{kind}" if kind in FORMATS else tmp_path / "a"
    if kind == "vbr":
        write_lame(excerpt, path, quality=2)
    elif kind == "rf64":
        soundfile.write(path, excerpt.samples.T, 44100, "FLOAT", format="RF64")
    else:
        write_sound(excerpt, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * fraction)])
    with pytest.raises(InputError, match=r"cut off|damaged|empty|no WAV"):
        read_audio(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("length", range(1, 130))
def test_a_wav_file_cut_off_in_its_header_is_refused(
    tmp_path: Path, excerpt: Audio, length: int
) -> None:
    path = tmp_path / "a.wav"
    for container in ("WAV", "RF64"):
        buffer = io.BytesIO()
        soundfile.write(buffer, excerpt.samples.T, 44100, "FLOAT", format=container)
        path.write_bytes(buffer.getvalue()[:length])
        with pytest.raises(InputError):
            read_audio(path)


@pytest.mark.parametrize("suffix", [".flac", ".ogg"])
def test_one_flipped_bit_is_found_where_the_format_has_checksums(
    tmp_path: Path, excerpt: Audio, suffix: str
) -> None:
    """Where nothing is said, nothing may have changed: some bits are padding."""
    path = write_sound(excerpt, tmp_path / f"a{suffix}")
    good, sound = path.read_bytes(), read_audio(path)
    draw = random.Random(3)
    refused = 0
    for _ in range(60):
        content = bytearray(good)
        content[draw.randrange(len(good))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        outcome = read_or_refuse(path)
        assert isinstance(outcome, InputError) or outcome == sound
        refused += isinstance(outcome, InputError)
    assert refused > 50


@pytest.mark.parametrize("suffix", FORMATS)
def test_damaged_bytes_lead_to_sound_or_to_an_input_error(
    tmp_path: Path, excerpt: Audio, suffix: str
) -> None:
    short = excerpt.with_samples(excerpt.samples[:, :20_000])
    path = write_sound(short, tmp_path / f"a{suffix}")
    good = path.read_bytes()
    draw = random.Random(5)
    for _ in range(150):
        content = bytearray(good)
        for _ in range(draw.choice((1, 4, 64))):
            place = draw.randrange(draw.choice((64, 512, len(good))))
            content[place : place + 1] = draw.randbytes(draw.choice((0, 1, 2)))
        path.write_bytes(content)
        outcome = read_or_refuse(path)
        if isinstance(outcome, Audio):
            assert outcome.frames > 0
        else:
            assert str(outcome).startswith(f"{path}: ")


@pytest.mark.parametrize("claim", [1 << 20, 68_000_000_000])
@pytest.mark.parametrize("limit", [30, float("inf")])
def test_no_claim_of_a_header_is_believed(
    tmp_path: Path, excerpt: Audio, claim: int, limit: float
) -> None:
    path = write_sound(excerpt, tmp_path / "a.flac")
    path.write_bytes(claim_flac_frames(path.read_bytes(), claim))
    with pytest.raises(InputError, match=r"damaged|cut off"):
        read_audio(path, Limits(max_minutes=limit))
    path.write_bytes(flac_of_claims(claim))
    with pytest.raises(InputError, match=r"damaged|no samples"):
        read_audio(path, Limits(max_minutes=limit))


def test_formats_libsndfile_knows_but_we_do_not_promise_are_refused(
    tmp_path: Path, excerpt: Audio
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, excerpt.samples.T, 44100, format="VOC", subtype="PCM_16")
    with pytest.raises(InputError, match="VOC, which is not read: convert it with: ffmpeg -i "):
        read_audio(path)


@needs("sox")
@pytest.mark.parametrize("container", ["HTK", "MAT4", "MAT5", "PAF"])
def test_what_ffmpeg_does_not_read_either_is_converted_by_sox(
    tmp_path: Path, excerpt: Audio, container: str
) -> None:
    path = tmp_path / "it's here"
    soundfile.write(path, excerpt.samples[0, :400], 44100, format=container, subtype="PCM_16")
    with pytest.raises(InputError, match=f"{container} is not read: convert it with: sox ") as told:
        read_audio(path)
    line = str(told.value).partition("convert it with: ")[2]
    subprocess.run(line, shell=True, check=True, cwd=tmp_path, capture_output=True)
    assert read_audio(tmp_path / "it's here.wav").frames == 400


def test_an_mp3_file_of_nothing_but_delay_is_refused_in_words_that_are_true(tmp_path: Path) -> None:
    """As ffmpeg leaves one where it cuts a file into pieces: libsndfile calls it no file."""
    info = b"Info\0\0\0\x0f\0\0\0\1\0\0\2\x72" + bytes(104) + b"Lavf59.37" + bytes(12)
    head = b"\xff\xfb\x50\0" + bytes(32) + info + b"\xde\xf2\x88"  # 3567 samples, and 648
    path = tmp_path / "a.mp3"
    path.write_bytes(head.ljust(208, b"\0") + b"\xff\xfb\x92\x64".ljust(418, b"\0"))
    with pytest.raises(InputError, match="it is damaged or cut off: get it whole"):
        read_audio(path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(InputError, match="a pipe or a device, not a file"):
        read_audio(tmp_path / "pipe.wav")
    with pytest.raises(InputError, match="a pipe or a device, not a file"):
        read_audio(Path("/dev/zero"))


def test_bytes_that_only_look_like_mp3_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.mp3"
    for content in (
        b"\xff\xfb\x90\x00" + random.Random(1).randbytes(100_000),
        "\ufeffUTF-16 text".encode("utf-16"),
        b"ID3\x04\0\0\0\0\0\x10" + bytes(50_000),
    ):
        path.write_bytes(content)
        with pytest.raises(InputError, match="this is no WAV, FLAC, OGG or MP3 file"):
            read_audio(path)
    assert capfd.readouterr() == ("", "")


# -- limits -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_over_the_limit_is_refused_and_one_under_it_is_read(
    tmp_path: Path, excerpt: Audio, suffix: str
) -> None:
    path = write_sound(excerpt, tmp_path / f"a{suffix}")
    with pytest.raises(InputError, match=r"longer than 0\.0499 minutes; raise the limit with"):
        read_audio(path, Limits(max_minutes=0.0499))
    for limit in (0.05, float("inf")):
        assert read_audio(path, Limits(max_minutes=limit)).frames == excerpt.frames


@pytest.mark.parametrize("claimed", [True, False])
def test_a_small_file_of_many_samples_is_refused_by_their_number(
    tmp_path: Path, claimed: bool
) -> None:
    """A second of silence in eight channels at 192 kHz has as many as 16 s of stereo at 48 kHz."""
    path = tmp_path / "a.flac"
    soundfile.write(path, np.zeros((192_000, 8)), 192_000)
    assert path.stat().st_size < 5000
    if not claimed:
        path.write_bytes(claim_flac_frames(path.read_bytes(), 0))
    with pytest.raises(InputError, match=r"unpack to 8 channels at 192000 Hz, more than 0\.2 min"):
        read_audio(path, Limits(max_minutes=0.2))
    assert read_audio(path, Limits(max_minutes=0.3)).frames == 192_000


def test_as_many_samples_in_a_file_that_is_large_enough_are_read(tmp_path: Path) -> None:
    path = write_sound(noise(8, 192_000, 1.0), tmp_path / "a.flac", "PCM_16")
    assert read_audio(path, Limits(max_minutes=0.02)).frames == 192_000


@pytest.mark.parametrize("limit", [0, -1, float("nan")])
def test_a_limit_of_nothing_is_none(limit: float) -> None:
    with pytest.raises(ParamError, match=f"max_minutes is {limit}; give minutes above 0"):
        Limits(max_minutes=limit)
    with pytest.raises(ParamError, match="warn_minutes is"):
        Limits(warn_minutes=limit)


@pytest.mark.parametrize("container", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_name_that_stands_for_samples_without_a_header_changes_nothing(
    tmp_path: Path, excerpt: Audio, container: str
) -> None:
    path = tmp_path / "take.RAW"
    soundfile.write(tmp_path / "a", excerpt.samples.T, excerpt.sample_rate, format=container)
    (tmp_path / "a").rename(path)
    found = read_audio(path)
    path.rename(tmp_path / "a")
    assert found == read_audio(tmp_path / "a")
    path.write_bytes(bytes(range(256)) * 99)
    with pytest.raises(InputError, match="this is no WAV"):
        read_audio(path)
