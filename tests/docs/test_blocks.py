"""What the pages show runs as it stands, and what they say it prints is printed.

The blocks of a page are run from top to bottom in one folder, where the sounds lie that they name:
``python`` in one namespace, ``console`` as calls of ``resonate`` of which each line that is shown
has to be printed (but for seconds), ``json`` as graphs. A block after a comment with a file's name
is saved under it. The calls in ``sh`` and ``text`` are read, not run.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

import resonate_graph as rg
from resonate_graph._cli.application import whole_command
from tests.depth import sampled
from tests.docs.pages import PAGES, ROOT, Block, blocks, commands
from tests.engine.commands import Command

#: The graphs that are shown because something is wrong with them.
WRONG = {"bad.json"}

WITH_BLOCKS = [page for page in PAGES if any(one.kind != "toml" for one in blocks(page))]


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages name: two seconds of noise and a tone."""
    folder = tmp_path_factory.mktemp("sounds")
    random = np.random.default_rng(1)
    seconds = np.arange(88200) / 44100
    tone = 0.3 * np.sin(2 * np.pi * 330 * seconds) + 0.02 * random.standard_normal((2, 88200))
    for name in ("song.wav", "take.wav", "a.wav", "b.flac", "c.mp3"):
        soundfile.write(folder / name, tone.T, 44100)
    return folder


@pytest.fixture
def folder(sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of a page's own, with the sounds; it is the present one."""
    shutil.copytree(sounds, tmp_path, dirs_exist_ok=True)
    # two pages show the graph of the first
    for block in blocks(ROOT / "docs" / "graphs.md"):
        if block.file == "gated-vocals.json":
            (tmp_path / block.file).write_text(block.text)
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("page", WITH_BLOCKS, ids=lambda page: str(page.relative_to(ROOT)))
@sampled(4)
def test_what_a_page_shows_is_so(
    page: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = ModuleType(f"page_{page.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in blocks(page):
        if block.file is not None:
            (folder / block.file).write_text(block.text)
        if block.kind == "python":
            where = folder / block.file if block.file else f"{page}, line {block.line}"
            exec(compile(block.text, str(where), "exec", dont_inherit=True), vars(module))
        elif block.kind == "json":
            check_graph(block, folder)
        elif block.kind == "console":
            run_console(block, Command(capsys))
        for call in commands(block.text):
            require_sense(call)


def check_graph(block: Block, folder: Path) -> None:
    """Check a graph, with the nodes of the modules that the page has shown by now."""
    assert json.loads(block.text)["format"] == 1
    graph = rg.Graph.from_json(block.text, nodes=[str(one) for one in folder.glob("*.py")])
    if block.file in WRONG:
        with pytest.raises(rg.GraphError):
            graph.check()
    else:
        graph.check()


def run_console(block: Block, command: Command) -> None:
    """Run each call of a block and look for each line that is shown after it."""
    for part in block.text.removeprefix("$ ").split("\n$ "):
        call, *shown = part.splitlines()
        program, *arguments = shlex.split(call)
        assert program == "resonate"
        ended = command(*arguments)
        printed = {plain(line) for line in (ended.out + ended.err).splitlines()}
        for line in shown:
            assert plain(line) in printed, f"line {block.line}: {call}\n{ended.out}{ended.err}"


def plain(line: str) -> str:
    """Return a line without what differs from run to run: seconds, and the width of columns."""
    return re.sub(r"\b[0-9]+\.[0-9]+ s\b", "N s", " ".join(line.split()))


def require_sense(call: str) -> None:
    """Read a call as the command line does, and look for the graph it names."""
    _, name, *arguments = shlex.split(call)
    group: Any = whole_command()
    command = group.commands[name]
    if name == "store":
        name, *arguments = arguments
        command = command.commands[name]
    context = command.make_context(name, arguments)
    graph = context.params.get("graph")
    known = {None, *rg.stock_graphs(), *(["status"] if name == "batch" else [])}
    assert graph in known or graph.endswith(".json")
