"""Models that installed packages bring: ours, others', damaged ones."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3

from resonate_graph import Audio, Graph, MissingModelError, ModelError, ResonateWarning
from resonate_nodes import separate
from resonate_nodes.separation import shipped
from tests.depth import sampled
from tests.models import SOURCES, save_th, separated_by_demucs, small_htdemucs
from tests.processes import end_of, start_python
from tests.signals import white_noise

SOUND = white_noise(seconds=0.2, rate=44_100, channels=2)
NODES = Path(str(resources.files("resonate_nodes")))
MINI = NODES / "models" / "mini.safetensors"


@pytest.fixture(autouse=True)
def _looks_again() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    shipped._installed.cache_clear()
    shipped._loaded.cache_clear()


# -- mini -----------------------------------------------------------------------------------------


def test_mini_is_here_with_nothing_set_and_gives_what_demucs_makes_of_it() -> None:
    from demucs.hf import load_safetensors_model

    mix = white_noise(seconds=2.0, rate=44_100, channels=2)
    expected = separated_by_demucs(load_safetensors_model(MINI).eval(), mix.samples)
    stems = separate(mix, model="mini")
    assert stems._fields[:4] == tuple(SOURCES)
    for stem, wanted in zip(stems, expected, strict=False):
        np.testing.assert_allclose(stem.samples, wanted, atol=1e-5, rtol=0)


def test_mini_is_small_of_a_known_class_and_under_our_licence() -> None:
    from safetensors import safe_open

    assert MINI.stat().st_size <= 8_000_000
    with safe_open(str(MINI), framework="np") as file:
        metadata = file.metadata()
        kinds = {str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
    assert kinds == {"F16"}
    assert metadata["klass"] == "demucs.hdemucs.HDemucs"
    assert metadata["license"] == "MIT"
    assert json.loads(metadata["args"])[0] == SOURCES
    card = MINI.with_suffix(".md").read_text(encoding="utf-8")
    assert "Licence: MIT" in card
    assert card.startswith("# mini\n")


def test_a_graph_with_mini_passes_check_and_plan() -> None:
    graph = bass_graph("mini")
    graph.check()
    (step,) = graph.plan({"mix": SOUND}, store=False)
    assert step.status == "run"


def test_finding_mini_loads_nothing_heavy() -> None:
    script = """
import sys
from resonate_nodes.separation import models
assert models.find("mini", None, fetch=False).stems
print([name for name in ("torch", "scipy", "librosa", "demucs") if name in sys.modules])
"""
    assert end_of(start_python(script)).out.strip() == "[]"


def test_to_separate_loads_no_compiler() -> None:
    script = """
import sys
import numpy as np
from resonate_graph import Audio
from resonate_nodes import separate
separate(Audio(np.full((2, 4410), 0.5), 44100), model="mini")
print([name for name in ("torch._dynamo", "sympy") if name in sys.modules])
"""
    assert end_of(start_python(script)).out.strip() == "[]"


def test_a_mini_of_ones_own_goes_first_and_is_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_th(small_htdemucs(1), tmp_path / "mini.th")
    ours = separate(SOUND, model="mini")
    named = bass_graph("mini").run({"mix": SOUND}, store=False, models=tmp_path)["bass"]
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    theirs = separate(SOUND, model="mini")
    assert theirs.bass == named
    assert theirs.bass != ours.bass


@pytest.mark.parametrize("rate", [22_050, 96_000])
@pytest.mark.parametrize("channels", [1, 3])
def test_mini_takes_other_rates_and_channel_counts(rate: int, channels: int) -> None:
    mix = white_noise(seconds=0.3, rate=rate, channels=channels)
    for stem in separate(mix, model="mini")[:4]:
        assert (stem.sample_rate, stem.samples.shape) == (rate, mix.samples.shape)


def bass_graph(model: str) -> Graph:
    graph = Graph("bass")
    stems = graph.add(separate)(graph.input("mix", Audio), model=model)
    graph.output("bass", stems.bass)
    return graph


# -- an installation that is damaged --------------------------------------------------------------


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace(path: Path) -> None:
    path.unlink()
    save_th(small_htdemucs(1), path.with_suffix(".th"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (flip, "mini.safetensors: this is not what resonate_graph brought: its digest is another"),
        (Path.unlink, "resonate_graph has lost its file mini.safetensors"),
        (replace, "mini.th: this is not what resonate_graph brought: it does not belong there"),
    ],
)
@sampled(1)
def test_a_damaged_installation_says_so_and_check_finds_it(
    damage: Callable[[Path], None], told: str, tmp_path: Path
) -> None:
    copied = shutil.copytree(
        NODES, tmp_path / "nodes" / "resonate_nodes", ignore=shutil.ignore_patterns("__pycache__")
    )
    damage(copied / "models" / "mini.safetensors")
    graph = bass_graph("mini").save(tmp_path / "bass.json")
    script = """
