"""Completion: what may stand in place of the last word of a line, and what bash makes of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import resonate_graph as rg
from resonate_graph import Catalog
from resonate_graph._cli.application import whole_command
from resonate_graph._cli.completion import complete
from tests.engine.commands import OWN_NODES, Command

FILES = [":files"]


def offered(line: str) -> list[str]:
    """What is offered for the last word of a line."""
    return [value for value, _ in complete(whole_command(), line.split(" "))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ru", ["run"]),
        ("store un", ["unpin"]),
        ("nothing ", []),
        ("run viny", ["vinyl"]),
        ("run ./graph", FILES),
        ("run vinyl ", FILES),
        ("run vinyl -o ", FILES),
        ("run vinyl --onl", ["--only"]),
        ("run vinyl --traceb", ["--traceback"]),
        ("run vinyl --threads ", []),
        ("run vinyl --device c", ["cpu", "cuda"]),
        ("run vinyl --device=c", ["--device=cpu", "--device=cuda"]),
        ("run vinyl -q -i ", ["recording="]),
        ("run tape -i no", ["noise="]),
        ("run vinyl -i recording=", FILES),
        ("run vinyl -p click", ["click_sigma="]),
        ("run vinyl -p rumble.s", ["rumble.slope_db_per_octave="]),
        ("run vinyl -p rumble.slope_db_per_octave=1", ["rumble.slope_db_per_octave=12"]),
        ("run song-repair -p drums_", ["drums_gate_db=", "drums_db=", "drums_gate."]),
        ("run song-repair -p model=mi", ["model=mini"]),
        ("run song-repair -p split.precision=b", ["split.precision=bf16"]),
        ("run song-repair --only v", ["vocals"]),
        ("sweep song-repair --pictures re", ["restored"]),
        ("why song-repair voc", ["vocals_rumble", "vocals_denoise", "vocals"]),
        ("nodes declic", ["declick"]),
        ("completion z", ["zsh"]),
        ("explain cyc", ["cycle"]),
        ("explain cycle syn", ["syntax"]),
        ("check vinyl --format s", ["sarif"]),
        ("run nowhere.json -p ", []),
        ("run --from-provenance ", FILES),
        ("verify ", FILES),
        ("verify one.wav ", FILES),
    ],
)  # fmt: skip
def test_what_is_offered(line: str, expected: list[str]) -> None:
    assert offered(line) == expected


def test_everything_there_is_is_offered() -> None:
    assert offered("run ") == [*rg.stock_graphs(), *FILES]
    assert set(offered("nodes ")) == {one.id for one in Catalog.installed()}
    assert set(offered("")) >= {"run", "check", "plan", "why", "sweep", "nodes", "store", "demo"}


def test_nodes_of_ones_own_and_models_in_a_folder_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offered(f"nodes --nodes {OWN_NODES} counted_") == ["counted_gain"]
    for name in ("955717e8-8726e21a.th", "mine.yaml", "other.safetensors", "notes.txt"):
        (tmp_path / name).touch()
    line = "run song-repair -p model="
    assert {"model=955717e8", "model=mine", "model=other"} <= set(
        offered(f"run song-repair --models {tmp_path} -p model=")
    )
    assert "model=mine" not in offered(line)
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    assert "model=mine" in offered(line)


def test_whatever_is_wrong_nothing_is_offered_and_nothing_is_said(call: Command) -> None:
    for words in (
        ["run", __file__, "-p", ""],
        ["run", "vinyl", "--models", "/nowhere", "-p", "x=y"],
    ):
        ended = call("__complete", *words)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    told = call("__complete", "run", "vinyl", "-i", "")
    assert told.out.startswith("recording=\tThe transfer")


def test_there_is_a_script_for_each_shell(call: Command) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "resonate __complete" in call("completion", shell).out
    unknown = call("completion", "tcsh")
    assert (unknown.code, "there is: bash, zsh, fish" in unknown.err) == (2, True)


@pytest.mark.parametrize(
    ("answer", "words", "expected"),
    [
        ("run\tRun a graph.\nreport\n", ["r"], ["run", "report"]),
        ("model=mini\nmodel=mdx\n", ["run", "g", "-p", "model", "=", "m"], ["mini", "mdx"]),
        ("model=\n", ["run", "g", "-p", "mo"], ["model="]),
        (":files\n", ["run", "g", "-i", "mix", "=", "so"], ["song one.wav", "song.wav"]),
        (":files\n", ["run", "g", "song."], ["song.wav"]),
    ],
)
def test_bash_is_given_what_it_can_use(
    call: Command, tmp_path: Path, answer: str, words: list[str], expected: list[str]
) -> None:
    """With a program in place of ours that notes how it is called."""
    (tmp_path / "song.wav").touch()
    (tmp_path / "song one.wav").touch()
    stub = tmp_path / "resonate"
    stub.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > called\nprintf '{answer}'\n")
    stub.chmod(0o755)
    script = call("completion", "bash").out + (
        'COMP_WORDS=(resonate "$@"); COMP_CWORD=$#; _resonate 2>/dev/null\n'
        "printf '%s\\n' \"${COMPREPLY[@]}\" | sort -r\n"
    )
    ended = subprocess.run(
        ["bash", "-c", script, "bash", *words],
        cwd=tmp_path, env={"PATH": f"{tmp_path}:/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ended.stdout.splitlines() == sorted(expected, reverse=True)
    joined = " ".join(words).replace(" = ", "=")
    assert (tmp_path / "called").read_text().split() == ["__complete", *joined.split(" ")]
