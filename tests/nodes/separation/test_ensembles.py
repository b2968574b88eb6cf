"""Several models in one line: each stem of the model before which it stands, or a mean of some."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from resonate_graph import Audio, Graph, GraphError, ParamError, Store
from resonate_nodes import average_stems, residual, separate
from resonate_nodes.separation import ensembles, models
from tests.depth import thorough
from tests.models import SOURCES, save_th, small_hdemucs, write_models
from tests.roformers import config_of, require_extra, save_model
from tests.signals import white_noise

FRAMES = 20_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = write_models(tmp_path_factory.mktemp("ensembles"), segment=Fraction(1, 4))
    save_th(small_hdemucs(), place / "hdemucs.th")
    return place


@pytest.fixture(scope="module")
def with_roformer(request: pytest.FixtureRequest, folder: Path) -> Path:
    require_extra(request)
    save_model(folder, "bs_roformer", config_of("bs"))
    return folder


@pytest.fixture(autouse=True)
def _models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(folder))


@pytest.fixture(scope="module")
def mix() -> Audio:
    noise = white_noise(seconds=FRAMES / 44_100, rate=44_100, channels=2, seed=5)
    return noise.with_samples(noise.samples + np.float32(0.05))  # an offset, which is in "other"


def stems_of(model: str, mix: Audio) -> dict[str, NDArray[np.float32]]:
    found = separate(mix, model=model)._asdict().items()
    return {name: stem.samples for name, stem in found if isinstance(stem, Audio)}


@thorough
@pytest.mark.usefixtures("with_roformer")
def test_each_stem_is_that_of_its_model(mix: Audio) -> None:
    found = stems_of("vocals:bs_roformer+drums,bass,other:htdemucs_ft", mix)
    demucs, roformer = stems_of("htdemucs_ft", mix), stems_of("bs_roformer", mix)
    assert set(found) == set(SOURCES)
    np.testing.assert_allclose(found["vocals"], roformer["vocals"], atol=1e-6)
    for name in ("drums", "bass", "other"):
        np.testing.assert_allclose(found[name], demucs[name], atol=1e-6)


@thorough
@pytest.mark.usefixtures("with_roformer")
def test_two_estimates_of_a_stem_are_averaged_by_their_weights(mix: Audio) -> None:
    found = separate(mix, model="vocals,other:3*bs_roformer+htdemucs")
    demucs, roformer = separate(mix, model="htdemucs"), separate(mix, model="bs_roformer")
    for name in ("vocals", "other"):
        both = [getattr(roformer, name), getattr(demucs, name)]
        expected = average_stems(both, weights=[3.0, 1.0])
        np.testing.assert_allclose(getattr(found, name).samples, expected.samples, atol=1e-6)
    np.testing.assert_allclose(found.bass.samples, demucs.bass.samples, atol=1e-6)


def test_models_of_demucs_alone_make_one_too(mix: Audio) -> None:
    found = stems_of("vocals:hdemucs+drums,bass,other:htdemucs", mix)
    np.testing.assert_allclose(found["vocals"], stems_of("hdemucs", mix)["vocals"], atol=1e-6)
    np.testing.assert_allclose(found["other"], stems_of("htdemucs", mix)["other"], atol=1e-6)


def test_only_models_of_wanted_stems_run_and_each_once(folder: Path) -> None:
    line = "vocals:htdemucs_ft+bass,vocals:small1+drums:small2"
    files = models.find(line, folder, fetch=False)
    assert files.stems == ("drums", "bass", "vocals")
    # the bag gives vocals by its fourth model; small1 counts for both of its stems in one row
    assert [path.stem for path in files.files] == ["small1", "small2", "small3"]
    assert files.shares == ((0.0, 1.0, 1.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0))


@pytest.mark.usefixtures("with_roformer")
def test_a_graph_leaves_nothing_over_and_a_second_one_computes_nothing(
    mix: Audio, store: Store
) -> None:
    model = "vocals:bs_roformer+drums,bass,other:htdemucs_ft"

    def graph_of(*outputs: str) -> Graph:
        graph = Graph("graph")
        whole = graph.input("mix", Audio)
        split = graph.add(separate, "split")(whole, model=model)
        stems = [getattr(split, name) for name in outputs]
        for name, stem in zip(outputs, stems, strict=True):
            graph.output(name, stem)
        graph.output("rest", graph.add(residual, "rest")(whole, stems))
        return graph

    found: Any = graph_of(*SOURCES).run({"mix": mix}, store=store)
    total = sum(found[name].samples.astype(np.float64) for name in SOURCES)
    np.testing.assert_array_equal(found["rest"].samples, np.float32(mix.samples - total))
    second: Any = graph_of("vocals", "drums").run({"mix": mix}, store=store)
    assert {one["id"]: one["status"] for one in second.report["nodes"]}["split"] == "cached"
    assert second["vocals"] == found["vocals"]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("htdemucs_ft", [("htdemucs_ft", (), 1.0)]),
        ("vocals:a-b.c+drums,bass:2.5*d", [("a-b.c", ("vocals",), 1.0),
                                          ("d", ("drums", "bass"), 2.5)]),
        ("a+b", [("a", (), 1.0), ("b", (), 1.0)]),
    ],
)  # fmt: skip
def test_a_line_says_models_stems_and_weights(text: str, terms: list[Any]) -> None:
    found = [(one.model, one.stems, one.weight) for one in ensembles.terms(text)]
    assert found == terms


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("piano:htdemucs+vocals:htdemucs_ft", "'htdemucs' has no stem 'piano'"),
        ("vocals:0*htdemucs", "counts for nothing"),
        ("vocals:htdemucs+drums:nowhere", "no weights of model 'nowhere'"),
    ],
)
def test_what_makes_no_ensemble_is_said_before_anything_runs(
    model: str, told: str, mix: Audio
) -> None:
    graph = Graph("graph")
    split = graph.add(separate, "split")(graph.input("mix", Audio), model=model)
    graph.output("vocals", split.vocals)
    with pytest.raises(GraphError if "nowhere" not in model else Exception, match=told):
        graph.run({"mix": mix}, store=False)


@pytest.mark.parametrize(
    "model", ["+a", "a+", "vocals:", "a b", "Vocals:a", "x:y:z", "a*2", "../a"]
)
def test_other_lines_are_no_models(model: str, mix: Audio) -> None:
    with pytest.raises(ParamError):
        separate(mix, model=model)
