"""The weights of `judge`, fitted anew: ``python -m tests.benchmarks.fit_clicks FOLDER``.

FOLDER holds recordings without clicks (WAV, FLAC, OGG, MP3), of which ten seconds each are used,
the first channel. What `tests.onsets` makes is added: rain, applause, plectra, sticks and bars, of
which the most false touches came. Each is taken as it is and, by turns, as an MP3, resampled to 48,
22.05 or 16 kHz, driven into a soft clipper, or brought to 96 kHz and sought at half of that. Each
of these is searched without clicks and with those that `tests.degradations.with_groove_clicks`
adds; as it is also with scratches, 3 to 30 a second (`with_clicks`), with few clicks that are long
and far larger than the sound, and every second recording with clicks that are up to 45 dB over it,
from one sample on.

What `candidates` finds there is fitted by log-loss (Adam, 12 rounds, batches of 512): it is a click
where it lies within half a millisecond of one that was added. What is none counts the more, the
more of the sound would go with it. Left out are candidates at edges, and those that recur with a
pitch: they are judged otherwise.

``--skip NAME...`` leaves recordings out. Printed is `weights.py`; to standard
error, for some log-odds, what is found and what is no click, of
recordings that had no part in a fit: each fourth of them is judged by the rest. Choose the least
log-odds by that, and judge new weights by ``python -m tests.benchmarks.declick`` on others still.

The present weights come from up to ten seconds each of 167 recordings (two of SQAM: violin, harp;
loops; orchestral, electronic and rock music, most of it from games; telephone prompts in two
languages; drum kits played at random; instruments of a sound font; made sounds of the kinds of
`tests.onsets`) and what `tests.onsets` makes: 347,000 candidates, 40,000 of them clicks. Chance
differs, so the numbers do not come out the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import textwrap
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio, read_audio
from resonate_nodes import encode_mp3, resample
from resonate_nodes.repair import autoregression as ar
from resonate_nodes.repair.clicks.candidates import candidates
from resonate_nodes.repair.clicks.judge import UNITS
from resonate_nodes.repair.clicks.search import Search
from resonate_nodes.repair.plausibility import recurring
from tests import degradations, onsets
from tests.benchmarks import restoration

Array = NDArray[np.float64]

# What `declick` has by default.
SEARCH = Search(threshold=12.0, longest_seconds=0.0035, max_replaced_percent=5.0)
TOLERANCE_SECONDS = 0.0005
FURTHEST = 4.0
FOLDS = 4
ODDS = (0.0, 1.0, 2.0, 3.0, 4.0)
# What is no click counts so much more for each 10 dB of it over -60 dB of the sound.
HARM = 0.5
# By how much of themselves the weights become smaller in a step, times its size.
DECAY = 0.3


class Examples(NamedTuple):
    """Candidates: their traits, which are clicks, and what each counts."""

    traits: Array
    is_click: NDArray[np.bool_]
    weights: Array


def main() -> None:
    """Print the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="recordings without clicks")
    parser.add_argument("--skip", nargs="*", default=[], help="leave these out")
    parser.add_argument("--rounds", type=int, default=12, help="over all candidates")
    asked = parser.parse_args()
    sounds = restoration.recordings(asked.folder, held_out=False)
    sounds |= restoration.recordings(asked.folder, held_out=True)
    sounds = {name: sound for name, sound in sounds.items() if name not in asked.skip}
    for name, make in onsets.SOUNDS.items():
        sounds |= {f"{name}, {rate} Hz": make(rate, 1) for rate in (22_050, 44_100)}
    found = []
    for turn, (name, sound) in enumerate(sounds.items()):
        first = sound.with_samples(sound.samples[:1])
        found.append(joined(list(examples(first, turn, zlib.crc32(name.encode())))))
        print(name, len(found[-1].traits), file=sys.stderr, flush=True)
    told = cross_validated(found, asked.rounds)
    for least in ODDS:
        print(f"log-odds over {least}: {counts(joined(found), told > least)}", file=sys.stderr)
    means, deviations, layers = fitted(joined(found), asked.rounds)
    print(weights(means, deviations, layers), end="")


