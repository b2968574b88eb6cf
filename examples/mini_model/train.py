"""Train `mini`: ``python -m examples.mini_model.train DATA RUN --minutes 110``.

RUN is a folder: ``last.pt`` is the latest checkpoint, ``log.jsonl`` what was measured,
``curve.png`` the learning curve. Called again, it goes on where it was; ``--minutes`` ends a piece.
It takes a CUDA card where there is one (which was not tried so far).
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rich.progress
import torch
from demucs.hdemucs import HDemucs
from numpy.typing import NDArray

from .batches import RATE, STEMS, Mixing, Songs, equalized
from .log import add_to_log, draw_curve
from .network import LARGER, SETTINGS, error_db, missed, new_network, spectra
from .ratio import si_sdr_db

WARM_UP_STEPS = 100
DECAY_SHARE = 0.35
AVERAGE_STEPS = 300


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Train a small separation model.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="folder that make_data wrote")
    parser.add_argument("run", type=Path, help="folder for checkpoints and the log")
    parser.add_argument(
        "--recipe", choices=RECIPES, default="mini", help="how large; 'larger' is for a card"
    )
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="steps in all")
    parser.add_argument("--clips", type=int, help="heard in a step; the recipe says how many")
    parser.add_argument("--minutes", type=float, default=120.0, help="end this piece after them")
    parser.add_argument("--every", type=float, default=5.0, help="minutes between checkpoints")
    parser.add_argument("--seed", type=int, default=Recipe.seed, help="of weights and clips")
    given = parser.parse_args()
    if given.steps < 1:
        parser.error("--steps is 1 or more")
    recipe = RECIPES[given.recipe]
    clips = recipe.clips if given.clips is None else given.clips
    if clips < 1:
        parser.error("--clips is 1 or more")
    run = Run(given.run, replace(recipe, steps=given.steps, seed=given.seed, clips=clips))
    if run.is_over:
        raise SystemExit(f"{given.run}: all {given.steps} steps are taken")
    held_back = Songs.read(given.data / "valid")
    songs = Songs.read(given.data / "train")
    try:
        run.go(songs, held_back, minutes=given.minutes, every=given.every)
    except KeyboardInterrupt:
        raise SystemExit("interrupted: the same command goes on from the last checkpoint") from None


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, beside the songs.

    Attributes:
        steps: how many there are in all.
        clips: heard in a step.
        rate: the learning rate at its highest.
        seed: of the first weights and the clips.
        mixing: how clips are drawn.
        settings: of the network.
    """

    steps: int = 11_700
    clips: int = 4
    rate: float = 1.5e-3
    seed: int = 0
    mixing: Mixing = field(default_factory=Mixing)
    settings: Mapping[str, Any] = field(default_factory=lambda: SETTINGS)

    @property
    def numbers(self) -> dict[str, float]:
        """What a run may not change on its way."""
        return {name: getattr(self, name) for name in ("steps", "clips", "rate", "seed")}


#: `mini`, and a larger one, for a card: no model was made by it so far.
RECIPES: Mapping[str, Recipe] = {"mini": Recipe(), "larger": Recipe(clips=16, settings=LARGER)}


