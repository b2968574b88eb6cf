from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from resonate_graph import Audio, AudioError, OutputError

DENORMAL = np.float32(1e-45)
LARGEST = np.finfo(np.float32).max

samples_2d = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
    elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
)
rates = st.integers(1, 2**32 - 1)


def bits(samples: NDArray[np.float32]) -> bytes:
    """The samples as they are in memory, so that -0.0 differs from 0.0."""
    return np.ascontiguousarray(samples).tobytes()


# -- what is valid audio -----------------------------------------------------------------------


def test_a_flat_array_is_mono() -> None:
    audio = Audio(np.array([0.0, 0.5, -0.5]), 8000)
    assert (audio.channels, audio.frames, audio.sample_rate) == (1, 3, 8000)
    assert audio.duration_seconds == 3 / 8000


def test_no_frames_are_valid_audio() -> None:
    audio = Audio(np.zeros((6, 0)), 48000)
    assert (audio.channels, audio.frames, audio.duration_seconds) == (6, 0, 0.0)


@pytest.mark.parametrize("shape", [(), (0, 5), (1, 2, 3), (0x4000, 1)])
def test_a_wrong_shape_is_rejected_with_the_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError) as caught:
        Audio(np.zeros(shape), 8000)
    assert str(shape) in str(caught.value)
    assert "(channels, frames)" in str(caught.value)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(4, np.int16), np.zeros(4, np.complex64), np.zeros(4, bool), [[1, 2]], ["a"]],
    ids=["int16", "complex", "bool", "list of int", "text"],
)
def test_samples_that_are_not_floating_point_are_rejected(samples: Any) -> None:
    with pytest.raises(AudioError, match="give floating-point samples"):
        Audio(samples, 8000)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, ">f4"])
def test_every_floating_point_type_becomes_float32(dtype: Any) -> None:
    audio = Audio(np.array([[0.25, -1.5]], dtype=dtype), 8000)
    assert audio.samples.dtype == np.dtype("float32")
    np.testing.assert_array_equal(audio.samples, [[0.25, -1.5]])


@pytest.mark.parametrize("rate", [0, -1, 2**32, 44100.5, float("nan"), float("inf"), "44100", None])
def test_a_rate_that_is_no_whole_number_of_hz_is_rejected(rate: Any) -> None:
    with pytest.raises(AudioError, match="sample rate"):
        Audio(np.zeros(4), rate)


def test_the_first_sample_that_is_not_finite_is_named_with_its_place() -> None:
    samples = np.zeros((2, 8000))
    samples[0, 6000] = np.inf
    samples[1, 4000] = np.nan
    with pytest.raises(AudioError) as caught:
        Audio(samples, 8000)
    message = str(caught.value)
    assert message.startswith("2 samples are not finite; the first is nan at 0.500000 s")
    assert "frame 4000, channel 2" in message


@given(samples_2d, st.data())
def test_one_bad_sample_anywhere_is_found(
    samples: NDArray[np.float32], data: st.DataObject
) -> None:
    channel = data.draw(st.integers(0, samples.shape[0] - 1))
    frame = data.draw(st.integers(0, samples.shape[1] - 1))
    samples[channel, frame] = data.draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    with pytest.raises(AudioError, match=f"frame {frame}, channel {channel + 1}"):
        Audio(samples, 8000)


@pytest.mark.filterwarnings("error")
def test_the_largest_finite_samples_are_finite() -> None:
    assert Audio(np.array([LARGEST, LARGEST, -LARGEST]), 8000).frames == 3


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_samples_beyond_float32_are_not_finite() -> None:
    with pytest.raises(AudioError, match="not finite"):
        Audio(np.array([1e39]), 8000)


# -- it never changes --------------------------------------------------------------------------


