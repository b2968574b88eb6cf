"""What is done when a device fails; with errors that torch raises, or raised as torch does.

There is no accelerator here: ``cpu:0`` stands for one, which is the CPU by another name.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest

from resonate_graph import Audio, Graph, NodeError
from resonate_graph._machine.devices import Device, Inventory
from resonate_graph._run.bindings import Bindings
from resonate_graph._run.bookkeeping import Run
from resonate_graph._run.execute import execute
from resonate_graph._run.settings import Setup
from resonate_graph._sound.limits import Limits
from resonate_nodes import separate
from resonate_nodes.separation import models
from resonate_nodes.separation import placement as placing
from resonate_nodes.separation.bags import ModelFiles
from resonate_nodes.separation.overlap_add import reading
from resonate_nodes.separation.placement import Estimator, Placement
from resonate_nodes.separation.resident import Residents
from resonate_nodes.separation.separator import Separator
from tests.depth import thorough
from tests.models import save_th, small_htdemucs

pytestmark = thorough

SEGMENT = Fraction(1, 4)
SEGMENT_FRAMES = 11_025
BATCH = np.random.default_rng(1).uniform(-1, 1, (4, 2, SEGMENT_FRAMES)).astype(np.float32)


@pytest.fixture
def estimator(brief_models: Path) -> Estimator:
    return Estimator(brief_models / "small0.th", ("vocals", "bass"))


@pytest.fixture(autouse=True)
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_refused", set())
    monkeypatch.setattr(placing, "_residents", Residents())


@pytest.fixture(scope="module")
def expected() -> Any:
    import torch

    with torch.no_grad():
        return small_htdemucs(0, segment=SEGMENT)(torch.from_numpy(BATCH))[:, [3, 1]].numpy()


class Failing:
    """Makes models fail, as a device would, while it says so."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.error: Any = None

    def __call__(self, module: Any, arguments: Any) -> None:
        from demucs.htdemucs import HTDemucs

        if isinstance(module, HTDemucs):
            self.sizes.append(len(arguments[0]))
            error = self.error(len(arguments[0]), arguments[0].device) if self.error else None
            if error is not None:
                raise error


@pytest.fixture
def failing() -> Iterator[Failing]:
    from torch.nn.modules.module import register_module_forward_pre_hook

    found = Failing()
    handle = register_module_forward_pre_hook(found)
    yield found
    handle.remove()


def on_accelerator(told: list[str]) -> Placement:
    placement = Placement("cpu:0", fell=told.append)
    placement.batch_size = 4
    return placement


def separator_of(files: ModelFiles, placement: Placement, *, shifts: int = 0) -> Separator:
    stems = ["drums", "vocals"]
    return Separator(
        files, stems, overlap=0.25, shifts=shifts, seed=3, placement=placement, threads=2
    )


def test_a_batch_is_the_same_as_its_segments(estimator: Estimator, expected: Any) -> None:
    told: list[str] = []
    found = on_accelerator(told).run(estimator, BATCH)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert told == []


def test_a_mix_in_batches_is_the_same_as_segment_by_segment(
    brief_models: Path, failing: Failing
) -> None:
    """A bag whose models take turns, over shifts; the last batch is smaller."""
    mix = np.random.default_rng(2).uniform(-1, 1, (2, 42_500)).astype(np.float32)

    def separated(placement: Placement) -> Any:
        files = models.find("htdemucs_ft", brief_models, fetch=False)
        separator = separator_of(files, placement, shifts=2)
        parts: list[Any] = []
        separator.separate(reading(mix), mix.shape[1], parts.append, lambda: None)
        return np.concatenate(parts, axis=-1)

    alone = separated(Placement("cpu"))
    for batch_size in (4, 50):
        failing.sizes.clear()
        accelerator = on_accelerator([])
        accelerator.batch_size = batch_size
        together = separated(accelerator)
        np.testing.assert_allclose(together, alone, atol=1e-6)
        assert max(failing.sizes) == min(batch_size, 8)  # segments per pass


