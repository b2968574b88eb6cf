"""apache-hamilton's time for a chain: ``python -m tests.benchmarks.hamilton_chain NODES ROUNDS``.

It runs in a process of its own, of a Python that has it (``HAMILTON_PYTHON``, else this one), so
that neither library has the other's objects to collect. Printed are, as JSON, microseconds of the
processor for a node: building its driver and executing it once, and executing it again.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType


class Sound:
    """What goes through the chain."""


def measured(nodes: int, rounds: int) -> dict[str, float]:
    """Return what it takes in a process of its own; nothing where it is not installed."""
    python = os.environ.get("HAMILTON_PYTHON", sys.executable)
    command = [python, __file__, str(nodes), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {}
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(nodes: int, rounds: int) -> None:
    """Print what it takes."""
    driver = import_module("hamilton.driver")
    module = ModuleType("hamilton_chain_of_steps")
    lines = [f"def n{i}(n{i - 1}: Sound) -> Sound: return n{i - 1}" for i in range(1, nodes)]
    text = "\n".join(["def n0(sound: Sound) -> Sound: return sound", *lines])
    vars(module)["Sound"] = Sound
    exec(compile(text, module.__name__, "exec", dont_inherit=True), vars(module))
    del vars(module)["Sound"]
    for value in vars(module).values():
        if isinstance(value, FunctionType):
            value.__module__ = module.__name__
    sys.modules[module.__name__] = module  # where hamilton looks what is a module's own

    def build() -> Callable[[], object]:
        made = driver.Builder().with_modules(module).build()
        return lambda: made.execute([f"n{nodes - 1}"], inputs={"sound": Sound()})

    execute = build()

    def first() -> object:
        return build()()

    calls: dict[str, Callable[[], object]] = {"first": first, "again": execute}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            times[name].append(time.process_time() - start)
    print(
        json.dumps({name: statistics.median(one) / nodes * 1e6 for name, one in times.items()}),
        file=sys.stdout,
    )


if __name__ == "__main__":
    sys.path.remove(str(Path(__file__).parent))  # its modules are none of hamilton's
    main(int(sys.argv[1]), int(sys.argv[2]))
