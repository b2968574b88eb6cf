"""``resonate check`` and ``explain``: what is said of faults in each format; what is mended."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile

import resonate_graph as rg
from resonate_graph import Audio, Graph, GraphError
from resonate_graph._cli.codes import Explanation, example, explanations, page
from resonate_graph._graph import document
from resonate_graph._graph.fixes import fixed
from tests.docs.pages import ROOT
from tests.engine.commands import Command

FAULTS = Path(__file__).parent / "twelve_faults"
RENAMING = Path(__file__).parent / "renaming_nodes.py"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def faults(tmp_path: Path) -> Path:
    """A graph with twelve faults in three levels of graphs, in the present folder."""
    shutil.copytree(FAULTS, tmp_path, dirs_exist_ok=True)
    return Path("song.json")


# -- the formats -----------------------------------------------------------------------------------


def test_twelve_faults_are_told_with_their_lines_and_the_way_there(
    faults: Path, call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    ended = call("check", faults)
    assert (ended.code, ended.err) == (2, "")
    assert ended.out == (FAULTS / "expected.txt").read_text()
    with pytest.raises(GraphError) as caught:
        rg.load(faults).check()
    assert len(caught.value.problems) == 12
    assert len({problem.code for problem in caught.value.problems}) == 10


def test_files_are_called_as_they_are_from_here(
    faults: Path, call: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    told = call("check", Path("..") / faults, "--format", "concise").out.splitlines()
    assert told[0] == "../song.json:5:55: bad-param: the default 6 is above the maximum 0"
    assert told[8].startswith("../chains/clean.json:12:26: unknown-node: no node 'evne'; did you")
    assert told[8].endswith("(in repair/vocals/clean/end and 1 more)")
    assert told[12:] == ["../song.json: 12 problems"]


def test_a_caret_stands_below_what_is_meant_however_wide_that_is(call: Command) -> None:
    name = "\N{CJK UNIFIED IDEOGRAPH-97F3}" * 4
    graph = {
        "format": 1,
        "name": "g",
        "description": name,
        "nodes": {},
        "outputs": {"o": "nowhere"},
    }
    Path("wide.json").write_text(json.dumps(graph, ensure_ascii=False))
    _, line, caret, *_ = call("check", "wide.json").out.splitlines()
    start = line.index('"nowhere"')
    assert caret == f"     | {' ' * (start - 7 + len(name))}{'^' * 9}"


def test_a_long_line_is_cut_around_what_is_meant(
    call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    nodes = {f"n{index}": {"type": "gian", "inputs": {"audio": "$x"}} for index in range(30)}
    graph = {"format": 1, "name": "g", "inputs": {"x": {"type": "audio"}}, "nodes": nodes,
             "outputs": {"o": "n0"}}  # fmt: skip
    Path("long.json").write_text(json.dumps(graph))
    lines = call("check", "long.json").out.splitlines()
    for line, caret in zip(lines[1::4][:30], lines[2::4][:30], strict=True):
        assert len(line) <= 60
        start = caret.index("^")
        assert line[start : start + caret.count("^")] == '"gian"'


def test_control_characters_reach_no_terminal(call: Command) -> None:
    Path("odd.json").write_text('{"format": 1, "name": "\x1b[31m\t", "outputs": {"o": "n"}}')
    assert "\x1b" not in call("check", "odd.json").out


def test_json_is_what_the_option_of_that_name_gives(faults: Path, call: Command) -> None:
    ended = call("check", faults, "--format", "json")
    assert ended.code == 2
    assert ended.document == call("check", faults, "--json").document
    deepest = ended.document["error"]["problems"][6]
    assert [(one["name"], one["source"], one["line"]) for one in deepest["uses"]] == [
        ("repair", "song.json", 19),
        ("repair/vocals/clean", "song.json", 11),
        ("repair/vocals/clean/end", "chains/clean.json", 18),
    ]


def test_sarif_has_what_its_schema_requires(faults: Path, call: Command) -> None:
    ended = call("check", faults, "--format", "sarif")
    log = json.loads(ended.out)
    assert ended.code == 2
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)  # required by the schema
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "resonate"
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    assert len({rule["id"] for rule in driver["rules"]}) == len(driver["rules"])
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert {"text", "markdown"} == rule["help"].keys()
    assert len(run["results"]) == 12
    for result in run["results"]:
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (place,) = result["locations"]
        physical = place["physicalLocation"]
        file = Path(physical["artifactLocation"]["uri"])
        region = physical["region"]
        line = file.read_text().splitlines()[region["startLine"] - 1]
        assert 1 <= region["startColumn"] < region["endColumn"] <= len(line) + 1
        for related in result.get("relatedLocations", []):
            assert related["message"]["text"].startswith("used as repair")
            assert related["physicalLocation"]["region"]["startLine"] >= 1


def test_a_graph_that_is_right_has_an_empty_report(call: Command) -> None:
    log = json.loads(call("check", "tape", "--format", "sarif").out)
    assert log["runs"][0]["results"] == []
    assert call("check", "tape", "--format", "github").out == ""


def test_github_gets_commands_with_what_it_reads_escaped(call: Command) -> None:
    name = "a,b:100%.json"
    Path(name).write_text('{"format": 1, "name": "g", "nodes": {}, "outputs": {"o": "100%\\r\\n"}}')
    ended = call("check", name, "--format", "github")
    assert ended.code == 2
    (command,) = ended.out.splitlines()
    assert command.startswith(
        "::error file=a%2Cb%3A100%25.json,line=1,endLine=1,col=58,endColumn=68,title=bad-name::"
        "'100%25\\r\\n' is no valid wire: node, node.port,"
    )


def test_a_warning_is_marked_as_one_in_each_format(call: Command) -> None:
    graph = json.loads(rg.stock_graphs()["deliver"])
    graph["inputs"]["idle"] = {"type": "audio"}
    Path("idle.json").write_text(json.dumps(graph, indent=1))
    (where,) = re.findall(
        r"idle.json:\d+:\d+", call("check", "idle.json", "--format", "concise").out
    )
    message = "input 'idle' is used by nothing that an output needs"
    full = call("check", "idle.json")
    assert full.code == 0
    assert full.out.splitlines()[0] == f"{where}: warning: unused-input: {message}"
    assert "deliver: nothing is wrong" in full.out
    log = json.loads(call("check", "idle.json", "--format", "sarif").out)
    assert log["runs"][0]["results"][0]["level"] == "warning"
    assert call("check", "idle.json", "--format", "github").out.startswith("::warning file=idle")


# -- explain ---------------------------------------------------------------------------------------


def test_the_page_of_codes_is_what_explain_prints(call: Command) -> None:
    assert call("explain", "--markdown").out == page() == (ROOT / "docs" / "codes.md").read_text()
    assert list(explanations()) == sorted(explanations())
    listed = call("explain").out.splitlines()
    assert [line.split()[0] for line in listed if line[0] != " "] == list(explanations())


def test_every_code_is_explained() -> None:
    """Those that are made in `_graph`, and what bindings say."""
    sources = [*(ROOT / "resonate_graph" / "_graph").glob("*.py")]
    made = {
        code
        for path in [*sources, ROOT / "resonate_graph" / "_run" / "bindings.py"]
        for code in re.findall(
            r'(?:\b(?:add|problem|Problem|problem_at|_add)\(|append\(\()\s*(?:[\w.()\[\], "{}\']*?)'
            r'"([a-z]+(?:-[a-z]+)+|syntax|cycle|impossible)"',
            path.read_text(),
        )
    }
    assert len(made) > 25
    assert made <= explanations().keys() | {"doubtful-param"}, made - explanations().keys()


def test_a_code_that_is_none_is_told_with_what_was_meant(call: Command) -> None:
    ended = call("explain", "unkown-type")
    assert ended.code == 2
    assert "did you mean 'unknown-type'" in ended.err


def test_explain_says_all_of_a_code(call: Command) -> None:
    said = call("explain", "cycle").out
    assert "in a circle" in said
    assert '"quiet": {"type": "gain", "inputs": {"audio": "clean"}}' in said
    (one,) = call.document("explain", "cycle")["codes"]
    assert one.keys() == {"code", "text", "wrong", "right"}


@pytest.mark.parametrize("one", explanations().values(), ids=lambda one: one.code)
def test_what_is_shown_as_wrong_is_wrong_and_as_right_right(
    one: Explanation, call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write("song.wav", np.zeros((800, 2)), 8000)
    found = codes_of(one.wrong, call)
    assert found == {one.code}
    assert codes_of(one.right, call) == set()


def codes_of(shown: str, call: Command) -> set[str]:
    """Return the codes of what check finds in an example, or of what Python raises."""
    if shown[0] not in '"{$':
        return codes_of_python(shown)
    lines = [line for line in shown.splitlines() if line[0] != "$"]
    arguments = [shlex.split(line)[4:] for line in shown.splitlines() if line[0] == "$"]
    Path("example.json").write_text(completed("\n".join(lines)))
    ended = call("check", "example.json", *(arguments[0] if arguments else []), "--json")
    error = ended.document.get("error", {"problems": []})
    found = [*error["problems"], *ended.document.get("warnings", [])]
    assert ended.code == (2 if error["problems"] else 0)
    return {problem["code"] for problem in found}


def completed(lines: str) -> str:
    """Return lines of a graph with those of the example that they do not replace."""
    if lines.startswith("{"):
        return lines
    own = re.findall(r'^"(\w+)":', lines, re.MULTILINE)
    rest = [
        line.strip().rstrip(",")
        for line in example().splitlines()[1:-1]
        if line.split('"')[1] not in own
    ]
    return "{" + ",\n".join([*rest, *filter(None, [lines])]) + "}"


def codes_of_python(code: str) -> set[str]:
    graph = Graph("example")
    module = ModuleType("example")
    names = {"graph": graph, "song": graph.input("song", Audio), "np": np, "Audio": Audio,
             "node": rg.node, "NodeError": rg.NodeError}  # fmt: skip
    vars(module).update(names)
    exec("from resonate_nodes import gain", vars(module))
    try:
        exec(code, vars(module))
    except GraphError as error:
        return {problem.code for problem in error.problems}
    return set()


# -- mending ---------------------------------------------------------------------------------------

OLD = """{
  "name": "old",   "inputs": {"x": {"type": "audio"}},
  "graphs": {"inner": {
    "inputs": {"x": {"type": "audio"}},
    "nodes": {"a": {"type": "soften", "inputs": {"sound": "$x"}, "params": {"amount": 0.5}}},
    "outputs": {"out": "a"}
  }},
  "nodes": {
    "a": { "type": "parts@1", "inputs": {"sound": "$x"} , "description": "amount, sound" },
    "b": {"type": "graph", "graph": "inner", "inputs": {"x": "a.lower"}},
    "c": {"type": "soften", "inputs": {"audio": "a.upper"}, "params": {"amuont": 1, "amount": 1}}
  },
  "outputs": {"lower": "a.lower", "b": "b", "c": "c"}
}
"""
MENDED = (
    OLD.replace('{\n  "name"', '{\n  "format": 1,\n  "name"', 1)
    .replace('{"sound": ', '{"audio": ')
    .replace('"amount": ', '"ratio": ')
    .replace("a.lower", "a.low")
    .replace("parts@1", "parts@2")
)


def test_fix_mends_what_takes_no_guess_and_keeps_the_layout(call: Command) -> None:
    Path("old.json").write_text(OLD)
    ended = call("check", "old.json", "--fix", "--nodes", RENAMING)
    assert Path("old.json").read_text() == MENDED
    assert ended.out.splitlines()[:8] == [
        'old.json: "format": 1 is written',
        "old.json: node a: input sound -> audio",
        "old.json: node a: param amount -> ratio",
        "old.json: node a: parts@1 -> parts@2",
        "old.json: node a: input sound -> audio",
        "old.json: wire a.lower -> a.low",
        "old.json: node c: param amount -> ratio",
        "old.json: wire a.lower -> a.low",
    ]
    assert ended.code == 2  # a misspelt name stays for its author
    assert "'soften' has no param 'amuont'" in ended.out
    again = call("check", "old.json", "--fix", "--nodes", RENAMING)
    assert again.out.splitlines()[0].startswith("old.json:12:")
    assert Path("old.json").read_text() == MENDED


def test_a_new_name_is_told_without_fix(call: Command) -> None:
    Path("old.json").write_text(MENDED.replace('"ratio": 0.5', '"amount": 0.5'))
    told = call("check", "old.json", "--nodes", RENAMING, "--format", "concise").out
    assert "'soften' has no param 'amount'; it is called 'ratio' now" in told


@pytest.mark.parametrize("text", ["{", '{"format": 1, "format": 1}', "[]", "\ufeff{}", "7"])
def test_what_is_no_graph_is_left_as_it_is(call: Command, text: str) -> None:
    Path("odd.json").write_text(text)
    assert call("check", "odd.json", "--fix").code == 2
    assert Path("odd.json").read_text() == text


def test_a_stock_graph_is_never_written(call: Command) -> None:
    ended = call("check", "tape", "--fix")
    assert ended.code == 2
    assert "'tape' is a stock graph" in ended.err


def test_what_programs_read_is_not_mixed_with_what_was_mended(call: Command) -> None:
    Path("old.json").write_text(OLD)
    ended = call("check", "old.json", "--fix", "--nodes", RENAMING, "--format", "sarif")
    assert json.loads(ended.out)["version"] == "2.1.0"
    assert "param amount -> ratio" in ended.err


def test_an_older_format_is_brought_to_todays(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one format yet; this pretends that there was another before."""

    def step(plain: dict[str, Any]) -> dict[str, Any]:
        return {("nodes" if key == "steps" else key): value for key, value in plain.items()}

    monkeypatch.setitem(document.MIGRATIONS, 0, step)
    before = json.loads(rg.stock_graphs()["deliver"])
    older = {("steps" if key == "nodes" else key): value for key, value in before.items()}
    text, told = fixed(json.dumps({**older, "format": 0}), "g.json", rg.Catalog.installed())
    assert told == ["format 0 -> 1"]
    assert text == rg.stock_graphs()["deliver"]
