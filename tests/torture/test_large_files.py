"""Sound beyond 4 GiB, where WAV files need 64-bit sizes, and samples of every bit pattern."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio, Store
from resonate_graph._node.ports import PortType
from resonate_graph._sound.audio import audio_hasher
from resonate_graph._sound.wav import HEADER_BYTES, float_wav_header
from resonate_graph._store.records import Entry

RATE = 44100
BEYOND = 2**32 // 8 + 1000  # frames of stereo
ENDING = np.array([[0.25, -0.5, 1.0, -0.0, 1e-45], [-1.0, 0.125, 3.4e38, 1 / 3, -1e-45]], "<f4")
#: Of silence with this ending. It is compared where the store reads, so it is not computed here.
DIGEST = "00a08f4ae691e02d3bd6610335bff0c226f919a683dd751e964d1c59e8fd9d04"


def test_an_object_beyond_4_gib_reads_back_exactly_at_its_end(tmp_path: Path) -> None:
    """The file has a hole where its samples are zero, so that it takes no room."""
    store = Store(tmp_path / "store", limit_bytes=10**12)
    size = HEADER_BYTES + 8 * BEYOND
    entry = Entry(
        digest=DIGEST,
        kind="audio",
        suffix=".wav",
        bytes=size,
        channels=2,
        sample_rate=RATE,
        frames=BEYOND,
    )
    path = store.path / "objects" / entry.digest[:2] / f"{entry.digest}.wav"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        file.write(float_wav_header(2, RATE, BEYOND))
        file.seek(size - ENDING.nbytes)
        file.write(ENDING.T.tobytes())
    assert path.stat().st_size == size > 2**32
    found = store.get(entry, PortType(Audio))
    assert isinstance(found, Audio)
    assert (found.frames, found.sample_rate) == (BEYOND, RATE)
    np.testing.assert_array_equal(
        found.samples[:, -ENDING.shape[1] :].view(np.uint32), ENDING.view(np.uint32)
    )
    with soundfile.SoundFile(path) as sound:  # as other programs read it
        assert (sound.format, sound.subtype, sound.frames) == ("RF64", "FLOAT", BEYOND)
        sound.seek(BEYOND - ENDING.shape[1])
        np.testing.assert_array_equal(sound.read(dtype="float32").T, ENDING)


def test_audio_beyond_4_gib_is_kept_and_comes_back(tmp_path: Path, torture: bool) -> None:
    """Written in full: it takes 4.3 GB of disk, and as much memory."""
    if not torture:
        pytest.skip("it writes 4.3 GB: only with --torture")
    if shutil.disk_usage(tmp_path).free < 2 * 2**32:
        pytest.skip("there are not 8 GiB free here")
    samples = np.zeros((BEYOND, 2), "<f4")
    samples[-ENDING.shape[1] :] = ENDING.T
    samples.flags.writeable = False
    store = Store(tmp_path / "store", limit_bytes=10**12)
    entry = store.put(Audio(samples.T, RATE))
    found = Store(store.path).get(entry, PortType(Audio))
    assert isinstance(found, Audio)
    np.testing.assert_array_equal(
        found.samples[:, -ENDING.shape[1] :].view(np.uint32), ENDING.view(np.uint32)
    )
    assert not found.samples[:, : -ENDING.shape[1]].any()


def test_every_bit_pattern_comes_back(tmp_path: Path) -> None:
    """NaN of every kind too, which no input and no node may bring; the files could hold them."""
    special = [0x7F800001, 0x7FC00000, 0xFFC12345, 0x7FFFFFFF, 0x7F800000, 0xFF800000]
    special += [0x80000000, 0x00000001, 0x807FFFFF, 0x00800000, 0x7F7FFFFF]
    drawn = np.random.default_rng(4).integers(0, 2**32, 100_001 - len(special), np.uint32)
    bits = np.concatenate([np.array(special, np.uint32), drawn]).reshape(-1, 1)
    samples = bits.view("<f4").copy()
    samples.flags.writeable = False
    hasher = audio_hasher(1, RATE, len(bits))
    hasher.update(samples.data.cast("B"))
    store = Store(tmp_path / "store")
    entry = store.put(Audio.trusted(samples.T, RATE, hasher.hexdigest()))
    found = Store(store.path).get(entry, PortType(Audio))
    assert isinstance(found, Audio)
    np.testing.assert_array_equal(found.samples.view(np.uint32), bits.T)
