"""Reads files that reach ever more of our code: ``python -m tests.fuzz.guided``, as `child`.

libFuzzer chooses them (atheris, the extra ``fuzz``), from a corpus in the folder, which it adds to:
with the mutators of the format as often as with its own.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

#: Where a target's reader is: what is not followed costs no time.
_READERS = {
    "graph": "resonate_graph._graph", "subgraph": "resonate_graph._graph",
    "provenance": "resonate_graph._run.provenance", "record": "resonate_graph._store",
    "safetensors": "resonate_nodes.separation", "pickle": "resonate_nodes.separation",
    "bag": "resonate_nodes.separation", "config": "resonate_nodes.separation",
    "checkpoint": "resonate_nodes.separation", "manifest-csv": "resonate_graph._corpus",
    "manifest-jsonl": "resonate_graph._corpus", "journal": "resonate_graph._corpus",
}  # fmt: skip
_OF_SOUND = "resonate_graph._sound"

with atheris.instrument_imports(include=[_READERS.get(sys.argv[1], _OF_SOUND)]):
    from tests.fuzz.child import Trial
    from tests.fuzz.targets import TARGETS

#: The longest file that is made.
MOST_BYTES = 1 << 17


def main() -> None:
    """Have libFuzzer read files for some seconds; it ends the process."""
    target, folder = TARGETS[sys.argv[1]], Path(sys.argv[2])
    seed, seconds = sys.argv[3:]
    trial = Trial(target, folder)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for index, content in enumerate(trial.seeds):
        (corpus / f"seed-{index}").write_bytes(content)

    def another(content: bytes, most_bytes: int, seed: int) -> bytes:
        if seed % 2:
            return bytes(atheris.Mutate(content, most_bytes))
        return target.mutated(content, random.Random(seed))[:most_bytes]

    # limits are the meter's: of the processor's time, and of memory beside what the corpus takes
    options = (
        f"-max_total_time={max(round(float(seconds)), 1)}", f"-max_len={MOST_BYTES}",
        f"-seed={int(seed) or 1}", f"-artifact_prefix={folder}/ended-",
        "-timeout=100000", "-rss_limit_mb=0", "-verbosity=0",
    )  # fmt: skip
    atheris.Setup([sys.argv[0], *options, str(corpus)], trial, custom_mutator=another)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
