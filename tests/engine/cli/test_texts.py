"""What commands print, as it is read: at 80 columns, and in a pipe, a line per row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from resonate_graph import Audio, Graph
from resonate_nodes import gain
from tests.engine.commands import Command
from tests.files import write_sound


@pytest.fixture
def place(tmp_path: Path, excerpt: Audio, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recording and a graph; it is the present one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RESONATE_STORE", "store")
    write_sound(excerpt.with_samples(excerpt.samples[:, :22050]), tmp_path / "take.wav", "FLOAT")
    graph = Graph("quieter", description="A little quieter, in two steps.")
    level = graph.param("level_db", float, default=-3.0, maximum=0, description="How much.")
    first = graph.add(gain, "a_first_step_with_a_long_name")(
        graph.input("mix", Audio, description="What is too loud."), gain_db=level
    )
    graph.output("half", first)
    graph.output("out", graph.add(gain, "second")(first, gain_db=-6.0))
    graph.save("quieter.json")
    return tmp_path


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch, call: Command) -> Command:
    """Calls `resonate` as on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    return call


def steady(text: str) -> str:
    """Return a text without what differs from run to run, as wide as it was."""
    text = re.sub(r"\b\d+\.\d s\b", lambda found: "N.N s".rjust(len(found[0])), text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "KEY KEY KEY ", text)
    return re.sub(r"\b\d{4}-\d\d-\d\d\b", "YYYY-MM-DD", text)


def assert_printed(text: str, expected: str) -> None:
    assert steady(text) == expected.removeprefix("\n")


HELP = """
Usage: resonate check [OPTIONS] GRAPH

  Find everything that is wrong with a graph, without running it.

  Once any input is bound with -i, bindings are checked too: their files are
  read, and the weights of models are compared with all that is known of them.
  resonate explain CODE says more of what is found. --fix renames ports and
  params that their nodes have renamed, pins older versions of nodes to the
  installed ones, and brings older formats to today's.

  GRAPH  A graph file, or the name of a stock graph.

What goes in:
  -i, --input NAME=FILE   Bind a file or value to an input.
  -p, --param NAME=VALUE  Set a param of the graph, or node.param.
  --only OUTPUT           Only this output, and what it needs.
  --nodes MODULE          A module or .py file with nodes of your own.
  --graphs DIR            Where graphs lie that GRAPH uses as ./name.json.
  --salvage               Read what is left of damaged inputs.
  --max-minutes MINUTES   Refuse inputs longer than this. [30]

What comes out:
  --fix  Mend what takes no guess, write GRAPH, and check it.

How it computes:
  --models DIR  The folder of model weights.

What is said:
  --format FORMAT  full, concise, json, sarif or github. [full]
  --json           Print one JSON document and nothing else.
  --traceback      Where it fails, show the way there through the code.
  --help           Show this message and exit.
"""


def test_help_is_whole_and_its_options_stand_in_groups(narrow: Command) -> None:
    assert_printed(narrow("check", "--help").out, HELP)


def test_a_run_says_what_became_of_its_steps_and_where_the_files_are(
    place: Path, narrow: Command
) -> None:
    ended = narrow("run", "quieter.json", "take.wav")
    assert_printed(ended.out, """
quieter: 2 ran in N.N s
  half: out/take.half.wav
  out: out/take.out.wav
""")  # fmt: skip
    assert_printed(ended.err, """
  a_first_step_with_a_long_name ran N.N s  gain -3.0 dB
  second                        ran N.N s  gain -6.0 dB
""")  # fmt: skip
    again = narrow("run", "quieter.json", "take.wav", "-p", "level_db=-3")
    assert_printed(again.out + again.err, """
quieter: 2 reused in N.N s
  half: out/take.half.wav
  out: out/take.out.wav
  2 reused
""")  # fmt: skip


PLAN_IN_A_PIPE = """
node                           type  status  outputs  lane  order  from  seconds  memory
a_first_step_with_a_long_name  gain  run              cpu       1   0.0      0.0    1 MB
second                         gain  open             cpu       2   0.0      0.0    1 MB
"""
PLAN_AT_64 = """
node                           type  status  seconds  memory
a_first_step_with_a_long_name  gain  run         0.0    1 MB
second                         gain  open        0.0    1 MB
"""


