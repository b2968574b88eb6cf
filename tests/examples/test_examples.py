"""The examples and the demo run as they stand, each as a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from filelock import FileLock

import resonate_graph as rg
from tests import mini
from tests.depth import sampled, thorough
from tests.processes import end_of, interrupt, resonate, start_resonate, wait_for_words
from tests.signals import place_in, si_sdr_db
from tests.tools import needs

if TYPE_CHECKING:
    from tests.browser import Browser

ROOT = Path(__file__).parents[2]


def run(command: list[str], folder: Path) -> str:
    """Run a command in a folder and return what it printed."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


#: What each example says, by its name.
SAID = {path.name: "" for path in sorted((ROOT / "examples").glob("*.py"))}
SAID["reuse_stems.py"] = r"(?s)split +ran.*demucs +cached"  # its second experiment has the stems


@pytest.mark.parametrize("name", SAID)
@sampled(1)
def test_an_example_runs_as_it_stands(name: str, excerpt: rg.Audio, tmp_path: Path) -> None:
    """Where it separates, what it is given is short; the others begin with what is bundled."""
    given = [excerpt.save(tmp_path / "take.wav")] if name == "reuse_stems.py" else []
    printed = run([sys.executable, str(ROOT / "examples" / name), *map(str, given)], tmp_path)
    assert list((tmp_path / "out").rglob("*.wav")) or list((tmp_path / "out").rglob("*.flac"))
    assert re.search(SAID[name], printed)


@pytest.fixture(scope="session")
def demo(shared_folder: Path) -> dict[str, Any]:
    """What the demo says of itself; it is run once, whatever process asks first."""
    folder = shared_folder / "demo"
    said = shared_folder / "demo.json"
    with FileLock(shared_folder / "demo.lock"):
        if not said.exists():
            ended = resonate("demo", "--json", "-o", folder)
            assert ended.code == 0, ended.err
            said.write_text(ended.out)
    document: dict[str, Any] = json.loads(said.read_text())
    return document


@thorough
def test_the_demo_brings_the_song_and_its_stems_nearer_to_what_they_were(
    demo: dict[str, Any],
) -> None:
    gained = {name: one["gained"] for name, one in demo["si_sdr_db"].items()}
    promised = {"mix": mini.SONG_REPAIR_GAIN_DB, **mini.REPAIRED_STEM_GAIN_DB}
    assert gained.keys() == promised.keys()
    assert all(gained[name] > promised[name] for name in promised), gained
    assert demo["loudness"]["restored"]["integrated_lufs"] == pytest.approx(-16, abs=0.1)


@thorough
def test_the_figures_of_the_demo_are_those_of_its_files(demo: dict[str, Any]) -> None:
    sounds = {name: rg.read_audio(path) for name, path in demo["files"].items()}
    pairs = {"mix": ("original", "restored")}
    pairs |= {stem: (f"true_{stem}", stem) for stem in mini.STEM_GAIN_DB}
    for name, (truth, restored) in pairs.items():
        before = si_sdr_db(sounds["damaged"], sounds[truth])
        after = si_sdr_db(sounds[restored], sounds[truth])
        assert demo["si_sdr_db"][name]["before"] == pytest.approx(before, abs=1e-6)
        assert demo["si_sdr_db"][name]["after"] == pytest.approx(after, abs=1e-6)


@thorough
def test_the_demo_computes_again_only_what_the_changed_setting_touches(
    demo: dict[str, Any],
) -> None:
    first, second = ({node["id"]: node["status"] for node in one["nodes"]} for one in demo["runs"])
    assert set(first.values()) == {"ran"}
    assert {name for name, status in second.items() if status == "ran"} == {
        "vocals",
        "sum",
        "master",
    }


@thorough
def test_all_that_the_page_of_the_demo_shows_is_there(demo: dict[str, Any]) -> None:
    page = Path(demo["report"])
    links = {unquote(one) for one in re.findall(r'(?:src|href)="([^"]+)"', page.read_text())}
    assert {Path(path).resolve() for path in demo["files"].values()} <= {
        (page.parent / link).resolve() for link in links
    }
    for link in links - {"data:,"}:
        assert (page.parent / link).read_bytes().startswith(b"RIFF")


@thorough
@needs("chromium")
def test_the_page_of_the_demo_plays_and_fits_a_phone(
    demo: dict[str, Any], browser: Browser
) -> None:
    opened = browser.open(Path(demo["report"]), width=390)
    opened.run("window.one = document.querySelector('.rg-player').player, null")
    for voice in range(opened.run("one.voices.length")):
        opened.run(f"one.choose({voice})")
        assert opened.run("document.documentElement.scrollWidth") == 390
    assert opened.run("one.voices.map(one => one.tracks.length)") == [1, 1, 1, 1, 4]
    stems = opened.played(44_100, each_seconds=0.3)[:, 1000:9000]
    sounds = [rg.read_audio(demo["files"][name]) for name in mini.STEM_GAIN_DB]
    total = sounds[0].with_samples(sum(one.samples for one in sounds))
    assert place_in(total, stems)[1] > 0.999
    folder = Path(demo["report"]).parent.as_uri()
    assert all(one.startswith((folder, "data:")) for one in opened.asked)
    assert not opened.faults
    opened.close()


def test_a_demo_whose_model_is_damaged_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "mini.safetensors").write_bytes(b"no weights")
    ended = resonate("demo", "-o", tmp_path / "out", RESONATE_MODELS=str(tmp_path))
    assert ended.code == 2
    assert "mini.safetensors" in ended.err
    assert not (tmp_path / "out").exists()


@thorough
def test_an_interrupted_demo_leaves_no_store_behind(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = start_resonate("demo", "-o", tmp_path / "out", TMPDIR=str(temporary))
    wait_for_words(process, "declick")
    interrupt(process)
    assert end_of(process).code == 130
    assert not list(temporary.glob("resonate-demo-*"))