class Run:
    """A training run: its network, the average of its weights, and how far it is.

    Args:
        folder: where its checkpoint and its log are; made if it is not there.
        recipe: how to train.
        device: where; None for a CUDA card if there is one, else the CPU.

    Raises:
        SystemExit: the folder cannot be one, or holds another run.
    """

    def __init__(self, folder: Path, recipe: Recipe, device: torch.device | None = None) -> None:
        self.folder = folder
        self.recipe = recipe
        self.step = 0
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(recipe.seed)
        self.network = new_network(recipe.settings).to(self.device)
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1.0, weight_decay=1e-2)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SystemExit(f"{folder}: no folder for a run: {error.strerror}") from None
        if self._last.exists():
            self._restore()
        self.replicas = [
            copy.deepcopy(self.network) for _ in range(workers(self.device, recipe.clips))
        ]

    @property
    def is_over(self) -> bool:
        """Whether all steps are taken."""
        return self.step >= self.recipe.steps

    def go(self, songs: Songs, held_back: Songs, *, minutes: float, every: float) -> None:
        """Take steps until all are taken or the minutes are over; keep what was reached.

        Raises:
            SystemExit: a song is too short.
        """
        songs.require(self.recipe.mixing.frames_needed)
        started = checked = time.monotonic()
        recent: list[float] = []
        with (
            _single_threads(self.device),
            _progress() as bar,
            ThreadPoolExecutor(len(self.replicas)) as pool,
        ):
            task = bar.add_task("training", total=self.recipe.steps, completed=self.step, loss="")
            while not self.is_over and time.monotonic() - started < 60 * minutes:
                self._set_rate(self.recipe.rate * schedule(self.step, self.recipe.steps))
                recent.append(self._learn(songs, pool))
                self._take_step()
                bar.update(task, completed=self.step, loss=f"{np.mean(recent[-50:]):.2f} dB")
                if time.monotonic() - checked > 60 * every:
                    self._check(held_back, recent, pool)
                    recent, checked = [], time.monotonic()
            if recent:
                self._check(held_back, recent, pool)

    def _learn(self, songs: Songs, pool: Executor) -> float:
        """Leave the gradients of a step's error in the replicas; return the error in dB.

        The error is of all clips together, however many workers there are: each finds what it
        missed, and then is told how much that counts.
        """
        heard = list(pool.map(partial(self._hear, songs), range(len(self.replicas))))
        shares = torch.cat([share.detach() for share in heard]).requires_grad_()
        error = error_db(shares)
        (slopes,) = torch.autograd.grad(error, shares)
        counts = [len(share) for share in heard]
        list(pool.map(torch.Tensor.backward, heard, slopes.split(counts)))
        return float(error.detach())

    def _hear(self, songs: Songs, worker: int) -> torch.Tensor:
        """What a worker's replica misses of its share of the clips: (clips, stems).

        A clip depends on the seed, the step and its number only, so that training which was
        interrupted goes on as it would have.
        """
        drawn = []
        for number in range(worker, self.recipe.clips, len(self.replicas)):
            rng = np.random.default_rng([self.recipe.seed, self.step, number])
            clip = self.recipe.mixing.clip(songs, rng).to(self.device)
            drawn.append(equalized(spectra(clip), rng))
        replica = self.replicas[worker]
        replica.zero_grad()
        with _fast_numbers(self.device):
            return missed(replica, torch.stack(drawn))

    def _set_rate(self, rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def _take_step(self) -> None:
        """Take the sum of the workers' gradients; workers and average follow the network."""
        weight = 1 / min(AVERAGE_STEPS, 1 + self.step / 5)
        others = [list(replica.parameters()) for replica in self.replicas]
        parameters = list(self.network.parameters())
        for parameter, *copies in zip(parameters, *others, strict=True):
            parameter.grad = torch.stack([copied.grad for copied in copies]).sum(0)
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        self.optimizer.step()
        self.step += 1
        for parameter, mean, *copies in zip(
            parameters, self.average.parameters(), *others, strict=True
        ):
            mean.lerp_(parameter, weight)
            for copied in copies:
                copied.copy_(parameter)

    def _check(self, held_back: Songs, recent: list[float], pool: Executor) -> None:
        """Keep a checkpoint, measure the averaged weights, write the log and the curve."""
        unfinished = self._last.with_suffix(".part")
        torch.save(
            {
                "args": [list(STEMS)],
                "kwargs": dict(self.recipe.settings),
                "state": self.average.state_dict(),
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
                "recipe": self.recipe.numbers,
            },
            unfinished,
        )
        unfinished.replace(self._last)
        gained = improvements_db(self.average, held_back, self.recipe.settings, self.device, pool)
        entry = {
            "step": self.step,
            "loss_db": round(float(np.mean(recent)), 3),
            "improvement_db": {stem: round(gain, 2) for stem, gain in gained.items()},
        }
        rich.print(entry)
        add_to_log(self.folder, entry)
        draw_curve(self.folder)

    def _restore(self) -> None:
        try:
            kept = torch.load(self._last, map_location=self.device, weights_only=True)
            self.network.load_state_dict(kept["network"])
            self.average.load_state_dict(kept["state"])
            self.optimizer.load_state_dict(kept["optimizer"])
            self.step = int(kept["step"])
            begun = kept["recipe"]
        except Exception as error:  # whatever a file that is none leads to
            reason = (str(error).splitlines() or [""])[0]
            raise SystemExit(
                f"{self._last}: no checkpoint of this network ({type(error).__name__}: {reason}); "
                "remove it, or name another folder for the run"
            ) from None
        if begun != self.recipe.numbers:
            others = ", ".join(
                f"{name} {begun.get(name)}, not {value}"
                for name, value in self.recipe.numbers.items()
                if begun.get(name) != value
            )
            raise SystemExit(
                f"{self._last}: that run was begun with {others}; go on with the same, or name "
                "another folder for the run"
            )

    @property
    def _last(self) -> Path:
        return self.folder / "last.pt"


def workers(device: torch.device, clips: int) -> int:
    """How many threads learn side by side: one for each core, or one with a card.

    A core on its own is never kept waiting; two that share each small product, as an LSTM's, mostly
    wait for each other.
    """
    return min(torch.get_num_threads(), clips) if device.type == "cpu" else 1


def schedule(step: int, steps: int) -> float:
    """The learning rate's share: up, level, and down to nothing at the end."""
    decay = DECAY_SHARE * steps
    return min(1.0, (step + 1) / WARM_UP_STEPS, max(0.0, (steps - step) / decay))


def improvements_db(
    network: torch.nn.Module,
    songs: Songs,
    settings: Mapping[str, Any],
    device: torch.device,
    pool: Executor,
) -> dict[str, float]:
    """Mean SI-SDR of each stem above that of the mix, over the songs where it sounds."""
    whole = HDemucs(list(STEMS), **settings).to(device).eval()
    whole.load_state_dict(network.state_dict())

    @torch.no_grad()
    def measured(song: NDArray[np.int16]) -> dict[str, float]:
        stems = torch.from_numpy(song.astype(np.float32) / 32768).to(device)
        mix = stems.sum(0)
        with _fast_numbers(device):
            pieces = [whole(piece[None])[0].float() for piece in mix.split(10 * RATE, -1)]
        heard = torch.cat(pieces, -1).cpu()
        return {
            stem: si_sdr_db(estimate, true) - si_sdr_db(mix.cpu(), true)
            for stem, estimate, true in zip(STEMS, heard, stems.cpu(), strict=True)
            if true.abs().max() > 1e-3
        }

    found = list(pool.map(measured, songs.stems))
    return {
        stem: float(np.mean(gains))
        for stem in STEMS
        if (gains := [one[stem] for one in found if stem in one])
    }


def _fast_numbers(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Half the numbers' width where the hardware multiplies them faster."""
    has_products = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    fast = device.type == "cuda" or has_products()
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)


@contextlib.contextmanager
def _single_threads(device: torch.device) -> Iterator[None]:
    """On a CPU, let each thread compute alone; afterwards as before."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _progress() -> rich.progress.Progress:
    columns = rich.progress.Progress.get_default_columns()
    return rich.progress.Progress(
        *columns, rich.progress.MofNCompleteColumn(), "{task.fields[loss]}"
    )


if __name__ == "__main__":
    main()
