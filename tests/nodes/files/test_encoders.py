"""What is encoded is decoded again by libsndfile and held against the samples."""

from __future__ import annotations

import io
import struct
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from resonate_graph import Audio, File, NodeError, ParamError, ResonateWarning, read_audio
from resonate_nodes import encode_flac, encode_mp3, encode_ogg, encode_wav, gain, limit, lowpass
from tests.counts import examples
from tests.depth import sampled
from tests.signals import Array, oversampled_peak_db, sine, white_noise
from tests.tools import needs

Encoder = Callable[..., File]
Subtype = Literal["PCM_16", "PCM_24"]
STEPS: dict[Subtype, int] = {"PCM_16": 2**15, "PCM_24": 2**23}
PCM: list[Subtype] = ["PCM_16", "PCM_24"]
ENCODERS: list[Encoder] = [encode_wav, encode_flac]
both_depths = pytest.mark.parametrize("subtype", PCM)
both_containers = pytest.mark.parametrize("encode", ENCODERS)
MPEG1_KBPS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG2_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MP3_RATES = [8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]


def decoded(file: File) -> tuple[Array, int]:
    """Return the samples, of shape (channels, frames), and the rate."""
    samples, rate = soundfile.read(io.BytesIO(file.content), dtype="float64", always_2d=True)
    return samples.T, int(rate)


def errors(encode: Encoder, audio: Audio, subtype: Subtype, *, dither: str, seed: int = 0) -> Array:
    """Return the error of each sample, in steps of the format."""
    found, rate = decoded(encode(audio, subtype=subtype, dither=dither, seed=seed))
    assert rate == audio.sample_rate
    assert found.shape == audio.samples.shape
    error: Array = (found - audio.samples) * STEPS[subtype]
    return error


# -- WAV and FLAC ---------------------------------------------------------------------------------


@both_containers
@both_depths
def test_rounding_is_to_the_nearest_step(encode: Encoder, subtype: Subtype, excerpt: Audio) -> None:
    error = errors(encode, excerpt, subtype, dither="none")
    assert np.abs(error).max() <= 0.5


@both_containers
@both_depths
def test_dither_adds_one_step_at_most(encode: Encoder, subtype: Subtype, excerpt: Audio) -> None:
    error = errors(encode, excerpt, subtype, dither="tpdf")
    assert 0.5 < np.abs(error).max() <= 1.5


@settings(max_examples=examples(20))
@pytest.mark.filterwarnings("ignore:true-peak-over")  # noise up to full scale is beyond it
@given(
    samples=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.integers(1, 40)),
        elements=st.floats(-1, 1, width=32),
    ),
    subtype=st.sampled_from(PCM),
    encode=st.sampled_from(ENCODERS),
)
def test_any_sound_within_full_scale_is_rounded(
    samples: Array, subtype: Subtype, encode: Encoder
) -> None:
    audio = Audio(samples, 48_000)
    error = errors(encode, audio, subtype, dither="none")
    # +1.0 has no step of its own: what is nearest to it becomes the step below
    top = samples * STEPS[subtype] > STEPS[subtype] - 0.5
    assert np.abs(error[~top]).max(initial=0) <= 0.5
    assert np.all((error[top] >= -1) & (error[top] <= -0.5))


@both_depths
def test_flac_and_wav_hold_the_same_samples(subtype: Subtype, excerpt: Audio) -> None:
    wav, _ = decoded(encode_wav(excerpt, subtype=subtype, seed=5))
    flac, _ = decoded(encode_flac(excerpt, subtype=subtype, seed=5))
    np.testing.assert_array_equal(wav, flac)


@both_containers
@pytest.mark.filterwarnings("ignore:true-peak-over")  # noise up to full scale is beyond it
def test_what_has_the_formats_steps_already_survives_plain_rounding(encode: Encoder) -> None:
    steps = np.arange(-(2**15), 2**15)
    audio = Audio(steps / 2**15, 44_100)
    assert not errors(encode, audio, "PCM_16", dither="none").any()