@pytest.mark.parametrize(("columns", "expected"), [("", PLAN_IN_A_PIPE), ("64", PLAN_AT_64)])
def test_a_plan_leaves_out_what_there_is_no_room_for(
    place: Path, call: Command, monkeypatch: pytest.MonkeyPatch, columns: str, expected: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = call("plan", "quieter.json", "-i", "mix=take.wav").out
    assert_printed(out[: out.index("about")], expected)


WHY_AT_60 = """
node                           status  why
a_first_step_with_a_long_name  run     gain_db -3 -> -4
second                         open    input audio may
                                       change because a_firs
                                       t_step_with_a_long_na
                                       me has to run:
                                       gain_db -3 -> -4
"""
WHY_IN_A_PIPE = """
node                           type  status  why
a_first_step_with_a_long_name  gain  run     gain_db -3 -> -4
second                         gain  open    input audio may change because a_first_step_with_a_long_name has to run: gain_db -3 -> -4
"""  # noqa: E501


@pytest.mark.parametrize(("columns", "expected"), [("", WHY_IN_A_PIPE), ("60", WHY_AT_60)])
def test_reasons_are_folded_where_somebody_reads_them(
    place: Path, call: Command, monkeypatch: pytest.MonkeyPatch, columns: str, expected: str
) -> None:
    call("run", "quieter.json", "take.wav", "-q")
    monkeypatch.setenv("COLUMNS", columns)
    words = ("why", "quieter.json", "-i", "mix=take.wav", "-p", "level_db=-4")
    assert_printed(call(*words).out, expected)


def test_a_sweep_has_a_table_of_what_differs(place: Path, narrow: Command) -> None:
    words = ("sweep", "quieter.json", "-i", "mix=take.wav", "-o", "trials")
    ended = narrow(*words, "-p", "level_db=-3,-9", "--only", "out")
    assert ended.code == 0, ended.err
    assert_printed(re.sub(r"\d\d\.\d\d", "NN.NN", ended.out), """
    level_db    LUFS    dBTP   took
01        -3  -NN.NN  -NN.NN  N.N s
02        -9  -NN.NN  -NN.NN  N.N s

to hear and see them side by side: trials/report.html
""")  # fmt: skip
    assert_printed(ended.err, """
1 of 2  level_db=-3
  a_first_step_with_a_long_name ran N.N s  gain -3.0 dB
  second                        ran N.N s  gain -6.0 dB
2 of 2  level_db=-9
  a_first_step_with_a_long_name ran N.N s  gain -9.0 dB
  second                        ran N.N s  gain -6.0 dB
""")  # fmt: skip


COMMANDS = [
    "", "--help", "run --help", "report --help", "check --help", "plan --help", "why --help",
    "draw --help", "sweep --help", "store --help", "store ls --help", "nodes --help", "nodes",
    "nodes separate", "nodes denoise", "graphs", "store ls", "store stats", "check song-repair",
    pytest.param("devices", marks=pytest.mark.torch),
    pytest.param("plan song-repair -i mix=take.wav -p model=mini", marks=pytest.mark.torch),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_wider_than_80_columns_or_ends_in_blanks(
    place: Path, narrow: Command, command: str
) -> None:
    ended = narrow(*command.split())
    for line in (ended.out + ended.err).splitlines():
        assert len(line) <= 80 or "/" in line or "{" in line, line  # paths and JSON stay whole
        assert line == line.rstrip()


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("graphs", 0),
        ("run quieter.json take.wav", 0),
        ("run quieter.json gone.wav", 1),
        ("check quieter.json -i mix=gone.wav", 1),
        ("report gone.wav", 1),
        ("run --from-provenance take.wav", 1),
        ("run", 2),
        ("nothing", 2),
        ("run quieter.json take.wav --name {x}", 2),
        ("run quieter.json take.wav --threads 0", 2),
        ("check nothing.json", 2),
        ("fmt nothing.json", 2),
        ("nodes nothing", 2),
        ("graphs show nothing", 2),
        pytest.param("devices --device tpu", 2, marks=pytest.mark.torch),
        ("why quieter.json nothing -i mix=take.wav", 2),
        ("why quieter.json -i mix=take.wav --no-store", 2),
        ("sweep quieter.json -i mix=take.wav -p level_db=3,4", 2),
        ("sweep quieter.json -i mix=take.wav -p level_db=-3,-4 --pictures nothing", 2),
        ("store pin abcdef", 2),
        ("store rm abcdef", 2),
        ("store gc --limit much", 2),
        ("completion tcsh", 2),
    ],
)
def test_commands_end_with_the_code_that_the_readme_names(
    place: Path, call: Command, command: str, code: int
) -> None:
    ended = call(*command.split())
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err


def test_a_traceback_is_shown_where_somebody_asks_for_it(place: Path, call: Command) -> None:
    plain = call("run", "quieter.json", "gone.wav")
    assert plain.said == ["error: gone.wav: there is no such file"]
    shown = call("run", "quieter.json", "gone.wav", "--traceback")
    assert shown.said[0].startswith("Traceback")
    assert "FileNotFoundError" in shown.err
    assert shown.said[-1] == plain.said[-1]
