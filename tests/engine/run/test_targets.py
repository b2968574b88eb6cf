"""Where outputs go: what their files are called, and what is not written over."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio, Graph, OutputError, OverwriteError, ParamError, Store
from resonate_nodes import encode_mp3, gain, measure_loudness
from tests.files import write_sound

SOUND = Audio(np.random.default_rng(0).normal(0, 0.1, (2, 8000)), 16000)


@pytest.fixture
def graph() -> Graph:
    """A graph with an output of each kind; ``mp3`` has its suffix of a node."""
    graph = Graph("kinds")
    level = graph.param("level_db", float, default=-6.0)
    quiet = graph.add(gain, "level")(graph.input("take", Audio), gain_db=level)
    graph.output("flac.flac", quiet)
    graph.output("quiet", quiet)
    graph.output("loudness", graph.add(measure_loudness)(quiet))
    graph.output("mp3", graph.add(encode_mp3)(quiet))
    return graph


@pytest.fixture
def take(tmp_path: Path) -> Path:
    (tmp_path / "side one").mkdir()
    return write_sound(SOUND, tmp_path / "side one" / "take 1.wav", "FLOAT")


def states(graph: Graph, take: Path, folder: Path, store: Store, **more: object) -> dict[str, str]:
    found = graph.targets({"take": take}, folder, store=store, **more)  # type: ignore[arg-type]
    return {one.output: one.state for one in found}


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("{output}", "flac.flac"),
        ("{input}.{output}", "take 1.flac.flac"),
        ("{file}", "take 1.wav.flac"),
        ("{folder}/{graph}-{output}", "side one/kinds-flac.flac"),
        ("{output}.flac", "flac.flac.flac"),
        ("{{{output}}}", "{flac}.flac"),
    ],
)
def test_files_are_called_as_the_pattern_says(
    graph: Graph, take: Path, tmp_path: Path, name: str, path: str
) -> None:
    result = graph.run({"take": take}, outputs=["flac.flac"], store=False)
    assert result.save(tmp_path / "out", name=name)["flac.flac"] == tmp_path / "out" / path
    (target,) = graph.targets(
        {"take": take}, tmp_path / "out", name=name, outputs=["flac.flac"], store=False
    )
    assert target.path == tmp_path / "out" / path


@pytest.mark.parametrize(
    "name",
    ["", "{what}", "{output", "{}", "{output.x}", "{0}", "../{output}", "/{output}", "{output}/"],
)
def test_a_pattern_of_anything_else_is_refused(
    graph: Graph, take: Path, tmp_path: Path, name: str
) -> None:
    result = graph.run({"take": take}, outputs=["quiet"], store=False)
    with pytest.raises(ParamError, match="name is ") as caught:
        result.save(tmp_path / "out", name=name)
    assert caught.value.param == "name"
    assert not (tmp_path / "out").exists()


def test_without_a_file_the_graph_stands_for_the_input(graph: Graph, tmp_path: Path) -> None:
    result = graph.run({"take": SOUND}, outputs=["quiet"], store=False)
    assert result.save(tmp_path, name="{input}.{output}")["quiet"].name == "kinds.quiet.wav"


def test_outputs_that_share_a_file_are_refused(graph: Graph, take: Path, tmp_path: Path) -> None:
    result = graph.run({"take": take}, outputs=["quiet", "flac.flac", "loudness"], store=False)
    assert len(set(result.save(tmp_path / "out", name="{input}").values())) == 3
    two = Graph("two")
    for name, level in (("a", -1.0), ("b", -2.0)):
        two.output(name, two.add(gain, name)(two.input(f"x{name}", Audio), gain_db=level))
    with pytest.raises(OutputError, match="the outputs 'a' and 'b' share this file"):
        two.run({"xa": take, "xb": take}, store=False).save(tmp_path, name="{input}")


def test_the_same_is_written_again_and_nothing_else_is_written_over(
    graph: Graph, take: Path, tmp_path: Path, store: Store
) -> None:
    folder = tmp_path / "out"
    result = graph.run({"take": take}, store=store)
    written = result.save(folder, overwrite=False)
    assert result.save(folder, overwrite=False) == written
    before = {path: path.read_bytes() for path in written.values()}
    louder = graph.run({"take": take}, params={"level_db": -3.0}, store=store)
    with pytest.raises(OverwriteError, match="4 files are there already") as caught:
        louder.save(folder, overwrite=False)
    assert set(caught.value.paths) == set(written.values())
    assert {path: path.read_bytes() for path in written.values()} == before
    louder.save(folder)
    assert all(path.read_bytes() != content for path, content in before.items())


def test_it_is_known_before_what_would_be_written_over(
    graph: Graph, take: Path, tmp_path: Path, store: Store
) -> None:
    folder, others = tmp_path / "out", {"params": {"level_db": -3.0}}
    known = ["flac.flac", "quiet", "loudness", "mp3"]
    assert states(graph, take, folder, store) == dict.fromkeys(known, "free")
    graph.run({"take": take}, store=store).save(folder)
    assert states(graph, take, folder, store) == dict.fromkeys(known, "same")
    assert states(graph, take, folder, store, **others) == dict.fromkeys(known, "other")
    # by a store that knows nothing of it, from what the files say of how they were made
    other = Store(tmp_path / "empty")
    assert states(graph, take, folder, other) == dict.fromkeys(known, "likely")
    assert states(graph, take, folder, other, **others) == dict.fromkeys(known, "other")
    quieter = write_sound(gain(SOUND, gain_db=-1.0), tmp_path / "quieter.wav")
    assert states(graph, quieter, folder, other) == dict.fromkeys(known, "other")


def test_a_file_that_was_edited_or_is_of_somebody_else_is_another(
    graph: Graph, take: Path, tmp_path: Path, store: Store
) -> None:
    graph.run({"take": take}, outputs=["quiet"], store=False).save(tmp_path / "edited")
    edited = tmp_path / "edited" / "quiet.wav"
    with soundfile.SoundFile(edited, "r+") as file:
        file.seek(100)
        file.write(np.zeros((1, 2)))
    (tmp_path / "foreign").mkdir()
    write_sound(SOUND, tmp_path / "foreign" / "quiet.wav")
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "quiet.wav").write_text("no sound")
    for folder in ("edited", "foreign", "none"):
        found = states(graph, take, tmp_path / folder, store, outputs=["quiet"])
        assert found == {"quiet": "other"}, folder


def test_what_is_written_over_in_any_case_is_not_looked_into(
    graph: Graph, take: Path, tmp_path: Path
) -> None:
    store, folder = Store(tmp_path / "store"), tmp_path / "out"
    graph.run({"take": take}, outputs=["quiet", "loudness"], store=store).save(folder)
    (folder / "loudness.json").unlink()
    outputs = ["quiet", "loudness"]
    assert states(graph, take, folder, store, outputs=outputs, overwrite=True) == {
        "quiet": "other",
        "loudness": "free",
    }
    assert states(graph, take, folder, store, outputs=outputs)["quiet"] == "same"
