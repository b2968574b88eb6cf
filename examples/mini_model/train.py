"""Train `mini`: ``python -m examples.mini_model.train DATA RUN --minutes 110``.

RUN is a folder: ``last.pt`` is the latest checkpoint, ``log.jsonl`` what was measured,
``curve.png`` the learning curve. Called again, it goes on where it was; ``--minutes`` ends a piece.
It runs on a CUDA card where there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rich.progress
import torch
from demucs.hdemucs import HDemucs

from .batches import RATE, STEMS, Mixing, Songs, equalized
from .network import SETTINGS, loss, new_network, spectra
from .ratio import si_sdr_db

WARM_UP_STEPS = 100
DECAY_SHARE = 0.35
AVERAGE_STEPS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a small separation model.")
    parser.add_argument("data", type=Path, help="folder that make_data wrote")
    parser.add_argument("run", type=Path, help="folder for checkpoints and the log")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="steps in all")
    parser.add_argument("--minutes", type=float, default=120.0, help="end this piece after them")
    parser.add_argument("--every", type=float, default=5.0, help="minutes between checkpoints")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    run = Run(given.run, Recipe(steps=given.steps, seed=given.seed))
    run.go(
        Songs.read(given.data / "train"),
        Songs.read(given.data / "valid"),
        minutes=given.minutes,
        every=given.every,
    )


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, beside the songs and the number of cores.

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


class Run:
    """A training run: its network, the average of its weights, and how far it is."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder = folder
        self.recipe = recipe
        self.step = 0
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(recipe.seed)
        self.network = new_network(recipe.settings).to(self.device)
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=1.0, weight_decay=1e-2)
        folder.mkdir(parents=True, exist_ok=True)
        if self._last.exists():
            self._restore()
        self.replicas = [
            copy.deepcopy(self.network) for _ in range(workers(self.device, recipe.clips))
        ]

    def go(self, songs: Songs, held_back: Songs, *, minutes: float, every: float) -> None:
        """Take steps until all are taken or the minutes are over; keep what was reached."""
        steps = self.recipe.steps
        started = checked = time.monotonic()
        recent: list[float] = []
        with (
            _single_threads(self.device),
            _progress() as bar,
            ThreadPoolExecutor(len(self.replicas)) as pool,
        ):
            task = bar.add_task("training", total=steps, completed=self.step, loss="")
            while self.step < steps and time.monotonic() - started < 60 * minutes:
                self._set_rate(self.recipe.rate * schedule(self.step, steps))
                share = partial(self._learn_from, songs)
                recent.append(sum(pool.map(share, range(len(self.replicas)))))
                self._take_step()
                bar.update(task, completed=self.step, loss=f"{np.mean(recent[-50:]):.2f} dB")
                if time.monotonic() - checked > 60 * every:
                    self._check(held_back, recent)
                    recent, checked = [], time.monotonic()
        self._check(held_back, recent)

    def _learn_from(self, songs: Songs, worker: int) -> float:
        """Leave the gradients of a worker's share of the clips in its replica.

        A clip depends on the seed, the step and its number only, so that training which was
        interrupted goes on as it would have.
        """
        clips = self.recipe.clips
        drawn = []
        for number in range(worker, clips, len(self.replicas)):
            rng = np.random.default_rng([self.recipe.seed, self.step, number])
            clip = self.recipe.mixing.clip(songs, rng).to(self.device)
            drawn.append(equalized(spectra(clip), rng))
        replica = self.replicas[worker]
        replica.zero_grad()
        with _fast_numbers(self.device):
            value = loss(replica, torch.stack(drawn)) * len(drawn) / clips
        value.backward()
        return float(value.detach())

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

    def _check(self, held_back: Songs, recent: list[float]) -> None:
        """Measure the averaged weights, write the log and the curve, keep a checkpoint."""
        gained = improvements_db(self.average, held_back, self.recipe.settings, self.device)
        entry = {
            "step": self.step,
            "loss_db": round(float(np.mean(recent)), 3) if recent else None,
            "improvement_db": {stem: round(gained[stem], 2) for stem in STEMS},
        }
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
        rich.print(entry)
        draw_curve(self.folder)
        unfinished = self._last.with_suffix(".part")
        torch.save(
            {
                "args": [list(STEMS)],
                "kwargs": dict(self.recipe.settings),
                "state": self.average.state_dict(),
                "network": self.network.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "step": self.step,
            },
            unfinished,
        )
        unfinished.replace(self._last)

    def _restore(self) -> None:
        kept = torch.load(self._last, map_location=self.device, weights_only=True)
        self.network.load_state_dict(kept["network"])
        self.average.load_state_dict(kept["state"])
        self.optimizer.load_state_dict(kept["optimizer"])
        self.step = int(kept["step"])

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


@torch.no_grad()
def improvements_db(
    network: torch.nn.Module, songs: Songs, settings: Mapping[str, Any], device: torch.device
) -> dict[str, float]:
    """Mean SI-SDR of each stem above that of the mix, over the songs where it sounds."""
    whole = HDemucs(list(STEMS), **settings).to(device).eval()
    whole.load_state_dict(network.state_dict())
    gained: dict[str, list[float]] = {stem: [] for stem in STEMS}
    for song in songs.stems:
        stems = torch.from_numpy(song.astype(np.float32) / 32768).to(device)
        mix = stems.sum(0)
        with _fast_numbers(device):
            pieces = [whole(piece[None])[0].float() for piece in mix.split(10 * RATE, -1)]
        heard = torch.cat(pieces, -1).cpu()
        for stem, estimate, true in zip(STEMS, heard, stems.cpu(), strict=True):
            if true.abs().max() > 1e-3:
                gained[stem].append(si_sdr_db(estimate, true) - si_sdr_db(mix.cpu(), true))
    return {stem: float(np.mean(values)) for stem, values in gained.items()}


def draw_curve(folder: Path) -> None:
    """Draw what the log says to ``curve.png``."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    with (folder / "log.jsonl").open(encoding="utf-8") as log:
        entries = [json.loads(line) for line in log]
    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(8, 6), layout="constrained")
    steps = [entry["step"] for entry in entries]
    for stem in STEMS:
        above.plot(steps, [entry["improvement_db"][stem] for entry in entries], ".-", label=stem)
    above.set(ylabel="SI-SDR improvement\non validation songs, dB", ylim=(-6, None))
    above.legend()
    learned = [(one["step"], one["loss_db"]) for one in entries if one["loss_db"] is not None]
    below.plot(*zip(*learned, strict=True), ".-")
    below.set(ylabel="training error\nbelow the mix, dB", xlabel="steps")
    figure.savefig(folder / "curve.png", dpi=100)
    plt.close(figure)


def _fast_numbers(device: torch.device) -> contextlib.AbstractContextManager[Any]:
    """Half the numbers' width where the hardware multiplies them faster."""
    fast = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
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
