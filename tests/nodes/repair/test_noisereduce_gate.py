"""`spectral_gate` beside noisereduce itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resonate_graph import Audio, Graph, NodeError
from resonate_nodes import spectral_gate
from tests.counts import examples
from tests.depth import sampled, thorough
from tests.signals import decibels, white_noise

RATE = 16_000

#: noisereduce computes as a whole what it is given in one chunk.
WHOLE = 10**9


def bursts(seconds: float, rate: int = RATE, channels: int = 2, seed: int = 0) -> Audio:
    """Return tones that come and go in hiss."""
    hiss = white_noise(seconds=seconds, rate=rate, rms=0.02, channels=channels, seed=seed)
    time = np.arange(hiss.frames) / rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) * (np.sin(2 * np.pi * 0.7 * time) > 0)
    return hiss.with_samples(hiss.samples + tone.astype(np.float32))


def theirs(audio: Audio, noise: Audio | None = None, **params: Any) -> np.ndarray[Any, Any]:
    """Return what noisereduce makes of a sound in one chunk, in 64-bit floats."""
    from noisereduce import reduce_noise

    found: np.ndarray[Any, Any] = reduce_noise(
        y=audio.samples.astype(float), sr=audio.sample_rate, chunk_size=WHOLE,
        y_noise=None if noise is None else noise.samples.astype(float), **params,
    )  # fmt: skip
    return found


def apart_db(ours: Audio, wanted: np.ndarray[Any, Any]) -> float:
    return decibels(float(np.sqrt(np.mean((ours.samples - wanted) ** 2))) + 1e-20)


CASES: list[dict[str, Any]] = [
    {},
    {"stationary": True},
    {"stationary": True, "n_std_thresh_stationary": 0.5, "prop_decrease": 0.4},
    {"prop_decrease": 0.6, "sigmoid_slope_nonstationary": 4.0},
    {"n_fft": 512, "time_constant_s": 0.3, "time_mask_smooth_ms": 100.0},
    {"thresh_n_mult_nonstationary": 1.0, "freq_mask_smooth_hz": None, "time_mask_smooth_ms": None},
    {"stationary": True, "win_length": 800, "hop_length": 200, "freq_mask_smooth_hz": 100.0},
    {"time_mask_smooth_ms": 1500.0},
]


@pytest.mark.parametrize("params", CASES, ids=str)
@pytest.mark.parametrize("with_noise", [False, True])
@sampled(3)
def test_it_is_noisereduce(params: dict[str, Any], with_noise: bool) -> None:
    """Over several blocks, and to the rounding of float32; 24 bits of samples below 0.5."""
    sound = bursts(12)
    noise = white_noise(rate=RATE, rms=0.02, channels=2, seed=9) if with_noise else None
    assert apart_db(spectral_gate(sound, noise, **params), theirs(sound, noise, **params)) < -150


@settings(max_examples=examples(6))
@given(
    frames=st.integers(1, 9000),
    rate=st.sampled_from([8000, 22_050, 44_100, 96_000]),
    channels=st.integers(1, 3),
    time_constant_s=st.floats(0.01, 5),
)
def test_at_any_length_and_rate_it_is_noisereduce(
    frames: int, rate: int, channels: int, time_constant_s: float
) -> None:
    sound = bursts(frames / rate, rate, channels)
    smooth = 2000 * 256 / rate
    params: dict[str, Any] = {
        "time_constant_s": time_constant_s,
        "time_mask_smooth_ms": smooth,
    }
    assert apart_db(spectral_gate(sound, **params), theirs(sound, **params)) < -150


@thorough
def test_there_is_no_seam_where_noisereduce_has_one() -> None:
    """Of a long sound noisereduce runs its mean in each chunk anew."""
    from noisereduce import reduce_noise

    sound = bursts(45, channels=1)
    wanted = theirs(sound)
    chunked = reduce_noise(y=sound.samples.astype(float), sr=RATE, chunk_size=200_000, padding=3000)
    assert decibels(float(np.std(chunked - wanted))) > -60
    assert apart_db(spectral_gate(sound), wanted) < -150


def test_of_the_noise_the_first_part_counts_unless_told_otherwise() -> None:
    quiet, loud = (white_noise(seconds=40, rate=RATE, rms=rms) for rms in (0.002, 0.2))
    noise = Audio(np.hstack([quiet.samples, loud.samples]), RATE)
    sound = bursts(3, channels=1)
    clipped = spectral_gate(sound, noise, stationary=True)
    assert (
        apart_db(clipped, theirs(sound, quiet, stationary=True, clip_noise_stationary=False)) < -60
    )
    whole = spectral_gate(sound, noise, stationary=True, clip_noise_stationary=False)
    assert (
        apart_db(whole, theirs(sound, noise, stationary=True, clip_noise_stationary=False)) < -150
    )


def test_silence_stays_silent_where_noisereduce_gives_no_numbers() -> None:
    sound = bursts(3)
    half = sound.with_samples(sound.samples * np.array([[1], [0]], np.float32))
    gated = spectral_gate(half)
    assert not np.isfinite(theirs(half)[1]).any()
    assert not gated.samples[1].any()
    assert apart_db(gated.with_samples(gated.samples[:1]), theirs(half)[:1]) < -150


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"n_fft": 256, "freq_mask_smooth_hz": 100.0}, "125.0 Hz at least"),
        ({"n_fft": 8192}, "128.0 ms at least"),
        ({"win_length": 2048}, "more than n_fft"),
        ({"hop_length": 600}, "512 at most"),
    ],
)
def test_what_noisereduce_cannot_do_is_said(params: dict[str, Any], said: str) -> None:
    with pytest.raises(NodeError, match=said):
        spectral_gate(bursts(1), **params)


def test_noise_at_another_rate_or_too_short_is_refused() -> None:
    with pytest.raises(NodeError, match="8000 Hz"):
        spectral_gate(bursts(1), white_noise(rate=8000), stationary=True)
    with pytest.raises(NodeError, match="100 frames"):
        spectral_gate(bursts(1), white_noise(rate=RATE, seconds=100 / RATE), stationary=True)


@pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")
@pytest.mark.parametrize("stationary", [False, True])
def test_with_torch_it_is_torchgate_without_seams(
    stationary: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from noisereduce.torchgate import TorchGate

    sound, noise = bursts(11), white_noise(rate=RATE, rms=0.02, channels=1, seed=9)
    gate = TorchGate(
        RATE, nonstationary=not stationary, n_thresh_nonstationary=2, n_movemean_nonstationary=125
    )
    with torch.no_grad():
        wanted = gate(
            torch.from_numpy(np.array(sound.samples)),
            torch.from_numpy(noise.samples.copy()) if stationary else None,
        ).numpy()
    monkeypatch.setattr("resonate_nodes.repair.hiss.noisereduce_gate._TORCH_SECONDS", 2.0)
    ours = spectral_gate(sound, noise, stationary=stationary, backend="torch")
    # TorchGate drops what is beyond the last whole hop; ours goes on to the end, and so the mean of
    # the last second has a frame more in it
    same = slice(0, wanted.shape[1] - 3 * RATE // 2)
    assert apart_db(ours.with_samples(ours.samples[:, same]), wanted[:, same]) < -120
    assert np.std(ours.samples[:, -100:]) > 1e-4


@thorough
def test_in_a_graph(groove: Audio) -> None:
    graph = Graph("gated")
    sound = graph.input("sound", Audio)
    graph.output("gated", graph.add(spectral_gate)(sound, prop_decrease=0.8))
    result = graph.run({"sound": groove}, store=False)
    assert result["gated"] == spectral_gate(groove, prop_decrease=0.8)
