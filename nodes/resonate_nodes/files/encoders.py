"""Encoding: WAV, FLAC and OGG by libsndfile, MP3 by LAME."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, File, NodeError, ParamError, Placed, Preparation, RunContext, node

from .._common.channels import channel_mask, usual_layout
from .flac import with_channel_mask
from .info_tag import MPEG1_KBPS, MPEG2_KBPS, with_info_tag
from .ogg import CHANNEL_ORDERS, with_own_serial
from .written import note_peak, note_written, true_peak_dbtp

_BITS = {"PCM_16": 16, "PCM_24": 24}
_BLOCK_FRAMES = 1 << 16
_FLAC_MAX_CHANNELS = 8
_FLAC_MAX_RATE = 655_350
_FLAC_ANY_RATE = 65_535  # the frame header holds Hz up to here, tens of Hz beyond
_PCM_MAX_CHANNELS = 1024  # these two are libsndfile's limits
_PCM_MAX_RATE = 2**31 - 1

_PLAIN_LAYOUTS = (None, "mono", "stereo")  # of which nothing more is to be said
_WAVEX_MASK_AT = 40  # in the fmt chunk, which libsndfile writes first

_VORBIS_MAX_CHANNELS = 8  # beyond, nothing says which channel is which
_VORBIS_MAX_RATE = 200_000

_MPEG25_KBPS = (8, 16, 24, 32, 40, 48, 56, 64)
#: What layer III allows at each sample rate.
_MP3_KBPS: dict[int, tuple[int, ...]] = {
    8000: _MPEG25_KBPS,
    11025: _MPEG25_KBPS,
    12000: _MPEG25_KBPS,
    16000: MPEG2_KBPS,
    22050: MPEG2_KBPS,
    24000: MPEG2_KBPS,
    32000: MPEG1_KBPS,
    44100: MPEG1_KBPS,
    48000: MPEG1_KBPS,
}

Dither = Literal["tpdf", "none"]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


@node(version=3)
def encode_wav(
    ctx: RunContext,
    audio: Audio,
    *,
    subtype: Literal["PCM_16", "PCM_24", "FLOAT"] = "PCM_24",
    dither: Dither = "tpdf",
    seed: Seed = 0,
) -> File:
    """Encode as WAV: 16 or 24 bit with dither, or 32-bit float, bit-exact.

    Integer formats cannot hold what exceeds full scale; such samples are clipped, and a warning
    tells how many. What the channels are, where it is known, stands in the channel mask.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        subtype: ``PCM_16``, ``PCM_24`` or ``FLOAT``.
        dither: ``tpdf``: triangular noise of two steps peak to peak before rounding, so that
            rounding leaves noise, not distortion; what lies on the steps of the format as it is,
            such as a sound that was read from a file of it, is not dithered but written as it is.
            ``none``: plain rounding.
        seed: of the dither; the same seed gives the same bytes.

    Raises:
        NodeError: the sound is longer than a WAV file of this format holds (4 GiB), or has more
            channels or a higher rate than libsndfile writes.
    """
    buffer = io.BytesIO()
    if subtype == "FLOAT":
        audio.write_wav(buffer)
        note_peak(ctx, true_peak_dbtp(audio))
        return File(buffer.getvalue(), ".wav")
    size = audio.samples.size * _BITS[subtype] // 8
    if size > 0xFFFFFFFF - 1024:
        raise NodeError(f"{size / 2**30:.1f} GiB are more than a WAV file holds: use FLOAT")
    if audio.channels > _PCM_MAX_CHANNELS or audio.sample_rate > _PCM_MAX_RATE:
        raise NodeError(
            f"{subtype} holds up to {_PCM_MAX_CHANNELS} channels and {_PCM_MAX_RATE} Hz; this "
            f"is {audio}: use FLOAT"
        )
    masked = audio.layout not in _PLAIN_LAYOUTS
    quantizer = _Quantizer(audio, subtype, dither, seed)
    _write_pcm(ctx, quantizer, buffer, "WAVEX" if masked else "WAV")
    if masked:  # libsndfile guesses it from the number of channels
        buffer.seek(_WAVEX_MASK_AT)
        buffer.write(struct.pack("<I", channel_mask(audio)))
    return note_written(ctx, File(buffer.getvalue(), ".wav"), told=quantizer.clipped > 0)


@node(version=2)
def encode_flac(
    ctx: RunContext,
    audio: Audio,
    *,
    subtype: Literal["PCM_16", "PCM_24"] = "PCM_24",
    dither: Dither = "tpdf",
    seed: Seed = 0,
) -> File:
    """Encode as FLAC, 16 or 24 bit; lossless but for the rounding, which is dithered.

    What exceeds full scale is clipped, and a warning tells how many samples. What more than two
    channels are, where it is known, is said by the mask in the tags that other writers use.

    Args:
        ctx: filled in by the engine.
        audio: the sound, at most 8 channels and 655,350 Hz.
        subtype: ``PCM_16`` or ``PCM_24``.
        dither: as for `encode_wav`.
        seed: of the dither; the same seed gives the same bytes.

    Raises:
        NodeError: no samples, more channels than FLAC has, or a rate it does not have.
    """
    _require_samples(audio, "FLAC")
    rate = audio.sample_rate
    if audio.channels > _FLAC_MAX_CHANNELS or rate > _FLAC_MAX_RATE:
        raise NodeError(
            f"FLAC holds up to {_FLAC_MAX_CHANNELS} channels and {_FLAC_MAX_RATE} Hz; this is "
            f"{audio}: use encode_wav"
        )
    if rate > _FLAC_ANY_RATE and rate % 10:
        raise NodeError(
            f"FLAC has no {rate} Hz, above {_FLAC_ANY_RATE} Hz only multiples of 10: use encode_wav"
        )
    buffer = io.BytesIO()
    quantizer = _Quantizer(audio, subtype, dither, seed)
    _write_pcm(ctx, quantizer, buffer, "FLAC")
    content = buffer.getvalue()
    if audio.layout not in _PLAIN_LAYOUTS:
        content = with_channel_mask(content, channel_mask(audio))
    return note_written(ctx, File(content, ".flac"), told=quantizer.clipped > 0)


@node(version=1)
def encode_ogg(
    ctx: RunContext,
    audio: Audio,
    *,
    quality: Annotated[float, Field(ge=0, le=10)] = 6.0,
) -> File:
    """Encode as OGG Vorbis, at the rate, length and channels of the sound.

    Vorbis keeps what exceeds full scale, but most players clip it: a warning tells how many
    samples do. Of an LFE channel (the fourth of six or more) it keeps the lowest octaves only.
    Which channel is which it says by their number alone: a warning tells where that is not what
    they are.

    Args:
        ctx: filled in by the engine.
        audio: the sound, at most 8 channels (in the order of WAV: L R C LFE Ls Rs) and 200 kHz.
        quality: from 0 (smallest) to 10 (best); in stereo at 44.1 kHz some 64 to 500 kbps, at 6
            some 190.

    Raises:
        NodeError: no samples, or more channels or a higher rate than Vorbis has.
    """
    import soundfile

    _require_samples(audio, "OGG")
    if audio.channels > _VORBIS_MAX_CHANNELS or audio.sample_rate > _VORBIS_MAX_RATE:
        raise NodeError(
            f"OGG Vorbis holds up to {_VORBIS_MAX_CHANNELS} channels and {_VORBIS_MAX_RATE} Hz; "
            f"this is {audio}: use encode_wav"
        )
    usual = usual_layout(audio.channels)
    if audio.layout not in (None, usual):
        ctx.warn(
            "layout-lost",
            f"OGG Vorbis has no {audio.layout}: its {audio.channels} channels come back as "
            f"{usual}; encode_wav and encode_flac keep what they are",
        )
    order = CHANNEL_ORDERS.get(audio.channels, tuple(range(audio.channels)))
    buffer = io.BytesIO()
    level = 1 - quality / 10  # libsndfile counts the other way
    with soundfile.SoundFile(
        buffer, "w", audio.sample_rate, audio.channels, "VORBIS", format="OGG",
        compression_level=level,
    ) as file:  # fmt: skip
        for start in range(0, audio.frames, _BLOCK_FRAMES):
            ctx.progress(start, audio.frames)
            file.write(audio.samples[order, start : start + _BLOCK_FRAMES].T)
    beyond = int(np.count_nonzero(np.abs(audio.samples) > 1))
    if beyond:
        ctx.warn(
            "beyond-full-scale",
            f"{beyond:,} of {audio.samples.size:,} samples are beyond full scale; the file keeps "
            "them, but most players clip them: lower the level before encoding",
        )
    return note_written(ctx, File(with_own_serial(buffer.getvalue()), ".ogg"), told=beyond > 0)


def prepare_mp3(question: Preparation) -> Mapping[str, Any]:
    """Refuse a constant and a variable bit rate at once."""
    _require_one_kind(question.params["bitrate_kbps"], question.params["vbr_quality"])
    return {}


def _require_one_kind(bitrate_kbps: int | None, vbr_quality: float | None) -> None:
    if bitrate_kbps is not None and vbr_quality is not None:
        raise ParamError("give bitrate_kbps or vbr_quality, not both", param="vbr_quality")


def _fits_mp3(question: Placed) -> None:
    for rate in question.sample_rates.get("audio", ()):
        _require_mp3_rate(rate)


def _require_mp3_rate(rate: int) -> None:
    if rate not in _MP3_KBPS:
        rates = ", ".join(map(str, _MP3_KBPS))
        raise NodeError(f"MP3 has no {rate} Hz, only {rates}: put a resample node before it")


@node(version=3, uses=("lameenc",), prepare=prepare_mp3, fits=_fits_mp3)
def encode_mp3(
    ctx: RunContext,
    audio: Audio,
    *,
    bitrate_kbps: Annotated[int, Field(ge=8, le=320)] | None = None,
    vbr_quality: Annotated[float, Field(ge=0, le=9.5)] | None = None,
    dither: Dither = "tpdf",
    seed: Seed = 0,
) -> File:
    """Encode as MP3 by LAME, at the rate of the sound, mono or stereo.

    The file tells in its header (LAME's Info tag) what the encoder added at the start and at the
    end, so that decoders that know it, ours among them, give back the length that went in, aligned
    to the sample. What exceeds full scale is clipped, and a warning tells how many samples.

    Args:
        ctx: filled in by the engine.
        audio: the sound, at 8, 11.025, 12, 16, 22.05, 24, 32, 44.1 or 48 kHz.
        bitrate_kbps: constant bit rate; None for the highest the rate allows.
        vbr_quality: variable bit rate instead, from 0 (best) to 9.5 (smallest).
        dither: as for `encode_wav`, to the 16 bits LAME takes.
        seed: of the dither.

    Raises:
        NodeError: no samples, more than two channels, or a rate MP3 does not have.
        ParamError: both kinds of bit rate, or one that MP3 does not have at this rate.
    """
    _require_samples(audio, "MP3")
    if audio.channels > 2:
        raise NodeError(f"MP3 holds one or two channels, this sound has {audio.channels}")
    _require_mp3_rate(audio.sample_rate)
    _require_one_kind(bitrate_kbps, vbr_quality)
    allowed = _MP3_KBPS[audio.sample_rate]
    if bitrate_kbps is not None and bitrate_kbps not in allowed:
        choices = ", ".join(map(str, allowed))
        raise ParamError(
            f"MP3 at {audio.sample_rate} Hz has no {bitrate_kbps} kbps, only {choices}",
            param="bitrate_kbps",
        )
    encoder = _lame(audio, bitrate_kbps or allowed[-1], vbr_quality)
    quantizer = _Quantizer(audio, "PCM_16", dither, seed)
    content = b"".join(
        bytes(encoder.encode(block.astype("<i2").tobytes())) for block in quantizer.blocks(ctx)
    )
    content += bytes(encoder.flush())
    content = with_info_tag(content, audio.frames, vbr_quality=vbr_quality)
    return note_written(ctx, File(content, ".mp3"), told=quantizer.clipped > 0)


def _require_samples(audio: Audio, name: str) -> None:
    if not audio.frames:
        raise NodeError(f"there is nothing to encode: {name} does not hold a sound of 0 frames")


def _lame(audio: Audio, bitrate_kbps: int, vbr_quality: float | None) -> Any:
    import lameenc

    encoder = lameenc.Encoder()
    encoder.set_channels(audio.channels)
    encoder.set_in_sample_rate(audio.sample_rate)
    encoder.set_out_sample_rate(audio.sample_rate)  # LAME lowers it on its own otherwise
    encoder.set_quality(2)
    if vbr_quality is None:
        encoder.set_bit_rate(bitrate_kbps)
    else:
        encoder.set_vbr(4)
        encoder.set_vbr_quality(vbr_quality)
    encoder.silence()
    return encoder


def _write_pcm(ctx: RunContext, quantizer: _Quantizer, buffer: io.BytesIO, container: str) -> None:
    import soundfile

    audio = quantizer.audio
    with soundfile.SoundFile(
        buffer, "w", audio.sample_rate, audio.channels, quantizer.subtype, format=container
    ) as file:
        for block in quantizer.blocks(ctx):
            file.write(block << (32 - quantizer.bits))  # libsndfile takes the upper bits


def _is_on_steps(audio: Audio, bits: int) -> bool:
    """Whether all samples are whole numbers of steps, so that there is nothing to round."""
    for start in range(0, audio.frames, _BLOCK_FRAMES):
        steps = audio.samples[:, start : start + _BLOCK_FRAMES] * np.float32(2 ** (bits - 1))
        if not np.array_equal(steps, np.rint(steps)):
            return False
    return True


class _Quantizer:
    """Rounds samples to integers, block by block, and counts what had to be clipped."""

    def __init__(self, audio: Audio, subtype: str, dither: Dither, seed: int) -> None:
        self.audio = audio
        self.subtype = subtype
        self.bits = _BITS[subtype]
        self.clipped = 0
        self._dithers = dither == "tpdf" and not _is_on_steps(audio, self.bits)
        self._random = np.random.Generator(np.random.PCG64(seed))

    def blocks(self, ctx: RunContext) -> Iterator[NDArray[np.int32]]:
        """Yield (frames, channels) blocks of integers; afterwards warn of what was clipped."""
        low, high = -(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1
        for start in range(0, self.audio.frames, _BLOCK_FRAMES):
            ctx.progress(start, self.audio.frames)
            block = self.audio.samples[:, start : start + _BLOCK_FRAMES].T
            scaled = block.astype(np.float64) * -low
            # exactly full scale is not an overload, though the top step is just below it
            self.clipped += int(np.count_nonzero((scaled > high + 1) | (scaled < low)))
            if self._dithers:
                scaled += self._random.random(block.shape) - self._random.random(block.shape)
            yield np.clip(np.rint(scaled), low, high).astype(np.int32)
        if self.clipped:
            ctx.warn(
                "clipped",
                f"{self.clipped:,} of {self.audio.samples.size:,} samples were beyond full scale "
                "and were clipped; lower the level before encoding",
            )
