"""What is encoded is decoded again by libsndfile and held against the samples."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from resonate_graph import Audio, File, NodeError, ParamError, ResonateWarning
from resonate_nodes import encode_flac, encode_mp3, encode_wav, lowpass
from tests.signals import Array, sine, white_noise

Encoder = Callable[..., File]
Subtype = Literal["PCM_16", "PCM_24"]
STEPS: dict[Subtype, int] = {"PCM_16": 2**15, "PCM_24": 2**23}
PCM: list[Subtype] = ["PCM_16", "PCM_24"]
ENCODERS: list[Encoder] = [encode_wav, encode_flac]
both_depths = pytest.mark.parametrize("subtype", PCM)
both_containers = pytest.mark.parametrize("encode", ENCODERS)
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


@settings(max_examples=60, deadline=None)
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
def test_what_has_the_formats_steps_already_survives_plain_rounding(encode: Encoder) -> None:
    steps = np.arange(-(2**15), 2**15)
    audio = Audio(steps / 2**15, 44_100)
    assert not errors(encode, audio, "PCM_16", dither="none").any()


@settings(max_examples=40, deadline=None)
@given(
    samples=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(0, 40)),
        elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
    ),
    rate=st.sampled_from([8000, 44_100, 48_000, 192_000]),
)
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
    # silence comes out as the rounded dither: -1, 0 and 1 with 1/8, 3/4 and 1/8
    error = errors(encode_wav, Audio(np.zeros(200_000), 48_000), "PCM_16", dither="tpdf")
    counts = [np.count_nonzero(np.rint(error) == step) for step in (-1, 0, 1)]
    assert sum(counts) == error.size
    expected = np.array([1, 6, 1]) / 8 * error.size
    assert stats.chisquare(counts, expected).pvalue > 1e-4


def test_channels_are_dithered_independently() -> None:
    left, right = errors(encode_wav, Audio(np.zeros((2, 100_000)), 48_000), "PCM_24", dither="tpdf")
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.02


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


@pytest.mark.parametrize("rate", MP3_RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_keeps_rate_channels_and_sound(rate: int, channels: int) -> None:
    noise = white_noise(seconds=0.5, rate=rate, channels=channels)
    audio = lowpass(noise, frequency_hz=rate / 10, slope_db_per_octave=48)
    file = encode_mp3(audio)
    found, found_rate = decoded(file)
    assert file.suffix == ".mp3"
    assert found_rate == rate
    assert found.shape[0] == channels
    extra = found.shape[1] - audio.frames
    assert 1105 < extra < 1105 + 2 * 1152
    for before, after in zip(audio.samples, found, strict=True):
        lag = int(np.argmax(np.correlate(after, before, "valid")))
        assert lag == 1105  # what the docstring promises
        aligned = after[lag : lag + audio.frames]
        assert np.corrcoef(before, aligned)[0, 1] > 0.999


def test_mp3_of_the_recording_sounds_like_it(excerpt: Audio) -> None:
    found, _ = decoded(encode_mp3(excerpt, bitrate_kbps=320))
    aligned = found[:, 1105 : 1105 + excerpt.frames]
    assert np.corrcoef(excerpt.samples.ravel(), aligned.ravel())[0, 1] > 0.999


def bits_per_second(file: File, seconds: float) -> float:
    return 8 * len(file.content) / seconds


@pytest.mark.parametrize("kbps", [32, 128, 320])
def test_mp3_has_the_bit_rate_that_was_asked(kbps: int) -> None:
    file = encode_mp3(white_noise(seconds=5, rate=44_100, channels=2), bitrate_kbps=kbps)
    assert bits_per_second(file, 5) == pytest.approx(1000 * kbps, rel=0.03)


@pytest.mark.parametrize(("rate", "kbps"), [(8000, 64), (22_050, 160), (44_100, 320)])
def test_without_a_bit_rate_mp3_takes_the_highest(rate: int, kbps: int) -> None:
    file = encode_mp3(white_noise(seconds=5, rate=rate, channels=2))
    assert bits_per_second(file, 5) == pytest.approx(1000 * kbps, rel=0.06)


def test_vbr_quality_trades_size(excerpt: Audio) -> None:
    sizes = [len(encode_mp3(excerpt, vbr_quality=quality).content) for quality in (0.0, 4.0, 9.5)]
    assert sizes[0] > 1.3 * sizes[1] > 1.3 * 1.3 * sizes[2]


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
