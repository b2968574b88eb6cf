"""The command line as a process: stopped, unread, and with names that are no text."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from resonate_graph import Audio, Graph
from tests.engine.commands import OWN_NODES
from tests.files import write_sound
from tests.own_nodes import counted_gain, slow
from tests.processes import (
    COMMAND,
    Signals,
    end_of,
    files_in,
    interrupt,
    resonate,
    start_resonate,
)


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
    assert ended.said[-1].startswith("interrupted: what was finished is kept in the store")
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux'")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_cannot_be_printed_on_a_full_disk_is_said_in_a_line(
    tmp_path: Path, mix: Path, quieter: Path, unbuffered: str, more: tuple[str, ...]
) -> None:
    run = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out", *more)
    for command in (run, ("nodes", "--json"), ("--help",)):
        with Path("/dev/full").open("w") as full:
            ended = subprocess.run(
                [*COMMAND, *map(str, command)],
                check=False,
                stdout=full,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
                text=True,
            )
        said = "error: what was to be printed could not be written: No space left on device"
        assert (ended.returncode, ended.stderr.splitlines()[-1]) == (1, said)
        assert "Traceback" not in ended.stderr
    assert [*(tmp_path / "out").iterdir()]  # what was computed is there


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_started_without_a_stream_it_does_its_work(
    tmp_path: Path, mix: Path, quieter: Path, closed: str
) -> None:
    """As some programs start others that nobody listens to."""
    command = ("run", quieter, "-i", f"mix={mix}", "-o", tmp_path / "out")
    for told, code in ((command, 0), (("nodes", "none-such"), 2)):
        ended = subprocess.run(
            ["sh", "-c", f'exec "$@" {closed}', "sh", *COMMAND, *told], check=False
        )
        assert ended.returncode == code
    assert [*(tmp_path / "out").iterdir()]


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
    assert (tmp_path / "out" / f"{path.stem}.out.wav").exists()


def test_any_name_can_be_printed_in_any_encoding(quieter: Path) -> None:
    name = os.fsdecode(b"na\xffme \xc3\xa4.wav")  # no text in UTF-8, as some file names are
    call = ("run", quieter, "-i", f"mix={name}", "--json")
    ended = resonate(*call, PYTHONIOENCODING="ascii:strict")
    assert ended.code == 1
    assert "Traceback" not in ended.err
    assert ended.document["error"]["message"] == r"na\udcffme ä.wav: there is no such file"


def test_ctrl_c_is_the_same_wherever_it_meets_python(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text('exec("raise KeyboardInterrupt")\n')
    ended = resonate("nodes", "--nodes", own)
    assert ended.code == 130
    assert ended.err == "interrupted\n"


def test_ctrl_c_while_the_command_line_loads_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    ended = resonate("nodes", PYTHONPATH=str(tmp_path))
    assert ended.code == 130
    assert ended.err == "interrupted\n"
