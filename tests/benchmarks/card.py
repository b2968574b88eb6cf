"""What is to be seen on a CUDA card, in one go: ``python -m tests.benchmarks.card [MINUTES]``.

The tests of devices and of separation, then `tests.benchmarks.cuda`, and with what is left of the
time (8 minutes, if nothing else is said) a piece of the training of a larger `mini`. Each part is
ended when its time is over, and those after it still run. ``--dry`` tries all of it where there is
no card, in as little as it takes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MINUTES = 8.0

#: The shares of the time that tests and figures may take; training takes what is left.
TESTS, FIGURES = 0.25, 0.45

TESTED = (
    "tests/engine/machine/test_devices.py",
    "tests/nodes/separation/test_placement.py",
    "tests/nodes/separation/test_rates_on_devices.py",
    "tests/nodes/separation/test_families.py",
    "tests/nodes/separation/test_scnet.py",
)


@dataclass(frozen=True)
class Part:
    """A command, and how long it may take."""

    name: str
    command: tuple[str, ...]
    seconds: float


def parts(seconds: float, folder: str, *, dry: bool) -> Iterator[Part]:
    """Yield what is to be run, in order.

    Args:
        seconds: what there is for all of it.
        folder: where songs are written to learn from.
        dry: whether it is only tried.
    """
    began = time.monotonic()
    tested = TESTED[:1] if dry else TESTED
    yield Part("tests", ("pytest", "-q", "-n", "0", *tested), TESTS * seconds)
    figures = ("--tiny",) if dry else ("60",)
    yield Part("figures", ("tests.benchmarks.cuda", *figures), FIGURES * seconds)
    songs = ("1", "--valid", "1", "--test", "1") if dry else ("24", "--valid", "2", "--test", "2")
    length = ("--seconds", "4" if dry else "30", "--jobs", "1" if dry else "8")
    made = ("examples.mini_model.make_data", f"{folder}/songs", "--train", *songs, *length)
    yield Part("songs", made, max(1.0, 0.5 * (began + seconds - time.monotonic())))
    left = max(1.0, began + seconds - time.monotonic())
    brief = ("--steps", "1", "--clips", "1")
    steps = brief if dry else ("--minutes", f"{max(0.1, left / 60 - 0.5):.2f}")
    run = (f"{folder}/songs", f"{folder}/run")
    trained = ("examples.mini_model.train", *run, "--recipe", "larger", *steps)
    yield Part("training", trained, left)


def main(arguments: Sequence[str] = ()) -> int:
    """Run all of it; return how many parts failed."""
    dry = "--dry" in arguments
    minutes = [float(one) for one in arguments if not one.startswith("-")]
    seconds = 60 * (minutes[0] if minutes else MINUTES)
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for part in parts(seconds, folder, dry=dry):
            print(f"== {part.name}: at most {part.seconds:.0f} s", flush=True)
            began = time.monotonic()
            try:
                command = [sys.executable, "-m", *part.command]
                code = subprocess.run(command, timeout=part.seconds, check=False).returncode
                ended = f"ended with {code}" if code else "done"
            except subprocess.TimeoutExpired:
                code, ended = 1, "its time was over"
            failed += bool(code)
            print(f"== {part.name}: {ended} after {time.monotonic() - began:.0f} s", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
