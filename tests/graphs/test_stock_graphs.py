"""Every stock graph runs on a real recording and does what its description says."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import resonate_graph as rg
from resonate_graph import Audio, File, Graph
from resonate_nodes import LoudnessReport, highpass, measure_loudness
from tests import degradations
from tests.depth import thorough
from tests.signals import relative_db, si_sdr_db

GRAPHS = rg.stock_graphs()


@pytest.mark.parametrize("name", GRAPHS)
def test_it_is_described_and_its_params_are_documented(name: str) -> None:
    document = rg.stock(name).document
    assert document.name == name
    assert document.description
    assert all(spec.description for spec in document.inputs.values())
    assert all(spec.description for spec in document.params.values())
    assert all(spec.default is not None for spec in document.params.values())


@pytest.mark.parametrize("name", GRAPHS)
def test_it_is_written_back_as_it_was_read(name: str) -> None:
    again = Graph.from_json(rg.stock(name).to_json())
    assert again.document == rg.stock(name).document


@pytest.mark.parametrize("name", GRAPHS)
def test_filters_of_stems_that_are_summed_again_turn_no_phase(name: str) -> None:
    steps = rg.stock(name).check().steps
    if "separate" in {step.type.id for step in steps.values()}:
        filters = [one for one in steps.values() if one.type.id in ("highpass", "lowpass", "eq")]
        assert {one.plain_params["phase"] for one in filters} <= {"linear"}


@pytest.mark.parametrize("name", GRAPHS)
def test_all_that_a_caller_has_to_bind_are_its_inputs(name: str) -> None:
    graph = rg.stock(name)
    bound = graph.check(list(graph.document.inputs))
    assert set(bound.needed_inputs) == set(graph.document.inputs)


@pytest.mark.parametrize("param", ["target_lufs=-23", "target_lufs=-16"])
def test_deliver_reaches_its_target_in_a_24_bit_file(excerpt: Audio, param: str) -> None:
    target = float(param.partition("=")[2])
    result = rg.stock("deliver").run({"master": excerpt}, params={"target_lufs": target})
    delivered, report = result["delivered"], result["loudness"]
    assert isinstance(delivered, File)
    assert isinstance(report, LoudnessReport)
    with soundfile.SoundFile(io.BytesIO(delivered.content)) as file:
        assert (file.subtype, file.samplerate, file.channels) == ("PCM_24", 44100, 2)
        assert file.frames == excerpt.frames
        decoded = Audio(file.read(dtype="float32").T, file.samplerate)
    assert measure_loudness(decoded).integrated_lufs == pytest.approx(target, abs=0.05)
    assert report.integrated_lufs == pytest.approx(target, abs=0.05)


def test_speech_reaches_its_target_and_quiets_the_pauses() -> None:
    speech = spoken_syllables()
    result = rg.stock("speech").run({"speech": speech})
    restored = result["speech"]
    assert isinstance(restored, Audio)
    assert restored.samples.shape == speech.samples.shape
    assert measure_loudness(restored).integrated_lufs == pytest.approx(-16, abs=0.05)
    assert pause_below_syllables_db(restored) > pause_below_syllables_db(speech) + 3


@pytest.mark.parametrize("gain_db", [-20.0, 0.0, 12.0])
def test_speech_is_treated_alike_however_soft_it_was_recorded(
    gain_db: float, speech: Audio
) -> None:
    """From -57 to -25 LUFS: the same result, and no more of it turned down."""
    level = (measure_loudness(speech).integrated_lufs or 0) + 37
    as_recorded = speech.with_samples(speech.samples.astype(float) * 10 ** (-level / 20))
    louder = as_recorded.with_samples(as_recorded.samples * np.float32(10 ** (gain_db / 20)))
    wanted, restored = (
        rg.stock("speech").run({"speech": one})["speech"] for one in (as_recorded, louder)
    )
    assert isinstance(wanted, Audio)
    assert isinstance(restored, Audio)
    assert relative_db(restored, wanted) < -60
    heard, kept = levels(louder), levels(restored)
    voiced = heard > heard.mean() / 30
    assert np.mean(kept[voiced] > kept.mean() / 1000) > 0.95


def levels(audio: Audio) -> Any:
    """Return the mean squares of the first channel, in frames of 20 ms."""
    frame = audio.sample_rate // 50
    whole = audio.samples[0, : audio.frames // frame * frame].astype(float)
    return np.square(whole.reshape(-1, frame)).mean(axis=1)


@thorough
def test_speech_enhanced_takes_the_noise_from_between_the_words(speech: Audio) -> None:
    """Against the same graph on the voice alone: filter and compressor change it too."""
    fan = degradations.with_rumble(degradations.with_hiss(speech, snr_db=10))
    graph = rg.stock("speech-enhanced")
    wanted, plain, restored = (
        graph.run({"speech": sound}, params=params)["speech"]
        for sound, params in [(speech, {}), (fan, {"noise_limit_db": 0}), (fan, {})]
    )
    assert isinstance(wanted, Audio)
    assert isinstance(plain, Audio)
    assert isinstance(restored, Audio)
    assert measure_loudness(restored).integrated_lufs == pytest.approx(-16, abs=0.05)
    assert si_sdr_db(restored, wanted) > si_sdr_db(plain, wanted) + 3


def test_tape_brings_the_recording_nearer_to_what_it_was(excerpt: Audio) -> None:
    random = np.random.default_rng(5)

    def noise(frames: int) -> Any:
        seconds = np.arange(frames) / 44100
        hum = sum(0.1 / k * np.sin(2 * np.pi * 50 * k * seconds) for k in range(1, 5))
        return hum + 0.03 * random.standard_normal((2, frames))

    degraded = excerpt.with_samples(excerpt.samples + noise(excerpt.frames))
    lead_in = excerpt.with_samples(noise(2 * 44100))
    result = rg.stock("tape").run({"recording": degraded, "noise": lead_in})
    restored = result["restored"]
    assert isinstance(restored, Audio)
    assert si_sdr_db(restored, excerpt) > si_sdr_db(degraded, excerpt) + 6


def test_tape_gets_along_without_a_stretch_of_noise(excerpt: Audio) -> None:
    """The recording itself stands in for it: then its noise is sought in it, and that is told."""
    hiss = 0.03 * np.random.default_rng(5).standard_normal((2, excerpt.frames))
    degraded = excerpt.with_samples(excerpt.samples + hiss)
    result = rg.stock("tape").run({"recording": degraded, "noise": degraded})
    restored = result["restored"]
    assert isinstance(restored, Audio)
    assert [one["code"] for one in result.report["warnings"]] == ["profile-is-recording"]
    assert si_sdr_db(restored, excerpt) > si_sdr_db(degraded, excerpt) + 3


def test_vinyl_brings_the_recording_nearer_to_what_it_was(excerpt: Audio) -> None:
    seconds = np.arange(excerpt.frames) / excerpt.sample_rate
    rumble = 0.05 * np.sin(2 * np.pi * 8 * seconds)
    record = degradations.with_crackle(degradations.with_clicks(excerpt), per_second=100)
    record = record.with_samples(record.samples + rumble)
    restored = rg.stock("vinyl").run({"recording": record})["restored"]
    assert isinstance(restored, Audio)
    # the filter turns the phase of the bass, so the reference goes through it too
    clean = highpass(excerpt, frequency_hz=25.0, slope_db_per_octave=24)
    assert si_sdr_db(restored, clean) > si_sdr_db(record, clean) + 12


def spoken_syllables() -> Audio:
    """Return bursts of a voice-like tone with pauses, over hiss: 6 s at 16 kHz."""
    seconds = np.arange(6 * 16000) / 16000
    voice = sum(np.sin(2 * np.pi * 140 * k * seconds) / k for k in range(1, 20))
    hiss = 0.004 * np.random.default_rng(3).standard_normal(len(seconds))
    return Audio(0.1 * voice * (seconds % 1 < 0.6) + hiss, 16000)


def pause_below_syllables_db(audio: Audio) -> float:
    """Return how far the pauses of `spoken_syllables` lie below its bursts."""
    phase = np.arange(audio.frames) / 16000 % 1
    inside = np.square(audio.samples[:, (phase > 0.1) & (phase < 0.5)]).mean()
    pause = np.square(audio.samples[:, (phase > 0.9)]).mean()
    return float(10 * np.log10(inside / pause))


def test_what_was_never_played_is_in_none() -> None:
    for name in rg.stock_graphs():
        assert "extend_bandwidth" not in {
            step.type.id for step in rg.stock(name).check().steps.values()
        }


def test_nothing_but_graphs_is_in_the_pack() -> None:
    folder = Path(__file__).parents[2] / "graphs" / "resonate_graphs"
    for path in folder.glob("*.json"):
        assert json.loads(path.read_text())["name"] == path.stem
