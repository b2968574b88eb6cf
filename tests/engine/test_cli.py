"""The command line: in real processes, and by `main` where only words and codes are at stake."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import resonate_graph as rg
from resonate_graph import Audio, Graph
from resonate_graph._cli import main
from resonate_graph._cli._call import read_params
from resonate_nodes import gain
from tests.files import REFUSED, write_sound
from tests.own_nodes import counted_gain, crash, fail, slow, warned
from tests.processes import (
    COMMAND,
    Ended,
    Signals,
    end_of,
    files_in,
    forbid,
    interrupt,
    resonate,
    resonate_measured,
    start_python,
    start_resonate,
)

OWN_NODES = Path(__file__).parents[1] / "own_nodes.py"
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


@pytest.fixture(scope="module")
def an_ordinary_start() -> float:
    """Seconds that a command takes which does next to nothing."""
    return min(resonate("graphs").seconds for _ in range(2))


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory, excerpt: Audio) -> Path:
    """Three seconds of the bundled recording as WAV."""
    return write_sound(excerpt, tmp_path_factory.mktemp("mix") / "mix.wav", "FLOAT")


@pytest.fixture
def quieter(tmp_path: Path) -> Path:
    """A graph file with one light node."""
    graph = Graph("quieter", description="A little quieter.")
    level = graph.param("level_db", float, default=-3.0, maximum=0, description="How much.")
    graph.output("out", graph.add(gain)(graph.input("mix", Audio), gain_db=level))
    return graph.save(tmp_path / "quieter.json")


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


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    monkeypatch.setenv("COLUMNS", "200")
    before = signal.getsignal(signal.SIGTERM)
    yield Command(capsys)
    signal.signal(signal.SIGTERM, before)


# -- run ----------------------------------------------------------------------------------------


def test_run_writes_the_outputs_and_says_where(tmp_path: Path, quieter: Path, mix: Path) -> None:
    ended = resonate("run", quieter, "-i", f"mix={mix}", "-p", "level_db=-6", cwd=tmp_path)
    assert ended.code == 0
    assert re.match(r"quieter: 1 ran in \d+\.\d s\n  out: out/out\.wav\n$", ended.out)
    assert [line.split()[:3] for line in ended.said] == [["gain", "gain", "ran"]]
    assert rg.read_audio(tmp_path / "out" / "out.wav") == gain(rg.read_audio(mix), gain_db=-6.0)
    assert files_in(tmp_path) == ["out/out.wav", "out/out.wav.provenance.json", "quieter.json"]


def test_run_prints_one_json_document_and_nothing_else(
    tmp_path: Path, quieter: Path, mix: Path
) -> None:
    call = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", "--json")
    ended = resonate(*call, "--store", tmp_path / "store")
    report = ended.document
    assert list(report) == ["graph", "status", "seconds", "nodes", "outputs", "warnings"]
    assert (report["graph"], report["status"], report["warnings"]) == ("quieter", "done", [])
    (node,) = report["nodes"]
    assert list(node) == ["id", "type", "status", "device", "seconds", "key"]
    assert (node["id"], node["type"], node["status"]) == ("gain", "gain", "ran")
    assert (node["device"], len(node["key"])) == ("cpu", 64)
    (output,) = report["outputs"].values()
    assert output["path"] == str(tmp_path / "out" / "out.wav")
    audio = rg.read_audio(tmp_path / "out" / "out.wav")
    assert output["digest"] == audio.digest
    in_process = rg.load(quieter).run({"mix": mix}, store=tmp_path / "store").report
    assert in_process["nodes"] == [{**node, "status": "cached", "seconds": 0.0}]
    assert in_process["outputs"]["out"]["digest"] == output["digest"]


def test_a_cached_run_loads_nothing_heavy(tmp_path: Path, mix: Path) -> None:
    call = ("run", "speech", "-i", f"speech={mix}", "-o", tmp_path / "out", "--json")
    first = resonate(*call)
    assert set(first.statuses.values()) == {"ran"}
    again = resonate(*call, PYTHONPATH=forbid(tmp_path / "shim", *HEAVY))
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


def test_run_takes_a_param_of_a_node_and_an_output_of_many(tmp_path: Path, mix: Path) -> None:
    call = ("run", "deliver", "-i", f"master={mix}", "-o", tmp_path / "out", "--json")
    ended = resonate(*call, "--only", "loudness", "-p", "level.target_lufs=-20")
    assert ended.statuses == {"level": "ran", "measure": "ran", "encode": "skipped"}
    assert files_in(tmp_path / "out") == ["loudness.json", "loudness.json.provenance.json"]
    loudness = json.loads((tmp_path / "out" / "loudness.json").read_text())
    assert loudness["integrated_lufs"] == pytest.approx(-20, abs=0.1)


def test_nodes_of_ones_own_come_from_a_file(tmp_path: Path, mix: Path) -> None:
    graph = Graph("own")
    out = graph.add(counted_gain)(graph.input("mix", Audio), ratio=0.5, folder=str(tmp_path))
    graph.output("out", out)
    path = graph.save(tmp_path / "own.json")
    call = ("run", path, "-i", f"mix={mix}", "-o", tmp_path / "out", "--store", tmp_path / "store")
    unknown = resonate(*call)
    assert unknown.code == 2
    assert "no node type 'counted_gain'" in unknown.err
    for status in ("ran", "cached"):
        ended = resonate(*call, "--nodes", OWN_NODES, "--json")
        assert ended.statuses == {"counted_gain": status}
    assert (tmp_path / "count").read_text() == "x"


def test_without_a_store_nothing_is_kept(tmp_path: Path, quieter: Path, mix: Path) -> None:
    call = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", "--no-store", "--json")
    kept = tmp_path / "default"
    for _ in range(2):
        assert resonate(*call, RESONATE_STORE=str(kept)).statuses == {"gain": "ran"}
    assert not kept.exists()


def test_the_store_is_where_the_variable_says(tmp_path: Path, quieter: Path, mix: Path) -> None:
    call = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", "--json")
    for status in ("ran", "cached"):
        ended = resonate(*call, RESONATE_STORE=str(tmp_path / "here"))
        assert ended.statuses == {"gain": status}
    assert (tmp_path / "here" / "objects").is_dir()


def test_a_limit_of_the_store_that_is_no_size_is_told_before_anything_runs(
    tmp_path: Path, quieter: Path, mix: Path
) -> None:
    call = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out")
    ended = resonate(*call, RESONATE_STORE_LIMIT="much")
    assert ended.code == 1
    assert ended.said == ["error: 'much' is no size: say it as 500MB or 20GB"]
    assert not (tmp_path / "out").exists()


def test_a_warning_is_told_and_reported(tmp_path: Path, mix: Path) -> None:
    graph = Graph("warned")
    graph.output("out", graph.add(warned)(graph.input("mix", Audio), message="[bold]look[/bold]"))
    path = graph.save(tmp_path / "warned.json")
    ended = resonate(
        "run", path, "-i", f"mix={mix}", "-o", tmp_path / "out", "--nodes", OWN_NODES, "--json"
    )
    assert "  warning: warned: [bold]look[/bold]" in ended.said
    assert ended.document["warnings"] == [
        {"code": "careful", "message": "[bold]look[/bold]", "node": "warned"}
    ]


# -- bad files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*REFUSED, "long.flac"])
def test_a_bad_file_ends_in_one_message_quickly_and_small(
    tmp_path: Path, excerpt: Audio, quieter: Path, an_ordinary_start: float, name: str
) -> None:
    path = tmp_path / name
    make, message = REFUSED.get(name, (write_long_file, "it is longer than 30 minutes; raise the"))
    make(excerpt, path)
    call = ("run", quieter, "-i", f"mix={path}", "-o", tmp_path / "out")
    ended, peak_bytes = resonate_measured(tmp_path / "peak", *call)
    assert ended.code == 1
    (line,) = ended.said
    assert line.startswith(f"error: {path}: {message}")
    assert ended.out == ""
    assert not (tmp_path / "out").exists()
    assert ended.seconds < 3 * an_ordinary_start + 1
    assert peak_bytes < 300e6


def write_long_file(excerpt: Audio, path: Path) -> None:
    """Write an hour of noise, in stereo."""
    minute = np.random.default_rng(0).normal(0, 0.01, (60 * 16000, 2))
    with soundfile.SoundFile(path, "w", 16000, 2, "PCM_16") as file:
        for _ in range(60):
            file.write(minute)


def test_the_limits_can_be_moved(tmp_path: Path, quieter: Path, mix: Path) -> None:
    call = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", "--json")
    refused = resonate(*call, "--max-minutes", "0.04")
    assert refused.code == 1
    assert refused.document["error"]["type"] == "InputError"
    assert "longer than 0.04 minutes" in refused.document["error"]["message"]
    warned = resonate(*call, "--warn-minutes", "0.04")
    assert [warning["code"] for warning in warned.document["warnings"]] == ["long-input"]
    assert resonate(*call, "--max-minutes", "inf").document["warnings"] == []


# -- the graph or the call is wrong -------------------------------------------------------------

FIVE_PROBLEMS = """\
{
  "format": 1,
  "name": "wrong",
  "inputs": {"mix": {"type": "audio"}},
  "nodes": {
    "a": {"type": "gian", "inputs": {"audio": "$mix"}},
    "b": {"type": "gain", "inputs": {"audoi": "$mix"}},
    "c": {"type": "gate", "inputs": {"audio": "$mix"}, "params": {"threshold_db": 3}},
    "d": {"type": "gain", "inputs": {"audio": "e"}},
    "e": {"type": "gain", "inputs": {"audio": "d"}}
  },
  "outputs": {"one": "b", "two": "c", "three": "e"}
}
"""
PLACES = {
    "missing-binding": (4, 14, "input 'mix' (audio) is not bound: give it with -i mix=..."),
    "unknown-type": (6, 19, "no node type 'gian'; did you mean 'gain'?"),
    "unknown-port": (7, 38, "'gain' has no input 'audoi'; did you mean 'audio'?"),
    "bad-param": (8, 83, "threshold_db: input should be less than or equal to 0, not 3"),
    "cycle": (9, 5, "these nodes feed each other in a circle: d -> e -> d"),
}


@pytest.mark.parametrize("command", ["run", "check"])
def test_all_problems_of_a_graph_are_told_at_once(tmp_path: Path, command: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(FIVE_PROBLEMS)
    # `check` looks at the bindings once something is bound; `run` always does
    others = ["-i", "other=x.wav"] if command == "check" else []
    ended = resonate(command, path, *others, "--json", cwd=tmp_path)
    assert ended.code == 2
    error = ended.document["error"]
    assert (ended.document["status"], error["type"]) == ("failed", "GraphError")
    found = {
        problem["code"]: (problem["line"], problem["column"], problem["message"])
        for problem in error["problems"]
        if problem["code"] != "unknown-input"
    }
    assert found == PLACES
    for line, column, message in PLACES.values():
        pattern = rf"^  {line}:{column} /\S+: {re.escape(message)}$"
        assert re.search(pattern, ended.err, re.MULTILINE), message
    assert files_in(tmp_path) == ["wrong.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-i", "mix"], "-i takes NAME=VALUE, not 'mix'"),
        (["-i", "=mix.wav"], "-i takes NAME=VALUE, not '=mix.wav'"),
        (["-i", "mix=a.wav", "-i", "mix=b.wav"], "-i mix was given twice"),
        (["-i", "mix=a.wav", "-p", "level_db"], "-p takes NAME=VALUE, not 'level_db'"),
        (["-i", "mix=a.wav", "-p", "level_db=loud"], "'loud' is no number"),
        (["-i", "mix=a.wav", "-p", "level_db=1"], "1 is above the maximum 0"),
        (["-i", "mix=a.wav", "-p", "levl_db=1"], "no param 'levl_db'; did you mean 'level_db'"),
        (["-i", "mix=a.wav", "-p", "gain.gian_db=1"], "no param 'gian_db'; did you mean 'gain_db'"),
        (["-i", "mix=a.wav", "-i", "mxi=a.wav"], "no input 'mxi'; did you mean 'mix'"),
        (["-i", "mix=a.wav", "--only", "uot"], "no output 'uot'; did you mean 'out'"),
        (
            ["-i", "mix=a.wav", "--device", "tpu"],
            "no device 'tpu'; there are: auto, mps, cuda, cpu, or a card such as cuda:1",
        ),
        (
            ["-i", "mix=a.wav", "--device", "cuda:x"],
            "no device 'cuda:x'; there are: auto, mps, cuda, cpu, or a card such as cuda:1",
        ),
        (["-i", "mix=a.wav", "--store", "s", "--no-store"], "--store and --no-store exclude"),
        (["-i", "mix=a.wav", "--nodes", "nowhere.py"], "nowhere.py: there is no such file"),
        (["-i", "mix=a.wav", "--max-minutes", "long"], "Invalid value for '--max-minutes'"),
        (["--nope"], "No such option: --nope"),
        ([], "input 'mix' (audio) is not bound"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_call_that_makes_no_sense_ends_with_2_and_says_why(
    tmp_path: Path,
    quieter: Path,
    arguments: list[str],
    message: str,
    call: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call("run", quieter, *arguments, "--json")
    assert ended.code == 2
    assert message in ended.err
    assert message in ended.document["error"]["message"]
    assert files_in(tmp_path) == ["quieter.json"]


def test_a_wrong_call_of_a_process_ends_with_2_and_without_a_traceback(tmp_path: Path) -> None:
    ended = resonate("run", "speech", "-i", "speech", cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.said[-1] == "Error: Invalid value: -i takes NAME=VALUE, not 'speech'"
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", ["vocal-repiar", "nowhere/graph.json"])
def test_an_unknown_graph_is_told_with_those_there_are(call: Command, name: str) -> None:
    ended = call("run", name, "-i", "mix=a.wav")
    assert ended.code == 2
    (line,) = ended.said
    assert line.startswith(f"error: {name}: there is no such file, and no stock graph has that")
    assert "vocal-repair" in line


def test_a_folder_is_no_graph(tmp_path: Path, call: Command) -> None:
    ended = call("run", tmp_path, "-i", "mix=a.wav", "--json")
    assert ended.code == 2
    (line,) = ended.said
    assert line.startswith(f"error: {tmp_path}: this is a folder, and no stock graph has that name")
    assert "vocal-repair" in line
    assert ended.document["error"]["type"] == "CatalogError"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (".6", 0.6), ("-.6", -0.6), ("+.6", 0.6), ("6.", 6.0), ("-6.", -6.0), ("+6", 6),
        ("-6", -6), ("6e-1", 0.6), (".6E1", 6.0), ("+6.5", 6.5), ("0", 0), ("1e999", "1e999"),
        ("007", "007"), (".", "."), ("+", "+"), ("", ""), ("e5", "e5"), ("1.2.3", "1.2.3"),
        ("--6", "--6"), ("NaN", "NaN"), ("true", True), ("[.6]", "[.6]"), ("[0.6]", [0.6]),
    ],
)  # fmt: skip
def test_a_number_is_read_as_people_write_it(quieter: Path, text: str, value: object) -> None:
    params = read_params(rg.load(quieter), [f"level_db={text}", f"gain.gain_db={text}"])
    assert params == {"level_db": value, "gain.gain_db": value}
    assert {type(one) for one in params.values()} == {type(value)}


def test_a_folder_does_not_hide_a_stock_graph_of_its_name(
    tmp_path: Path, call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "speech").mkdir()
    assert call("check", "speech").code == 0


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"{}"])
def test_a_file_that_is_no_graph_ends_with_2(tmp_path: Path, call: Command, content: bytes) -> None:
    (tmp_path / "graph.json").write_bytes(content)
    ended = call("check", tmp_path / "graph.json")
    assert ended.code == 2
    assert re.match(rf"error: {tmp_path}/graph\.json: \d problems?$", ended.said[0])


def test_no_arguments_show_the_commands(call: Command) -> None:
    ended = call()
    assert ended.code == 2
    for command in ("run", "check", "plan", "nodes", "graphs", "devices", "demo"):
        assert re.search(rf"^  {command} ", ended.err, re.MULTILINE)
    assert call("--version").out == f"resonate {rg.__version__}\n"


# -- a run fails --------------------------------------------------------------------------------


@pytest.mark.parametrize("failing", [fail, crash])
def test_a_node_that_fails_is_named_and_nothing_is_written(
    tmp_path: Path, mix: Path, failing: Any
) -> None:
    graph = Graph("failing")
    params = {"message": "this cannot be done"} if failing is fail else {}
    sound = graph.input("mix", Audio)
    graph.output("fine", graph.add(gain)(sound, gain_db=-1.0))
    graph.output("out", graph.add(failing, "tricky")(sound, **params))
    path = graph.save(tmp_path / "failing.json")
    ended = resonate(
        "run", path, "-i", f"mix={mix}", "-o", tmp_path / "out", "--nodes", OWN_NODES, "--json"
    )
    assert ended.code == 1
    reason = "this cannot be done" if failing is fail else "ZeroDivisionError: division by zero"
    message = f"node 'tricky' ({failing.type.name}): {reason}"
    assert ended.document["error"] == {"type": "RunError", "message": message, "problems": []}
    assert ended.said[-1] == f"error: {message}"
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file_ends_with_1(
    tmp_path: Path, quieter: Path, mix: Path, call: Command
) -> None:
    (tmp_path / "out").write_text("a file")
    ended = call("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out")
    assert ended.code == 1
    folder = tmp_path / "out"
    assert ended.said[-1] == f"error: {folder}: cannot be written: {folder} is not a folder"
    assert len(ended.said) == 1  # told before anything ran


def test_weights_that_cannot_be_had_are_told_in_one_line(tmp_path: Path, mix: Path) -> None:
    """All ways lead to a port nobody listens on, whether this machine has a network or not."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        environment = {**dict.fromkeys(names, nowhere), "NO_PROXY": "", "no_proxy": ""}
        environment |= {"HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf")}
        environment |= {"TORCH_HOME": str(tmp_path / "torch")}
        arguments = ("run", "vocal-repair", "-i", f"mix={mix}", "-o", tmp_path / "out")
        ended = end_of(start_resonate(*arguments, cwd=None, **environment))
    assert ended.code == 1
    (line,) = ended.said
    assert line.startswith("error: no weights of model 'htdemucs_ft'; tried --models (not given), ")
    for words in ("RESONATE_MODELS (not set)", "Hugging Face hub (", "old Demucs host ("):
        assert words in line
    assert line.endswith("name it with --models, or use a model that is here: mini")
    assert not (tmp_path / "out").exists()
    assert ended.seconds < 20


