from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph import DeviceError
from resonate_graph._machine.devices import REQUESTS, Device, Inventory, choose, probe, prove

CPU = Device("cpu", "cpu", "a processor")
MPS = Device("mps", "mps", "Apple GPU")
BROKEN_MPS = Device("mps", "mps", "Apple GPU", usable=False, detail="Output channels > 65536")


def cuda(index: int, *, usable: bool = True) -> Device:
    detail = "" if usable else "out of memory"
    return Device(f"cuda:{index}", "cuda", "a GPU", usable=usable, detail=detail)


PLAIN = Inventory((CPU,))
MAC = Inventory((MPS, CPU))
OLD_MAC = Inventory((BROKEN_MPS, CPU))
ONE_GPU = Inventory((cuda(0), CPU))
FOUR_GPUS = Inventory((*map(cuda, range(4)), CPU))
LAME_GPU = Inventory((cuda(0, usable=False), cuda(1), CPU))
BOTH = Inventory((MPS, cuda(0), CPU))


@pytest.mark.parametrize(
    ("inventory", "chosen"),
    [(PLAIN, "cpu"), (MAC, "mps"), (OLD_MAC, "cpu"), (ONE_GPU, "cuda:0"), (FOUR_GPUS, "cuda:0"),
     (LAME_GPU, "cuda:1"), (BOTH, "mps")],
)  # fmt: skip
def test_auto_is_mps_else_cuda_else_cpu_of_what_passed_its_proof(
    inventory: Inventory, chosen: str
) -> None:
    assert choose(inventory, "auto") == chosen


@pytest.mark.parametrize(
    ("inventory", "request_", "chosen"),
    [(PLAIN, "cpu", "cpu"), (MAC, "cpu", "cpu"), (MAC, "mps", "mps"), (ONE_GPU, "cuda", "cuda:0"),
     (LAME_GPU, "cuda", "cuda:1"), (FOUR_GPUS, "cuda", "cuda:0"), (BOTH, "cuda", "cuda:0")],
)  # fmt: skip
def test_what_is_asked_for_is_given(inventory: Inventory, request_: str, chosen: str) -> None:
    assert choose(inventory, request_) == chosen
    assert choose(inventory, request_, ["cpu"]) == chosen  # the caller's word is the last


@pytest.mark.parametrize(
    ("preferred", "on_plain", "on_mac", "on_old_mac", "on_gpu"),
    [
        (["cpu"], "cpu", "cpu", "cpu", "cpu"),
        (["mps", "cpu"], "cpu", "mps", "cpu", "cpu"),
        (["cuda", "cpu"], "cpu", "cpu", "cpu", "cuda:0"),
        (["cpu", "mps"], "cpu", "cpu", "cpu", "cpu"),
        (["cuda", "mps", "cpu"], "cpu", "mps", "cpu", "cuda:0"),
    ],
)
def test_auto_follows_the_graphs_preference(
    preferred: list[str], on_plain: str, on_mac: str, on_old_mac: str, on_gpu: str
) -> None:
    chosen = [choose(one, "auto", preferred) for one in (PLAIN, MAC, OLD_MAC, ONE_GPU)]
    assert chosen == [on_plain, on_mac, on_old_mac, on_gpu]


@pytest.mark.parametrize(
    ("inventory", "request_", "preferred", "said"),
    [
        (PLAIN, "mps", [], "no mps device is usable here; this machine has: cpu"),
        (FOUR_GPUS, "mps", [], "no mps device is usable here; this machine has: "
                               "cuda:0, cuda:1, cuda:2, cuda:3, cpu"),
        (OLD_MAC, "mps", [], "no mps device is usable here; mps: Output channels > 65536; "
                             "this machine has: cpu"),
        (OLD_MAC, "cuda", [], "no cuda device is usable here; this machine has: cpu"),
        (PLAIN, "auto", ["mps", "cuda"], "no mps or cuda device is usable here; "
                                         "this machine has: cpu"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told_with_what_is(
    inventory: Inventory, request_: str, preferred: list[str], said: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        choose(inventory, request_, preferred)
    assert str(caught.value) == said


devices = st.lists(
    st.builds(
        lambda kind, usable: Device(kind, kind, kind, usable=usable),
        st.sampled_from(["mps", "cuda"]),
        st.booleans(),
    ),
    max_size=5,
)
preferences = st.sampled_from(
    [
        list(order)
        for size in range(4)
        for order in itertools.permutations(["mps", "cuda", "cpu"], size)
    ]
)


@given(devices, st.sampled_from(REQUESTS), preferences)
def test_the_choice_is_usable_and_the_best_of_what_was_wished(
    accelerators: list[Device], request_: str, preferred: list[str]
) -> None:
    inventory = Inventory((*accelerators, CPU))
    usable = {device.kind for device in inventory.devices if device.usable}
    wishes = preferred or ["mps", "cuda", "cpu"]
    if request_ != "auto":
        wishes = [request_]
    expected = [kind for kind in wishes if kind in usable]
    if expected:
        assert choose(inventory, request_, preferred) == expected[0]
    else:
        with pytest.raises(DeviceError):
            choose(inventory, request_, preferred)


# -- proof by doing ----------------------------------------------------------------------------


def raising(error: BaseException) -> Callable[[], float]:
    def operation() -> float:
        raise error

    return operation


def test_a_device_that_does_the_operation_right_is_usable() -> None:
    assert prove("mps", "mps", "Apple GPU", lambda: 90_000.0) == MPS


@pytest.mark.parametrize(
    "result", [0.0, 89_999.0, 90_000.01, -90_000.0, float("nan"), float("inf")]
)
def test_a_device_that_gives_a_wrong_result_is_not_used(result: float) -> None:
    device = prove("mps", "mps", "Apple GPU", lambda: result)
    assert (device.usable, device.detail) == (False, "a convolution came out wrong")


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (NotImplementedError("Output channels > 65536 not supported\nat ..."),
         "Output channels > 65536 not supported"),
        (RuntimeError("MPS backend out of memory"), "MPS backend out of memory"),
        (RuntimeError(), "RuntimeError"),
        (OSError("  driver not found \n"), "driver not found"),
    ],
)  # fmt: skip
def test_a_device_that_fails_is_not_used_and_says_why(error: Exception, detail: str) -> None:
    device = prove("cuda:0", "cuda", "a GPU", raising(error))
    assert (device.usable, device.detail) == (False, detail)


def test_ctrl_c_during_the_proof_is_ctrl_c() -> None:
    with pytest.raises(KeyboardInterrupt):
        prove("mps", "mps", "Apple GPU", raising(KeyboardInterrupt()))


@pytest.mark.torch
def test_this_machine_has_a_cpu_and_everything_else_was_tried() -> None:
    inventory = probe()
    assert inventory.devices[-1].id == "cpu"
    assert choose(inventory, "cpu") == "cpu"
    for device in inventory.devices:
        assert device.kind in ("cpu", "mps", "cuda")
        assert device.usable or device.detail
    assert [one["id"] for one in inventory.to_json()] == [one.id for one in inventory.devices]
