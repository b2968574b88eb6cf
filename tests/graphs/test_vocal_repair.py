"""The main job: `resonate run vocal-repair` on a recording, twice, and with one setting changed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import soundfile

import resonate_graph as rg
from resonate_graph import Audio
from resonate_nodes import measure_loudness, resample
from tests.depth import thorough
from tests.engine.commands import Command
from tests.files import write_sound
from tests.processes import Ended, files_in, forbid, read_samples, resonate

pytestmark = thorough

NODES = ("split", "rumble", "denoise", "gate", "vocals", "sum", "master")
HEAVY = ("torch", "torchaudio", "librosa", "scipy", "demucs", "noisereduce", "pedalboard")


@dataclass
class Job:
    """A mix that was repaired once: what to call again, and how the first call ended."""

    folder: Path
    models: Path
    mix: Path
    sound: Audio
    first: Ended = field(init=False)

    @property
    def restored(self) -> Path:
        return self.folder / "out" / "mix.restored.wav"

    def call(self, *arguments: str, mix: Path | None = None) -> tuple[str | Path, ...]:
        """What `resonate` is told."""
        places = ("-o", self.folder / "out", "--store", self.folder / "store")
        models = ("--models", self.models)
        mixed = ("-i", f"mix={mix or self.mix}")
        return ("run", "vocal-repair", *mixed, *places, *models, *arguments, "--json")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, excerpt: Audio, models_dir: Path) -> Job:
    """The job done once, at 48 kHz: separated by the bag of four, in a process of its own."""
    sound = in_format(excerpt, 48_000, 2)
    folder = tmp_path_factory.mktemp("job")
    mix = write_sound(sound, folder / "mix.wav", "PCM_24")
    job = Job(folder, models_dir, mix, sound)
    job.first = resonate(*job.call())
    return job


@pytest.fixture(scope="module")
def brief(excerpt: Audio) -> Audio:
    """Two thirds of a segment of the models."""
    return excerpt.with_samples(excerpt.samples[:, : excerpt.sample_rate])


def in_format(excerpt: Audio, rate: int, channels: int) -> Audio:
    """Return the recording at another rate and channel count."""
    mono = excerpt.samples.mean(axis=0, keepdims=True)
    samples = {1: mono, 2: excerpt.samples}.get(channels, np.repeat(mono, channels, axis=0))
    return resample(excerpt.with_samples(samples), sample_rate=rate)


def test_the_file_has_the_rate_length_and_channels_of_the_mix(job: Job) -> None:
    assert job.first.code == 0, job.first.err
    assert job.first.statuses == dict.fromkeys(NODES, "ran")
    samples, rate = read_samples(job.restored)
    assert rate == job.sound.sample_rate
    assert samples.shape == job.sound.samples.shape
    assert soundfile.info(job.restored).subtype == "FLOAT"
    loudness = measure_loudness(rg.read_audio(job.restored))
    assert loudness.true_peak_dbtp is not None
    assert loudness.true_peak_dbtp <= -0.99
    assert files_in(job.folder / "out") == [
        "mix.restored.wav", "mix.restored.wav.provenance.json",
    ]  # fmt: skip


def test_a_second_run_computes_nothing_and_loads_no_torch(job: Job, tmp_path: Path) -> None:
    before = job.restored.read_bytes()
    shim = forbid(tmp_path / "shim", *HEAVY)
    shutil.rmtree(job.folder / "out")
    again = resonate(*job.call(), PYTHONPATH=shim)
    assert again.code == 0, again.err
    assert_the_same_without_computing(again, job)
    assert job.restored.read_bytes() == before


def test_where_its_file_still_lies_the_same_is_written_over_it(job: Job, call: Command) -> None:
    before = job.restored.read_bytes()
    assert_the_same_without_computing(call(*job.call()), job)
    assert job.restored.read_bytes() == before


def assert_the_same_without_computing(again: Ended, job: Job) -> None:
    assert again.statuses == dict.fromkeys(NODES, "cached")
    assert again.document["outputs"] == job.first.document["outputs"]
    assert again.document["warnings"] == job.first.document["warnings"]


def test_another_gate_runs_the_gate_and_what_follows(job: Job, call: Command) -> None:
    """A gate that closes early, so that the vocals and all after them do change."""
    changed = call(*job.call("-p", "gate.threshold_db=-10", "-o", str(job.folder / "changed")))
    assert changed.code == 0, changed.err
    assert changed.statuses == {
        **dict.fromkeys(("split", "rumble", "denoise"), "cached"),
        **dict.fromkeys(("gate", "vocals", "sum", "master"), "ran"),
    }
    assert changed.document["outputs"] != job.first.document["outputs"]


def test_the_mix_as_flac_elsewhere_is_the_same_mix(job: Job, call: Command, tmp_path: Path) -> None:
    flac = tmp_path / "mix.flac"
    samples, rate = soundfile.read(job.mix, dtype="int32")
    soundfile.write(flac, samples, rate, "PCM_24")
    again = call(*job.call(mix=flac))
    assert again.statuses == dict.fromkeys(NODES, "cached")
    assert again.document["outputs"] == job.first.document["outputs"]


def test_without_the_stems_the_finished_file_is_still_there(
    job: Job, call: Command, tmp_path: Path
) -> None:
    """Blobs upstream of what is asked for may go, as when a store is tidied up."""
    store = shutil.copytree(job.folder / "store", tmp_path / "store")
    kept = job.first.document["outputs"]["restored"]["digest"]
    for path in (store / "objects").rglob("*.wav"):
        if path.stem != kept:
            path.unlink()
    again = call(*job.call("--store", str(store), "-o", str(tmp_path / "out")))
    assert again.statuses == dict.fromkeys(NODES, "cached")
    found = rg.read_audio(tmp_path / "out" / "mix.restored.wav")
    assert found.digest == kept


@pytest.mark.parametrize(("rate", "channels"), [(8000, 2), (22050, 1), (96000, 2), (44100, 5)])
def test_other_rates_and_channel_counts_come_back_as_they_went_in(
    brief: Audio, models_dir: Path, rate: int, channels: int
) -> None:
    sound = in_format(brief, rate, channels)
    result = rg.stock("vocal-repair").run(
        {"mix": sound}, params={"model": "htdemucs"}, models=models_dir, store=False
    )
    restored = result["restored"]
    assert isinstance(restored, Audio)
    assert restored.sample_rate == rate
    assert restored.samples.shape == sound.samples.shape


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg"])
def test_every_input_format_gives_its_own_length(
    tmp_path: Path, brief: Audio, models_dir: Path, suffix: str
) -> None:
    path = write_sound(brief, tmp_path / f"mix{suffix}")
    result = rg.stock("vocal-repair").run(
        {"mix": path}, params={"model": "htdemucs"}, models=models_dir, store=False
    )
    written = result.save(tmp_path / "out")["restored"]
    samples, rate = read_samples(written)
    assert (samples.shape, rate) == (brief.samples.shape, 44100)


def test_two_runs_without_a_store_give_the_same_samples(brief: Audio, models_dir: Path) -> None:
    digests = {
        rg.stock("vocal-repair")
        .run({"mix": brief}, params={"model": "htdemucs"}, models=models_dir, store=False)
        .report["outputs"]["restored"]["digest"]
        for _ in range(2)
    }
    assert len(digests) == 1


def test_stems_a_model_does_not_have_are_told_before_anything_runs(
    tmp_path: Path, excerpt: Audio, models_dir: Path
) -> None:
    graph = rg.Graph.from_json(
        rg.stock("vocal-repair").to_json().replace('"split.bass"', '"split.piano"')
    )
    with pytest.raises(rg.GraphError, match="has no stem 'piano'; it has: drums, bass, other"):
        graph.run({"mix": excerpt}, models=models_dir, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()
