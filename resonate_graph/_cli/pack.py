"""``resonate nodes new``: a pack of nodes of one's own, with tests, that installs as it stands."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import typer

from .. import Catalog, OutputError, __version__

_NAME = re.compile(r"[a-z][a-z0-9_]*")

_PYPROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "NAME-nodes"
version = "0.1.0"
description = "Nodes for resonate_graph."
requires-python = ">=3.10"
dependencies = ["resonate-graph>=VERSION", "numpy", "pydantic"]

[project.optional-dependencies]
test = ["pytest>=8.3"]

# NAME is the name of the pack: graphs call its nodes NAME/soften.
[project.entry-points."resonate_graph.nodes"]
NAME = "NAME_nodes"

[tool.setuptools]
packages = ["NAME_nodes"]

[tool.pytest.ini_options]
testpaths = ["tests"]
"""

_README = """\
# NAME-nodes

Nodes for resonate_graph. Graphs call them `NAME/soften`:

```sh
pip install -e ".[test]"
python -m pytest
resonate nodes NAME/soften
resonate run example.json recording.wav
```
"""

_NODES = '''\
"""The nodes of the pack NAME: every `@node` function in this module is one."""

from typing import Annotated

import numpy as np
from pydantic import Field
from resonate_graph import Audio, RunContext, node


# Raise the version whenever the samples change: it is in the key of what is stored.
@node(version=1)
def soften(
    ctx: RunContext,
    audio: Audio,
    *,
    amount_percent: Annotated[float, Field(ge=0, le=100)] = 20.0,
) -> Audio:
    """Round off what is loud, as tape does.

    Args:
        audio: the sound.
        amount_percent: how much of the rounded sound stands for the sound as it was.

    Returns:
        The sound with softer peaks.
    """
    amount = amount_percent / 100
    softer = (1 - amount) * audio.samples + amount * np.tanh(audio.samples)
    if audio.samples.size:
        ctx.note(peak_before=float(abs(audio.samples).max()), peak_after=float(abs(softer).max()))
    return audio.with_samples(softer)
'''

_EXAMPLE = """\
{
  "format": 1,
  "name": "softer",
  "inputs": {
    "recording": {"type": "audio"}
  },
  "nodes": {
    "soft": {"type": "NAME/soften", "inputs": {"audio": "$recording"}}
  },
  "outputs": {"softer.flac": "soft"}
}
"""

_CONFTEST = """\
pytest_plugins = ["resonate_graph.testing"]
"""

_TESTS = '''\
"""What the nodes of this pack owe, and what each is to do."""

from pathlib import Path

import numpy as np
import resonate_graph as rg
from resonate_graph import Audio
from resonate_graph.testing import Check, every_node

import NAME_nodes
from NAME_nodes import soften

EXAMPLE = Path(__file__).parents[1] / "example.json"


# A node that you add is tried as well. `neutral` has settings at which a node changes nothing,
# `harm_db` how much of clean music it may change; others are for nodes that are meant to do more.
@every_node(
    NAME_nodes,
    neutral={"soften": {"amount_percent": 0.0}},
    harm_db={"soften": -30.0},
)
def test_what_every_node_owes(check: Check) -> None:
    check()


def test_peaks_are_rounded_off() -> None:
    loud = Audio(np.array([[1.0, -1.0, 0.0]]), 44_100)
    softer = soften(loud, amount_percent=100.0)
    np.testing.assert_allclose(softer.samples, np.tanh(loud.samples), rtol=1e-6)


def test_the_example_runs(clean_sound: Audio) -> None:
    graph = rg.load(EXAMPLE)
    assert graph.check().warnings == ()
    result = graph.run({"recording": clean_sound}, store=False)
    assert [step["type"] for step in result.report["nodes"]][0] == "NAME/soften"
'''

#: What a pack is made of.
_FILES: Mapping[str, str] = {
    "pyproject.toml": _PYPROJECT,
    "README.md": _README,
    "example.json": _EXAMPLE,
    "NAME_nodes/__init__.py": _NODES,
    "tests/conftest.py": _CONFTEST,
    "tests/test_nodes.py": _TESTS,
}


def write_pack(name: str) -> list[Path]:
    """Write a pack into a new folder of its name, and return its files.

    Raises:
        OutputError: it cannot be written; nothing of it is left then.
    """
    folder = Path(name)
    if not _NAME.fullmatch(folder.name):
        message = f"{folder.name!r} is no name of a pack: small letters, digits, _, a letter first"
        raise typer.BadParameter(message)
    catalog = Catalog.installed()
    taken = {one.pack or "stock" for one in catalog} | {one.prefix for one in catalog.broken}
    if folder.name in taken:
        raise typer.BadParameter(
            f"a pack {folder.name!r} is installed already: choose another name"
        )
    module = f"{folder.name}_nodes"
    if importlib.util.find_spec(module) is not None:
        raise typer.BadParameter(f"a module {module!r} is installed already: choose another name")
    if folder.exists():
        raise typer.BadParameter(f"{folder} is there already: choose another name")
    written = []
    try:
        for file, text in _FILES.items():
            path = folder / file.replace("NAME", folder.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            whole = text.replace("NAME", folder.name).replace("VERSION", __version__)
            path.write_text(whole, encoding="utf-8")
            written.append(path)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise OutputError(f"{folder} cannot be written: {error.strerror}") from error
    return written
