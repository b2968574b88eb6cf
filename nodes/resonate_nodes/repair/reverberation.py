"""Reverberation: what of each moment can be told from those before it, taken out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from resonate_graph import Audio, Cost, RunContext, node

from .._common.notes import note_floor, note_removed
from .._common.reach import near_full_scale, scaled, scaled_down_again
from .._common.silence import least_frames, silence
from .._common.single_threaded import single_threaded
from . import wpe
from .stft import Spectra, Stft, Synthesis, sine_window

_FRAME_SECONDS = 0.04
# The prediction filters hold for some twelve seconds, and are faded into the next over three.
_BLOCK_FRAMES = 1024
_FADE_FRAMES = 256
_UNCHANGED = "no reverberation taken"


@node(version=4, uses=("scipy",), cost=Cost(seconds_per_second=0.08))
def dereverb(
    ctx: RunContext,
    audio: Audio,
    *,
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0,
) -> Audio:
    """Reduce late reverberation, most of all around voices and drums.

    In each band of a short-time spectrum, late reverberation is what linear filters predict from
    the past of all channels; it is subtracted: T. Nakatani, T. Yoshioka, K. Kinoshita, M. Miyoshi,
    B.-H. Juang, *Speech dereverberation based on variance-normalized delayed linear prediction*
    (IEEE Trans. Audio, Speech, and Language Processing 18, 2010), known as WPE. At 44.1 kHz the
    filters reach from 35 ms to 0.3 s back (0.4 s for one channel), and are found anew for every
    twelve seconds. The reverberation time need not be known, and no band gets louder than it was.
    Digital silence stays.

    Held notes can be predicted too. Where prediction explains more of a band than reverberation
    can, by 2 to 4 dB, that band is left as it is; so it is where next to nothing is explained. So
    dense music changes little, for better or worse. Two channels in one room tell far more than
    one.

    What is too short to tell (under 0.2 s for stereo at 44.1 kHz) comes back as it is, with the
    warning ``too-short``.

    Args:
        ctx: filled in by the engine.
        audio: the sound.
        strength: how much of the reverberation that was found is removed; 0 changes nothing.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> random = np.random.default_rng(0)
        >>> claps = random.standard_normal(64000) * (np.arange(64000) % 4000 < 1000)
        >>> tail = random.standard_normal(8000) * np.exp(-np.arange(8000) / 2000)
        >>> hall = np.convolve(claps, 0.01 * tail)[:64000]
        >>> heard = dereverb(Audio(claps + hall, 16000))
        >>> bool(np.std(heard.samples - claps) < 0.95 * np.std(hall))
        True
    """
    if strength == 0 or not audio.samples.any():
        ctx.note(summary=_UNCHANGED)
        return audio
    window = sine_window(int(2 ** max(6, round(np.log2(_FRAME_SECONDS * audio.sample_rate)))))
    factor = near_full_scale(audio.samples)
    stft = Stft(scaled(audio.samples, factor), window)
    if stft.count < wpe.least_frames(audio.channels):
        ctx.warn("too-short", f"{audio.frames} frames are too few to tell an echo from the sound")
        ctx.note(summary=_UNCHANGED)
        return audio
    synthesis = Synthesis(stft, window)
    result = np.empty_like(audio.samples)
    with single_threaded():
        for spectra in _dry(ctx, stft, strength):
            start, finished = synthesis.add(spectra)
            result[:, start : start + finished.shape[1]] = finished
    result = scaled_down_again(result, factor)
    result[:, silence(audio.samples, least_frames(audio.sample_rate))] = 0
    result.flags.writeable = False  # so it need not be copied
    dry = audio.with_samples(result)
    note_removed(ctx, audio, dry, _UNCHANGED)
    note_floor(ctx, audio, dry)
    return dry


def _dry(ctx: RunContext, stft: Stft, strength: float) -> Iterator[Spectra]:
    """Yield the spectra without reverberation, in order, each block faded into the next."""
    rising = ((np.arange(_FADE_FRAMES) + 0.5) / _FADE_FRAMES).astype(np.float32)[:, None]
    step = _BLOCK_FRAMES - _FADE_FRAMES
    before = None
    for first in range(0, max(stft.count - _FADE_FRAMES, 1), step):
        ctx.progress(first, stft.count)
        # the last block is as long as the others: it reaches further back
        last = min(first + _BLOCK_FRAMES, stft.count)
        begin = max(0, last - _BLOCK_FRAMES)
        spectra = stft.spectra(begin, last)
        spectra -= np.float32(strength) * wpe.late(spectra)
        spectra = spectra[:, first - begin :]
        if before is not None:
            spectra[:, :_FADE_FRAMES] *= rising
            spectra[:, :_FADE_FRAMES] += before
        if last == stft.count:
            yield spectra
        else:
            before = spectra[:, step:] * (1 - rising)
            yield spectra[:, :step]