@settings(max_examples=examples(15))
@given(
    samples=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(0, 40)),
        elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
    ),
    rate=st.sampled_from([8000, 44_100, 48_000, 192_000]),
)
@example(samples=np.full((1, 1), 2e34, np.float32), rate=8000)
def test_float_wav_is_bit_exact(samples: Array, rate: int) -> None:
    file = encode_wav(Audio(samples, rate), subtype="FLOAT")
    assert file.suffix == ".wav"
    found, found_rate = soundfile.read(io.BytesIO(file.content), dtype="float32", always_2d=True)
    assert found_rate == rate
    np.testing.assert_array_equal(found.T.view(np.uint32), samples.view(np.uint32))


@both_containers
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
@pytest.mark.parametrize("rate", [8000, 44_100, 96_000, 192_000])
def test_rate_channels_and_depth_are_in_the_file(encode: Encoder, channels: int, rate: int) -> None:
    audio = white_noise(seconds=0.01, rate=rate, channels=channels)
    for subtype in PCM:
        file = encode(audio, subtype=subtype)
        info = soundfile.info(io.BytesIO(file.content))
        assert (info.samplerate, info.channels, info.subtype) == (rate, channels, subtype)
        assert info.frames == audio.frames
        assert file.suffix == f".{info.format.lower()}"


@both_containers
def test_long_sounds_are_written_in_blocks_without_a_seam(encode: Encoder) -> None:
    audio = sine(50, seconds=5, amplitude=0.9, channels=2)  # several blocks of 65,536 frames
    error = errors(encode, audio, "PCM_24", dither="none")
    assert np.abs(error).max() <= 0.5


@pytest.mark.parametrize("encode", [encode_wav, encode_flac, encode_mp3])
def test_dither_is_seeded(encode: Encoder, excerpt: Audio) -> None:
    assert encode(excerpt, seed=3) == encode(excerpt, seed=3)
    assert encode(excerpt, seed=3) != encode(excerpt, seed=4)


# -- what TPDF dither is for ----------------------------------------------------------------------


def dithered_error(*, dither: str) -> Array:
    """Return the error of a slow ramp over a few 16-bit steps, which goes through every phase."""
    frames = 400_000
    audio = Audio(np.linspace(-3, 3, frames) / 2**15, 48_000)
    error: Array = errors(encode_wav, audio, "PCM_16", dither=dither)[0]
    return error


def test_the_dithered_error_has_no_mean_and_the_variance_of_theory() -> None:
    # rounding (1/12) plus two rectangular noises of one step (1/12 each): a quarter of a step²
    error = dithered_error(dither="tpdf")
    assert abs(error.mean()) < 5 * np.sqrt(0.25 / error.size)
    assert error.var() == pytest.approx(0.25, rel=0.01)


def test_mean_and_variance_do_not_depend_on_the_sound() -> None:
    # the point of a triangular distribution: the first two moments are the same at every phase
    phases = dithered_error(dither="tpdf").reshape(50, -1)
    assert np.abs(phases.mean(axis=1)).max() < 5 * np.sqrt(0.25 / phases.shape[1])
    assert np.abs(phases.var(axis=1) / 0.25 - 1).max() < 0.08
    plain = dithered_error(dither="none").reshape(50, -1)
    assert np.abs(plain.mean(axis=1)).max() > 0.4


def test_the_dithered_error_is_white() -> None:
    error = dithered_error(dither="tpdf")
    spectrum = np.abs(np.fft.rfft(error[: 2**18])) ** 2
    bands = spectrum[1 : 1 + 2**17 - 2**17 % 32].reshape(32, -1).mean(axis=1)
    np.testing.assert_allclose(bands / bands.mean(), 1, atol=0.1)
    assert abs(np.corrcoef(error[:-1], error[1:])[0, 1]) < 0.01


