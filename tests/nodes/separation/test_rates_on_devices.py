"""A mix at another rate than the models': who converts it, and that a key says who did.

There is no accelerator here: ``mps`` is pretended, ``cpu:0`` is the CPU by another name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Graph, NodeError, RunContext, Store
from resonate_graph._machine.devices import Device, Inventory
from resonate_graph._run.bindings import Bindings
from resonate_graph._run.bookkeeping import Run
from resonate_graph._run.execute import execute
from resonate_graph._run.outcome import Outcome
from resonate_graph._run.settings import Setup
from resonate_graph._sound.limits import Limits
from resonate_nodes import resample, separate
from resonate_nodes.separation import placement
from resonate_nodes.separation.resident import Residents
from resonate_nodes.space.sinc import Sinc
from tests.depth import thorough
from tests.signals import difference_db, relative_db

pytestmark = thorough

CPU = Device("cpu", "cpu", "a processor")
MPS = Inventory((Device("mps", "mps", "a GPU"), CPU))
CUDA = Inventory((Device("cuda:0", "cuda", "a card that does not work"), CPU))
BY_TORCHAUDIO = "fp32, sample rates by torchaudio 2"


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_refused", set())
    monkeypatch.setattr(placement, "_residents", Residents())


@pytest.fixture(autouse=True)
def models(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(models_dir))


@pytest.fixture(scope="module")
def mix(excerpt: Audio) -> Audio:
    """A second and a half at 48 kHz."""
    return resample(excerpt.with_samples(excerpt.samples[:, : 44_100 * 3 // 2]), sample_rate=48_000)


def split(inventory: Inventory, mix: Audio, store: Store | None = None) -> Outcome:
    """Run a graph of one separation on a machine."""
    graph = Graph("split")
    stems = graph.add(separate, "split")(graph.input("mix", Audio))
    graph.output("vocals", stems.vocals)
    setup = Setup(store=store, inventory=lambda: inventory, presumed=lambda: inventory)
    bound = graph.check(["mix"])
    run = Run(bound, Bindings("graph", bound.inputs, {"mix": mix}, Limits()), setup)
    execute([run], setup)
    if run.error is not None:
        raise run.error
    assert run.outcome is not None
    return run.outcome


def separated(mix: Audio, *, device: str = "cpu", numerics: str = "fp32") -> Audio:
    ctx = RunContext(device=device, wanted=frozenset({"vocals"}), numerics=numerics)
    arguments: dict[str, Any] = {name: field.default for name, field in fields()}
    vocals: Audio = separate.type.function(ctx, mix, **arguments).vocals
    return vocals


def fields() -> Iterator[tuple[str, Any]]:
    yield from separate.type.params.model_fields.items()


def numerics(store: Store) -> list[str]:
    return [record.preimage["numerics"] for record in store.records() if "type" in record.preimage]


def test_an_accelerator_converts_there_and_back(
    mix: Audio, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.pretended import pretended_mps

    compute = Sinc._computed
    converting: list[tuple[tuple[int, int], str]] = []

    def seen(self: Sinc, heard: Any) -> Any:
        converting.append(((self._group, self._new_group), self.device))
        return compute(self, heard)

    monkeypatch.setattr(Sinc, "_computed", seen)
    with pretended_mps() as operations:
        outcome = split(MPS, mix, store)
    assert outcome.warnings == []
    assert outcome.steps[0].device == "mps"
    assert {device for _, device in converting} == {"mps"}
    assert {rates for rates, _ in converting} == {(160, 147), (147, 160)}
    assert any("conv" in operation for operation in operations)
    (said,) = numerics(store)
    assert said.startswith(BY_TORCHAUDIO)
    found = outcome.values["vocals"]
    assert isinstance(found, Audio)
    assert found.samples.shape == mix.samples.shape
    by_hand = resample(
        separated(resample(mix, sample_rate=44_100, method="torchaudio")),
        sample_rate=48_000,
        method="torchaudio",
    )
    assert difference_db(found, by_hand) < -110
    # soxr keeps what the sinc does not between 19.8 and 21 kHz
    assert -80 < relative_db(found, separated(mix)) < -20


def test_what_an_accelerator_converted_is_not_what_soxr_did(mix: Audio, store: Store) -> None:
    """The card fails: its work is done by the CPU, in the same way, under the same key."""
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA card")
    at_44_1 = resample(mix, sample_rate=44_100)
    on_card, on_cpu = split(CUDA, mix, store), split(Inventory((CPU,)), mix, store)
    assert [one.steps[0].status for one in (on_card, on_cpu)] == ["ran", "ran"]
    assert on_card.steps[0].device == "cpu"
    found = on_card.values["vocals"]
    assert isinstance(found, Audio)
    assert difference_db(found, separated(mix, numerics=BY_TORCHAUDIO)) < -110
    assert on_cpu.values["vocals"] == separated(mix)
    assert split(CUDA, mix, store).steps[0].status == "cached"
    assert split(Inventory((CPU,)), mix, store).steps[0].status == "cached"
    # at the models' rate there is one result for all devices
    assert split(CUDA, at_44_1, store).steps[0].status == "ran"
    assert split(Inventory((CPU,)), at_44_1, store).steps[0].status == "cached"
    said = sorted(numerics(store))
    assert said[:2] == ["fp32", "fp32"]
    assert said[2].startswith(BY_TORCHAUDIO)
    assert len(said) == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_long_sounds_have_no_seams(
    channels: int, excerpt: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = np.concatenate([excerpt.samples, excerpt.samples[::-1]])[:channels, :40_000]
    mix = resample(excerpt.with_samples(samples), sample_rate=48_000)
    expected = separated(mix, device="cpu:0", numerics=BY_TORCHAUDIO)
    monkeypatch.setattr("resonate_nodes.separation.separate._BLOCK_FRAMES", 1000)
    found = separated(mix, device="cpu:0", numerics=BY_TORCHAUDIO)
    assert found.samples.shape == mix.samples.shape
    assert difference_db(found, expected) < -115


def test_rates_with_little_in_common_are_left_to_soxr(mix: Audio, store: Store) -> None:
    odd = Audio(mix.samples[:, :20_000], 44_101)
    split(Inventory((CPU,)), odd, store)
    assert split(CUDA, odd, store).steps[0].status == "cached"


def test_a_rate_out_of_range_is_refused_there_too() -> None:
    with pytest.raises(NodeError, match="1 Hz cannot be resampled"):
        separated(Audio(np.ones((1, 9)), 1), device="cpu:0", numerics=BY_TORCHAUDIO)