def test_samples_cannot_be_written() -> None:
    audio = Audio(np.zeros((2, 4), np.float32), 8000)
    with pytest.raises(ValueError, match="read-only"):
        audio.samples[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        audio.samples += 1.0


def test_attributes_cannot_be_set() -> None:
    audio = Audio(np.zeros(4), 8000)
    with pytest.raises(AttributeError, match="immutable"):
        audio.sample_rate = 16000
    with pytest.raises(AttributeError, match="immutable"):
        audio.samples = np.ones((1, 4), np.float32)


def read_only_view(array: NDArray[np.float32]) -> NDArray[np.float32]:
    view = array[:, 1:]
    view.flags.writeable = False
    return view


@pytest.mark.parametrize(
    "share",
    [
        lambda array: array,
        lambda array: array[:, ::2],
        read_only_view,
        lambda array: np.broadcast_to(array[:1], (2, 6)),
        lambda array: np.frombuffer(array.data, np.float32),
    ],
    ids=["itself", "view", "read-only view", "broadcast", "buffer"],
)
def test_changing_the_callers_array_later_changes_nothing(share: Any) -> None:
    array = np.zeros((2, 6), np.float32)
    audio = Audio(share(array), 8000)
    array[:] = 1.0
    assert not audio.samples.any()


def test_what_nobody_can_write_is_not_copied() -> None:
    array = np.zeros((2, 6), np.float32)
    array.flags.writeable = False
    assert np.shares_memory(Audio(array, 8000).samples, array)
    assert np.shares_memory(Audio(array[:, 1:], 8000).samples, array)


# -- digest and equality -----------------------------------------------------------------------


def test_the_digest_covers_samples_rate_and_shape() -> None:
    base = Audio(np.arange(12, dtype=np.float32).reshape(2, 6), 44100)
    others = [
        Audio(base.samples, 48000),
        Audio(base.samples.reshape(3, 4), 44100),
        Audio(base.samples.reshape(1, 12), 44100),
        Audio(base.samples[::-1], 44100),
        Audio(np.pad(base.samples, ((0, 0), (0, 1))), 44100),
        Audio(np.nextafter(base.samples, np.float32(np.inf)), 44100),
    ]
    assert len({audio.digest for audio in (base, *others)}) == 7
    assert all(other != base for other in others)


def test_silences_of_different_shape_differ() -> None:
    shapes = [(1, 0), (2, 0), (1, 4), (2, 2), (4, 1)]
    assert len({Audio(np.zeros(shape), 8000).digest for shape in shapes}) == len(shapes)


@given(samples_2d, rates)
def test_equal_sound_has_an_equal_digest_however_it_lies_in_memory(
    samples: NDArray[np.float32], rate: int
) -> None:
    audio = Audio(samples, rate)
    again = Audio(np.asfortranarray(samples), rate)
    through_bytes = Audio(np.frombuffer(bits(samples), np.float32).reshape(samples.shape), rate)
    assert audio == again == through_bytes
    assert audio.digest == again.digest == through_bytes.digest
    assert hash(audio) == hash(again)


def test_long_audio_is_hashed_and_saved_in_blocks_as_if_at_once(tmp_path: Path) -> None:
    frames = (1 << 19) + 12345  # more than one block of two channels
    ramp = np.linspace(-1, 1, 2 * frames, dtype=np.float32).reshape(2, frames)
    audio = Audio(ramp, 44100)
    joined = np.concatenate([block.copy() for block in audio.interleaved_blocks()])
    assert bits(joined) == bits(ramp.T)
    read, _ = soundfile.read(audio.save(tmp_path / "ramp.wav"), dtype="float32", always_2d=True)
    assert bits(read.T) == bits(ramp)


def test_audio_is_only_equal_to_audio() -> None:
    assert Audio(np.zeros(4), 8000) != "audio"


def test_pickling_gives_equal_audio() -> None:
    audio = Audio(np.array([[0.5, -0.0, DENORMAL]]), 8000)
    copy = pickle.loads(pickle.dumps(audio))
    assert copy == audio
    assert not copy.samples.flags.writeable


# -- files -------------------------------------------------------------------------------------


@given(samples=samples_2d, rate=st.integers(1, 2**31 - 1))
def test_a_saved_file_is_read_bit_exactly_by_libsndfile(
    samples: NDArray[np.float32], rate: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = Audio(samples, rate).save(tmp_path_factory.getbasetemp() / "saved.wav")
    read, read_rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert read_rate == rate
    assert bits(read.T) == bits(samples)


def test_special_values_survive_a_file(tmp_path: Path) -> None:
    special = np.array([[-0.0, 0.0, DENORMAL, -DENORMAL, LARGEST, -LARGEST, 1.0, 1.5]], np.float32)
    path = Audio(special, 96000).save(tmp_path / "special.wav")
    read, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert bits(read.T) == bits(special)
    assert soundfile.info(path).subtype == "FLOAT"


def test_equal_audio_gives_equal_files(tmp_path: Path, excerpt: Audio) -> None:
    first = excerpt.save(tmp_path / "first.wav")
    second = Audio(excerpt.samples.copy(), excerpt.sample_rate).save(tmp_path / "second.wav")
    assert first.read_bytes() == second.read_bytes()


def test_no_frames_make_a_valid_file(tmp_path: Path) -> None:
    info = soundfile.info(Audio(np.zeros((2, 0)), 44100).save(tmp_path / "empty.wav"))
    assert (info.channels, info.frames, info.samplerate) == (2, 0, 44100)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"file/song\.wav: cannot be written"):
        Audio(np.zeros(4), 8000).save(tmp_path / "file" / "song.wav")