def test_out_of_memory_once_is_tried_again(
    estimator: Estimator, expected: Any, failing: Failing
) -> None:
    import torch

    errors = [torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")]
    failing.error = lambda size, device: errors.pop() if errors else None
    told: list[str] = []
    placement = on_accelerator(told)
    np.testing.assert_allclose(placement.run(estimator, BATCH), expected, atol=1e-5)
    assert failing.sizes == [4, 4]
    assert told == ["cpu:0 is out of memory; what it had cached was freed"]
    assert placement.device == "cpu:0"


def test_numbers_that_a_model_draws_are_drawn_again(tmp_path: Path, failing: Failing) -> None:
    """So what comes out depends neither on the batch nor on what failed on the way."""
    import torch

    model = small_htdemucs(6, t_sin_random_shift=500, depth=2, segment=SEGMENT)
    wandering = Estimator(save_th(model, tmp_path / "wandering.th"), ("vocals",))
    expected = on_accelerator([]).run(wandering, BATCH, (1, 2))
    tight = torch.OutOfMemoryError("out of memory")
    for fits in (1, 2):
        failing.error = lambda size, device, fits=fits: tight if size > fits else None
        found = on_accelerator([]).run(wandering, BATCH, (1, 2))
        np.testing.assert_allclose(found, expected, atol=1e-6)
    failing.error = None
    other = on_accelerator([]).run(wandering, BATCH, (1, 3))
    assert np.abs(other - expected).max() > 1e-5


@pytest.mark.parametrize("fits", [1, 2])
def test_smaller_batches_are_tried_next(
    estimator: Estimator, expected: Any, failing: Failing, fits: int
) -> None:
    """As MPS says it: a plain RuntimeError."""
    error = RuntimeError("MPS backend out of memory (MPS allocated: 17.9 GB)")
    failing.error = lambda size, device: error if size > fits else None
    told: list[str] = []
    placement = on_accelerator(told)
    np.testing.assert_allclose(placement.run(estimator, BATCH), expected, atol=1e-5)
    assert placement.batch_size == fits
    assert told[-1] == f"cpu:0 is out of memory; it goes on with {fits} segments at a time"
    assert placement.device == "cpu:0"


def test_where_not_even_one_fits_the_cpu_goes_on(
    estimator: Estimator, expected: Any, failing: Failing
) -> None:
    import torch

    told: list[str] = []
    placement = on_accelerator(told)
    failing.error = lambda size, device: (
        torch.OutOfMemoryError("out of memory") if placement.device != "cpu" else None
    )
    np.testing.assert_allclose(placement.run(estimator, BATCH), expected, atol=1e-5)
    assert (placement.device, placement.batch_size) == ("cpu", 1)
    assert told[-1] == "cpu:0 has too little memory for one segment; the CPU goes on"


def test_what_failed_takes_no_memory_when_it_is_tried_again(estimator: Estimator) -> None:
    """An error keeps what its frames hold, here the tensors of the forward pass that failed."""
    import torch

    before: list[Any] = []
    alive: list[int] = []

    def tight(module: Any, arguments: Any) -> None:
        alive.append(sum(one() is not None for one in before))
        before.append(ref(arguments[0]))
        if len(arguments[0]) > 1:
            raise torch.OutOfMemoryError("out of memory")

    placement = on_accelerator([])
    placement.model(estimator).model.register_forward_pre_hook(tight)
    placement.run(estimator, BATCH)
    assert alive == [0] * 10


def test_an_operation_that_is_missing_is_remembered_for_the_model(
    estimator: Estimator, expected: Any, failing: Failing
) -> None:
    error = NotImplementedError("Output channels > 65536 not supported at the MPS device.")
    told: list[str] = []
    failing.error = lambda size, device: error if not told else None
    np.testing.assert_allclose(on_accelerator(told).run(estimator, BATCH), expected, atol=1e-5)
    assert told == [
        "cpu:0 cannot run small0 (Output channels > 65536 not supported at the MPS device.); "
        "the CPU does"
    ]
    later: list[str] = []
    failing.error = lambda size, device: None
    on_accelerator(later).run(estimator, BATCH)
    assert later == []
    assert ("cpu:0", estimator.path) in placing._refused


@pytest.mark.parametrize("device", ["mps", "cuda:0", "xpu"])
def test_a_device_that_this_build_of_torch_lacks(
    estimator: Estimator, expected: Any, device: str
) -> None:
    """The error is torch's own."""
    import torch

    if device == "cuda:0" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA card")
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has MPS")
    told: list[str] = []
    found = Placement(device, fell=told.append).run(estimator, BATCH[:1])
    np.testing.assert_allclose(found, expected[:1], atol=1e-5)
    assert len(told) == 1
    assert told[0].startswith(f"{device} cannot run small0 (")


def test_a_model_that_was_refused_takes_one_segment_at_a_time(
    brief_models: Path, failing: Failing
) -> None:
    error = NotImplementedError("not on this device")
    failing.error = lambda size, device: error if len(failing.sizes) == 1 else None
    separator = separator_of(models.find("htdemucs", brief_models, fetch=False), on_accelerator([]))
    mix = np.random.default_rng(2).uniform(-1, 1, (2, 70_000)).astype(np.float32)
    separator.separate(reading(mix), mix.shape[1], lambda part: None, lambda: None)
    assert failing.sizes == [4, 4, 1, 1, 1, 1, 1]  # the first four came before it was known
    assert separator.device == "cpu"


def test_a_device_that_is_full_when_a_model_is_loaded_is_not_refused_for_good(
    estimator: Estimator, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    errors = [torch.OutOfMemoryError("CUDA out of memory.")]
    move = torch.nn.Module.to

    def to(self: Any, *args: Any) -> Any:
        if errors:
            raise errors.pop()
        return move(self, *args)

    monkeypatch.setattr(torch.nn.Module, "to", to)
    told: list[str] = []
    placement = on_accelerator(told)
    placement.model(estimator)
    assert told == ["cpu:0 is out of memory; what it had cached was freed"]
    assert placement.device_of(estimator) == "cpu:0"
    errors += [torch.OutOfMemoryError("CUDA out of memory.")] * 2
    placing._residents.drop("cpu:0")
    np.testing.assert_allclose(placement.run(estimator, BATCH), expected, atol=1e-5)
    assert told[-1] == "cpu:0 has too little memory for a model; the CPU goes on"
    assert on_accelerator([]).device_of(estimator) == "cpu:0"


def test_what_was_done_is_in_the_report(brief_models: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA card")
    card = Device("cuda:0", "cuda", "a card that does not work")
    inventory = Inventory((card, Device("cpu", "cpu", "a processor")))
    graph = Graph("split")
    stems = graph.add(separate, "split")(graph.input("mix", Audio))
    graph.output("vocals", stems.vocals)
    setup = Setup(models=brief_models, inventory=lambda: inventory)
    bound = graph.check(["mix"])
    mix = Audio(BATCH[0], 44_100)
    run = Run(bound, Bindings("graph", bound.inputs, {"mix": mix}, Limits()), setup)
    execute([run], setup)
    assert run.outcome is not None
    (step,) = run.outcome.steps
    assert step.device == "cpu"
    (warning,) = run.outcome.warnings
    assert (warning.code, warning.node) == ("device-fallback", "split")
    assert warning.message.startswith("cuda:0 cannot run small0 (")


def test_another_error_is_not_hidden(estimator: Estimator, failing: Failing) -> None:
    failing.error = lambda size, device: RuntimeError("shapes do not match")
    with pytest.raises(RuntimeError, match="shapes do not match"):
        on_accelerator([]).run(estimator, BATCH)


@pytest.mark.parametrize(("device", "precision"), [("cpu", "fp16"), ("mps", "bf16")])
def test_a_precision_the_device_lacks_is_refused(device: str, precision: Any) -> None:
    with pytest.raises(NodeError, match=f"{device} does not compute in {precision}; cuda"):
        Placement(device, precision=precision)


def test_models_that_nobody_uses_can_be_let_go() -> None:
    residents = Residents()
    used = residents.get("cpu", "used", lambda: small_htdemucs(0))
    idle = ref(residents.get("cpu", "idle", lambda: small_htdemucs(1)))
    residents.drop_idle("cpu")
    assert idle() is None
    assert residents.get("cpu", "used", lambda: small_htdemucs(0)) is used


def test_models_stay_until_others_need_the_room(brief_models: Path) -> None:
    loads: list[str] = []

    def load(name: str) -> Any:
        loads.append(name)
        return small_htdemucs(0)

    one = sum(tensor.nbytes for tensor in small_htdemucs(0).parameters())
    residents = Residents(limit_bytes=int(2.5 * one))
    for name in "abaacab":
        residents.get("cpu", name, lambda name=name: load(name))  # type: ignore[misc]
    assert "".join(loads) == "abcb"
    residents.get("cuda:0", "a", lambda: load("a on another device"))
    residents.get("cpu", "a", lambda: load("a"))
    assert loads[4:] == ["a on another device"]
