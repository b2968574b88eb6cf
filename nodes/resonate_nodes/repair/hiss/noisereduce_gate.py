"""Spectral gating as noisereduce does it: its own gate, under its own names and defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Avoid, Cost, NodeError, RunContext, accelerated, node

from ..._common.exactness import exact_convolutions
from ..._common.notes import note_floor, note_removed
from ..._common.versions import used_by
from . import gating

Single = NDArray[np.float32]

#: Of a noise noisereduce takes so many frames, unless it is told otherwise.
_CLIP_FRAMES = 600_000
#: What TorchGate is given at once beside what stands around it, in seconds.
_TORCH_SECONDS = 20.0
_UNCHANGED = "no noise taken"


@node(
    version=2,
    device=accelerated,
    uses=("noisereduce", "scipy"),
    prepare=used_by("backend", {"torch": "torch"}),
    cost=Cost(seconds_per_second=0.06, threads=1, bytes_per_input_byte=3),
    avoid=[
        Avoid("mps", "its spectra are complex numbers, which stay off this device"),
        Avoid("cuda", "scipy computes on the CPU", {"backend": ("scipy",)}),
    ],
)
def spectral_gate(
    ctx: RunContext,
    audio: Audio,
    noise: Audio | None = None,
    *,
    stationary: bool = False,
    prop_decrease: Annotated[float, Field(ge=0, le=1)] = 1.0,
    time_constant_s: Annotated[float, Field(gt=0, le=60)] = 2.0,
    freq_mask_smooth_hz: Annotated[float, Field(gt=0, le=20_000)] | None = 500.0,
    time_mask_smooth_ms: Annotated[float, Field(gt=0, le=2000)] | None = 50.0,
    thresh_n_mult_nonstationary: Annotated[float, Field(ge=0, le=100)] = 2.0,
    sigmoid_slope_nonstationary: Annotated[float, Field(gt=0, le=1000)] = 10.0,
    n_std_thresh_stationary: Annotated[float, Field(ge=-10, le=10)] = 1.5,
    clip_noise_stationary: bool = True,
    n_fft: Annotated[int, Field(ge=16, le=65_536)] = 1024,
    win_length: Annotated[int, Field(ge=16, le=65_536)] | None = None,
    hop_length: Annotated[int, Field(ge=1, le=32_768)] | None = None,
    backend: Literal["scipy", "torch"] = "scipy",
) -> Audio:
    """Gate a sound by its spectra as noisereduce does: the same samples, from any length of sound.

    T. Sainburg, M. Thielk, T. Q. Gentner: *Finding, visualizing, and quantifying latent structure
    across diverse animal vocal repertoires* (PLoS Computational Biology 16, 2020). What comes out
    is what ``noisereduce.reduce_noise`` gives of the whole sound in one chunk, to the rounding of
    float32; it is computed block by block, so that a long sound takes no more memory and has no
    seams. `denoise` is ours and does less harm to music; this node is for those who know and want
    this one.

    What noisereduce makes NaN of (silence, without ``stationary``) stays silent.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        noise: with ``stationary``: noise alone, at the same rate; its channels are averaged.
            Without it the thresholds come from the sound itself.
        stationary: one threshold for each frequency, from the noise; otherwise what lies above a
            running mean of each frequency is kept.
        prop_decrease: how much of the noise is taken; 1 for all.
        time_constant_s: time constant of the running mean, in seconds.
        freq_mask_smooth_hz: how far the mask is smoothed over frequencies, in Hz; null for not.
        time_mask_smooth_ms: how far it is smoothed over time, in milliseconds; null for not.
        thresh_n_mult_nonstationary: how many times above the running mean sound begins.
        sigmoid_slope_nonstationary: how steeply the mask rises there.
        n_std_thresh_stationary: how many standard deviations above the noise's mean level, both
            in dB, the threshold lies.
        clip_noise_stationary: only the first 600,000 samples of the noise count.
        n_fft: length of the spectra, in samples.
        win_length: length of the window, in samples; null for `n_fft`.
        hop_length: from one window to the next, in samples; null for a quarter of the window.
        backend: ``scipy`` on the CPU, or ``torch`` for noisereduce's TorchGate, on an accelerator
            where there is one. TorchGate takes a plain mean of `time_constant_s` instead of a
            recursive one, and everything within 40 dB instead of 80 dB of the loudest moment at a
            frequency for sound, so it gives other samples.

    Raises:
        NodeError: the noise has another rate or is too short, a smoothing is finer than the
            spectra at this rate, or the windows do not overlap.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> hiss = 0.01 * np.random.default_rng(0).standard_normal((1, 44100))
        >>> gated = spectral_gate(Audio(hiss, 44100), stationary=True)
        >>> bool(np.std(gated.samples) < 0.3 * np.std(hiss))
        True
    """
    window = win_length or n_fft
    hop = hop_length or window // 4
    _require_sense(audio, noise, n_fft, window, hop, freq_mask_smooth_hz, time_mask_smooth_ms)
    if not np.any(audio.samples):
        ctx.note(summary=_UNCHANGED)
        return audio
    if stationary and noise is None and audio.frames < 2 * window:
        ctx.warn("too-short", f"{audio.frames} frames are too few to tell noise from sound")
        ctx.note(summary=_UNCHANGED)
        return audio
    shared: dict[str, Any] = {
        "sr": audio.sample_rate,
        "n_fft": n_fft,
        "win_length": window,
        "hop_length": hop,
        "prop_decrease": prop_decrease,
        "freq_mask_smooth_hz": freq_mask_smooth_hz,
        "time_mask_smooth_ms": time_mask_smooth_ms,
    }
    known = audio if noise is None else noise
    profile = known.samples[:, :_CLIP_FRAMES] if clip_noise_stationary else known.samples
    if backend == "torch":
        settings = {
            **shared,
            "nonstationary": not stationary,
            "n_std_thresh_stationary": n_std_thresh_stationary,
            "n_thresh_nonstationary": thresh_n_mult_nonstationary,
            "temp_coeff_nonstationary": 1 / sigmoid_slope_nonstationary,
            "n_movemean_nonstationary": max(1, int(time_constant_s / hop * audio.sample_rate)),
        }
        return _noted(ctx, audio, _by_torch(ctx, audio, profile, settings))
    frames = gating.Frames(audio.samples, n_fft, window, hop)
    rule: gating.Rule
    if stationary:
        rule = gating.Threshold(
            frames, profile, n_std_thresh_stationary=n_std_thresh_stationary, **shared
        )
    else:
        rule = gating.RunningMean(
            frames,
            time_constant_s=time_constant_s,
            thresh_n_mult_nonstationary=thresh_n_mult_nonstationary,
            sigmoid_slope_nonstationary=sigmoid_slope_nonstationary,
            **shared,
        )
    samples = np.empty_like(audio.samples)
    for channel in range(audio.channels):
        done = 0
        for wave in frames.synthesis(channel, rule.gains(channel)):
            samples[channel, done : done + len(wave)] = wave
            done += len(wave)
            ctx.progress(channel * audio.frames + done, audio.channels * audio.frames)
    samples.flags.writeable = False
    return _noted(ctx, audio, samples)


def _noted(ctx: RunContext, before: Audio, samples: Single) -> Audio:
    after = before.with_samples(samples)
    note_floor(ctx, before, after)
    note_removed(ctx, before, after, _UNCHANGED)
    return after


def _require_sense(
    audio: Audio,
    noise: Audio | None,
    n_fft: int,
    window: int,
    hop: int,
    smooth_hz: float | None,
    smooth_ms: float | None,
) -> None:
    """Refuse what noisereduce gives up on, or makes nonsense of.

    Raises:
        NodeError: something of it.
    """
    rate = audio.sample_rate
    if window > n_fft:
        raise NodeError(f"win_length is {window}, more than n_fft, which is {n_fft}")
    if hop > window // 2:
        raise NodeError(f"hop_length is {hop}; windows of {window} need {window // 2} at most")
    least_hz, least_ms = rate / (n_fft / 2), 1000 * hop / rate
    if smooth_hz is not None and smooth_hz < least_hz:
        raise NodeError(
            f"freq_mask_smooth_hz is {smooth_hz:g}; at {rate} Hz with n_fft {n_fft} it is "
            f"{least_hz:.1f} Hz at least: raise it, raise n_fft, or give null to smooth nothing"
        )
    if smooth_ms is not None and smooth_ms < least_ms:
        raise NodeError(
            f"time_mask_smooth_ms is {smooth_ms:g}; at {rate} Hz with a hop of {hop} it is "
            f"{least_ms:.1f} ms at least: raise it, lower n_fft, or give null to smooth nothing"
        )
    if noise is not None and noise.sample_rate != rate:
        raise NodeError(f"the noise is at {noise.sample_rate} Hz, the sound at {rate} Hz")
    if noise is not None and noise.frames < 2 * window:
        raise NodeError(f"the noise is {noise.frames} frames long; it needs at least {2 * window}")


def _by_torch(ctx: RunContext, audio: Audio, profile: Single, settings: dict[str, Any]) -> Single:
    """Return what TorchGate makes of the sound on a device, stretch by stretch.

    A stretch is given with as much around it as a frame of it looks at, and begins on a frame of
    the whole: so there are no seams.
    """
    import torch
    from noisereduce.torchgate import TorchGate
    from noisereduce.torchgate.utils import amp_to_db

    hop, window = settings["hop_length"], settings["win_length"]
    stationary = not settings["nonstationary"]

    class Gate(TorchGate):  # type: ignore[misc]
        """The gate, with what is loudest in the whole sound: of a stretch it would be another."""

        loudest_db: Any = None

        def _stationary_mask(self, X_db: Any, xn: Any = None) -> Any:  # noqa: N803
            return super()._stationary_mask(torch.maximum(X_db, self.loudest_db - 40), xn)

    gate = Gate(**settings).to(ctx.device)
    smoothing = 0 if gate.smoothing_filter is None else gate.smoothing_filter.shape[-1] // 2
    around = hop * (
        smoothing + -(-window // hop) + (0 if stationary else gate.n_movemean_nonstationary)
    )
    step = hop * max(1, round(_TORCH_SECONDS * audio.sample_rate / hop))
    noise = torch.from_numpy(profile.mean(axis=0, keepdims=True)).to(ctx.device)

    def stretch(start: int) -> tuple[Any, int]:
        first = max(0, start - around)
        heard = np.array(audio.samples[:, first : start + step + around])
        # TorchGate takes no less than two windows, and gives no more than whole hops
        short = max(2 * window - heard.shape[1], -heard.shape[1] % hop)
        return torch.from_numpy(np.pad(heard, ((0, 0), (0, short)))).to(ctx.device), start - first

    def spectra(heard: Any) -> Any:
        shape = torch.hann_window(window).to(ctx.device)
        return torch.stft(
            heard, settings["n_fft"], hop, window, shape, center=True, pad_mode="constant",
            return_complex=True,
        )  # fmt: skip

    samples = np.empty_like(audio.samples)
    with torch.no_grad(), exact_convolutions(ctx.device):
        if stationary:
            loudest = [
                amp_to_db(spectra(stretch(start)[0])).amax(-1, keepdim=True)
                for start in range(0, audio.frames, step)
            ]
            gate.loudest_db = torch.stack(loudest).amax(0)
        for start in range(0, audio.frames, step):
            stop = min(start + step, audio.frames)
            heard, offset = stretch(start)
            found = gate(heard, noise if stationary else None).cpu().numpy()
            samples[:, start:stop] = _finite(found[:, offset : offset + stop - start])
            ctx.progress(stop, audio.frames)
    samples.flags.writeable = False
    return samples


def _finite(samples: Single) -> Single:
    """Return samples with silence where TorchGate found nothing to compare with."""
    return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
