"""The windowed sinc block by block on a device, beside torchaudio's own over the whole sound."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonate_graph import Audio, torchaudio
from resonate_nodes.space import sinc
from resonate_nodes.space.sinc import Sinc, fits
from tests.counts import examples
from tests.signals import difference_db

Single = NDArray[np.float32]

PAIRS = [(44_100, 48_000), (48_000, 44_100), (8000, 44_100), (96_000, 44_100), (88_200, 44_100)]


def noise(frames: int, channels: int = 2) -> Single:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (channels, frames))
    return samples.astype(np.float32)


def whole(samples: Single, rate: int, new_rate: int, frames: int) -> Audio:
    """Return what torchaudio makes of a sound in one go, in 64-bit floats."""
    import torch

    found = torchaudio().functional.resample(
        torch.from_numpy(samples.astype(np.float64)), rate, new_rate, lowpass_filter_width=96,
        rolloff=0.95, resampling_method="sinc_interp_kaiser", beta=13.0,
    ).numpy()  # fmt: skip
    there = found[:, :frames]
    return Audio(np.pad(there, ((0, 0), (0, frames - there.shape[1]))), new_rate)


def in_blocks(
    samples: Single, lengths: list[int], rate: int, new_rate: int, frames: int, device: str = "cpu"
) -> Audio:
    blocks = np.split(samples, np.cumsum(lengths), axis=1)
    parts = Sinc(rate, new_rate, device).converted(blocks, len(samples), frames)
    return Audio(np.concatenate(list(parts), axis=1), new_rate)


@settings(max_examples=examples(12))
@given(
    rates=st.sampled_from(PAIRS),
    lengths=st.lists(st.integers(0, 2500), max_size=6),
    last=st.integers(1, 2500),
    most=st.integers(1, 40),
    more=st.integers(-3, 3),
)
def test_whatever_the_blocks_are_there_are_no_seams(
    rates: tuple[int, int], lengths: list[int], last: int, most: int, more: int
) -> None:
    rate, new_rate = rates
    samples = noise(sum(lengths) + last)
    frames = max(0, round(samples.shape[1] * new_rate / rate) + more)
    expected = whole(samples, rate, new_rate, frames)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sinc, "_GROUPS_AT_ONCE", most)
        found = in_blocks(samples, lengths, rate, new_rate, frames)
    assert found.samples.shape == expected.samples.shape
    np.testing.assert_allclose(found.samples, expected.samples, atol=2e-6)


def test_of_nothing_it_makes_silence() -> None:
    assert not in_blocks(noise(0), [], 48_000, 44_100, 3).samples.any()


def test_it_holds_a_block_however_long_the_sound_is() -> None:
    frames, blocks, heard = 20_000, 40, 0
    block = noise(frames)

    def counted() -> Iterator[Single]:
        nonlocal heard
        for _ in range(blocks):
            heard += frames
            yield block

    total = blocks * frames * 147 // 160
    given = 0
    tracemalloc.start()
    try:
        for part in Sinc(48_000, 44_100, "cpu").converted(counted(), 2, total):
            given += part.shape[1]
            assert heard - given * 160 / 147 < frames + 1000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert given == total
    assert peak < 4 * block.nbytes


def test_mps_is_asked_for_nothing_it_does_not_have() -> None:
    from tests.pretended import pretended_mps

    samples = noise(9000)
    with pretended_mps() as operations:
        there = in_blocks(samples, [4000], 48_000, 44_100, 8000, "mps")
    assert any("conv" in operation for operation in operations)
    assert difference_db(there, in_blocks(samples, [4000], 48_000, 44_100, 8000)) < -130


@pytest.mark.parametrize("device", ["cuda:0", "mps", "xpu"])
def test_where_the_device_fails_the_cpu_goes_on(device: str) -> None:
    """The error is torch's own."""
    import torch

    if device == "cuda:0" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA card")
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("this machine has MPS")
    told: list[str] = []
    samples = noise(5000, channels=1)
    there = Sinc(48_000, 44_100, device, fell=told.append)
    found = np.concatenate(list(there.converted([samples], 1, 4594)), axis=1)
    assert (there.device, len(told)) == ("cpu", 1)
    assert told[0].startswith(f"{device} cannot convert sample rates (")
    assert Audio(found, 44_100) == in_blocks(samples, [], 48_000, 44_100, 4594)


def test_cuda_rounds_no_factor_to_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it comes, cuDNN may: that is noise at -66 dB."""
    import torch

    from resonate_nodes._common.exactness import exact_convolutions

    backend: Any = torch.backends.cudnn
    monkeypatch.setattr(backend, "allow_tf32", True)
    with exact_convolutions("cuda:1"):
        assert (backend.allow_tf32, backend.deterministic) == (False, True)
    assert backend.allow_tf32
    with exact_convolutions("cpu"):
        assert backend.allow_tf32


def test_a_table_of_rates_with_little_in_common_would_be_too_large() -> None:
    assert all(fits(*pair) for pair in PAIRS)
    assert not fits(44_100, 44_101)
