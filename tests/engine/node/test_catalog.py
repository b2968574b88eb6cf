from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import resonate_graph as rg
from resonate_graph import Catalog, CatalogError
from resonate_graph._node.catalog import GROUP, load_packs
from tests.processes import resonate

PACK = """
from resonate_graph import Audio, node

@node(version={version})
def {name}(audio: Audio) -> Audio:
    return audio
"""

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module that can be imported; what was imported is forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    written: list[str] = []

    def write_module(
        module: str, name: str = "shimmer", version: object = 1, text: str = ""
    ) -> str:
        (tmp_path / f"{module}.py").write_text(text or PACK.format(name=name, version=version))
        written.append(module)
        return module

    yield write_module
    for module in written:
        sys.modules.pop(module, None)


def point(pack: str, module: str) -> EntryPoint:
    return EntryPoint(name=pack, value=module, group=GROUP)


# -- installed packs ---------------------------------------------------------------------------


def test_the_stock_pack_is_found_and_needs_no_prefix() -> None:
    catalog = Catalog.installed()
    assert {"gain", "separate", "mix", "encode_wav"} <= set(catalog.types)
    assert catalog.broken == ()
    gain = catalog.get("gain")
    assert gain is not None
    assert (gain.id, gain.pack) == ("gain", "")


def test_it_is_looked_for_once() -> None:
    assert Catalog.installed() is Catalog.installed()


def test_node_types_come_sorted_by_id() -> None:
    ids = [node_type.id for node_type in Catalog.installed()]
    assert ids == sorted(ids)


# -- entry points ------------------------------------------------------------------------------


def test_a_pack_is_loaded_through_its_entry_point_under_its_own_name(write: Write) -> None:
    catalog = load_packs([point("glitter", write("glitter_nodes"))])
    assert list(catalog.types) == ["glitter/shimmer"]
    assert catalog.types["glitter/shimmer"].id == "glitter/shimmer"
    assert catalog.origins["glitter/shimmer"] == (
        "pack 'glitter' of unknown distribution (glitter_nodes)"
    )


def test_a_graph_uses_a_pack_by_its_prefix(write: Write) -> None:
    catalog = load_packs([point("glitter", write("glitter_nodes"))])
    found = catalog.get("glitter/shimmer@1")
    assert found is not None
    assert catalog.get("gleam") is None
    assert catalog.near("gliter/shimmer") == ["glitter/shimmer"]


def test_a_name_alone_is_the_only_packs_that_has_it(write: Write) -> None:
    """So a graph that was written with a module of nodes works on once that is a pack."""
    packs = [point("glitter", write("glitter_nodes"))]
    found = load_packs(packs).get("shimmer@1")
    assert found is not None
    assert found.id == "glitter/shimmer"
    several = load_packs([*packs, point("tinsel", write("tinsel_nodes"))])
    with pytest.raises(CatalogError, match="say glitter/shimmer and tinsel/shimmer"):
        several.get("shimmer")
    assert several.of_any_version("shimmer") is None
    own = load_packs(packs).with_module(write("own_nodes"))
    assert own.get("shimmer") is own.types["shimmer"]


def test_two_packs_may_have_nodes_of_one_name(write: Write) -> None:
    packs = [point("one", write("one_nodes")), point("two", write("two_nodes"))]
    assert sorted(load_packs(packs).types) == ["one/shimmer", "two/shimmer"]


def test_two_packs_of_one_name_that_claim_one_id_are_both_named(write: Write) -> None:
    packs = [point("stock", "resonate_nodes"), point("stock", write("other_nodes", "gain"))]
    with pytest.raises(CatalogError) as caught:
        load_packs(packs)
    assert str(caught.value) == (
        "node 'gain' is declared twice: by pack 'stock' of unknown distribution (resonate_nodes) "
        "and by pack 'stock' of unknown distribution (other_nodes)"
    )


def test_one_module_under_one_name_twice_is_no_conflict(write: Write) -> None:
    module = write("glitter_nodes")
    catalog = load_packs([point("glitter", module), point("glitter", module)])
    assert list(catalog.types) == ["glitter/shimmer"]


# -- packs that import their nodes when they are asked for -----------------------------------------

LATE = """
import importlib

__all__ = {names}

def __getattr__(name):
    if name not in __all__:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"{module}_" + name), name)
"""


@pytest.fixture
def write_late(write: Write) -> Write:
    """Write a pack with a module for each node, which is imported when it is asked for."""

    def write_pack(module: str, *names: str, offered: tuple[str, ...] = ()) -> str:
        for name in names:
            write(f"{module}_{name}", name)
        return write(module, text=LATE.format(module=module, names=[*names, *offered]))

    return write_pack


