from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.depth import thorough

pytestmark = thorough

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "typing_cases"
REJECTED = sorted(path.stem for path in CASES.glob("*.py") if path.stem != "accepted")
#: Libraries behind the signatures: to read their types would take most of the time.
UNREAD = ["demucs", "huggingface_hub", "librosa", "matplotlib", "mutagen", "networkx", "pedalboard",
          "PIL", "rich", "safetensors", "scipy", "torch", "typer", "yaml"]  # fmt: skip
CONFIG = f"""
[mypy]
strict = true
mypy_path = {ROOT}:{ROOT / "nodes"}
explicit_package_bases = true
follow_imports = silent

[mypy-{",".join(f"{one}.*" for one in UNREAD)}]
follow_imports = skip
"""


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[int, str]]]:
    """What mypy says of all cases in one run: file -> (line, code of the error)."""
    folder = tmp_path_factory.mktemp("mypy")
    config = folder / "mypy.ini"
    config.write_text(CONFIG)
    options = ["--config-file", str(config), "--cache-dir", str(folder / "cache")]
    files = sorted(map(str, CASES.glob("*.py")))
    command = [sys.executable, "-m", "mypy", *options, "--no-error-summary", *files]
    output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, set[tuple[int, str]]] = {Path(file).stem: set() for file in files}
    for file, line, code in re.findall(r"^(.+?):(\d+): error: .*\[([a-z-]+)\]$", output, re.M):
        found[Path(file).stem].add((int(line), code))
    return found


def expected(case: str) -> Iterator[tuple[int, str]]:
    """The errors that a case announces in its comments."""
    for number, line in enumerate((CASES / f"{case}.py").read_text().splitlines(), 1):
        if match := re.search(r"# error: ([a-z-]+(?:, [a-z-]+)*)$", line):
            for code in match[1].split(", "):
                yield number, code


def test_a_correct_script_is_accepted(reported: dict[str, set[tuple[int, str]]]) -> None:
    assert reported["accepted"] == set()


@pytest.mark.parametrize("case", REJECTED)
def test_each_fault_is_found_where_it_is(
    reported: dict[str, set[tuple[int, str]]], case: str
) -> None:
    faults = set(expected(case))
    assert faults
    assert reported[case] == faults