def test_a_model_that_is_not_in_the_folder_is_told_with_what_is(
    tmp_path: Path, mix: Path, models_dir: Path, call: Command
) -> None:
    arguments = ("run", "vocal-repair", "-i", f"mix={mix}", "-o", tmp_path / "out")
    ended = call(*arguments, "--models", models_dir, "-p", "model=htdemucs_6x")
    assert ended.code == 1
    (line,) = ended.said
    assert "no weights of model 'htdemucs_6x'" in line
    assert "has htdemucs, htdemucs_ft" in line


# -- interrupted --------------------------------------------------------------------------------


def test_ctrl_c_ends_with_130_and_keeps_what_was_finished(tmp_path: Path, mix: Path) -> None:
    signals = Signals(tmp_path / "signals")
    graph = Graph("interrupted")
    first = graph.add(counted_gain)(graph.input("mix", Audio), ratio=0.5, folder=str(tmp_path))
    graph.output("first", first)
    graph.output("out", graph.add(slow)(first, folder=str(signals.folder)))
    path = graph.save(tmp_path / "interrupted.json")
    files = ("-i", f"mix={mix}", "-o", tmp_path / "out", "--store", tmp_path / "store")
    arguments = ("run", path, *files, "--nodes", OWN_NODES, "--json")
    process = start_resonate(*arguments)
    signals.wait_until_started(process)
    interrupt(process)
    ended = end_of(process)
    assert ended.code == 130
    assert ended.said[-1].startswith("error: Interrupted. What was finished before is kept")
    assert "Traceback" not in ended.err
    assert ended.document["error"]["type"] == "Interrupted"
    assert not (tmp_path / "out").exists()
    assert not [name for name in files_in(tmp_path) if "writing" in name]
    again = start_resonate(*arguments)
    signals.wait_until_started(again)
    signals.let_go()
    assert end_of(again).statuses == {"counted_gain": "cached", "slow": "ran"}
    assert (tmp_path / "count").read_text() == "x"


