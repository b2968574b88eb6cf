"""The command line, where something is wrong: with files, the graph, the call, or a step."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import resonate_graph as rg
from resonate_graph import Audio, Graph
from resonate_graph._cli.call import read_params
from resonate_nodes import gain
from tests.depth import thorough
from tests.engine.commands import OWN_NODES, Command
from tests.files import REFUSED
from tests.own_nodes import crash, fail
from tests.processes import (
    end_of,
    files_in,
    resonate,
    resonate_measured,
    start_resonate,
)


@pytest.fixture(scope="module")
def an_ordinary_start(tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds of the processor that a command takes which does next to nothing."""
    spent = resonate_measured(tmp_path_factory.mktemp("start") / "spent", "graphs")[1]
    return spent.processor_seconds


# -- bad files ----------------------------------------------------------------------------------


def write_long_file(excerpt: Audio, path: Path) -> None:
    """Write an hour of noise, in stereo."""
    minute = np.random.default_rng(0).integers(-300, 300, (60 * 16000, 2), np.int16)
    with soundfile.SoundFile(path, "w", 16000, 2, "PCM_16", compression_level=0.0) as file:
        for _ in range(60):
            file.write(minute)


BAD = {**REFUSED, "long.flac": (write_long_file, "it is longer than 30 minutes; raise the")}


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory, excerpt: Audio) -> Callable[[str], Path]:
    """Makes a bad file, once."""
    folder = tmp_path_factory.mktemp("bad")

    @cache
    def made(name: str) -> Path:
        make, _ = BAD[name]
        make(excerpt, folder / name)
        return folder / name

    return made


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_ends_in_one_message(
    tmp_path: Path, bad: Callable[[str], Path], quieter: Path, call: Command, name: str
) -> None:
    path, (_, message) = bad(name), BAD[name]
    ended = call("run", quieter, "-i", f"mix={path}", "-o", tmp_path / "out")
    assert ended.code == 1
    (line,) = ended.said
    assert line.startswith(f"error: {path}: {message}")
    assert ended.out == ""
    assert not (tmp_path / "out").exists()


def test_a_file_of_a_user_that_is_not_there_is_told_as_it_was_given(
    tmp_path: Path, quieter: Path, call: Command
) -> None:
    ended = call("run", quieter, "-i", "mix=~nobody-is-called-this/a.wav", "-o", tmp_path)
    assert ended.code == 1
    assert ended.said == ["error: ~nobody-is-called-this/a.wav: there is no such file"]


@pytest.mark.parametrize("name", ["cut.mp3", "long.flac"])
def test_a_bad_file_ends_a_process_quickly_and_small(
    tmp_path: Path,
    bad: Callable[[str], Path],
    quieter: Path,
    an_ordinary_start: float,
    name: str,
) -> None:
    path, (_, message) = bad(name), BAD[name]
    call = ("run", quieter, "-i", f"mix={path}", "-o", tmp_path / "out")
    ended, spent = resonate_measured(tmp_path / "spent", *call)
    assert ended.code == 1
    (line,) = ended.said
    assert line.startswith(f"error: {path}: {message}")
    assert ended.out == ""
    assert not (tmp_path / "out").exists()
    assert spent.processor_seconds < 3 * an_ordinary_start + 1
    assert spent.peak_bytes < 300e6


