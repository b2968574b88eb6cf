"""Write down the sources of the stock nodes: ``python -m tests.nodes.fingerprints``.

`test_fingerprints` compares with what is written here, so that a node whose samples change does
not keep its version: results in people's stores would then be taken for those of the new source.
"""

from __future__ import annotations

import json
from pathlib import Path

from resonate_graph import Catalog

FILE = Path(__file__).with_suffix(".json")
COMMAND = "python -m tests.nodes.fingerprints"


def current() -> dict[str, dict[str, object]]:
    """Return version and fingerprint of every stock node."""
    return {
        node_type.id: {"version": node_type.version, "fingerprint": node_type.fingerprint}
        for node_type in Catalog.installed()
        if node_type.pack == ""
    }


def written() -> dict[str, dict[str, object]]:
    """Return what was written down last."""
    known: dict[str, dict[str, object]] = json.loads(FILE.read_text())
    return known


if __name__ == "__main__":
    FILE.write_text(json.dumps(current(), indent=2) + "\n")
