"""Has each target read mutated files: ``python -m tests.fuzz [MINUTES] [TARGET]...``.

``--folder`` is where each target's figures, its corpus and what ended otherwise than it should are
kept, and where a later call goes on: ``out/fuzz``. With atheris (the extra ``fuzz``) files are
chosen by what of our code they reach; without it they are mutated at random. The targets share the
minutes, a few at a time each.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.meter import Figures
from tests.fuzz.targets import TARGETS

#: A target's turn: libFuzzer's process needs some seconds before it begins.
TURN_SECONDS = 180


def main() -> int:
    """Run the targets in turn; 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("minutes", nargs="?", type=float, default=1.0)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--folder", type=Path, default=Path("out/fuzz"))
    given = parser.parse_args()
    names = given.targets or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        parser.error(f"there is no {unknown[0]}: {', '.join(TARGETS)}")
    guided = importlib.util.find_spec("atheris") is not None
    print("chosen by coverage" if guided else "mutated at random: atheris is not installed")
    end = time.monotonic() + 60 * given.minutes
    turn = min(TURN_SECONDS, 60 * given.minutes / len(names))
    found = 0
    while time.monotonic() < end - turn / 2:
        for name in names:
            found += run(name, given.folder / name, turn, guided=guided)
    print("\n".join(table(given.folder)))
    return 1 if found else 0


def run(name: str, folder: Path, seconds: float, *, guided: bool) -> bool:
    """Give a target its turn; whether it ended where it should not have."""
    folder.mkdir(parents=True, exist_ok=True)
    module = "tests.fuzz.guided" if guided else "tests.fuzz.child"
    seed = time.time_ns() % 2**31
    call = [sys.executable, "-m", module, name, str(folder), str(seed), str(seconds)]
    ended = subprocess.run(call, capture_output=True, text=True, check=False, errors="replace")
    if not ended.returncode:
        return False
    kept = folder / f"found-{seed}"
    kept.mkdir()
    for path in folder.glob("case*"):
        shutil.copy(path, kept / path.name)
    (kept / "output").write_text(f"{ended.returncode}\n{ended.stdout[-2000:]}\n{ended.stderr}")
    print(f"{name}: ended with {ended.returncode}, see {kept}", flush=True)
    return True


def table(folder: Path) -> list[str]:
    """Return the figures of all targets of a folder, as docs/guarantees.md has them."""
    lines = [
        "| target | files | files per second | longest | most memory |",
        "|---|---:|---:|---:|---:|",
    ]
    total = 0
    for name in TARGETS:
        of = Figures.read(folder / name)
        total += of.executions
        if of.executions:
            lines.append(
                f"| {name} | {of.executions:,} | {of.executions / of.seconds:,.0f} "
                f"| {of.longest_seconds:.2f} s | {of.more_bytes / 1e6:,.0f} MB |"
            )
    return [*lines, f"| all | {total:,} | | | |"]


if __name__ == "__main__":
    sys.exit(main())
