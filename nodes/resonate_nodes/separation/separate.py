"""Separation: stems with Demucs and other models.

S. Rouard, F. Massa, A. Défossez: *Hybrid Transformers for Music Source Separation* (2022).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from resonate_graph import (
    Audio,
    AudioWriter,
    Avoid,
    Cost,
    MissingModelError,
    ModelError,
    ParamError,
    Preparation,
    RunContext,
    accelerated,
    node,
)

from ..space.rate import converted, require_rate
from ..space.sinc import Sinc, fits
from . import ensembles, models
from .numerics import (
    BY_TORCHAUDIO,
    Precision,
    bf16_speed,
    numerics_of,
    require_precision,
    warning_of,
)
from .overlap_add import Read, reading
from .placement import Placement
from .separator import Separator

_PAIR = 2
_BLOCK_FRAMES = 1 << 18

#: Raise it whenever what a separation remembers of itself means something else.
_LAYOUT = 1

#: Hybrid models that MPS takes 9 to 14 times as long for as the CPU.
SLOW_ON_MPS = Avoid(
    "mps", "9 to 14 times slower there than on the CPU", {"model": ("hdemucs_mmi", "repro_mdx_a")}
)


class Stems(NamedTuple):
    """The stems of a mix. A model has four of them, or all six."""

    drums: Audio
    bass: Audio
    other: Audio
    vocals: Audio
    guitar: Audio
    piano: Audio


def prepare_model(question: Preparation) -> Mapping[str, Any]:
    """Return what the model is on disk; refuse stems it does not have."""
    name = question.params["model"]
    try:
        files = models.find(name, question.models, fetch=question.fetch)
    except MissingModelError as error:
        if question.fetch:
            error.instead = tuple(filter(partial(_would_do, question), error.instead))
            raise
        if name in models.HUB:
            _require_stems(name, models.HUB[name].stems, question.wanted)
        else:
            question.warn(str(error), "model")
        return {"weights": None}
    for family in files.families:
        family.require_installed(name)
    _require_stems(name, files.stems, question.wanted)
    if question.verify:
        models.verify(files)
    decides = {
        "weights": list(files.digests),
        "shares": files.weights,
        "segment_seconds": list(files.segments) if files.ensemble else files.segment_seconds,
    }
    libraries = {k: v for family in files.families for k, v in family.versions.items()}
    return {**decides, "libraries": libraries} if libraries else decides


def stems_besides(question: Preparation) -> frozenset[str]:
    """Return the stems that the sub-models give which run for the wanted ones."""
    files = models.find(question.params["model"], question.models, fetch=False)
    matrix = files.shares
    models_of = {
        stem: {number for number, row in enumerate(matrix) if row[column]}
        for column, stem in enumerate(files.stems)
    }
    running = set[int]().union(*(models_of.get(stem, ()) for stem in question.wanted))
    return frozenset(stem for stem, needed in models_of.items() if needed and needed <= running)


def _would_do(question: Preparation, name: str) -> bool:
    """Whether a model that is here has the stems that are wanted."""
    try:
        return question.wanted <= set(models.find(name, question.models, fetch=False).stems)
    except ModelError:
        return False


def _require_stems(model: str, stems: Sequence[str], wanted: frozenset[str]) -> None:
    if missing := sorted(wanted - set(stems)):
        raise ParamError(
            f"model {model!r} has no stem {', '.join(map(repr, missing))}; it has: "
            f"{', '.join(stems)}",
            param="model",
        )


@node(
    version=3,
    device=accelerated,
    uses=("demucs", "torch", "soxr"),
    prepare=prepare_model,
    numerics=numerics_of,
    able=require_precision,
    cost=Cost(
        seconds_per_second=1.0,
        seconds=3.0,
        threads="all",
        bytes_per_input_byte=2.0,
        bytes=1_500_000_000,
    ),
    avoid=[SLOW_ON_MPS],
    besides=stems_besides,
    models=models.known,
)
def separate(
    ctx: RunContext,
    mix: Audio,
    *,
    model: Annotated[
        str, Field(pattern=ensembles.PATTERN, max_length=400, examples=[*models.HUB, "mini"])
    ] = "htdemucs",
    overlap: Annotated[float, Field(ge=0, le=0.99)] = 0.25,
    shifts: Annotated[int, Field(ge=0, le=100)] = 0,
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0,
    precision: Precision = "fp32",
) -> Stems:
    """Separate a mix into stems.

    By models of Demucs, by SCNet and, with the extra ``models``, by BS-RoFormer, Mel-Band RoFormer
    and MDX23C; by several at once, each for its stems. Only stems that somebody uses are computed:
    of a bag like ``htdemucs_ft``, whose sub-models each know one stem, only the sub-models of those
    stems run. Where these give other stems as well, as a single model does, they are kept for later
    too. Models work at 44.1 kHz in stereo, unless their config says another rate; a mix at another
    rate is converted and its stems come back at its own rate and exact length: by soxr, or on an
    accelerator by torchaudio as `resample` has it, which is another result (other samples above
    19 kHz). Channels go through in pairs (1-2, 3-4, ...), each pair as a stereo mix of its own; a
    channel that is left over, and a mono mix, goes in as both sides and comes back as their mean.
    Silence gives silent stems. What a pair has of an offset (the mean of both sides) is in the stem
    ``other`` of a model of Demucs, and in none where it has no such stem; Demucs itself adds it to
    each. An offset of one side alone half goes through the model: `remove_dc` takes it before.

    Args:
        ctx: filled in by the engine.
        mix: the mix, at any rate, length and channel count.
        model: ``htdemucs``, ``htdemucs_ft`` (four models, finer and slower), ``htdemucs_6s``
            (also guitar and piano), ``mini`` (small and installed with this package: for first
            runs, tests and previews), the name of a model in your models folder, or an ensemble:
            ``vocals:bs_roformer+drums,bass,other:htdemucs_ft`` takes each stem from the model
            before which it stands, and ``vocals:3*one+vocals:other`` averages two, of which the
            first counts three times as much.
        overlap: how much neighbouring segments overlap, as a ratio.
        shifts: average over this many random shifts of up to half a second; 0 for none. Each
            costs a whole separation.
        seed: of the shifts; the same seed gives the same samples.
        precision: of matrix products: ``fp32``; ``bf16`` or ``fp16`` on a CUDA card; ``bf16`` on a
            processor that multiplies it (AMX, AVX512-BF16), of which not all are faster with it.

    Returns:
        The stems. They do not add up to the mix exactly; `residual` gives what is left over.

    Raises:
        ModelError: the weights are not to be had, damaged, or not trusted.
        ParamError: the model has no such stem.
        NodeError: the device does not compute in this precision.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio
        >>> mix = Audio(0.1 * np.sin(np.arange(44100) / 50), 44100)
        >>> separate(mix, model="mini").bass
        Audio(1 ch, 44100 frames, 44100 Hz, 1.000 s)
    """
    files = models.find(model, ctx.models, fetch=True)
    names = [name for name in files.stems if name in ctx.wanted | ctx.besides]
    placement = Placement(
        ctx.device,
        precision=precision,
        numerics=ctx.numerics,
        fell=lambda message: ctx.warn("device-fallback", message),
    )
    if precision == "bf16" and ctx.device == "cpu" and (slower := warning_of(bf16_speed())):
        ctx.warn("slow-precision", slower)
    separator = Separator(
        files,
        names,
        overlap=overlap,
        shifts=shifts,
        seed=seed,
        placement=placement,
        threads=ctx.threads,
    )
    separation = _Separation(ctx, separator, mix)
    stems = separation.stems()
    ctx.device = separator.device
    ctx.note(model=model, device=ctx.device, segments=separation.segments)
    return ctx.outputs(Stems, stems, why=f"model {model!r} has {', '.join(files.stems)}")


class _Separation:
    """One mix on its way through a model, two channels at a time, at the model's rate.

    What is finished lies in the workspace, where another process finds it if this one is killed.
    """

    def __init__(self, ctx: RunContext, separator: Separator, mix: Audio) -> None:
        self._ctx = ctx
        self._separator = separator
        self._mix = mix
        self._rate = separator.sample_rate
        self._frames = max(1, round(mix.frames * self._rate / mix.sample_rate))
        self._starts = [
            first
            for first in range(0, mix.channels, _PAIR)
            if np.any(mix.samples[first : first + _PAIR])
        ]
        self._writers = self._new_writers()

    @property
    def segments(self) -> int:
        """How many segments go through models, those of shifts and of other models included."""
        return len(self._starts) * self._separator.steps(self._frames)

    def stems(self) -> dict[str, Audio]:
        """Return the stems, at the mix's rate, length and channel count."""
        per_pair = self._separator.steps(self._frames)
        pair, done, state = self._resumed()
        counted = pair * per_pair + done
        total = self.segments
        self._ctx.progress(counted, total)

        def step() -> None:
            nonlocal counted
            counted += 1
            self._ctx.progress(counted, total)

        for number in range(pair, len(self._starts)):
            self._separator.separate(
                self._at_rate(self._starts[number]),
                self._frames,
                partial(self._write, number),
                step,
                begin=(done, state),
                checkpoint=partial(self._save, number),
            )
            done, state = 0, {}
        return {name: self._assembled(name) for name in self._separator.stems}

    def _at_rate(self, first: int) -> Read:
        """Return how to read two channels at the model's rate.

        The last of an odd count stands on both.
        """
        mix = self._mix
        pair = mix.samples[first : first + _PAIR]
        read = reading(pair)
        if mix.sample_rate != self._rate:
            writer = self._ctx.workspace.writer(f"mix-{first}", len(pair), self._rate, self._frames)
            blocks = _blocks([read], mix.frames)
            parts = self._converted(blocks, len(pair), mix.sample_rate, self._rate, self._frames)
            for part in parts:
                writer.write(part)
            read = writer.read
        return lambda start, stop: np.broadcast_to(read(start, stop), (_PAIR, stop - start))

    def _write(self, number: int, block: NDArray[np.float32]) -> None:
        for writer, part in zip(self._writers[number], block, strict=True):
            writer.write(part)

    def _assembled(self, name: str) -> Audio:
        """Return a stem: what was written, if that is all there is to it."""
        mix, column = self._mix, self._separator.stems.index(name)
        estimates = [writers[column] for writers in self._writers]
        if mix.channels == _PAIR and mix.sample_rate == self._rate and estimates:
            return estimates[0].finish()
        if not estimates:
            return mix.with_samples(np.zeros(mix.samples.shape, np.float32))
        writer = self._ctx.workspace.writer(
            name, mix.channels, mix.sample_rate, mix.frames, mix.layout
        )
        channels = _PAIR * len(estimates)
        blocks = _blocks([estimate.read for estimate in estimates], self._frames)
        for part in self._converted(blocks, channels, self._rate, mix.sample_rate, mix.frames):
            writer.write(self._in_place(part))
        return writer.finish()

    def _converted(
        self,
        blocks: Iterator[NDArray[np.float32]],
        channels: int,
        rate: int,
        new_rate: int,
        frames: int,
    ) -> Iterator[NDArray[np.float32]]:
        """Yield blocks at another rate: converted where the models compute, or by soxr."""
        by_torchaudio = self._ctx.numerics.startswith(BY_TORCHAUDIO)
        if rate == new_rate or not by_torchaudio or not fits(rate, new_rate):
            return converted(blocks, channels, rate, new_rate, frames)
        require_rate(self._mix.sample_rate)
        sinc = Sinc(
            rate,
            new_rate,
            self._separator.device,
            fell=lambda message: self._ctx.warn("device-fallback", message),
        )
        return sinc.converted(blocks, channels, frames)

    def _in_place(self, part: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the channels of the mix, given those of the pairs that went through."""
        placed = np.zeros((self._mix.channels, part.shape[1]), np.float32)
        for number, first in enumerate(self._starts):
            pair = part[_PAIR * number : _PAIR * (number + 1)]
            alone = self._mix.channels - first == 1
            placed[first : first + _PAIR] = pair.mean(axis=0) if alone else pair
        return placed

    # -- going on where another process was killed ------------------------------------------------

    def _new_writers(self) -> list[list[AudioWriter]]:
        # where a pair is all there is, its file is the stem's
        layout = self._mix.layout if self._mix.channels == _PAIR else None
        return [
            [
                self._ctx.workspace.writer(
                    f"{name}-{first}", _PAIR, self._rate, self._frames, layout
                )
                for name in self._separator.stems
            ]
            for first in self._starts
        ]

    def _save(self, number: int, done: int, state: Mapping[str, NDArray[np.float32]]) -> None:
        positions = [writer.position for writers in self._writers for writer in writers]
        plain = {
            "layout": [_LAYOUT, self._separator.order],
            "stems": self._separator.stems,
            "pair": number,
            "done": done,
            "positions": positions,
        }
        self._ctx.workspace.save(plain, state)

    def _resumed(self) -> tuple[int, int, Mapping[str, NDArray[np.float32]]]:
        """Return the pair, its finished segments and the arrays to go on with."""
        found = self._ctx.workspace.load()
        if found is None:
            return 0, 0, {}
        plain, state = found
        writers = [writer for writers in self._writers for writer in writers]
        fits = (
            plain.get("layout") == [_LAYOUT, self._separator.order]
            and plain["stems"] == list(self._separator.stems)
            and len(plain["positions"]) == len(writers)
            and self._separator.accepts(self._frames, plain["done"], state)
        )
        if not fits:
            return 0, 0, {}
        positions = zip(writers, plain["positions"], strict=True)
        resume = self._ctx.workspace.resume
        if not all(resume(writer, position) for writer, position in positions):
            for writer in writers:
                writer.discard()
            self._writers = self._new_writers()
            return 0, 0, {}
        return plain["pair"], plain["done"], state


def _blocks(sounds: Sequence[Read], frames: int) -> Iterator[NDArray[np.float32]]:
    """Yield the channels of sounds of one length together, block by block."""
    for start in range(0, frames, _BLOCK_FRAMES):
        stop = min(start + _BLOCK_FRAMES, frames)
        yield np.concatenate([read(start, stop) for read in sounds])
