"""The weights of `click_judge`, fitted anew: ``python -m tests.benchmarks.fit_clicks FOLDER``.

FOLDER holds recordings without clicks (WAV, FLAC, OGG, MP3), of which ten seconds each are used.
Each is taken as it is, resampled to 48 kHz, driven into a soft clipper, and brought to 96 kHz and
sought at half of that; without clicks, and with those that `tests.degradations.with_groove_clicks`
adds, once more with others. What `candidates` finds there is fitted by log-loss (Adam, 22 rounds,
batches of 512, an L2 penalty): it is a click where it lies within half a millisecond of one that
was added. Left out are candidates at edges, and those that recur with a pitch: they are judged
otherwise.

``--often NAME...`` counts what is no click in these recordings twice, ``--skip NAME...`` leaves
some out. Printed are the constants that belong into `click_judge.py`; to standard error, how many
candidates there were and what log-odds of 1.8 do, the threshold there. Judge new weights by
``python -m tests.benchmarks.declick`` on other recordings than these.

The present weights come from eight seconds each of 22 recordings: two of SQAM (violin, harp), six
loops (a break, tabla, guitar, choir, an industrial one, percussion), the bundled one, two stretches
of a rock song, two of metal, eight of orchestral music for games, telephone prompts; left out was a
loop that is made of glitches. What is no click counted twice in the bundled one, one of metal, one
of the rock song, the percussion and the tabla, and four times in the break: they had the most false
touches. They were fitted by scikit-learn's MLPClassifier in the way that is written out here.
Chance and rounding differ, so the numbers do not come out the same.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio
from resonate_nodes import resample
from resonate_nodes.repair import autoregression as ar
from resonate_nodes.repair.click_evidence import candidates
from resonate_nodes.repair.click_search import Search
from resonate_nodes.repair.plausibility import recurring
from tests import degradations
from tests.benchmarks import restoration

Array = NDArray[np.float64]

# What `declick` has by default.
SEARCH = Search(threshold=12.0, longest_seconds=0.0035, max_replaced_percent=5.0)
TOLERANCE_SECONDS = 0.0005
UNITS = (18, 24, 12, 1)
FURTHEST = 4.0
LEAST_ODDS = 1.8


def main() -> None:
    """Print the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="recordings without clicks")
    parser.add_argument("--often", nargs="*", default=[], help="count these twice")
    parser.add_argument("--skip", nargs="*", default=[], help="leave these out")
    parser.add_argument("--rounds", type=int, default=22, help="over all candidates")
    asked = parser.parse_args()
    sounds = restoration.recordings(asked.folder, held_out=False)
    sounds |= restoration.recordings(asked.folder, held_out=True)
    found = []
    for name, sound in sounds.items():
        if name not in asked.skip:
            for traits, is_click in examples(sound, zlib.crc32(name.encode())):
                found.append((traits, is_click))
                if name in asked.often:
                    found.append((traits[~is_click], is_click[~is_click]))
            print(name, file=sys.stderr, flush=True)
    traits = np.concatenate([one for one, _ in found])
    is_click = np.concatenate([one for _, one in found])
    means, deviations = traits.mean(axis=0), traits.std(axis=0)
    values = np.clip((traits - means) / deviations, -FURTHEST, FURTHEST)
    layers = fitted(values, is_click, asked.rounds)
    chosen = forward(layers, values)[-1][:, 0] > LEAST_ODDS
    print(
        f"{len(traits)} candidates, {np.count_nonzero(is_click)} clicks; "
        f"{np.count_nonzero(chosen & is_click)} found, "
        f"{np.count_nonzero(chosen & ~is_click)} that are none",
        file=sys.stderr,
    )
    print(constant("MEANS", means) + constant("DEVIATIONS", deviations), end="")
    for number, (weights, biases) in enumerate(layers, 1):
        print(constant(f"WEIGHTS_{number}", weights) + constant(f"BIASES_{number}", biases), end="")


