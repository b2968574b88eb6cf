"""What tests of the command line share: `main` in this process, and nodes it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resonate_graph._cli import main
from tests.processes import Ended

OWN_NODES = Path(__file__).parents[1] / "own_nodes.py"


class Command:
    """Calls `main` in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str | Path) -> Ended:
        with pytest.raises(SystemExit) as caught:
            main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        assert isinstance(caught.value.code, int)
        return Ended(caught.value.code, out, err, 0.0)

    def document(self, *arguments: str | Path, code: int = 0) -> Any:
        """Call it with ``--json``, and return the document it prints."""
        ended = self(*arguments, "--json")
        assert ended.code == code, ended.err or ended.out
        return ended.document
