"""Placement, over machines we do not have, and over any that hypothesis can think of."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import resonate_graph as rg
from resonate_graph import Avoid, DeviceError
from resonate_graph._machine.devices import (
    ORDER,
    REQUESTS,
    Device,
    Inventory,
    bf16_by,
    choose,
    place,
    probe,
    prove_lengths,
)
from resonate_nodes import gain

CPU = Device("cpu", "cpu", "a processor")

#: What torch says before macOS 15.1 about a convolution with so many frames.
TOO_LONG = "Output channels > 65536 not supported at the MPS device."


def mps(macos: str, convolve: Callable[[int], float]) -> Device:
    return prove_lengths("mps", "mps", "Apple GPU", convolve, {"macos": macos})


def any_length(frames: int) -> float:
    return float(frames)


def short_only(frames: int) -> float:
    if frames > 65_536:
        raise NotImplementedError(TOO_LONG)
    return float(frames)


def broken(frames: int) -> float:
    raise RuntimeError("Invalid buffer size: 12.00 GB")


def card(index: int, *, usable: bool = True) -> Device:
    return Device(f"cuda:{index}", "cuda", "a GPU", usable, "" if usable else "out of memory")


MACHINES: dict[str, tuple[Device, ...]] = {
    "Mac, macOS 13": (mps("13.6", short_only),),
    "Mac, macOS 14": (mps("14.5", short_only),),
    "Mac, macOS 15": (mps("15.2", any_length),),
    "Mac whose MPS fails its proof": (mps("15.2", broken),),
    "one card": (card(0),),
    "four cards": tuple(card(index) for index in range(4)),
    "four cards, one broken": tuple(card(index, usable=index != 0) for index in range(4)),
    "CPU only": (),
}
INVENTORIES = {name: Inventory((*found, CPU)) for name, found in MACHINES.items()}

#: As a node declares it: of its models, two are slower on MPS than on the CPU.
SLOW_THERE = Avoid("mps", "9-14 times slower there", {"model": ("hdemucs_mmi", "repro_mdx_a")})


@pytest.mark.parametrize(
    ("machine", "devices"),
    [
        ("Mac, macOS 13", ("cpu",)),
        ("Mac, macOS 14", ("cpu",)),
        ("Mac, macOS 15", ("mps",)),
        ("Mac whose MPS fails its proof", ("cpu",)),
        ("one card", ("cuda:0",)),
        ("four cards", ("cuda:0", "cuda:1", "cuda:2", "cuda:3")),
        ("four cards, one broken", ("cuda:1", "cuda:2", "cuda:3")),
        ("CPU only", ("cpu",)),
    ],
)
def test_auto_takes_all_of_the_best_kind(machine: str, devices: tuple[str, ...]) -> None:
    assert place(INVENTORIES[machine], "auto").devices == devices


@pytest.mark.parametrize(
    ("machine", "reason"),
    [
        ("Mac, macOS 14", f"mps is not usable: {TOO_LONG}"),
        ("Mac, macOS 15", "the fastest kind that is here"),
        ("Mac whose MPS fails its proof", "mps is not usable: Invalid buffer size: 12.00 GB"),
        ("four cards", "the fastest kind that is here"),
        ("CPU only", "nothing faster is here"),
    ],
)
def test_the_choice_says_why(machine: str, reason: str) -> None:
    assert place(INVENTORIES[machine], "auto").reason == reason


def test_what_a_node_avoids_is_taken_only_where_somebody_insists() -> None:
    mac = INVENTORIES["Mac, macOS 15"]

    def placed(model: str, request: str = "auto", *preferred: str) -> tuple[str, ...]:
        params = {"model": model}
        return place(mac, request, preferred, avoid=[SLOW_THERE], params=params).devices

    assert placed("htdemucs") == ("mps",)
    assert placed("hdemucs_mmi") == ("cpu",)
    assert placed("hdemucs_mmi", "mps") == ("mps",)
    assert placed("hdemucs_mmi", "auto", "mps", "cpu") == ("mps",)
    choice = place(mac, "auto", avoid=[SLOW_THERE], params={"model": "repro_mdx_a"})
    assert choice.reason.startswith("not mps: 9-14 times slower there")
    always = Avoid("cuda", "it has not been tried")
    assert place(INVENTORIES["one card"], "auto", avoid=[always]).devices == ("cpu",)


@pytest.mark.parametrize(
    ("machine", "request_", "preferred", "devices"),
    [
        ("four cards", "cuda:2", [], ("cuda:2",)),
        ("four cards", "cuda:2", ["cpu"], ("cuda:2",)),  # the caller's word is the last
        ("four cards", "cuda", ["cuda:1"], ("cuda:0", "cuda:1", "cuda:2", "cuda:3")),
        ("four cards", "auto", ["cuda:3", "cpu"], ("cuda:3",)),
        ("four cards, one broken", "auto", ["cuda:0", "cuda:3"], ("cuda:3",)),
        ("one card", "auto", ["cuda:3", "cuda", "cpu"], ("cuda:0",)),
        ("CPU only", "auto", ["cuda:3", "cpu"], ("cpu",)),
    ],
)
def test_a_certain_card_can_be_asked_for(
    machine: str, request_: str, preferred: list[str], devices: tuple[str, ...]
) -> None:
    slow = Avoid("cuda", "slower there")  # nobody who names a card is kept from it
    assert place(INVENTORIES[machine], request_, preferred, avoid=[slow]).devices == devices


@pytest.mark.parametrize(
    ("machine", "request_", "preferred", "said"),
    [
        ("four cards", "cuda:4", [], "no cuda:4 device is usable here; this machine has: "
                                     "cuda:0, cuda:1, cuda:2, cuda:3, cpu"),
        ("four cards, one broken", "cuda:0", [], "no cuda:0 device is usable here; "
         "cuda:0: out of memory; this machine has: cuda:1, cuda:2, cuda:3, cpu"),
        ("one card", "auto", ["cuda:1", "mps"], "no cuda:1 or mps device is usable here; "
                                                "this machine has: cuda:0, cpu"),
        ("CPU only", "cuda:0", [], "no cuda:0 device is usable here; this machine has: cpu"),
    ],
)  # fmt: skip
def test_a_card_that_is_not_there_is_told_with_what_is(
    machine: str, request_: str, preferred: list[str], said: str
) -> None:
    with pytest.raises(DeviceError) as caught:
        place(INVENTORIES[machine], request_, preferred)
    assert str(caught.value) == said


@pytest.mark.parametrize("name", ["cuda:", "cuda:-1", "cuda:01", "cuda:1 ", "mps:0", "gpu"])
def test_what_is_no_device_cannot_be_asked_for(name: str) -> None:
    graph = rg.Graph("g")
    graph.output("out", graph.add(gain)(graph.input("mix", rg.Audio)))
    silence = rg.Audio(np.zeros((1, 8)), 8000)
    with pytest.raises(DeviceError, match=f"^no device '{name}'; there are: .* or a card such as"):
        graph.run({"mix": silence}, device=name, store=False)


inventories = st.builds(
    lambda mac, cards: Inventory((*mac, *cards, CPU)),
    st.sampled_from([MACHINES[name] for name in MACHINES if "Mac" in name] + [()]),
    st.lists(st.booleans(), max_size=4).map(
        lambda usable: tuple(card(index, usable=one) for index, one in enumerate(usable))
    ),
)
CARDS = ("cuda:0", "cuda:1", "cuda:7")
preferences = st.lists(st.sampled_from((*ORDER, *CARDS)), max_size=3, unique=True)
exceptions = st.lists(
    st.builds(
        lambda kind, models: Avoid(kind, "slow", {"model": models} if models else {}),
        st.sampled_from(["mps", "cuda"]),
        st.lists(st.sampled_from("ab"), max_size=2, unique=True),
    ),
    max_size=3,
)


@given(
    inventories,
    st.sampled_from((*REQUESTS, *CARDS)),
    preferences,
    exceptions,
    st.sampled_from("ab"),
)
def test_placement_on_any_machine(
    inventory: Inventory,
    request: str,
    preferred: list[str],
    avoid: list[Avoid],
    model: str,
) -> None:
    passed = [one for one in inventory.devices if one.usable]
    usable = {kind: [one.id for one in passed if one.kind == kind] for kind in ("mps", "cuda")}
    usable |= {name: [one.id for one in passed if one.id == name] for name in ("cpu", *CARDS)}
    insists = request != "auto" or bool(preferred)
    wished = [request] if request != "auto" else preferred or list(ORDER)
    bad = {
        one.kind
        for one in avoid
        if not insists and (not one.params or model in one.params["model"])
    }
    expected = next((usable[kind] for kind in wished if usable[kind] and kind not in bad), None)
    params: dict[str, Any] = {"model": model}
    if expected is None:
        with pytest.raises(DeviceError) as caught:
            place(inventory, request, preferred, avoid=avoid, params=params)
        said = str(caught.value)
        assert all(one.id in said for one in inventory.devices if one.usable)
        assert all(kind in said for kind in wished)
        return
    choice = place(inventory, request, preferred, avoid=avoid, params=params)
    assert list(choice.devices) == expected
    assert choice.reason
    assert place(inventory, request, preferred, avoid=avoid, params=params) == choice
    if not avoid:
        assert choose(inventory, request, preferred) == expected[0]


# -- proof by doing -----------------------------------------------------------------------------


def test_the_proof_finds_out_how_long_a_convolution_may_be() -> None:
    tried: list[int] = []

    def convolve(frames: int) -> float:
        tried.append(frames)
        return float(frames)

    device = mps("15.2", convolve)
    assert min(tried) < 65_536
    assert max(tried) > 86_000  # what HTDemucs begins with
    assert (device.usable, device.detail) == (True, "")
    assert device.facts == {"macos": "15.2", "long_convolutions": True}
    old = mps("14.5", short_only)
    assert (old.usable, old.detail) == (False, TOO_LONG)
    assert old.facts == {"macos": "14.5", "long_convolutions": False}
    assert mps("15.2", broken).facts == {"macos": "15.2"}


@pytest.mark.torch
def test_the_real_cpu_passes_the_proof_of_accelerators() -> None:
    from resonate_graph._machine.devices import _convolve

    device = prove_lengths("cpu", "cpu", "a processor", lambda frames: _convolve("cpu", frames))
    assert (device.usable, device.facts) == (True, {"long_convolutions": True})


@pytest.mark.parametrize(
    ("capabilities", "instructions"),
    [
        ({"amx_tile": True, "amx_bf16": True, "avx512_bf16": True}, "AMX"),
        ({"amx_tile": False, "amx_bf16": False, "avx512_bf16": True}, "AVX512-BF16"),
        ({"amx_tile": True, "amx_bf16": False, "avx512_bf16": False}, None),
        ({"avx2": True, "avx512_f": True}, None),
        ({"architecture": "aarch64", "bf16": True, "sve_bf16": True}, None),
        ({}, None),
    ],
)
def test_what_multiplies_bf16_is_told_by_the_instructions(
    capabilities: dict[str, Any], instructions: str | None
) -> None:
    assert bf16_by(capabilities).get("bf16") == instructions


@pytest.mark.torch
def test_mps_would_be_given_a_part_of_the_memory() -> None:
    """Torch reads this when it first uses MPS; the lower limit has to lie below the upper."""
    probe()
    upper = float(os.environ["PYTORCH_MPS_HIGH_WATERMARK_RATIO"])
    lower = float(os.environ["PYTORCH_MPS_LOW_WATERMARK_RATIO"])
    assert 0 < lower < upper == 0.75
