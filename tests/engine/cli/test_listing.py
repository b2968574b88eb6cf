"""The list that ``resonate nodes`` keeps: it is read only where all is as it was."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from zipfile import ZipFile

import pytest

from resonate_graph import Catalog
from resonate_graph._cli.listing import installed
from tests.depth import thorough
from tests.processes import resonate

#: What stands in a kept list and nowhere else: whoever sees it read what was kept.
MARK = "what was kept"


def mark(kept: Any) -> None:
    kept["nodes"][0]["summary"] = MARK


@pytest.fixture(autouse=True)
def nothing_of_other_tests(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forget what others wrote and imported: it is newer than this process, so no list is kept."""
    written = str(tmp_path_factory.getbasetemp())
    for name, module in [*sys.modules.items()]:
        if str(getattr(module, "__file__", None)).startswith(written):
            monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a list that says of one node what only that list says."""
    made = installed(tmp_path)
    assert [one.id for one in made.nodes] == [one.id for one in Catalog.installed()]
    change(tmp_path, mark)
    return tmp_path


def change(folder: Path, how: Callable[[Any], object]) -> None:
    (path,) = folder.glob("*.json")
    kept = json.loads(path.read_text())
    how(kept)
    path.write_text(json.dumps(kept))


def is_read(folder: Path) -> bool:
    return any(one.summary == MARK for one in installed(folder).nodes)


def test_a_list_is_read_where_all_is_as_it_was(folder: Path) -> None:
    assert is_read(folder)
    (path,) = folder.glob("*.json")
    assert MARK in path.read_text()


def test_where_python_looks_elsewhere_another_list_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.syspath_prepend(folder / "elsewhere")
        assert not is_read(folder)
    assert len([*folder.glob("*.json")]) == 2
    assert is_read(folder)


def other_file(kept: Any) -> None:
    states = kept["made_of"]["files"]
    states[next(one for one in states if "resonate_nodes" in one)][0] += 1


def other_folder(kept: Any) -> None:
    folders = kept["made_of"]["folders"]
    folders[next(iter(folders))] = "0" * 32


@pytest.mark.parametrize(
    "how",
    [
        other_file,
        other_folder,
        lambda kept: kept["made_of"].update(version="0.0"),
        lambda kept: kept["made_of"].update(python=["3.9", "python", 0]),
        lambda kept: kept["made_of"]["path"].append("/elsewhere"),
        lambda kept: kept["made_of"]["finders"].append("OneMore"),
        lambda kept: kept["made_of"]["files"].update({"/gone.py": [1, 1, 1]}),
        lambda kept: kept["made_of"]["folders"].update({"/gone": ""}),
    ],
    ids=["file", "folder", "version", "python", "path", "finders", "file gone", "folder gone"],
)
def test_where_anything_is_otherwise_it_is_made_again(
    folder: Path, how: Callable[[Any], object]
) -> None:
    change(folder, how)
    assert not is_read(folder)
    assert not is_read(folder)  # it was kept anew
    change(folder, mark)
    assert is_read(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"made_of": 1, "nodes": 2}'],
    ids=["empty", "cut", "list", "null", "no text", "deep", "other types"],
)
def test_what_is_no_list_is_not_read(folder: Path, content: bytes) -> None:
    (path,) = folder.glob("*.json")
    path.write_bytes(content)
    assert not is_read(folder)
    assert path.read_bytes() != content


@pytest.mark.parametrize(
    "how",
    [
        lambda kept: kept["nodes"][0].update(id=1),
        lambda kept: kept["nodes"][0].update(more="text"),
        lambda kept: kept["nodes"][0].update(said=["text"]),
        lambda kept: kept["nodes"][0]["said"].append(["lines", [[1]]]),
        lambda kept: kept["nodes"][0]["said"].append(["lines", []]),
        lambda kept: kept["nodes"][0]["said"].append(["paragraph", [[]]]),
        lambda kept: kept["nodes"][0]["said"].append(["table", []]),
        lambda kept: kept["nodes"][0]["said"].append(["table", [["a", "b"], ["c"]]]),
        lambda kept: kept["nodes"][0]["said"].append(["poem", [["a"]]]),
        lambda kept: kept.update(nodes=["text"]),
        lambda kept: kept.pop("nodes"),
    ],
)
def test_a_list_of_other_things_is_not_read(folder: Path, how: Callable[[Any], object]) -> None:
    change(folder, how)
    assert not is_read(folder)


class AnswersAll(ModuleType):
    """A module like ``torch.classes``, which has whatever it is asked for."""

    def __getattr__(self, name: str) -> object:
        return object()


def test_modules_that_answer_for_every_name_are_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "answers_all", AnswersAll("answers_all"))
    monkeypatch.setitem(sys.modules, "no_module", object())  # as some libraries do
    made = installed(tmp_path)
    assert len([*tmp_path.glob("*.json")]) == 1
    assert made == installed(tmp_path)


def test_lists_of_so_many_environments_are_kept(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.json").write_text("{}")
    made = installed(tmp_path)
    assert len([*tmp_path.iterdir()]) == 8
    assert made == installed(tmp_path)


# -- as a command ----------------------------------------------------------------------------------


def test_what_is_said_of_a_node_is_the_same_whether_a_list_was_kept_or_not(tmp_path: Path) -> None:
    given = {"XDG_CACHE_HOME": str(tmp_path), "COLUMNS": "90"}
    before = {one: resonate("nodes", one, cwd=tmp_path, **given) for one in ("declick", "separate")}
    assert [*tmp_path.glob("*/nodes/*.json")] == []
    resonate("nodes", cwd=tmp_path, **given)
    assert len([*tmp_path.glob("*/nodes/*.json")]) == 1
    for name, ended in before.items():
        assert ended.code == 0
        assert resonate("nodes", name, cwd=tmp_path, **given).out == ended.out
    wrong = resonate("nodes", "declik", cwd=tmp_path, **given)
    assert "did you mean declick or declip?" in wrong.err


@thorough
def test_what_is_installed_or_edited_after_a_list_was_kept_is_listed(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    places = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    given = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": places}
    first = resonate("nodes", cwd=tmp_path, **given)
    assert resonate("nodes", cwd=tmp_path, **given).out == first.out
    assert len([*tmp_path.glob("cache/*/nodes/*.json")]) == 1
    about = site / "glitter-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: glitter\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[resonate_graph.nodes]\nglitter = glitter_nodes\n")
    (site / "glitter_nodes.py").write_text(PACK.format(name="shimmer"))
    assert "glitter/shimmer " in resonate("nodes", cwd=tmp_path, **given).out
    # of another length: Python itself takes an edit of the same size and second for none
    (site / "glitter_nodes.py").write_text(PACK.format(name="glimmering"))
    assert "glitter/glimmering " in resonate("nodes", cwd=tmp_path, **given).out
    (site / "glitter_nodes.py").write_text("raise OSError('no licence')")
    assert "cannot be used: OSError: no licence" in resonate("nodes", cwd=tmp_path, **given).out
    (about / "entry_points.txt").unlink()
    assert resonate("nodes", cwd=tmp_path, **given).out == first.out


PACK = '''
from resonate_graph import Audio, node

@node(version=1)
def {name}(audio: Audio) -> Audio:
    """Return it."""
    return audio
'''


@thorough
def test_a_list_is_not_kept_where_something_is_installed_while_it_is_made(tmp_path: Path) -> None:
    site, pack = tmp_path / "site", tmp_path / "pack.zip"
    about = site / "glitter-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: glitter\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[resonate_graph.nodes]\nglitter = glitter_nodes\n")
    installs = f"\nfrom pathlib import Path\nPath({str(site)!r}, 'more.py').write_text('')\n"
    with ZipFile(pack, "w") as archive:  # the times of what is in it are not looked at
        archive.writestr("glitter_nodes.py", PACK.format(name="shimmer") + installs)
    places = os.pathsep.join(filter(None, [str(site), str(pack), os.environ.get("PYTHONPATH")]))
    given = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": places}
    first = resonate("nodes", cwd=tmp_path, **given)
    assert "glitter/shimmer " in first.out
    assert (site / "more.py").exists()
    assert [*tmp_path.glob("cache/*/nodes/*.json")] == []
    assert resonate("nodes", cwd=tmp_path, **given).out == first.out
    assert len([*tmp_path.glob("cache/*/nodes/*.json")]) == 1


def test_where_no_pack_can_be_used_the_list_says_so(tmp_path: Path) -> None:
    (tmp_path / "resonate_nodes.py").write_text("raise OSError('no disk')")
    places = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    ended = resonate("nodes", PYTHONPATH=places)
    assert (ended.code, ended.err) == (0, "")
    assert "cannot be used: OSError: no disk" in ended.out


def test_where_nothing_can_be_kept_the_list_is_printed_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    ended = resonate("nodes", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert ended.code == 0
    assert ended.err == ""
    assert "declick" in ended.out