def test_a_node_of_a_late_pack_is_imported_alone(write_late: Write) -> None:
    catalog = load_packs([point("glitter", write_late("late_nodes", "shimmer", "gleam"))])
    found = catalog.get("glitter/shimmer@1")
    assert found is not None
    assert found.id == "glitter/shimmer"
    assert catalog.get("shimmer") is found
    assert catalog.get("glitter/nothing") is None
    assert "late_nodes_shimmer" in sys.modules
    assert "late_nodes_gleam" not in sys.modules
    assert [one.id for one in catalog] == ["glitter/gleam", "glitter/shimmer"]
    assert catalog.origins["glitter/gleam"].startswith("pack 'glitter'")
    assert catalog.types["glitter/shimmer"] is found
    assert catalog.near("glitter/shimer") == ["glitter/shimmer"]


def test_own_nodes_beside_a_late_pack_import_none_of_it(write: Write, write_late: Write) -> None:
    catalog = load_packs([point("stock", write_late("late_nodes", "shimmer", "gleam"))])
    both = catalog.with_module(write("own_nodes", "glow"))
    assert both.get("glow") is not None
    assert "late_nodes_shimmer" not in sys.modules
    assert both.joined(catalog).get("glow") is both.get("glow")
    assert sorted(both.types) == ["gleam", "glow", "shimmer"]
    with pytest.raises(CatalogError, match="'shimmer' is declared twice: by pack 'stock'"):
        catalog.with_module(write("others_nodes", "shimmer"))


def test_the_function_of_a_late_node_is_known_as_that_node(write_late: Write) -> None:
    catalog = load_packs([point("glitter", module := write_late("late_nodes", "shimmer"))])
    node = importlib.import_module(module).shimmer
    assert catalog.find(node) is catalog.get("glitter/shimmer")
    assert catalog.find(importlib.import_module("resonate_nodes").gain) is None


@pytest.mark.parametrize("late_first", [True, False])
def test_a_late_pack_and_another_of_its_name_may_not_share_an_id(
    write: Write, write_late: Write, late_first: bool
) -> None:
    packs = [point("one", write_late("late_nodes", "shimmer")), point("one", write("one_nodes"))]
    with pytest.raises(CatalogError, match="node 'one/shimmer' is declared twice: by pack 'one'"):
        load_packs(packs if late_first else packs[::-1])


def test_two_late_packs_of_one_name_may_not_share_an_id(write_late: Write) -> None:
    packs = [point("one", write_late(module, "shimmer")) for module in ("late_a", "late_b")]
    with pytest.raises(CatalogError, match=r"by .* \(late_a\) and by .* \(late_b\)"):
        load_packs(packs)


def test_what_cannot_be_imported_of_a_late_pack_is_told_and_its_other_nodes_work(
    write: Write, write_late: Write
) -> None:
    module = write_late("late_nodes", "shimmer", offered=("gleam",))
    write("late_nodes_gleam", text="import no_such_library")
    catalog = load_packs([point("glitter", module)])
    assert catalog.get("glitter/shimmer") is not None
    assert catalog.get("glitter/gleam") is None
    assert catalog.why_missing("glitter/gleam") == (
        "; pack 'glitter' of unknown distribution (late_nodes) cannot be used: "
        "ModuleNotFoundError: No module named 'no_such_library'"
    )
    assert list(catalog.types) == ["glitter/shimmer"]
    assert [one.prefix for one in catalog.broken] == ["glitter"]


def test_a_late_pack_offers_each_node_under_its_own_name(write: Write, write_late: Write) -> None:
    write("own_names", "shimmer")
    text = "__all__ = ['gleam']\ndef __getattr__(name):\n    from own_names import shimmer\n"
    text += "    return {'gleam': shimmer}[name]"
    catalog = load_packs([point("glitter", write("late_nodes", text=text))])
    assert catalog.get("glitter/gleam") is None
    reason = "node 'shimmer' is offered as 'gleam'; a pack that imports its nodes late offers each"
    assert reason in catalog.why_missing("glitter/gleam")
    both = load_packs([point("glitter", "late_nodes"), point("dust", write_late("more", "glow"))])
    assert list(both.types) == ["dust/glow"]


