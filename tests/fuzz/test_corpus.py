"""What once made a reader of ours fail is read or refused, and so is what is mutated briefly.

`corpus/TARGET/` holds small files that did: what a run of ``make fuzz`` leaves goes there once it
is mended. What upsets software of others is not kept.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS
from tests.roformers import require_extra

CORPUS = Path(__file__).parent / "corpus"
#: So many mutated files of each target are a second or less.
FEW = 12


@pytest.mark.parametrize(
    "file", sorted(CORPUS.glob("*/*")), ids=lambda one: str(one.relative_to(CORPUS))
)
def test_what_once_failed_is_read_or_refused(file: Path, tmp_path: Path) -> None:
    target = TARGETS[file.parent.name]
    target.try_on(Path(shutil.copy(file, tmp_path / f"case{target.suffix}")))


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_read_and_what_is_mutated_is_read_or_refused(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if name in ("config", "checkpoint"):
        require_extra(request)
    target, draw = TARGETS[name], random.Random(7)
    path = tmp_path / f"case{target.suffix}"
    seeds = list(target.seeds(tmp_path))
    for content in seeds:
        path.write_bytes(content)
        if name not in ("bag", "config"):  # a bag's models, and most configs', are not there
            target.read(path)
    for _ in range(FEW):
        path.write_bytes(target.mutated(draw.choice(seeds), draw))
        target.try_on(path)