def test_sigterm_ends_as_ctrl_c_does(tmp_path: Path, mix: Path) -> None:
    signals = Signals(tmp_path / "signals")
    graph = Graph("terminated")
    graph.output("out", graph.add(slow)(graph.input("mix", Audio), folder=str(signals.folder)))
    path = graph.save(tmp_path / "terminated.json")
    process = start_resonate(
        "run", path, "-i", f"mix={mix}", "-o", tmp_path / "out", "--nodes", OWN_NODES
    )
    signals.wait_until_started(process)
    process.terminate()
    ended = end_of(process)
    assert ended.code == 130
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()


def test_a_reader_that_stops_is_no_error_to_talk_about(tmp_path: Path) -> None:
    """As in ``resonate nodes --json | head -1``."""
    process = start_resonate("nodes", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.wait()


def test_a_file_name_that_is_no_text_is_no_obstacle(
    tmp_path: Path, excerpt: Audio, quieter: Path
) -> None:
    plain = write_sound(excerpt, tmp_path / "plain.wav")
    try:
        path = plain.rename(tmp_path / os.fsdecode(b"na\xffme.wav"))
    except OSError:  # a Mac's filesystem has no such names
        path = plain
    ended = resonate("run", quieter, "-i", f"mix={path}", "-o", tmp_path / "out")
    assert ended.code == 0, ended.err
    assert (tmp_path / "out" / "out.wav").exists()


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict"])
def test_any_name_and_any_encoding_can_be_printed(quieter: Path, encoding: str) -> None:
    name = os.fsdecode(b"na\xffme \xc3\xa4.wav")  # no text in UTF-8, as some file names are
    call = ("run", quieter, "-i", f"mix={name}", "--json")
    ended = resonate(*call, PYTHONIOENCODING=encoding)
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert ended.document["error"]["message"] == f"{name}: there is no such file"


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
    listed = resonate("nodes", "--json").document
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
    document = resonate("graphs", "--json").document
    by_name = {graph["name"]: graph for graph in document["graphs"]}
    assert {"deliver", "speech", "vocal-repair"} <= by_name.keys()
    assert list(by_name["vocal-repair"]["inputs"]) == ["mix"]
    assert by_name["vocal-repair"]["outputs"] == ["restored"]
    text = call("graphs").out
    assert "vocal-repair\n" in text
    assert "    -i mix  The finished mix.\n" in text


def test_devices_shows_the_cpu_and_the_choice(call: Command) -> None:
    document = resonate("devices", "--json").document
    by_id = {device["id"]: device for device in document["devices"]}
    assert by_id["cpu"]["usable"] is True
    assert by_id[document["auto"]]["usable"] is True
    text = call("devices").out
    assert re.search(r"^cpu .* yes ", text, re.MULTILINE)


def test_the_installed_command_is_the_same(quieter: Path) -> None:
    script = Path(COMMAND[0]).with_name("resonate")
    code = f"import subprocess, sys; sys.exit(subprocess.call([{str(script)!r}, *sys.argv[1:]]))"
    ended = end_of(start_python(code, "check", quieter))
    assert (ended.code, ended.out.splitlines()[0]) == (0, "quieter: nothing is wrong")