def test_the_limits_can_be_moved(call: Command, tmp_path: Path, quieter: Path, mix: Path) -> None:
    words = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", "--json")
    refused = call(*words, "--max-minutes", "0.04")
    assert refused.code == 1
    assert refused.document["error"]["type"] == "InputError"
    assert "longer than 0.04 minutes" in refused.document["error"]["message"]
    warned = call(*words, "--warn-minutes", "0.04")
    assert [warning["code"] for warning in warned.document["warnings"]] == ["long-input"]
    assert call(*words, "--max-minutes", "inf").document["warnings"] == []


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
def test_all_problems_of_a_graph_are_told_at_once(
    call: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(FIVE_PROBLEMS)
    # `check` looks at the bindings once something is bound; `run` always does
    monkeypatch.chdir(tmp_path)
    others = ["-i", "other=x.wav"] if command == "check" else []
    ended = call(command, path, *others, "--json")
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
    said = call("check", "wrong.json", *others).out
    for code, (line, column, message) in PLACES.items() if command == "check" else ():
        assert f"wrong.json:{line}:{column}: {code}: {message}\n" in said
    assert files_in(tmp_path) == ["wrong.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-i", "mix"], "-i takes NAME=VALUE, not 'mix'"),
        (["-i", "=mix.wav"], "-i takes NAME=VALUE, not '=mix.wav'"),
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
        (["-i", "mix=a.wav", "--max-minutes", "long"], "invalid value for '--max-minutes'"),
        (["--nope"], "no such option: --nope"),
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
    assert ended.said == [
        "error: -i takes NAME=VALUE, not 'speech'", "  how it is called: resonate run --help"
    ]  # fmt: skip
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("vocal-repiar", "did you mean 'vocal-repair' or 'song-repair'?"),
        ("vinyll", "did you mean 'vinyl'?"),
        ("nowhere/graph.json", f"there are: {', '.join(rg.stock_graphs())}"),
    ],
)
def test_an_unknown_graph_is_told_with_one_that_is_near_or_all(
    call: Command, name: str, other: str
) -> None:
    for command in ("run", "check"):
        ended = call(command, name, "-i", "mix=a.wav")
        assert ended.code == 2
        there_is_none = "there is no such file, and no stock graph has that name"
        assert ended.said == [f"error: {name}: {there_is_none}; {other}"]


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
    assert re.search(rf"^{tmp_path}/graph\.json: \d problems?$", ended.out, re.MULTILINE)
    ended = call("plan", tmp_path / "graph.json")
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
    call: Command, tmp_path: Path, mix: Path, failing: Any
) -> None:
    graph = Graph("failing")
    params = {"message": "this cannot be done"} if failing is fail else {}
    sound = graph.input("mix", Audio)
    graph.output("fine", graph.add(gain)(sound, gain_db=-1.0))
    graph.output("out", graph.add(failing, "tricky")(sound, **params))
    path = graph.save(tmp_path / "failing.json")
    ended = call(
        "run", path, "-i", f"mix={mix}", "-o", tmp_path / "out", "--nodes", OWN_NODES, "--json"
    )
    assert ended.code == 1
    reason = "this cannot be done"
    if failing is crash:  # whose author is told where
        lines = Path(OWN_NODES).read_text().splitlines()
        line = 1 + next(at for at, text in enumerate(lines) if "raise ZeroDivisionError" in text)
        reason = f"ZeroDivisionError: division by zero (own_nodes.py, line {line})"
    message = f"node 'tricky' ({failing.type.name}): {reason}"
    assert ended.document["error"] == {"type": "RunError", "message": message, "problems": []}
    assert ended.said[-1] == f"error: {message}"
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file_ends_with_2(
    tmp_path: Path, quieter: Path, mix: Path, call: Command
) -> None:
    (tmp_path / "out").write_text("a file")
    ended = call("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out")
    assert ended.code == 2
    folder = tmp_path / "out"
    assert ended.said == [  # told before anything ran
        f"error: -o {folder}: cannot be written: {folder} is not a folder",
        "  how it is called: resonate run --help",
    ]


def test_a_folder_that_looks_like_a_file_ends_with_2(
    tmp_path: Path, quieter: Path, mix: Path, call: Command
) -> None:
    file = tmp_path / "songs" / "louder.wav"
    ended = call("run", quieter, "-i", f"mix={mix}", "-o", file)
    assert ended.code == 2
    say = f"say -o {tmp_path / 'songs'} --name louder"
    assert ended.said[0] == f"error: -o takes a folder, and {file} looks like a file: {say}"
    assert not file.exists()
    ended = call("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "songs", "--name", "louder")
    assert ended.code == 0
    assert file.is_file()
    file.unlink()
    file.mkdir()  # one that is there is one
    assert call("run", quieter, "-i", f"mix={mix}", "-o", file).code == 0


@thorough
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
    assert line.endswith(
        "name it with --models DIR, or use a model that is here: mini (-p model=mini)"
    )
    assert not (tmp_path / "out").exists()


def test_a_model_that_is_not_in_the_folder_is_told_with_what_is(
    tmp_path: Path, mix: Path, models_dir: Path, call: Command
) -> None:
    arguments = ("run", "vocal-repair", "-i", f"mix={mix}", "-o", tmp_path / "out")
    ended = call(*arguments, "--models", models_dir, "-p", "model=htdemucs_6x")
    assert ended.code == 1
    (line,) = ended.said
    assert "no weights of model 'htdemucs_6x'" in line
    assert "has htdemucs, htdemucs_ft" in line