def examples(sound: Audio, seed: int) -> Iterator[tuple[Array, NDArray[np.bool_]]]:
    """Yield the traits of candidates, and which are clicks, of each channel of each variant."""
    peak = max(float(np.abs(sound.samples).max()), 1e-9)
    driven = sound.with_samples(np.tanh(3 / peak * sound.samples) * np.float32(0.98))
    twice = resample(sound, sample_rate=96_000)
    for variant, decimate in (
        (sound, False), (resample(sound, sample_rate=48_000), False), (driven, False), (twice, True)
    ):  # fmt: skip
        yield from judged(variant, [], decimate)
        yield from judged(*degradations.with_groove_clicks(variant, seed=seed), decimate)
    yield from judged(*degradations.with_groove_clicks(sound, seed=seed + 7), False)


def judged(
    sound: Audio, clicks: list[degradations.GrooveClick], decimate: bool
) -> Iterator[tuple[Array, NDArray[np.bool_]]]:
    """Yield the traits of candidates, and which are clicks, of each channel."""
    from scipy.signal import resample_poly

    rate, factor = sound.sample_rate, 2 if decimate else 1
    tolerance = round(TOLERANCE_SECONDS * rate)
    for channel in sound.samples.astype(np.float64):
        samples = resample_poly(channel, 1, factor, padtype="symmetric")
        blocks = ar.Blocks(len(samples), rate // factor)
        may_be = candidates(samples, rate // factor, blocks, SEARCH)
        is_click = np.zeros(len(may_be.starts), bool)
        for click in clicks:
            is_click |= (may_be.starts * factor < click.stop + tolerance) & (
                may_be.stops * factor > click.start - tolerance
            )
        counts = ~may_be.at_edge & ~recurring(may_be.peaks, may_be.strengths, rate // factor)
        yield may_be.traits[counts], is_click[counts]


def fitted(values: Array, is_click: NDArray[np.bool_], rounds: int) -> list[tuple[Array, Array]]:
    """Return the weights and biases of each layer, by Adam (D. P. Kingma, J. Ba, 2015)."""
    random = np.random.default_rng(1)
    numbers = [
        random.uniform(-1, 1, shape) * np.sqrt(6 / (UNITS[layer] + UNITS[layer + 1]))
        for layer in range(len(UNITS) - 1)
        for shape in (UNITS[layer : layer + 2], UNITS[layer + 1 : layer + 2])
    ]
    first = [np.zeros_like(one) for one in numbers]
    second = [np.zeros_like(one) for one in numbers]
    step = 0
    for _ in range(rounds):
        for batch in np.array_split(random.permutation(len(values)), len(values) // 512 + 1):
            step += 1
            for index, slope in enumerate(
                slopes(layers_of(numbers), values[batch], is_click[batch])
            ):
                first[index] += 0.1 * (slope - first[index])
                second[index] += 0.001 * (slope**2 - second[index])
                size = np.sqrt(second[index] / (1 - 0.999**step)) + 1e-8
                numbers[index] -= 0.003 * first[index] / (1 - 0.9**step) / size
    return layers_of(numbers)


def slopes(
    layers: list[tuple[Array, Array]], values: Array, is_click: NDArray[np.bool_]
) -> list[Array]:
    """Return the gradient of the log-loss, in the order weights, biases of each layer."""
    outputs = forward(layers, values)
    error = (1 / (1 + np.exp(-outputs[-1])) - is_click[:, None]) / len(values)
    result: list[Array] = []
    for index in range(len(layers) - 1, -1, -1):
        weights = layers[index][0]
        result[:0] = [outputs[index].T @ error + 3e-3 / len(values) * weights, error.sum(axis=0)]
        error = error @ weights.T * (outputs[index] > 0)
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
    """Return numbers as `click_judge` holds them."""
    text = " ".join(f"{number:.4g}" for number in numbers.ravel())
    lines = textwrap.fill(text, 96, break_on_hyphens=False)
    return f'_{name} = """\n{textwrap.indent(lines, "    ")}\n"""\n'


if __name__ == "__main__":
    main()