def test_the_dither_itself_is_triangular() -> None:
    # next to silence comes out as the rounded dither: -1, 0 and 1 with 1/8, 3/4 and 1/8
    error = errors(encode_wav, Audio(np.full(200_000, 1e-12), 48_000), "PCM_16", dither="tpdf")
    counts = [np.count_nonzero(np.rint(error) == step) for step in (-1, 0, 1)]
    assert sum(counts) == error.size
    expected = np.array([1, 6, 1]) / 8 * error.size
    assert stats.chisquare(counts, expected).pvalue > 1e-4


def test_channels_are_dithered_independently() -> None:
    audio = Audio(np.full((2, 100_000), 1e-12), 48_000)
    left, right = errors(encode_wav, audio, "PCM_24", dither="tpdf")
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.02


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
@pytest.mark.parametrize("encode", [encode_wav, encode_flac])
def test_what_lies_on_the_steps_already_is_written_as_it_is(
    encode: Encoder, subtype: Subtype, excerpt: Audio
) -> None:
    samples, _ = decoded(encode(excerpt, subtype=subtype))
    on_steps = excerpt.with_samples(samples)
    again, _ = decoded(encode(on_steps, subtype=subtype, seed=1))
    np.testing.assert_array_equal(again, samples)
    beside = samples.copy()
    beside[0, -1] += 2.0**-24 if subtype == "PCM_24" else 2.0**-17
    noisy, _ = decoded(encode(excerpt.with_samples(beside), subtype=subtype, seed=1))
    assert np.count_nonzero(noisy != samples) > samples.size / 8


# -- clipping -------------------------------------------------------------------------------------


@pytest.mark.parametrize("encode", [encode_wav, encode_flac, encode_mp3])
@pytest.mark.parametrize("dither", ["tpdf", "none"])
def test_clipping_gives_one_warning_with_the_count(encode: Encoder, dither: str) -> None:
    samples = np.zeros((2, 150_000))  # three blocks
    samples[0, ::1000] = 1.5
    samples[1, 7::1000] = -1.0001
    samples[:, 3::1000] = 1.0
    samples[:, 5::1000] = -1.0
    audio = Audio(samples, 44_100)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        file = encode(audio, dither=dither)
    [warning] = caught
    assert warning.category is ResonateWarning
    assert "clipped: 300 of 300,000 samples were beyond full scale" in str(warning.message)
    if encode is not encode_mp3:
        found, _ = decoded(file)
        assert found.min() == -1
        assert found.max() == 1 - 2.0**-23


def test_float_wav_clips_nothing() -> None:
    found, _ = decoded(encode_wav(Audio(np.array([4.0, -4.0]), 44_100), subtype="FLOAT"))
    np.testing.assert_array_equal(found, [[4.0, -4.0]])


# -- MP3 ------------------------------------------------------------------------------------------


def by_ffmpeg(file: File, path: Path, channels: int) -> Array:
    """Return what ffmpeg decodes, of shape (channels, frames)."""
    path.write_bytes(file.content)
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.float32).reshape(-1, channels).T.astype(float)


def low_noise(*, frames: int, rate: int, channels: int = 2) -> Audio:
    noise = white_noise(seconds=frames / rate, rate=rate, channels=channels)
    return lowpass(noise, frequency_hz=rate / 10, slope_db_per_octave=48)


