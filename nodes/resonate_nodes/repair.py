"""Broadband noise: spectral gating."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, NodeError, RunContext, node

# A floor far below 24-bit resolution. Without it noisereduce divides by zero in digital silence.
_FLOOR = 1e-9
_FRAME_SECONDS = 0.0232
_CHUNK_SECONDS = 14.0
_PADDING_SECONDS = 4.0
_LOWEST_RATE = 1000
_MIRROR_SECONDS = 0.25
_SMOOTH_HZ = 500
_PROFILE_SECONDS = 60.0
_QUIET_SECONDS = 0.5
_QUIET_WINDOW_SECONDS = 0.1


@node(version=1, uses=("noisereduce", "scipy"))
def denoise(
    ctx: RunContext,
    audio: Audio,
    noise: Audio | None = None,
    *,
    strength: Annotated[float, Field(ge=0, le=1)] = 0.5,
    stationary: bool = False,
    threshold_std: Annotated[float, Field(ge=0, le=10)] = 1.5,
) -> Audio:
    """Reduce hiss and other broadband noise by spectral gating.

    T. Sainburg, M. Thielk, T. Q. Gentner: *Finding, visualizing, and quantifying latent structure
    across diverse animal vocal repertoires* (2020), as implemented by noisereduce.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        noise: a stretch of noise alone, at the same rate. With it the gate is stationary and its
            thresholds come from there.
        strength: how much of what the gate finds to be noise is removed; 0 changes nothing. High
            values want a noise profile: without one the gate takes held notes for noise.
        stationary: one threshold per frequency for the whole sound, estimated from its quietest
            moments, which suits recordings with pauses; otherwise the noise floor is followed
            over time.
        threshold_std: for the stationary gate, how many standard deviations above the mean level
            of the noise the threshold lies.

    Raises:
        NodeError: the noise profile has another rate, or is shorter than one analysis frame; the
            sample rate is below 1 kHz.
    """
    if audio.sample_rate < _LOWEST_RATE:
        raise NodeError(f"a spectral gate needs 1 kHz or more, this is {audio.sample_rate} Hz")
    frame = _frame_length(audio.sample_rate)
    if strength == 0 or not audio.frames:
        return audio
    if noise is not None:
        _check_profile(audio, noise, frame)
    elif audio.frames < frame:
        ctx.warn("too-short", f"{audio.frames} frames are too few to tell noise from sound")
        return audio
    if not np.any(audio.samples):
        return audio
    if noise is None and stationary:
        noise = _quietest(audio, frame)
    gated = np.stack([
        _gated(channel, audio.sample_rate, frame, _profile(noise, index), threshold_std)
        for index, channel in enumerate(audio.samples)
    ])  # fmt: skip
    reduced = audio.samples + strength * (gated - audio.samples)
    return audio.with_samples(np.where(audio.samples == 0, 0.0, reduced))


def _profile(noise: Audio | None, channel: int) -> NDArray[np.float64] | None:
    """Return the noise of one channel; noisereduce itself would average the channels."""
    if noise is None:
        return None
    samples = noise.samples[min(channel, noise.channels - 1)]
    return _with_floor(samples[: int(_PROFILE_SECONDS * noise.sample_rate)])


def _gated(
    samples: NDArray[np.float32],
    sample_rate: int,
    frame: int,
    profile: NDArray[np.float64] | None,
    threshold_std: float,
) -> NDArray[np.float64]:
    """Return one channel with all that the gate finds to be noise removed."""
    from noisereduce import reduce_noise
    from scipy.signal import oaconvolve

    # The gate smooths its mask in time and frequency as if beyond the ends all were noise: a
    # mirrored stretch keeps the first and last moments of the sound, a filter mends the spectrum.
    mirrored = min(len(samples) - 1, int(_MIRROR_SECONDS * sample_rate))
    padded = np.pad(_with_floor(samples), mirrored, mode="reflect")
    stationary: dict[str, Any] = {
        "stationary": True,
        "y_noise": profile,
        "n_std_thresh_stationary": threshold_std,
        "clip_noise_stationary": False,
    }
    gated = reduce_noise(
        y=padded,
        sr=sample_rate,
        n_fft=frame,
        freq_mask_smooth_hz=_SMOOTH_HZ,
        chunk_size=int(_CHUNK_SECONDS * sample_rate),
        padding=int(_PADDING_SECONDS * sample_rate),
        **(stationary if profile is not None else {}),
    )
    mended: NDArray[np.float64] = oaconvolve(gated, _edge_filter(sample_rate, frame))
    return mended[frame // 2 + mirrored :][: len(samples)]


def _edge_filter(sample_rate: int, frame: int) -> NDArray[np.float64]:
    """Return an FIR filter that undoes what smoothing takes at both ends of the spectrum.

    noisereduce convolves its mask with a triangle and counts what lies below 0 Hz and above half
    the sample rate as noise: 3 dB lost at 30 Hz, however loud.
    """
    reach = int(_SMOOTH_HZ / (sample_rate / (frame / 2)))
    triangle = np.bartlett(2 * reach + 3)[1:-1]
    kept = np.convolve(np.ones(frame // 2 + 1), triangle / triangle.sum(), "same")
    taps: NDArray[np.float64] = np.fft.fftshift(np.fft.irfft(1 / kept, frame))
    return taps * np.hanning(frame + 1)[:-1]


def _quietest(audio: Audio, frame: int) -> Audio:
    """Return the quietest twentieth of a sound, at least half a second where it is that long."""
    window = max(frame, int(_QUIET_WINDOW_SECONDS * audio.sample_rate))
    windows = max(1, audio.frames // window)
    if windows == 1:
        return audio
    cut = audio.samples[:, : windows * window].reshape(audio.channels, windows, window)
    energy = np.square(cut, dtype=np.float64).sum(axis=(0, 2))
    energy[energy == 0] = np.inf  # digital silence tells nothing of the noise
    least = -(-int(_QUIET_SECONDS * audio.sample_rate) // window)
    count = min(windows, max(least, windows // 20))
    chosen = np.sort(np.argsort(energy, kind="stable")[:count])
    return audio.with_samples(cut[:, chosen].reshape(audio.channels, -1))


def _check_profile(audio: Audio, noise: Audio, frame: int) -> None:
    if noise.sample_rate != audio.sample_rate:
        raise NodeError(
            f"the noise profile is at {noise.sample_rate} Hz, the sound at {audio.sample_rate} Hz"
        )
    if noise.frames < frame:
        raise NodeError(
            f"the noise profile is {noise.frames} frames long; it needs at least {frame} "
            f"({1000 * frame / noise.sample_rate:.0f} ms)"
        )


def _frame_length(sample_rate: int) -> int:
    """Return the power of two nearest to 23 ms: 1024 at 44.1 kHz."""
    return int(2 ** max(6, round(np.log2(_FRAME_SECONDS * sample_rate))))


def _with_floor(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    floor = np.random.default_rng(0).standard_normal(samples.shape)
    return samples + _FLOOR * floor
