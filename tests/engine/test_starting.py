"""Who asks for little waits for little: what is imported when, and that all of it is there."""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

import resonate_graph as rg
import resonate_nodes
from resonate_graph._cli.application import whole_command
from resonate_graph._cli.help import first_paragraph
from tests.depth import thorough
from tests.processes import end_of, start_python

#: What is only loaded by what computes, plans or prints tables.
HEAVY = {
    "networkx",
    "numpy",
    "resonate_graph._api",
    "resonate_graph._node",
    "resonate_graph._run",
    "resonate_graph._sound",
    "resonate_graph._store",
    "resonate_nodes",
    "rich.console",
    "soundfile",
}
#: What no cached run needs.
OF_OTHERS = {
    "networkx",
    "resonate_graph._cli.listing",
    "resonate_graph._corpus",
    "resonate_graph._experiment.sweep",
    "resonate_graph._node.fingerprint",
    "resonate_graph._page.player",
    "resonate_graph._sound.decode",
    "rich.console",
    "scipy",
    "torch",
    "yaml",
}


def loaded_by(statement: str, *arguments: str) -> set[str]:
    """Return the modules that a process has loaded when it ends."""
    script = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps(list(sys.modules)), file=sys.stderr))
sys.argv[1:] = {list(arguments)!r}
{statement}
"""
    ended = end_of(start_python(script))
    assert ended.code == 0, ended.err
    return set(json.loads(ended.err.splitlines()[-1]))


def loaded_by_command(*arguments: str) -> set[str]:
    return loaded_by("from resonate_graph._cli import main; main()", *arguments)


def test_to_import_the_library_loads_next_to_nothing_of_it() -> None:
    loaded = loaded_by("import resonate_graph")
    assert loaded & {*HEAVY, "pydantic"} == set()
    assert len({one for one in loaded if one.startswith("resonate_graph")}) < 6


@pytest.mark.parametrize("call", [["--help"], ["__complete", "r"]], ids=" ".join)
def test_what_names_the_commands_loads_none_of_them(call: Sequence[str]) -> None:
    loaded = loaded_by_command(*call)
    assert loaded & {*HEAVY, "pydantic"} == set()
    assert "resonate_graph._cli.run" not in loaded


def test_the_stock_graphs_are_listed_without_what_runs_them() -> None:
    assert loaded_by_command("graphs") & HEAVY == set()


def test_the_list_of_nodes_is_read_from_the_one_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    loaded_by_command("nodes")
    for call in (["nodes"], ["nodes", "declick"], ["__complete", "nodes", "de"]):
        assert loaded_by_command(*call) & HEAVY == set()


@thorough
def test_a_cached_run_loads_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    recording = str(Path(rg.__file__).parent / "recordings" / "groove.ogg")
    call = ["run", "deliver", "-i", f"master={recording}", "-o", str(tmp_path / "out")]
    call += ["--store", str(tmp_path / "store"), "--overwrite"]
    loaded_by_command(*call)
    assert loaded_by_command(*call) & OF_OTHERS == set()


def test_of_the_stock_pack_a_graph_loads_the_nodes_that_it_has() -> None:
    loaded = loaded_by("import resonate_graph as rg; rg.stock('deliver').check()")
    assert "resonate_nodes.loudness.normalising" in loaded
    assert loaded & {"resonate_nodes.repair", "resonate_nodes.separation.separate"} == set()


def test_a_command_is_told_in_a_line_as_its_docstring_begins() -> None:
    group = whole_command()
    said = {name: first_paragraph(command.help) for name, command in group.commands.items()}
    assert group.summaries() == said
    assert all(said.values())


# -- the public face -------------------------------------------------------------------------------


@pytest.mark.parametrize("face", [rg, resonate_nodes], ids=lambda face: face.__name__)
def test_every_public_name_is_where_type_checkers_look_for_it(face: ModuleType) -> None:
    block = next(one for one in ast.parse(inspect.getsource(face)).body if isinstance(one, ast.If))
    imports = [one for one in block.body if isinstance(one, ast.ImportFrom)]
    places = {alias.name: f".{one.module}" for one in imports for alias in one.names}
    if face is rg:
        places["pages"] += ".pages"  # the one that is a module as a whole
    assert places == face._MODULES
    assert sorted(face._MODULES) == sorted(face.__all__)


@pytest.mark.parametrize("face", [rg, resonate_nodes], ids=lambda face: face.__name__)
def test_every_public_name_can_be_had_and_is_listed(face: ModuleType) -> None:
    assert all(getattr(face, name) is not None for name in face.__all__)
    assert set(face.__all__) <= set(dir(face))
    with pytest.raises(AttributeError, match="no attribute 'Grpah'"):
        _ = face.Grpah


def test_the_version_is_listed_too() -> None:
    assert "__version__" in dir(rg)


def test_a_sound_shows_itself_where_nothing_but_its_class_was_imported() -> None:
    script = """
import numpy as np
from resonate_graph import Audio
print("text/html" in Audio(np.zeros((1, 800)), 8000)._repr_mimebundle_())
"""
    assert end_of(start_python(script)).out.strip() == "True"


# -- threads ---------------------------------------------------------------------------------------


def test_a_thread_that_outlives_the_main_one_begins_to_use_the_library() -> None:
    recording = Path(rg.__file__).parent / "recordings" / "groove.ogg"
    ended = end_of(start_python(_OUTLIVING, recording))
    assert ended.err == ""
    assert ended.out.splitlines() == ["True", "['delivered', 'loudness']"]


_OUTLIVING = """
import sys, threading
import resonate_graph as rg

def work():
    threading.main_thread().join()
    sound = rg.read_audio(sys.argv[1])
    print(sound.digest == rg.Audio(sound.samples.copy(), sound.sample_rate, sound.layout).digest)
    print(sorted(rg.stock("deliver").run({"master": sound}, store=False)))

threading.Thread(target=work).start()
"""


def test_threads_that_show_something_at_once_show_all_of_it() -> None:
    ended = end_of(start_python(_SHOWING))
    assert ended.err == ""
    assert ended.out.splitlines() == ["['text/html', 'text/plain']"] * 3


_SHOWING = """
import threading
import resonate_graph as rg

sound = rg.Audio([[0.0] * 4410], 44_100)
begun = threading.Barrier(3)
shown = []

def show():
    begun.wait()
    shown.append(sorted(sound._repr_mimebundle_()))

threads = [threading.Thread(target=show) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for one in shown:
    print(one)
"""
