"""The command line: runs, and commands that look; as processes or, for words and codes, `main`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import resonate_graph as rg
from resonate_graph import Audio, Graph
from resonate_graph._cli import devices
from resonate_graph._machine.devices import Device, Inventory
from resonate_nodes import gain
from tests.engine.commands import OWN_NODES, Command
from tests.own_nodes import counted_gain, warned
from tests.processes import (
    COMMAND,
    end_of,
    files_in,
    forbid,
    resonate,
    start_python,
)

HEAVY = (
    "torch",
    "torchaudio",
    "librosa",
    "scipy",
    "demucs",
    "noisereduce",
    "pedalboard",
    "matplotlib",
)


# -- run ----------------------------------------------------------------------------------------


def test_run_writes_the_outputs_and_says_where(
    call: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quieter: Path, mix: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call("run", quieter, "-i", f"mix={mix}", "-p", "level_db=-6")
    assert ended.code == 0
    assert re.match(r"quieter: 1 ran in \d+\.\d s\n  out: out/mix\.out\.wav\n$", ended.out)
    assert [line.split()[:2] for line in ended.said] == [["gain", "ran"]]
    assert rg.read_audio(tmp_path / "out" / "mix.out.wav") == gain(rg.read_audio(mix), gain_db=-6.0)
    written = ["out/mix.out.wav", "out/mix.out.wav.provenance.json"]
    assert files_in(tmp_path) == [*written, "quieter.json"]


def test_run_prints_one_json_document_and_nothing_else(
    tmp_path: Path, quieter: Path, mix: Path
) -> None:
    call = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", "--json")
    ended = resonate(*call, "--store", tmp_path / "store")
    report = ended.document
    assert list(report) == [
        "graph", "status", "seconds", "inputs", "nodes", "outputs", "warnings",
    ]  # fmt: skip
    assert (report["graph"], report["status"], report["warnings"]) == ("quieter", "done", [])
    (node,) = report["nodes"]
    assert list(node) == ["id", "type", "status", "device", "seconds", "key", "did"]
    assert (node["id"], node["type"], node["status"]) == ("gain", "gain", "ran")
    assert (node["device"], len(node["key"])) == ("cpu", 64)
    (output,) = report["outputs"].values()
    assert output["path"] == str(tmp_path / "out" / "mix.out.wav")
    audio = rg.read_audio(tmp_path / "out" / "mix.out.wav")
    assert output["digest"] == audio.digest
    in_process = rg.load(quieter).run({"mix": mix}, store=tmp_path / "store").report
    assert in_process["nodes"] == [{**node, "status": "cached", "seconds": 0.0}]
    assert in_process["outputs"]["out"]["digest"] == output["digest"]


def test_a_cached_run_loads_nothing_heavy(call: Command, tmp_path: Path, mix: Path) -> None:
    words = ("run", "speech", "-i", f"speech={mix}", "-o", tmp_path / "out", "--json")
    first = call(*words)
    assert set(first.statuses.values()) == {"ran"}
    again = resonate(*words, PYTHONPATH=forbid(tmp_path / "shim", *HEAVY))
    assert again.code == 0, again.err
    assert set(again.statuses.values()) == {"cached"}
    assert again.document["outputs"] == first.document["outputs"]


def test_importing_the_library_loads_nothing_heavy() -> None:
    script = f"""