@pytest.mark.parametrize("rate", MP3_RATES)
@pytest.mark.parametrize(
    ("channels", "settings"),
    [(1, {}), (2, {"vbr_quality": 1.0})],
    ids=["mono, constant", "stereo, variable"],
)
def test_mp3_keeps_rate_channels_length_and_sound(
    rate: int, channels: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    audio = low_noise(frames=rate // 2 + 17, rate=rate, channels=channels)
    file = encode_mp3(audio, **settings)
    assert file.suffix == ".mp3"
    (tmp_path / "x.mp3").write_bytes(file.content)
    found = read_audio(tmp_path / "x.mp3")
    assert found.sample_rate == rate
    assert found.samples.shape == audio.samples.shape
    np.testing.assert_allclose(found.samples, decoded(file)[0], atol=1e-6)
    for before, after in zip(audio.samples, found.samples, strict=True):
        lags = np.correlate(np.pad(after, 3), before, "valid")
        assert int(np.argmax(lags)) == 3  # aligned to the sample
        assert np.corrcoef(before, after)[0, 1] > 0.999


@pytest.mark.parametrize("frames", [1, 46, 47, 575, 576, 577, 1151, 1152, 1153, 1728])
@pytest.mark.parametrize("rate", [8000, 44_100])
def test_mp3_of_any_length_comes_back_with_that_length(
    frames: int, rate: int, tmp_path: Path
) -> None:
    audio = white_noise(seconds=frames / rate, rate=rate)
    path = tmp_path / "x.mp3"
    path.write_bytes(encode_mp3(audio).content)
    assert read_audio(path).frames == audio.frames == frames


@needs("ffmpeg")
@pytest.mark.parametrize("settings", [{}, {"bitrate_kbps": 32}, {"vbr_quality": 2.0}])
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_ffmpeg_gives_back_the_length_too(
    settings: dict[str, Any], rate: int, tmp_path: Path
) -> None:
    audio = low_noise(frames=rate + 321, rate=rate)
    file = encode_mp3(audio, **settings)
    found = by_ffmpeg(file, tmp_path / "x.mp3", 2)
    assert found.shape == audio.samples.shape
    np.testing.assert_allclose(found, decoded(file)[0], atol=1e-4)


@needs("ffmpeg")
def test_ffmpeg_knows_the_length_and_finds_the_middle(groove: Audio, tmp_path: Path) -> None:
    path = tmp_path / "x.mp3"
    path.write_bytes(encode_mp3(groove, vbr_quality=2.0).content)
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]
    told = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True)
    assert float(told.stdout) == pytest.approx(groove.duration_seconds, abs=0.06)  # whole frames


def crc16(content: bytes) -> int:
    """CRC-16/ARC, bit by bit."""
    total = 0
    for byte in content:
        total ^= byte
        for _ in range(8):
            total = total >> 1 ^ (0xA001 if total & 1 else 0)
    return total