def examples(sound: Audio, turn: int, seed: int) -> Iterator[Examples]:
    """Yield what is found in a sound of one channel and in one of its variants."""
    other, decimate = VARIANTS[turn % len(VARIANTS)](sound)
    for variant, half in ((sound, False), (other, decimate)):
        yield judged(variant, [], half)
        yield judged(*degradations.with_groove_clicks(variant, seed=seed), half)
    yield judged(*scratched(sound, (3, 10, 30)[turn % 3], seed), False)
    if turn % 2 == 0:
        yield judged(
            *degradations.with_groove_clicks(
                sound, per_second=4, lengths=(1, 80), levels_db=(10, 45), seed=seed + 7
            ),
            False,
        )
    # and what is alone, long and far larger than the sound
    yield judged(
        *degradations.with_groove_clicks(
            sound, per_second=0.4, lengths=(30, 150), levels_db=(10, 40), seed=seed + 11
        ),
        False,
    )


def as_mp3(sound: Audio) -> Audio:
    """Return a sound as it comes back from an MP3 of 64 kbit/s."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.mp3"
        path.write_bytes(encode_mp3(sound, bitrate_kbps=64).content)
        return read_audio(path)


def driven(sound: Audio) -> Audio:
    """Return a sound from a soft clipper."""
    peak = max(float(np.abs(sound.samples).max()), 1e-9)
    return sound.with_samples(np.tanh(3 / peak * sound.samples) * np.float32(0.98))


#: By turns: the other variant of a sound, and whether it is sought at half of its rate.
VARIANTS: tuple[Callable[[Audio], tuple[Audio, bool]], ...] = (
    lambda sound: (as_mp3(sound), False),
    lambda sound: (resample(sound, sample_rate=48_000), False),
    lambda sound: (driven(sound), False),
    lambda sound: (resample(sound, sample_rate=96_000), True),
    lambda sound: (resample(sound, sample_rate=22_050), False),
    lambda sound: (resample(sound, sample_rate=16_000), False),
)


def scratched(
    sound: Audio, per_second: float, seed: int
) -> tuple[Audio, list[degradations.GrooveClick]]:
    """Return a sound with scratches, and where they are."""
    damaged = degradations.with_clicks(sound, per_second=per_second, seed=seed)
    places = np.flatnonzero((damaged.samples != sound.samples).any(axis=0))
    parts = np.split(places, np.flatnonzero(np.diff(places) > 10) + 1)
    return damaged, [
        degradations.GrooveClick(int(part[0]), int(part[-1]) + 1, 0.0)
        for part in parts
        if len(part)
    ]


def judged(sound: Audio, clicks: list[degradations.GrooveClick], decimate: bool) -> Examples:
    """Return what is found in a sound of one channel."""
    from scipy.signal import resample_poly

    rate, factor = sound.sample_rate, 2 if decimate else 1
    tolerance = round(TOLERANCE_SECONDS * rate)
    samples = sound.samples[0].astype(np.float64)
    if decimate:
        samples = resample_poly(samples, 1, factor, padtype="symmetric")
    may_be = candidates(samples, rate // factor, ar.Blocks(len(samples), rate // factor), SEARCH)
    is_click = np.zeros(len(may_be.starts), bool)
    for click in clicks:
        is_click |= (may_be.starts * factor < click.stop + tolerance) & (
            may_be.stops * factor > click.start - tolerance
        )
    removed = np.concatenate([[0.0], np.cumsum((samples - may_be.beneath) ** 2)])
    harm = (removed[may_be.stops] - removed[may_be.starts]) / max(np.sum(samples**2), 1e-12)
    weights = 1 + HARM * np.clip(np.log10(harm * 1e6 + 1e-9), 0, 4) * ~is_click
    counts = ~may_be.at_edge & ~recurring(may_be.peaks, may_be.strengths, rate // factor)
    return Examples(may_be.traits[counts], is_click[counts], weights[counts])


def joined(parts: list[Examples]) -> Examples:
    """Return all of some examples."""
    return Examples(*(np.concatenate(one) for one in zip(*parts, strict=True)))


def cross_validated(found: list[Examples], rounds: int) -> Array:
    """Return the log-odds of all examples, each by a fit that its recording had no part in."""
    told = [np.zeros(0)] * len(found)
    for fold in range(FOLDS):
        rest = [one for turn, one in enumerate(found) if turn % FOLDS != fold]
        means, deviations, layers = fitted(joined(rest), rounds)
        for turn in range(fold, len(found), FOLDS):
            values = normal(found[turn].traits, means, deviations)
            told[turn] = forward(layers, values)[-1][:, 0]
    return np.concatenate(told)


def counts(examples: Examples, chosen: NDArray[np.bool_]) -> str:
    """Say how many clicks are found, and how much that is none."""
    clicks = np.count_nonzero(examples.is_click)
    right = np.count_nonzero(chosen & examples.is_click)
    return f"{right} of {clicks} found, {np.count_nonzero(chosen & ~examples.is_click)} are none"


def normal(traits: Array, means: Array, deviations: Array) -> Array:
    """Return traits as the network gets them."""
    return np.clip((traits - means) / deviations, -FURTHEST, FURTHEST)


def fitted(found: Examples, rounds: int) -> tuple[Array, Array, list[tuple[Array, Array]]]:
    """Return means, deviations, and the weights and biases of each layer.

    By Adam (D. P. Kingma, J. Ba, 2015), with steps that become smaller and weights that decay (I.
    Loshchilov, F. Hutter, 2019).
    """
    means, deviations = found.traits.mean(axis=0), found.traits.std(axis=0)
    values = normal(found.traits, means, deviations)
    random = np.random.default_rng(1)
    numbers = [
        random.uniform(-1, 1, shape) * np.sqrt(6 / (UNITS[layer] + UNITS[layer + 1]))
        for layer in range(len(UNITS) - 1)
        for shape in (UNITS[layer : layer + 2], UNITS[layer + 1 : layer + 2])
    ]
    first = [np.zeros_like(one) for one in numbers]
    second = [np.zeros_like(one) for one in numbers]
    batches = len(values) // 512 + 1
    step = 0
    for _ in range(rounds):
        for batch in np.array_split(random.permutation(len(values)), batches):
            rate = 0.003 * max(0.02, 1 - step / (rounds * batches))
            step += 1
            part = Examples(values[batch], found.is_click[batch], found.weights[batch])
            for index, slope in enumerate(slopes(layers_of(numbers), part)):
                first[index] += 0.1 * (slope - first[index])
                second[index] += 0.001 * (slope**2 - second[index])
                size = np.sqrt(second[index] / (1 - 0.999**step)) + 1e-8
                numbers[index] -= rate * DECAY * numbers[index]
                numbers[index] -= rate * first[index] / (1 - 0.9**step) / size
    return means, deviations, layers_of(numbers)


def slopes(layers: list[tuple[Array, Array]], found: Examples) -> list[Array]:
    """Return the gradient of the log-loss, in the order weights, biases of each layer."""
    outputs = forward(layers, found.traits)
    error = 1 / (1 + np.exp(-outputs[-1])) - found.is_click[:, None]
    error *= found.weights[:, None] / len(found.traits)
    result: list[Array] = []
    for index in range(len(layers) - 1, -1, -1):
        result[:0] = [outputs[index].T @ error, error.sum(axis=0)]
        error = error @ layers[index][0].T * (outputs[index] > 0)
    return result


def forward(layers: list[tuple[Array, Array]], values: Array) -> list[Array]:
    """Return what goes into each layer, and last the log-odds, of shape (n, 1)."""
    outputs = [values]
    for index, (weights, biases) in enumerate(layers):
        values = values @ weights + biases
        if index < len(layers) - 1:
            values = np.maximum(values, 0)
        outputs.append(values)
    return outputs


def layers_of(numbers: list[Array]) -> list[tuple[Array, Array]]:
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def constant(name: str, numbers: Array) -> str:
    """Return numbers as `weights.py` holds them."""
    text = " ".join(f"{number:.3g}" for number in numbers.ravel())
    lines = textwrap.fill(text, 96, break_on_hyphens=False)
    return f'{name} = """\n{textwrap.indent(lines, "    ")}\n"""\n'


def weights(means: Array, deviations: Array, layers: list[tuple[Array, Array]]) -> str:
    """Return the text of `weights.py`."""
    text = constant("MEANS", means) + constant("DEVIATIONS", deviations)
    for number, (slope, bias) in enumerate(layers, 1):
        text += constant(f"_WEIGHTS_{number}", slope) + constant(f"_BIASES_{number}", bias)
    pairs = ", ".join(f"(_WEIGHTS_{one}, _BIASES_{one})" for one in range(1, len(layers) + 1))
    subject = "What `judge` was fitted to: inputs in rows, units in columns."
    return f'"""{subject}"""\n\n{text}LAYERS = ({pairs})\n'


if __name__ == "__main__":
    main()