def test_a_pack_that_answers_for_old_names_only_has_all_its_nodes(write: Write) -> None:
    text = PACK.format(name="shimmer", version=1) + PACK.format(name="gleam", version=1)
    text += "glow = gleam\n__all__ = ['gleam', 'glow']\n"
    text += "def __getattr__(name):\n    return {'shine': shimmer}[name]"
    catalog = load_packs([point("glitter", write("old_nodes", text=text))])
    assert sorted(catalog.types) == ["glitter/gleam", "glitter/shimmer"]
    assert catalog.broken == ()


# -- packs that cannot be used ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit('no licence')", "SystemExit: no licence"),
        ("def broken(:", "SyntaxError"),
        (
            "from resonate_graph import node\n@node()\ndef f(x): ...",
            "CatalogError: node bad_nodes.f: parameter 'x' has no annotation",
        ),
    ],
    ids=["missing library", "error", "exit", "syntax", "bad node"],
)
def test_a_pack_that_cannot_be_imported_is_told_and_the_rest_works(
    write: Write, text: str, reason: str
) -> None:
    packs = [
        point("bad", write("bad_nodes", text=text)),
        point("gone", "module_that_is_not_there"),
        point("glitter", write("glitter_nodes")),
    ]
    catalog = load_packs(packs)
    assert list(catalog.types) == ["glitter/shimmer"]
    assert [one.name.split("'")[1] for one in catalog.broken] == ["bad", "gone"]
    assert catalog.broken[0].reason.startswith(reason)


def test_an_entry_point_that_leads_to_no_module_is_told(write: Write) -> None:
    module = write("odd_nodes", text="answer = 42")
    catalog = load_packs([point("odd", f"{module}:answer"), point("none", f"{module}:question")])
    assert [one.name.split("'")[1] for one in catalog.broken] == ["odd", "none"]


@pytest.fixture
def broken_pack(tmp_path: Path) -> str:
    """A PYTHONPATH on which the pack ``my_pack`` is installed and lacks a library."""
    site = tmp_path / "site"
    information = site / "my_pack-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: my_pack\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{GROUP}]\nmy_pack = my_pack_nodes\n")
    (site / "my_pack_nodes.py").write_text("import no_such_library\n")
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.pathsep.join(paths)


