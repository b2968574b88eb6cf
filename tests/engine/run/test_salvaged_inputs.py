"""Runs on damaged files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from resonate_graph import Audio, Graph, InputError, Store, salvage
from resonate_nodes import repair_dropouts
from tests import toy_nodes
from tests.engine.commands import Command
from tests.files import write_sound


@pytest.fixture
def damaged(tmp_path: Path, excerpt: Audio) -> Path:
    """A FLAC file with one frame that is not intact: 4096 frames from 61,440 on."""
    path = write_sound(excerpt, tmp_path / "take.flac")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def graph() -> Graph:
    made = Graph("half")
    made.output("out", made.add(toy_nodes.scale)(made.input("mix", Audio), factor=0.5))
    return made


def test_a_damaged_input_is_refused_unless_it_is_to_be_salvaged(
    damaged: Path, store: Store
) -> None:
    with pytest.raises(InputError, match="read what is left with `salvage=True`"):
        graph().run({"mix": damaged}, store=store)
    result = graph().run({"mix": damaged}, store=store, salvage=True)
    audio, gaps = _quietly(damaged)
    assert result["out"] == audio.with_samples(audio.samples * 0.5)
    assert result.report["inputs"]["mix"]["gaps_seconds"] == [list(gap) for gap in gaps]
    assert result.provenance["inputs"]["mix"]["gaps_seconds"] == [list(gap) for gap in gaps]
    assert [one["code"] for one in result.report["warnings"]] == ["salvaged"]


def test_a_cached_run_tells_the_same(damaged: Path, store: Store) -> None:
    first = graph().run({"mix": damaged}, store=store, salvage=True)
    again = graph().run({"mix": damaged}, store=store, salvage=True)
    assert [one["status"] for one in again.report["nodes"]] == ["cached"]
    assert again.report["inputs"] == first.report["inputs"]
    assert again.report["warnings"] == first.report["warnings"]
    moved = damaged.rename(damaged.with_name("moved.flac"))
    elsewhere = graph().run({"mix": moved}, store=store, salvage=True)
    (warning,) = elsewhere.report["warnings"]
    assert warning["message"].startswith(f"{moved}: it is damaged and was salvaged: 1 gap")


def test_what_was_salvaged_is_not_taken_for_the_file(damaged: Path, store: Store) -> None:
    graph().run({"mix": damaged}, store=store, salvage=True)
    with pytest.raises(InputError, match="salvage=True"):
        graph().run({"mix": damaged}, store=store)


def test_gaps_are_filled_by_repair_dropouts(tmp_path: Path, excerpt: Audio, damaged: Path) -> None:
    audio, gaps = _quietly(damaged)
    start, stop = (round(second * 44100) for second in gaps[0])
    assert stop - start == 4096
    inner = (gaps[0][0], gaps[0][0] + 400 / 44100)  # as long as can be filled
    sound = audio.samples.copy()
    sound[:, start + 400 : stop] = excerpt.samples[:, start + 400 : stop]
    filled = repair_dropouts(audio.with_samples(sound), regions_seconds=[inner])
    assert abs(filled.samples[:, start : start + 400]).max() > 0.01
    assert (filled.samples[:, stop:] == audio.samples[:, stop:]).all()


def test_the_command_line_salvages(
    damaged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command = Command(capsys)
    path = graph().save(tmp_path / "half.json")
    nodes = ("--nodes", toy_nodes.__file__)
    call = ("run", str(path), *nodes, "-i", f"mix={damaged}", "-o", str(tmp_path / "out"), "--json")
    refused = run_command(*call)
    assert refused.code == 1
    assert "--salvage" in refused.out + refused.err
    done = run_command(*call, "--salvage")
    assert done.code == 0
    report = json.loads(done.out)
    assert len(report["inputs"]["mix"]["gaps_seconds"]) == 1
    planned = run_command("plan", str(path), *nodes, "-i", f"mix={damaged}", "--salvage")
    assert planned.code == 0


def _quietly(path: Path) -> tuple[Audio, list[tuple[float, float]]]:
    with pytest.warns(match="salvaged"):
        return salvage(path)