import sys
import resonate_nodes
from resonate_graph._cli import main
assert resonate_nodes.__file__.startswith(sys.argv[2])
main(["check", sys.argv[1]])
"""
    path = os.pathsep.join([str(tmp_path / "nodes"), *filter(None, sys.path)])
    ended = end_of(start_python(script, graph, tmp_path, PYTHONPATH=path))
    assert ended.code == 2
    assert f"{graph}:8:17: bad-model: " in ended.out  # where the model is named
    assert told in ended.out
    assert "install it again, or name a folder that has the model with --models DIR" in ended.out


# -- packages of others ---------------------------------------------------------------------------


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Return a function that installs a package of models, with this source and these models."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))

    def install(name: str, source: str = "", models: tuple[str, ...] = ()) -> Path:
        package = site / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(source)
        for number, model in enumerate(models):
            save_th(small_htdemucs(number), package / f"{model}.th")
        information = site / f"{name}-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        (information / "entry_points.txt").write_text(f"[resonate_graph.models]\nmine = {name}\n")
        return package

    yield install
    for name in [name for name in sys.modules if name.startswith("pack_")]:
        del sys.modules[name]


def test_a_package_brings_models_as_a_folder_does(install: Callable[..., Path]) -> None:
    package = install("pack_good", models=("one", "two"))
    (package / "duo.yaml").write_text("models: [one, two]\n")
    by_folder = bass_graph("duo").run({"mix": SOUND}, store=False, models=package)["bass"]
    assert separate(SOUND, model="duo").bass == by_folder
    with pytest.raises(MissingModelError, match=r"installed packages \(have duo, mini, one, two\)"):
        separate(SOUND, model="three")


def test_ours_is_not_replaced_by_another_package(install: Callable[..., Path]) -> None:
    ours = separate(SOUND, model="mini").bass
    install("pack_alike", models=("mini",))
    forget()
    assert separate(SOUND, model="mini").bass == ours


def test_a_package_that_says_digests_is_held_to_them(install: Callable[..., Path]) -> None:
    package = install("pack_pinned", models=("one", "two"))
    digest = blake3((package / "one.th").read_bytes()).hexdigest()
    digests = {"one.th": digest, "two.th": digest, "gone.th": digest, "lost-0a1b2c3d.th": digest}
    (package / "__init__.py").write_text(f"DIGESTS = {digests}\n")
    assert separate(SOUND, model="one").bass.frames == SOUND.frames
    told = r"this is not what pack 'mine' of pack_pinned \(pack_pinned\) brought"
    with pytest.raises(ModelError, match=told):
        separate(SOUND, model="two")
    with pytest.raises(ModelError, match=r"has lost its file gone\.th"):
        separate(SOUND, model="gone")
    with pytest.raises(ModelError, match=r"has lost its file lost-0a1b2c3d\.th"):
        separate(SOUND, model="lost")


def test_a_bag_of_a_package_is_held_to_its_digest(install: Callable[..., Path]) -> None:
    package = install("pack_bag", models=("one", "two"))
    bag = package / "duo.yaml"
    bag.write_text("models: [one, two]\n")
    digests = {
        path.name: blake3(path.read_bytes()).hexdigest()
        for path in package.iterdir()
        if path.suffix != ".py"
    }
    (package / "__init__.py").write_text(f"DIGESTS = {digests}\n")
    assert separate(SOUND, model="duo").bass.frames == SOUND.frames
    bag.write_text("models: [one, two]\nweights: [[1, 1, 1, 1], [0, 0, 0, 0]]\n")
    with pytest.raises(ModelError, match=r"duo\.yaml: this is not what pack 'mine' of pack_bag"):
        separate(SOUND, model="duo")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise RuntimeError('no licence found')", "RuntimeError: no licence found"),
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def (", "SyntaxError: "),
        ("DIGESTS = 7", "TypeError: DIGESTS is no dict"),
        ("del __path__", "AttributeError: "),
        ("__path__ = ['/nowhere/at/all']", "it is no folder of files"),
    ],
)
def test_a_package_that_cannot_be_used_is_one_warning_and_the_others_work(
    install: Callable[..., Path], source: str, told: str
) -> None:
    install("pack_broken", source, models=("one",))
    with pytest.warns(ResonateWarning, match="models of pack 'mine' of pack_broken") as warned:
        bass_graph("one").check()
    with pytest.raises(MissingModelError) as caught:  # a second warning would be an error here
        separate(SOUND, model="one")
    assert separate(SOUND, model="mini").bass.frames == SOUND.frames
    assert len(warned) == 1
    assert told in str(warned[0].message)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
