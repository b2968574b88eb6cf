"""An `Audio` in Python: parts by seconds, sums and multiples, numpy, torch, what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph import Audio, AudioError, InputError

RATE = 100
RAMP = Audio(np.arange(400, dtype=np.float64).reshape(2, 200) / 400, RATE)
OTHER = Audio(np.full((2, 200), -0.25), RATE)


# -- parts -----------------------------------------------------------------------------------------


@given(start=st.none() | st.integers(-300, 300), stop=st.none() | st.integers(-300, 300))
def test_a_part_is_that_of_the_samples(start: int | None, stop: int | None) -> None:
    seconds = slice(*(None if end is None else end / RATE for end in (start, stop)))
    part = RAMP[seconds]
    assert np.array_equal(part.samples, RAMP.samples[:, start:stop])
    assert (part.sample_rate, part.layout) == (RATE, "stereo")


def test_ends_are_at_the_nearest_frame() -> None:
    assert RAMP[0.004:0.016].frames == 2
    assert RAMP[0.006:0.014].frames == 0
    assert RAMP[1:2].frames == 100
    assert RAMP[np.float32(0.5) : math.inf].frames == 150


def test_a_part_copies_nothing_and_is_read_only() -> None:
    part = RAMP[0.5:1.5]
    assert np.shares_memory(part.samples, RAMP.samples)
    with pytest.raises(ValueError, match="read-only"):
        part.samples[0, 0] = 1
    assert part == Audio(np.array(RAMP.samples[:, 50:150]), RATE)


def test_a_part_keeps_the_layout() -> None:
    audio = Audio(np.zeros((3, 10)), RATE, "2.1")
    assert audio[:0.05].layout == "2.1"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (0, r"audio\[0\]"),
        (1.5, r"audio\[1.5\]: give a stretch in seconds, such as audio\[2.0:5.0\]"),
        (slice(0, 1, 2), r"audio\[0:1:2\]"),
        ((0, slice(None)), r"audio\[\(0, slice"),
        (slice("a", None), "'a' is no time in seconds"),
        (slice(None, math.nan), "nan is no time in seconds"),
        (slice(True, None), "True is no time in seconds"),
    ],
)
def test_what_is_no_stretch_of_time_is_refused(key: Any, said: str) -> None:
    with pytest.raises(AudioError, match=said):
        RAMP[key]


def test_a_sound_is_no_sequence() -> None:
    with pytest.raises(TypeError, match="not iterable"):
        list(RAMP)  # type: ignore[call-overload]
    with pytest.raises(TypeError):
        len(RAMP)  # type: ignore[arg-type]


# -- sums and multiples ----------------------------------------------------------------------------


def test_sums_and_multiples_are_those_of_the_samples() -> None:
    exact = RAMP.samples.astype(np.float64)
    half: Any = np.float32(0.5)
    cases: list[tuple[Any, Any]] = [
        (RAMP + OTHER, exact - 0.25),
        (RAMP - OTHER, exact + 0.25),
        (RAMP * 0.3, exact * 0.3),
        (0.3 * RAMP, exact * 0.3),
        (np.float64(0.3) * RAMP, exact * 0.3),
        (half * RAMP, exact * 0.5),
        (RAMP * 3, exact * 3),
        (RAMP / 3, exact / 3),
        (-RAMP, -exact),
        (sum([RAMP, OTHER]), exact - 0.25),
    ]
    for made, expected in cases:
        assert isinstance(made, Audio)
        assert np.array_equal(made.samples, expected.astype(np.float32))
        assert (made.sample_rate, made.layout) == (RATE, "stereo")


def test_a_layout_that_one_of_them_has_is_that_of_the_sum() -> None:
    plain, said = Audio(np.ones((3, 4)), RATE), Audio(np.ones((3, 4)), RATE, "2.1")
    assert plain.layout is None
    assert (plain + said).layout == (said - plain).layout == (2 * said).layout == "2.1"


@pytest.mark.parametrize(
    "other",
    [
        Audio(np.zeros((2, 199)), RATE),
        Audio(np.zeros((1, 200)), RATE),
        Audio(np.zeros((2, 200)), RATE + 1),
        0.1,
        np.zeros((2, 200)),
        "a",
        None,
    ],
    ids=["length", "channels", "rate", "number", "array", "text", "none"],
)
def test_what_is_not_alike_is_not_added(other: Any) -> None:
    attempts: list[Callable[[], object]] = [lambda: RAMP + other, lambda: RAMP - other]
    for attempt in attempts:
        with pytest.raises(AudioError, match="two sounds of one rate, length and channel layout"):
            attempt()


def test_different_layouts_are_not_added() -> None:
    front, back = (Audio(np.zeros((3, 4)), RATE, one) for one in ("3.0", "3.0(back)"))
    with pytest.raises(AudioError, match=r"3\.0, .* \+ Audio\(3 ch 3\.0\(back\)"):
        front + back


@pytest.mark.parametrize("ratio", [RAMP, np.zeros((2, 200)), np.zeros(2), "2", None, True, 1j])
def test_a_sound_is_multiplied_by_numbers_only(ratio: Any) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: RAMP * ratio, lambda: ratio * RAMP, lambda: RAMP / ratio
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(AudioError, match="a number"):
            attempt()


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(AudioError, match="not by 0"):
        RAMP / 0
    with pytest.raises(AudioError, match="not finite"):
        RAMP * math.inf
    with pytest.raises(AudioError, match="not finite"):
        RAMP * 1e300


# -- numpy, torch, files ---------------------------------------------------------------------------


def test_numpy_takes_a_sound_for_its_samples() -> None:
    assert np.asarray(RAMP) is not None
    assert np.shares_memory(np.asarray(RAMP), RAMP.samples)
    assert np.asarray(RAMP, np.float64).dtype == np.float64
    copy = np.array(RAMP)
    copy[0, 0] = 1  # one's own
    assert np.abs(OTHER).max() == np.float32(0.25)
    assert np.concatenate([RAMP, OTHER], axis=1).shape == (2, 400)
    assert Audio(np.asarray(RAMP), RATE) == RAMP


def test_it_is_read_from_a_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "ramp.flac", RAMP.samples.T, RATE, subtype="PCM_24")
    assert np.allclose(Audio.read(tmp_path / "ramp.flac"), RAMP, atol=2**-23)
    assert Audio.read(str(tmp_path / "ramp.flac")).sample_rate == RATE
    with pytest.raises(InputError, match=r"none\.wav"):
        Audio.read(tmp_path / "none.wav")


@pytest.mark.torch
def test_a_tensor_is_a_copy_of_its_own() -> None:
    tensor = RAMP[0.5:1.0].to_torch()
    assert str(tensor.dtype) == "torch.float32"
    assert np.array_equal(tensor.numpy(), RAMP.samples[:, 50:100])
    tensor[0, 0] = 1
    assert RAMP.samples[0, 50] != 1