def test_what_is_installed_is_looked_for_once(
    broken_pack: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that all of a process speaks of the same nodes, whatever is installed meanwhile."""
    before = Catalog.installed()
    monkeypatch.syspath_prepend(broken_pack.partition(os.pathsep)[0])
    assert Catalog.installed() is before
    assert "no_such_library" in resonate("nodes", PYTHONPATH=broken_pack).out


def test_a_missing_node_names_the_pack_that_cannot_be_used(
    broken_pack: str, tmp_path: Path
) -> None:
    path = tmp_path / "graph.json"
    document = {
        "format": 1,
        "name": "glitter",
        "inputs": {"mix": {"type": "audio"}},
        "nodes": {
            "shine": {"type": "my_pack/shimmer", "inputs": {"audio": "$mix"}},
            "again": {"type": "my_pack/shimmer@2", "inputs": {"audio": "shine"}},
            "other": {"type": "her_pack/shimmer", "inputs": {"audio": "again"}},
            "louder": {"type": "gian", "inputs": {"audio": "other"}},
        },
        "outputs": {"out": "louder"},
    }
    path.write_text(json.dumps(document))
    why = (
        "; pack 'my_pack' of my_pack (my_pack_nodes) cannot be used: "
        "ModuleNotFoundError: No module named 'no_such_library'"
    )
    command = ("run", path, "-i", "mix=a.wav", "-o", tmp_path / "out")
    ended = resonate(*command, PYTHONPATH=broken_pack)
    assert ended.code == 2
    said = " ".join((ended.out + ended.err).split())
    assert f"no node type 'my_pack/shimmer'{why}" in said
    assert f"no node type 'my_pack/shimmer@2'{why}" in said
    assert said.count(why) == 2
    assert "no node type 'gian'; did you mean 'gain'?" in said
    ended = resonate("nodes", "my_pack/shimmer", PYTHONPATH=broken_pack)
    assert ended.code == 2
    assert f"no node type 'my_pack/shimmer'{why}" in " ".join(ended.err.split())


def test_ctrl_c_while_a_pack_is_imported_ends_the_program(write: Write) -> None:
    module = write("interrupted_nodes", text="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        load_packs([point("interrupted", module)])


# -- versions ----------------------------------------------------------------------------------


def test_a_pin_names_the_installed_version_or_is_an_error(write: Write) -> None:
    catalog = load_packs([point("glitter", write("glitter_nodes", version=3))])
    assert catalog.get("glitter/shimmer@3") is catalog.get("glitter/shimmer")
    for pin in ("1", "30", "", "three", "3@3"):
        with pytest.raises(CatalogError, match="installed is version 3"):
            catalog.get(f"glitter/shimmer@{pin}")
    assert catalog.get("glitter/other@3") is None


def test_a_node_without_a_version_cannot_be_pinned(write: Write) -> None:
    catalog = load_packs([point("glitter", write("glitter_nodes", version=None))])
    with pytest.raises(CatalogError, match="pinned to version 1; it has none"):
        catalog.get("glitter/shimmer@1")


# -- nodes of one's own ------------------------------------------------------------------------


def test_a_module_adds_its_nodes_without_a_prefix(write: Write) -> None:
    catalog = Catalog.installed().with_module(write("my_nodes"))
    assert {"shimmer", "gain"} <= set(catalog.types)
    assert catalog.origins["shimmer"] == "my_nodes"
    assert Catalog.installed().get("shimmer") is None


def test_a_file_adds_its_nodes(tmp_path: Path) -> None:
    path = tmp_path / "folder of mine" / "my nodes.py"
    path.parent.mkdir()
    path.write_text(PACK.format(name="shimmer", version=None))
    catalog = Catalog().with_module(str(path))
    assert list(catalog.types) == ["shimmer"]
    assert catalog.origins["shimmer"] == str(path)


def test_a_graph_runs_with_nodes_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PACK.format(name="shimmer", version=None).replace("return audio", (
        "return audio.with_samples(audio.samples * LEVEL)\n\nLEVEL = 0.5"
    )))  # fmt: skip
    graph = rg.Graph.from_json(
        '{"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}}, "nodes": '
        '{"a": {"type": "shimmer", "inputs": {"audio": "$x"}}}, "outputs": {"out": "a"}}',
        nodes=[str(path)],
    )
    assert graph.run({"x": rg.Audio([1.0], 8000)}, store=False)["out"] == rg.Audio([0.5], 8000)


def test_files_of_one_name_in_two_folders_are_two_modules(tmp_path: Path) -> None:
    catalog = Catalog()
    for folder, name in [("a", "first"), ("b", "second")]:
        path = tmp_path / folder / "mine.py"
        path.parent.mkdir()
        text = f"LEVEL = {folder!r}\n" + PACK.format(name=name, version=None)
        path.write_text(text.replace("return audio", "return audio if LEVEL else audio"))
        catalog = catalog.with_module(str(path))
    first, second = catalog.types["first"].function, catalog.types["second"].function
    assert first.__module__ != second.__module__
    assert sys.modules[first.__module__].LEVEL == "a"


def test_a_node_of_ones_own_takes_no_stock_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PACK.format(name="gain", version=None))
    with pytest.raises(CatalogError) as caught:
        Catalog.installed().with_module(str(path))
    assert "node 'gain' is declared twice: by pack 'stock'" in str(caught.value)
    assert f"and by {path}" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "cannot be imported: SystemExit: 3"),
        ("def broken(:", "cannot be imported: SyntaxError"),
        ("x = 1", "holds no function decorated with @node"),
        (
            "from resonate_graph import node\n@node()\ndef f(x): ...",
            "f: parameter 'x' has no annotation",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    tmp_path: Path, write: Write, text: str, said: str
) -> None:
    module = write("mine", text=text)
    for name in (module, str(tmp_path / "mine.py")):
        with pytest.raises(CatalogError) as caught:
            Catalog().with_module(name)
        assert said in str(caught.value)


def test_a_file_that_failed_leaves_no_module_behind(tmp_path: Path) -> None:
    before = set(sys.modules)
    (tmp_path / "mine.py").write_text("1 / 0")
    with pytest.raises(CatalogError):
        Catalog().with_module(str(tmp_path / "mine.py"))
    assert set(sys.modules) == before


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"nope\.py: there is no such file"):
        Catalog().with_module(str(tmp_path / "nope.py"))
    with pytest.raises(CatalogError, match="no_such_module: cannot be imported"):
        Catalog().with_module("no_such_module")


def test_a_module_is_only_named_by_the_caller_never_by_a_graph() -> None:
    text = '{"format": 1, "name": "g", "nodes": {"a": {"type": "os.path"}}, "outputs": {}}'
    with pytest.raises(rg.GraphError, match=r"no node type 'os\.path'"):
        rg.Graph.from_json(text).check()


def test_nodes_imported_from_elsewhere_are_taken_along_once(write: Write) -> None:
    module = write("my_nodes", text="from resonate_nodes import gain\nlouder = gain")
    assert list(Catalog().with_module(module).types) == ["gain"]