@pytest.mark.parametrize(
    ("rate", "channels", "side_info"), [(44_100, 2, 32), (44_100, 1, 17), (22_050, 2, 17)]
)
def test_the_info_tag_says_what_the_file_holds(rate: int, channels: int, side_info: int) -> None:
    audio = low_noise(frames=rate // 3, rate=rate, channels=channels)
    content = encode_mp3(audio).content
    tag = content[4 + side_info :]
    samples = 1152 if rate > 24_000 else 576
    name, flags, frames, size = struct.unpack(">4sIII", tag[:16])
    assert (name, flags, size) == (b"Info", 15, len(content))
    assert list(tag[16:116]) == sorted(tag[16:116])
    assert tag[120:129] == b"LAME3.100"
    delay, padding = int.from_bytes(tag[141:144], "big") >> 12, tag[142] % 16 << 8 | tag[143]
    assert delay + audio.frames + padding == frames * samples
    length, music, own = struct.unpack(">IHH", tag[148:156])
    assert length == len(content)
    assert own == crc16(content[: 4 + side_info + 154])
    assert content.count(b"Info") == 1
    header = int.from_bytes(content[:4], "big")
    kbps = MPEG1_KBPS if samples == 1152 else MPEG2_KBPS
    first = samples // 8 * 1000 * kbps[(header >> 12 & 15) - 1] // rate + (header >> 9 & 1)
    assert music == crc16(content[first:])
    assert tag[16] == 256 * first // len(content)


def test_mp3_of_the_recording_sounds_like_it(excerpt: Audio) -> None:
    found, _ = decoded(encode_mp3(excerpt, bitrate_kbps=320))
    assert found.shape == excerpt.samples.shape
    assert np.corrcoef(excerpt.samples.ravel(), found.ravel())[0, 1] > 0.999


def bits_per_second(file: File, seconds: float) -> float:
    return 8 * len(file.content) / seconds


@pytest.mark.parametrize("kbps", [32, 128, 320])
def test_mp3_has_the_bit_rate_that_was_asked(kbps: int) -> None:
    file = encode_mp3(white_noise(seconds=5, rate=44_100, channels=2), bitrate_kbps=kbps)
    assert bits_per_second(file, 5) == pytest.approx(1000 * kbps, rel=0.04)


@pytest.mark.parametrize(("rate", "kbps"), [(8000, 64), (22_050, 160), (44_100, 320)])
def test_without_a_bit_rate_mp3_takes_the_highest(rate: int, kbps: int) -> None:
    file = encode_mp3(white_noise(seconds=5, rate=rate, channels=2))
    assert bits_per_second(file, 5) == pytest.approx(1000 * kbps, rel=0.06)


def test_vbr_quality_trades_size(excerpt: Audio) -> None:
    sizes = [len(encode_mp3(excerpt, vbr_quality=quality).content) for quality in (0.0, 4.0, 9.5)]
    assert sizes[0] > 1.3 * sizes[1] > 1.3 * 1.3 * sizes[2]


# -- OGG ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "channels"),
    [(8000, 8), (11_025, 3), (44_100, 1), (44_100, 2), (44_100, 3), (44_100, 6), (44_100, 8),
     (48_000, 2), (96_000, 6), (192_000, 1)],
)  # fmt: skip
@sampled(10)
def test_ogg_keeps_rate_channels_length_and_sound(rate: int, channels: int, tmp_path: Path) -> None:
    audio = low_noise(frames=rate // 4 + 17, rate=rate, channels=channels)
    path = tmp_path / "x.ogg"
    file = encode_ogg(audio, quality=9.0)
    assert file.suffix == ".ogg"
    path.write_bytes(file.content)
    found = read_audio(path)
    assert found.sample_rate == rate
    assert found.samples.shape == audio.samples.shape
    lfe = 3 if channels >= 6 else None  # of which Vorbis keeps the lowest octaves only
    for channel, (before, after) in enumerate(zip(audio.samples, found.samples, strict=True)):
        lags = np.correlate(np.pad(after, 3), before, "valid")
        assert int(np.argmax(lags)) == 3
        assert np.corrcoef(before, after)[0, 1] > 0.98 or channel == lfe


@pytest.mark.parametrize("frames", [1, 2, 64, 1023, 1024, 1025, 100_000])
def test_ogg_of_any_length_comes_back_with_that_length(frames: int) -> None:
    found, _ = decoded(encode_ogg(white_noise(seconds=frames / 48_000)))
    assert found.shape == (1, frames)


@needs("ffmpeg")
@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 7, 8])
def test_ffmpeg_finds_each_channel_in_its_place(channels: int, tmp_path: Path) -> None:
    frequencies = [300 + 100 * n for n in range(channels)]
    if channels >= 6:
        frequencies[3] = 50  # the LFE, of which Vorbis keeps the lowest octaves only
    audio = Audio(np.concatenate([sine(f, amplitude=0.3).samples for f in frequencies]), 48_000)
    found = by_ffmpeg(encode_ogg(audio), tmp_path / "x.ogg", channels)
    spectra = np.abs(np.fft.rfft(found[:, -40_000:], axis=1))
    np.testing.assert_allclose(spectra.argmax(axis=1) * 48_000 / 40_000, frequencies, atol=1)


def test_ogg_quality_trades_size(excerpt: Audio) -> None:
    sizes = [len(encode_ogg(excerpt, quality=quality).content) for quality in (10.0, 5.0, 0.0)]
    assert sizes[0] > 1.3 * sizes[1] > 1.3 * 1.3 * sizes[2]


def test_ogg_is_the_same_bytes_again_and_another_sound_another_stream(excerpt: Audio) -> None:
    assert encode_ogg(excerpt) == encode_ogg(excerpt)
    other = encode_ogg(excerpt, quality=5.0)
    assert other.content[14:18] != encode_ogg(excerpt).content[14:18]  # the serial number


