"""The table of `make bench`: ``python -m tests.benchmarks [NAME ...] [--json F] [--before F]``.

Without a name the quick ones are run (a few minutes), and make one table. By name any module of
this folder is run, the slow ones too: those that make rows join the table, the others print tables
of their own before it.

``--json`` writes the table, too; ``--before`` puts one that was written so, of an earlier commit
on the same machine, beside it: compare what stands for both on its first lines, machine and load.
"""

from __future__ import annotations

import argparse
import runpy
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from tests.benchmarks import engine, store
from tests.benchmarks.table import Earlier, Row, text, written

#: What makes rows.
QUICK: Mapping[str, Callable[[], Iterable[Row]]] = {"engine": engine.rows, "store": store.rows}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="modules; the quick ones if none")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table here, too")
    parser.add_argument("--before", type=Path, metavar="FILE", help="a table that was written so")
    given = parser.parse_args()
    earlier = None
    try:  # now, not after minutes
        if given.before is not None:
            earlier = Earlier.read(given.before)
        if given.json is not None:
            given.json.touch()
    except (OSError, ValueError) as error:
        parser.error(str(error))
    rows: list[Row] = []
    for name in given.names or QUICK:
        if name in QUICK:
            rows += QUICK[name]()
        else:
            runpy.run_module(f"tests.benchmarks.{name}", run_name="__main__", alter_sys=True)
    if earlier is not None:
        rows = list(earlier.beside(rows))
    if given.json is not None:
        written(rows, given.json)
    if rows:
        print(text(rows, earlier))


if __name__ == "__main__":
    main()
