"""Has each target read mutated files: ``python -m tests.fuzz [MINUTES] [TARGET]...``.

Of what ended otherwise than it should, the file is kept in the folder that is named. The targets
share the minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS


def run(name: str, folder: Path, seed: int, seconds: float) -> tuple[dict[str, float], str]:
    """Return what a target's child says, and why it ended where it should not have."""
    folder.mkdir(parents=True, exist_ok=True)
    call = [sys.executable, "-m", "tests.fuzz.child", name, str(folder), str(seed), str(seconds)]
    ended = subprocess.run(call, capture_output=True, text=True, check=False)
    if ended.returncode:
        return {}, f"{ended.returncode}: {ended.stderr.strip()[-1500:]}"
    figures: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return figures, ""


def main() -> int:
    """Run the targets one after another; 1 if one of them failed."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    names = sys.argv[2:] or list(TARGETS)
    folder = Path(tempfile.mkdtemp(prefix="resonate-fuzz-"))
    failed = 0
    for name in names:
        place = folder / name
        figures, trouble = run(name, place, time.time_ns() % 2**31, 60 * minutes / len(names))
        if trouble:
            failed += 1
            print(f"{name}: FAILED, see {place}/case*\n{trouble}")
        else:
            print(
                f"{name}: {figures['count']:,.0f} files, the longest "
                f"{figures['longest_seconds']:.2f} s, {figures['more_bytes'] / 1e6:.0f} MB more"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