import sys, resonate_graph, resonate_graph._cli
resonate_graph.Catalog.installed()
print(*({{*{HEAVY!r}, "pyloudnorm", "lameenc"}} & sys.modules.keys()))
"""
    ended = end_of(start_python(script))
    assert (ended.code, ended.out.strip()) == (0, "")


def test_run_takes_a_param_of_a_node_and_an_output_of_many(
    call: Command, tmp_path: Path, mix: Path
) -> None:
    words = ("run", "deliver", "-i", f"master={mix}", "-o", tmp_path / "out", "--json")
    ended = call(*words, "--only", "loudness", "-p", "level.target_lufs=-20")
    assert ended.statuses == {"level": "ran", "measure": "ran", "encode": "skipped"}
    assert files_in(tmp_path / "out") == ["mix.loudness.json", "mix.loudness.json.provenance.json"]
    loudness = json.loads((tmp_path / "out" / "mix.loudness.json").read_text())
    assert loudness["integrated_lufs"] == pytest.approx(-20, abs=0.1)


def test_nodes_of_ones_own_come_from_a_file(call: Command, tmp_path: Path, mix: Path) -> None:
    graph = Graph("own")
    out = graph.add(counted_gain)(graph.input("mix", Audio), ratio=0.5, folder=str(tmp_path))
    graph.output("out", out)
    path = graph.save(tmp_path / "own.json")
    words = ("run", path, "-i", f"mix={mix}", "-o", tmp_path / "out", "--store", tmp_path / "store")
    unknown = call(*words)
    assert unknown.code == 2
    assert "no node type 'counted_gain'" in unknown.err
    for status in ("ran", "cached"):
        ended = call(*words, "--nodes", OWN_NODES, "--json")
        assert ended.statuses == {"counted_gain": status}
    assert (tmp_path / "count").read_text() == "x"


def test_without_a_store_nothing_is_kept(
    call: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quieter: Path, mix: Path
) -> None:
    words = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", "--no-store", "--json")
    kept = tmp_path / "default"
    monkeypatch.setenv("RESONATE_STORE", str(kept))
    for _ in range(2):
        assert call(*words).statuses == {"gain": "ran"}
    assert not kept.exists()


def test_the_store_is_where_the_variable_says(
    call: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quieter: Path, mix: Path
) -> None:
    words = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", "--json")
    monkeypatch.setenv("RESONATE_STORE", str(tmp_path / "here"))
    for status in ("ran", "cached"):
        ended = call(*words)
        assert ended.statuses == {"gain": status}
    assert (tmp_path / "here" / "objects").is_dir()


def test_a_limit_of_the_store_that_is_no_size_is_told_before_anything_runs(
    call: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, quieter: Path, mix: Path
) -> None:
    words = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out")
    monkeypatch.setenv("RESONATE_STORE_LIMIT", "much")
    ended = call(*words)
    assert ended.code == 1
    assert ended.said == ["error: 'much' is no size: say it as 500MB or 20GB"]
    assert not (tmp_path / "out").exists()


def test_a_warning_is_told_and_reported(call: Command, tmp_path: Path, mix: Path) -> None:
    graph = Graph("warned")
    graph.output("out", graph.add(warned)(graph.input("mix", Audio), message="[bold]look[/bold]"))
    path = graph.save(tmp_path / "warned.json")
    ended = call(
        "run", path, "-i", f"mix={mix}", "-o", tmp_path / "out", "--nodes", OWN_NODES, "--json"
    )
    assert "  warning: warned: [bold]look[/bold]" in ended.said
    assert ended.document["warnings"] == [
        {"code": "careful", "message": "[bold]look[/bold]", "node": "warned"}
    ]


# -- commands that look -------------------------------------------------------------------------


def test_check_says_what_has_to_be_bound(quieter: Path, call: Command) -> None:
    ended = call("check", quieter)
    assert (ended.code, ended.out) == (
        0,
        "quieter: nothing is wrong\n  input mix (audio)\n  output out\n",
    )
    assert call("check", quieter, "--json").document == {
        "graph": "quieter",
        "status": "ok",
        "inputs": {"mix": "audio"},
        "outputs": ["out"],
        "problems": [],
        "warnings": [],
    }


def test_plan_says_what_would_run_and_computes_nothing(
    tmp_path: Path, mix: Path, call: Command
) -> None:
    graph = Graph("planned")
    wire = graph.input("mix", Audio)
    for name in ("first", "second"):
        wire = graph.add(counted_gain, name)(wire, ratio=0.5, folder=str(tmp_path))
    graph.output("out", wire)
    graph.output("other", graph.add(gain, "aside")(wire, gain_db=-1.0))
    path = graph.save(tmp_path / "planned.json")
    arguments = (path, "-i", f"mix={mix}", "--nodes", OWN_NODES, "--store", tmp_path / "store")

    def planned(*more: str) -> dict[str, str]:
        return call("plan", *arguments, *more, "--json").statuses

    assert planned() == {"first": "run", "second": "open", "aside": "open"}
    assert not (tmp_path / "count").exists()
    assert call("run", *arguments, "-o", tmp_path / "out", "--only", "out").code == 0
    assert planned() == {"first": "cached", "second": "cached", "aside": "run"}
    assert planned("--only", "out") == {"first": "cached", "second": "cached", "aside": "skipped"}
    *table, total = call("plan", *arguments).out.splitlines()
    assert re.fullmatch(r"about \d+\.\d s on \d+ threads; \d+ MB of \d+ MB at most", total)
    assert [line.split()[:3] for line in table] == [
        ["node", "type", "status"],
        ["first", "counted_gain", "cached"],
        ["second", "counted_gain", "cached"],
        ["aside", "gain", "run"],
    ]
    assert (tmp_path / "count").read_text() == "xx"


def test_nodes_lists_all_and_shows_one(call: Command) -> None:
    listed = call("nodes", "--json").document
    assert listed["broken"] == []
    by_type = {node["type"]: node for node in listed["nodes"]}
    assert {"separate", "gate", "mix", "denoise", "normalize_loudness"} <= by_type.keys()
    shown = call("nodes", "gate", "--json").document
    assert shown == by_type["gate"]
    assert shown["inputs"] == [{"name": "audio", "type": "audio", "many": False, "optional": False}]
    assert shown["outputs"] == [{"name": "out", "type": "audio"}]
    assert shown["params"]["properties"]["threshold_db"]["maximum"] == 0
    text = call("nodes", "gate").out
    assert re.search(r"^threshold_db +number, -120 to 0 +dB +-45\.0 +\w", text, re.MULTILINE)
    assert len(call("nodes").out.splitlines()) >= len(by_type)


def test_nodes_shows_nodes_of_ones_own_and_suggests_names(call: Command) -> None:
    shown = call("nodes", "counted_gain", "--nodes", OWN_NODES, "--json").document
    assert (shown["type"], shown["version"]) == ("counted_gain", None)
    wrong = call("nodes", "gaet", "--json")
    assert wrong.code == 2
    assert wrong.document["error"]["message"].startswith("no node type 'gaet'; did you mean gate")


def test_graphs_lists_the_stock_graphs(call: Command) -> None:
    document = call("graphs", "--json").document
    by_name = {graph["name"]: graph for graph in document["graphs"]}
    assert {"deliver", "speech", "vocal-repair"} <= by_name.keys()
    assert list(by_name["vocal-repair"]["inputs"]) == ["mix"]
    assert by_name["vocal-repair"]["outputs"] == ["restored"]
    text = call("graphs").out
    assert "vocal-repair\n" in text
    assert "    -i mix  The finished mix.\n" in text


@pytest.mark.torch
def test_devices_shows_the_cpu_and_the_choice(call: Command) -> None:
    document = call("devices", "--json").document
    by_id = {device["id"]: device for device in document["devices"]}
    assert by_id["cpu"]["usable"] is True
    assert by_id[document["auto"]]["usable"] is True
    text = call("devices").out
    assert re.search(r"^cpu .* yes ", text, re.MULTILINE)
    assert f"\nauto takes {document['auto']}\n" in text


@pytest.mark.torch
def test_devices_shows_what_multiplies_bf16(call: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    processor = Device("cpu", "cpu", "a processor", facts={"threads": 2, "bf16": "AMX"})
    monkeypatch.setattr(devices, "probe", lambda: Inventory((processor,)))
    assert "multiplies bf16 with AMX" in call("devices").out


@pytest.mark.torch
def test_devices_lists_the_params_that_take_another_device(
    call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def machine(*accelerators: Device) -> None:
        inventory = Inventory((*accelerators, Device("cpu", "cpu", "a processor")))
        monkeypatch.setattr(devices, "probe", lambda: inventory)

    def table() -> dict[str, list[str]]:
        """Return the lines below each node of the table."""
        found: dict[str, list[str]] = {}
        for line in call("devices").out.split("node  ", 1)[1].splitlines()[1:]:
            name, _, rest = line.partition(" ")
            found.setdefault(name or list(found)[-1], []).append(" ".join(rest.split()))
        return found

    machine(Device("mps", "mps", "Apple GPU"))
    assert table()["separate"] == [
        "mps the fastest kind that is here",
        "model=hdemucs_mmi or model=repro_mdx_a cpu not mps: 9 to 14 times slower there than on "
        "the CPU",
    ]
    assert table()["resample"] == [
        "cpu not mps: soxr computes on the CPU",
        "method=torchaudio mps the fastest kind that is here",
    ]
    machine(*(Device(f"cuda:{n}", "cuda", "a GPU") for n in range(2)))
    assert table()["resample"][1:] == [
        "method=torchaudio cuda:0 or cuda:1 the fastest kind that is here"
    ]
    machine()
    assert table()["separate"] == ["cpu nothing faster is here"]


def test_the_installed_command_is_the_same(quieter: Path) -> None:
    script = Path(COMMAND[0]).with_name("resonate")
    code = f"import subprocess, sys; sys.exit(subprocess.call([{str(script)!r}, *sys.argv[1:]]))"
    ended = end_of(start_python(code, "check", quieter))
    assert (ended.code, ended.out.splitlines()[0]) == (0, "quieter: nothing is wrong")


def test_without_docstrings_no_command_runs_and_without_assertions_all_do(quieter: Path) -> None:
    """Of ``-OO`` and ``-O``."""
    ended = resonate("check", quieter, PYTHONOPTIMIZE="2")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: Python runs with -OO (PYTHONOPTIMIZE=2)")
    assert resonate("check", quieter, PYTHONOPTIMIZE="1").code == 0
