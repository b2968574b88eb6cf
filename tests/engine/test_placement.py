"""Placement, over machines we do not have, and over any that hypothesis can think of."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph import Avoid, DeviceError
from resonate_graph._devices import (
    ORDER,
    REQUESTS,
    Device,
    Inventory,
    Request,
    choose,
    place,
    probe,
    prove_lengths,
)

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
        ("Mac, macOS 15", "the first of mps, cuda, cpu"),
        ("Mac whose MPS fails its proof", "mps is not usable: Invalid buffer size: 12.00 GB"),
        ("four cards", "the first of mps, cuda, cpu"),
        ("CPU only", "nothing faster is here"),
    ],
)
def test_the_choice_says_why(machine: str, reason: str) -> None:
    assert place(INVENTORIES[machine], "auto").reason == reason


def test_what_a_node_avoids_is_taken_only_where_somebody_insists() -> None:
    mac = INVENTORIES["Mac, macOS 15"]

    def placed(model: str, request: Request = "auto", *preferred: str) -> tuple[str, ...]:
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


inventories = st.builds(
    lambda mac, cards: Inventory((*mac, *cards, CPU)),
    st.sampled_from([MACHINES[name] for name in MACHINES if "Mac" in name] + [()]),
    st.lists(st.booleans(), max_size=4).map(
        lambda usable: tuple(card(index, usable=one) for index, one in enumerate(usable))
    ),
)
preferences = st.lists(st.sampled_from(ORDER), max_size=3, unique=True)
exceptions = st.lists(
    st.builds(
        lambda kind, models: Avoid(kind, "slow", {"model": models} if models else {}),
        st.sampled_from(["mps", "cuda"]),
        st.lists(st.sampled_from("ab"), max_size=2, unique=True),
    ),
    max_size=3,
)


@given(inventories, st.sampled_from(REQUESTS), preferences, exceptions, st.sampled_from("ab"))
def test_placement_on_any_machine(
    inventory: Inventory,
    request: Request,
    preferred: list[str],
    avoid: list[Avoid],
    model: str,
) -> None:
    usable = {kind: [one.id for one in inventory.usable(kind)] for kind in ORDER}
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


def test_the_real_cpu_passes_the_proof_of_accelerators() -> None:
    from resonate_graph._devices import _convolve

    device = prove_lengths("cpu", "cpu", "a processor", lambda frames: _convolve("cpu", frames))
    assert (device.usable, device.facts) == (True, {"long_convolutions": True})


def test_mps_would_be_given_a_part_of_the_memory() -> None:
    """Torch reads this when it first uses MPS; the lower limit has to lie below the upper."""
    probe()
    upper = float(os.environ["PYTORCH_MPS_HIGH_WATERMARK_RATIO"])
    lower = float(os.environ["PYTORCH_MPS_LOW_WATERMARK_RATIO"])
    assert 0 < lower < upper == 0.75
