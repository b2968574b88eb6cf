"""What a run of the tests takes, and what it leaves to deeper ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_CONFTEST = """
from tests.depth import leave_out_what_is_deeper

def pytest_addoption(parser):
    parser.addoption("--thorough", action="store_true")
    parser.addoption("--torture", action="store_true")

def pytest_configure(config):
    for name in ("thorough", "sampled"):
        config.addinivalue_line("markers", name)

def pytest_collection_modifyitems(config, items):
    leave_out_what_is_deeper(config, items)
"""

_TESTS = """
import pytest
from tests.depth import sampled, thorough

def test_plain(): pass

@thorough
def test_deep(): pass

@pytest.mark.parametrize("case", range(10))
@sampled(3)
def test_alike(case): pass
"""

_QUICK = ["test_plain", "test_alike[0]", "test_alike[3]", "test_alike[6]"]
_ALL = [f"test_alike[{n}]" for n in range(10)]


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["."], _QUICK),
        (
            [".", "--thorough"],
            ["test_plain", "test_deep", *(f"test_alike[{n}]" for n in range(10))],
        ),
        (["test_some.py::test_deep"], ["test_deep"]),
        (["test_some.py", "-k", "alike"], _ALL),
    ],
)
def test_a_run_is_as_deep_as_it_is_asked_to(
    arguments: list[str], names: list[str], tmp_path: Path
) -> None:
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "test_some.py").write_text(_TESTS)
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line.partition("::")[2] for line in said.splitlines() if "::" in line] == names