def test_ogg_keeps_what_is_beyond_full_scale_and_says_so() -> None:
    loud = sine(440, rate=44_100, amplitude=1.5)
    beyond = int(np.count_nonzero(np.abs(loud.samples) > 1))
    with pytest.warns(ResonateWarning, match=f"beyond-full-scale: {beyond:,} of 44,100 samples"):
        file = encode_ogg(loud, quality=9.0)
    assert np.abs(decoded(file)[0]).max() == pytest.approx(1.5, rel=0.05)


def test_what_ogg_does_not_hold_is_an_error_that_says_so() -> None:
    with pytest.raises(NodeError, match=r"up to 8 channels .*use encode_wav"):
        encode_ogg(quiet(channels=9))
    with pytest.raises(NodeError, match=r"200000 Hz; .*use encode_wav"):
        encode_ogg(quiet(rate=200_001))
    with pytest.raises(NodeError, match="nothing to encode"):
        encode_ogg(quiet(frames=0))
    with pytest.raises(ParamError, match="quality"):
        encode_ogg(quiet(), quality=10.5)


# -- what a format does not hold ------------------------------------------------------------------


def quiet(*, channels: int = 2, frames: int = 100, rate: int = 44_100) -> Audio:
    return Audio(np.zeros((channels, frames)), rate)


def test_what_mp3_does_not_hold_is_an_error_that_says_so() -> None:
    with pytest.raises(NodeError, match="one or two channels, this sound has 6"):
        encode_mp3(quiet(channels=6))
    with pytest.raises(NodeError, match=r"no 96000 Hz, only 8000, .*48000: put a resample node"):
        encode_mp3(quiet(rate=96_000))
    with pytest.raises(ParamError, match="not both") as both:
        encode_mp3(quiet(), bitrate_kbps=128, vbr_quality=2.0)
    assert both.value.param == "vbr_quality"
    with pytest.raises(ParamError, match=r"44100 Hz has no 144 kbps, only 32, .*320") as wrong:
        encode_mp3(quiet(), bitrate_kbps=144)
    assert wrong.value.param == "bitrate_kbps"
    with pytest.raises(ParamError, match="16000 Hz has no 320 kbps"):
        encode_mp3(quiet(rate=16_000), bitrate_kbps=320)
    with pytest.raises(NodeError, match="nothing to encode"):
        encode_mp3(quiet(frames=0))


def test_what_flac_does_not_hold_is_an_error_that_says_so() -> None:
    with pytest.raises(NodeError, match=r"up to 8 channels .*use encode_wav"):
        encode_flac(quiet(channels=9))
    with pytest.raises(NodeError, match=r"655350 Hz; .*use encode_wav"):
        encode_flac(quiet(rate=655_360))
    with pytest.raises(NodeError, match="only multiples of 10"):
        encode_flac(quiet(rate=96_001))
    with pytest.raises(NodeError, match="nothing to encode"):
        encode_flac(quiet(frames=0))


def test_what_pcm_wav_does_not_hold_is_an_error_and_float_holds_it() -> None:
    for audio in (quiet(channels=1025), quiet(rate=2**31)):
        with pytest.raises(NodeError, match="use FLOAT"):
            encode_wav(audio)
        assert encode_wav(audio, subtype="FLOAT").content[:4] == b"RIFF"


def test_a_wav_of_no_samples_is_a_wav_of_no_samples() -> None:
    for subtype in ("PCM_16", "PCM_24", "FLOAT"):
        found, rate = decoded(encode_wav(quiet(frames=0), subtype=subtype))
        assert (found.shape, rate) == ((2, 0), 44_100)


@pytest.mark.parametrize("encode", [encode_mp3, encode_ogg])
def test_a_ceiling_of_1_5_db_below_full_scale_leaves_room_for_lossy_formats(
    encode: Encoder, groove: Audio
) -> None:
    part = groove.with_samples(groove.samples[:, : 2 * groove.sample_rate])
    loud = limit(gain(part, gain_db=12.0), ceiling_dbtp=-1.5)
    assert oversampled_peak_db(loud) > -1.7
    samples, _ = decoded(encode(loud))  # a warning of peaks beyond full scale would be an error
    assert oversampled_peak_db(loud.with_samples(samples)) < 0
