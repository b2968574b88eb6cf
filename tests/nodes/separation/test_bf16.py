"""Products in bfloat16 on a CPU: who is refused them, how close they are, and what they are not."""

from __future__ import annotations

import random
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Graph, NodeError, Placed, RunContext, Store, devices
from resonate_nodes import separate
from resonate_nodes.separation.numerics import MIXED, numerics_of, require, warning_of
from tests.depth import sampled
from tests.models import (
    SOURCES,
    save_th,
    separated_by_demucs,
    small_demucs,
    small_hdemucs,
    small_htdemucs,
    small_spectral_hdemucs,
)

MODELS: dict[str, Any] = {
    "htdemucs": partial(small_htdemucs, 0, segment=Fraction(1, 2)),
    "hdemucs": small_hdemucs,
    "spectra": partial(small_spectral_hdemucs, masks=True),
    "demucs": small_demucs,
}
LEAST_DB = 40.0

# whether it is slower here, as it is on some processors, is not what is tested
pytestmark = pytest.mark.filterwarnings("ignore:slow-precision")


@pytest.fixture(scope="module")
def _multiplies_bf16() -> None:
    if all("bf16" not in device.facts for device in devices() if device.kind == "cpu"):
        pytest.skip("this processor has neither AMX nor AVX512-BF16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models")
    for name, model in MODELS.items():
        save_th(model(), place / f"{name}.th")
    return place


@pytest.fixture
def models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(folder))


@pytest.fixture(scope="module")
def moment(excerpt: Audio) -> Audio:
    """What takes the models two or three segments of the bundled recording."""
    return excerpt.with_samples(excerpt.samples[:, : 3 * 22_050])


def sdr_db(found: Any, expected: Any) -> float:
    error = np.square(np.float64(found) - expected).sum()
    return float(10 * np.log10(np.square(np.float64(expected)).sum() / error))


# -- who has it -----------------------------------------------------------------------------------


def test_a_processor_that_does_not_multiply_it_is_refused_with_the_reason() -> None:
    with pytest.raises(NodeError, match="neither AMX nor AVX512-BF16; fp32 is what it computes"):
        require("cpu", "bf16", {"threads": 2})
    require("cpu", "fp32", {"threads": 2})


@pytest.mark.parametrize("instructions", ["AMX", "AVX512-BF16"])
def test_one_that_does_has_bf16_alone(instructions: str) -> None:
    require("cpu", "bf16", {"bf16": instructions})
    with pytest.raises(NodeError, match="cpu does not compute in fp16; cuda would"):
        require("cpu", "fp16", {"bf16": instructions})


def test_what_is_asked_of_a_card_does_not_depend_on_the_processor() -> None:
    for precision in MIXED["cuda"]:
        require("cuda", precision, {})  # type: ignore[arg-type]


def test_somebody_for_whom_it_is_slower_is_told_so() -> None:
    assert "0.57 of the speed" in (warning_of(0.57) or "")
    assert warning_of(1.9) is None


# -- how close it is ------------------------------------------------------------------------------


@pytest.mark.usefixtures("models", "_multiplies_bf16")
@pytest.mark.parametrize("name", MODELS)
@sampled(2)
def test_every_stem_is_close_to_what_demucs_gives(name: str, moment: Audio) -> None:
    found = separate(moment, model=name, precision="bf16")
    expected = separated_by_demucs(MODELS[name](), moment.samples)
    for stem, wanted in zip(SOURCES, expected, strict=True):
        assert LEAST_DB < sdr_db(getattr(found, stem).samples, wanted) < 90, stem  # it is not fp32


@pytest.mark.usefixtures("_multiplies_bf16")
def test_stems_of_trained_weights_are_close(excerpt: Audio) -> None:
    exact, found = (separate(excerpt, model="mini", precision=one) for one in ("fp32", "bf16"))
    for stem in SOURCES:
        assert sdr_db(getattr(found, stem).samples, getattr(exact, stem).samples) > LEAST_DB, stem


@pytest.mark.usefixtures("models", "_multiplies_bf16")
def test_samples_are_the_same_for_any_number_of_threads(moment: Audio) -> None:
    graph = Graph("split")
    stems = graph.add(separate)(graph.input("mix", Audio), model="htdemucs", precision="bf16")
    graph.output("vocals", stems.vocals)
    one, two = (
        graph.run({"mix": moment}, store=False, threads=threads, device="cpu")["vocals"]
        for threads in (1, 2)
    )
    assert one == two


@pytest.mark.usefixtures("_multiplies_bf16")
def test_a_model_that_draws_random_positions_is_reproducible(
    moment: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_htdemucs(6, t_sin_random_shift=500, depth=2, segment=Fraction(1, 4))
    save_th(model, tmp_path / "wandering.th")
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    once = separate(moment, model="wandering", precision="bf16")[:4]
    random.seed(99)
    assert separate(moment, model="wandering", precision="bf16")[:4] == once


# -- whose it is not ------------------------------------------------------------------------------


@pytest.mark.usefixtures("models", "_multiplies_bf16")
def test_stored_stems_of_float32_are_not_taken_for_it(moment: Audio, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    graph = Graph("split")
    precision: Any = graph.param("precision", str, default="fp32")
    stems = graph.add(separate)(graph.input("mix", Audio), model="htdemucs", precision=precision)
    graph.output("vocals", stems.vocals)

    def status(asked: str) -> str:
        settings: Any = {"store": store, "device": "cpu"}
        result = graph.run({"mix": moment}, params={"precision": asked}, **settings)
        return str(result.report["nodes"][0]["status"])

    asked = ["fp32", "bf16", "fp32", "bf16"]
    assert [status(one) for one in asked] == ["ran", "ran", "cached", "cached"]
    preimages = [one.preimage for one in store.records() if "type" in one.preimage]
    assert len({one["numerics"] for one in preimages}) == 2


def test_what_a_card_rounds_is_of_another_class() -> None:
    params = {"precision": "bf16"}
    on = {kind: numerics_of(Placed(params, {"mix": [44_100]}, kind)) for kind in ("cpu", "cuda")}
    assert on["cpu"] != on["cuda"]
    assert numerics_of(Placed({"precision": "fp32"}, {"mix": [44_100]}, "cpu")) == "fp32"


@pytest.mark.usefixtures("models", "_multiplies_bf16")
def test_a_processor_in_place_of_a_card_rounds_as_the_key_says(moment: Audio) -> None:
    """A driver that does not work: torch rounds what it would round on the card."""
    import torch

    params = {name: field.default for name, field in separate.type.params.model_fields.items()}
    params |= {"model": "htdemucs", "precision": "bf16"}
    ctx = RunContext(device="cpu", wanted=frozenset({"vocals"}), numerics="fp32")
    found = separate.type.function(ctx, moment, **params).vocals
    with torch.autocast("cpu", torch.bfloat16):
        expected = separated_by_demucs(MODELS["htdemucs"](), moment.samples)[-1]
    np.testing.assert_allclose(found.samples, expected, atol=1e-5, rtol=0)
