"""``resonate nodes new``, and the plugin of pytest by which a pack tries its nodes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import resonate_nodes
from resonate_graph import Audio, Catalog, Node, Report, node
from resonate_graph.testing import Check, change_db, every_node, lag, music
from tests.depth import thorough
from tests.engine.commands import Command

pytestmark = thorough


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def python(*arguments: str, **variables: str) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **variables}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_a_new_pack_installs_and_passes_as_it_stands(call: Command, tmp_path: Path) -> None:
    ended = call("nodes", "new", "tape")
    assert ended.code == 0
    *files, after = ended.out.splitlines()
    assert all(Path(file).is_file() for file in files)
    assert after == 'next: pip install -e "tape[test]" && python -m pytest tape'
    python(
        "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps",
        "--no-build-isolation", "--target", "lib", "./tape",
    )  # fmt: skip
    path = os.pathsep.join([str(tmp_path / "lib"), *filter(None, sys.path)])
    said = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tape", PYTHONPATH=path)
    assert "9 passed" in said
    listed = python("-m", "resonate_graph._cli", "nodes", "tape/soften", PYTHONPATH=path)
    assert listed.startswith("tape/soften  (")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Tape", "'Tape' is no name of a pack: small letters, digits, _, a letter first"),
        ("stock", "a pack 'stock' is installed already"),
        ("resonate", "a module 'resonate_nodes' is installed already: choose another name"),
        ("there", "there is there already: choose another name"),
    ],
)
def test_a_name_that_cannot_be_is_told_and_nothing_written(
    call: Command, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "there").mkdir()
    ended = call("nodes", "new", name)
    assert (ended.code, message in ended.err) == (2, True)
    assert [one.name for one in tmp_path.iterdir()] == ["there"]
    assert "nodes new NAME" in call("nodes", "new").err


# -- the plugin ------------------------------------------------------------------------------------


@node(version=1)
def late(audio: Audio) -> Audio:
    return audio.with_samples(np.roll(audio.samples, 3, axis=1))


@node(version=1)
def short(audio: Audio) -> Audio:
    return audio.with_samples(audio.samples[:, 1:])


@node(version=1)
def broken(audio: Audio) -> Audio:
    return audio.with_samples(audio.samples * (1 / audio.samples.max(initial=0)))


@node(version=1)
def uneven(audio: Audio) -> Audio:
    return audio.with_samples(audio.samples * (1 + audio.samples.sum()))


@node(version=1)
def careless(audio: Audio) -> Audio:
    audio.samples[:] = 0
    return audio


_calls = count()


@node(version=1)
def moody(audio: Audio) -> Audio:
    return audio.with_samples(audio.samples * (next(_calls) % 7))


@node(version=1)
def rude(audio: Audio, *, gain_db: float = -20.0) -> Audio:
    return audio.with_samples(audio.samples * 10 ** (gain_db / 20))


def checks(tried: Node[..., Any], **said: Any) -> dict[str, Check]:
    mark = every_node([tried], **said)
    return {case.id.partition("-")[2]: case.values[0] for case in mark.args[1]}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("tried", "found"),
    [
        (late, {"nothing_moves"}),
        (short, {"result_is_valid"}),
        (broken, {"result_is_valid"}),
        (uneven, {"again_the_same"}),
        (careless, {"result_is_valid", "computed_once"}),
        (moody, {"again_the_same", "same_in_a_graph"}),
        (rude, {"clean_music_passes", "neutral_setting"}),
    ],
    ids=lambda value: value.type.name if isinstance(value, Node) else "",
)
def test_each_fault_of_a_node_is_found(tried: Node[..., Any], found: set[str]) -> None:
    said: dict[str, Any] = (
        {"harm_db": {"rude": -30.0}, "neutral": {"rude": {"gain_db": -1.0}}}
        if tried is rude
        else {}
    )
    failed = {name for name, check in checks(tried, **said).items() if fails(check)}
    assert found <= failed
    assert failed - found <= {"same_in_a_graph", "nothing_moves"}


def fails(check: Callable[[], None]) -> bool:
    try:
        check()
    except AssertionError:
        return True
    return False


def test_what_is_meant_is_no_fault() -> None:
    assert "nothing_moves" not in checks(late, delays=["late"])
    checks(short, reshapes=["short"])["result_is_valid"]()
    checks(rude, neutral={"rude": {"gain_db": 0.0}})["neutral_setting"]()


class Figures(Report):
    peak: float


@node(version=1)
def told(figures: Figures, *, words: str) -> Audio:
    raise AssertionError


def test_nodes_that_their_module_imports_late_are_tried_too() -> None:
    tried = {one.id.partition("-")[0] for one in every_node(resonate_nodes).args[1]}
    assert tried == {one.id for one in Catalog.installed()}


def test_what_is_missing_is_told() -> None:
    with pytest.raises(AssertionError, match="there is no node ldae; there are: late"):
        every_node([late], delays=["ldae"])
    with pytest.raises(AssertionError, match="takes Figures: give `makers` a node for it"):
        checks(told)["again_the_same"]()


def test_the_made_up_music_is_music() -> None:
    sound = music()
    assert (sound.channels, sound.frames) == (2, 88_200)
    assert 0.2 < float(abs(sound.samples).max()) < 1.0
    assert sound.digest == music().digest
    later = sound.with_samples(np.roll(sound.samples, 7, axis=1))
    assert (lag(later, sound), lag(sound, later)) == (7, -7)
    assert change_db(sound.with_samples(sound.samples * 0.9), sound) == pytest.approx(-20, abs=0.01)
