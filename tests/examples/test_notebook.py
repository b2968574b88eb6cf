"""The notebook in examples/ runs as it stands, shows what it should, and was kept as it ran."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.depth import thorough

PATH = Path(__file__).parents[2] / "examples" / "in_a_notebook.ipynb"

#: What each cell with code shows, beside text: in the order of the notebook.
SHOWN = [
    ["text/html"],  # the sound in a player
    [],
    ["text/html"],  # the graph
    ["text/html"],  # the plan
    ["text/html", "text/html"],  # progress, and the result
    ["image/svg+xml", "text/html"],  # the picture of the run
    ["text/html"],  # what was taken out
    ["text/html"],  # the report
    ["text/html", "text/html"],  # progress, and the rows
]


def shown(notebook: Any) -> list[list[str]]:
    """What the cells show besides text, with progress where there is any."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        sorted(
            kind
            for output in cell.outputs
            for kind in output.get("data", {})
            if kind != "text/plain"
        )
        for cell in cells
    ]


def without_progress(kinds: list[list[str]]) -> list[list[str]]:
    """Leave out progress, which a quick run does not show."""
    return [sorted(set(one)) for one in kinds]


def players(notebook: Any) -> list[int]:
    """How many players each cell with code shows."""
    return [
        sum("rg-player" in output.get("data", {}).get("text/html", "") for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


@thorough
def test_the_notebook_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    kept = nbformat.read(PATH, 4)
    ran = nbformat.read(PATH, 4)
    for cell in ran.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    NotebookClient(ran, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert without_progress(shown(ran)) == without_progress(SHOWN) == without_progress(shown(kept))
    assert players(ran) == players(kept) == [1, 0, 0, 0, 1, 0, 1, 0, 1]
    (picture,) = (
        output["data"]["image/svg+xml"]
        for cell in ran.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/svg+xml" in output.get("data", {})
    )
    assert "ran" in picture
    assert len(PATH.read_bytes()) < 2_000_000
