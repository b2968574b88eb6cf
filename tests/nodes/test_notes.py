"""What stock nodes say they did is true: counted again from what goes in and what comes out."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

import resonate_nodes
from resonate_graph import Audio, File, NodeError, ResonateWarning, RunContext, did_in_words
from resonate_nodes import Band, detect_clicks, detect_hum, measure_loudness, mix, pad
from tests import degradations
from tests.nodes import catalog
from tests.signals import decibels, sine, white_noise

#: They say nothing: what they give is a picture or a page, and is looked at.
SILENT = {
    "html_report",
    "json_report",
    "plot_compare",
    "plot_loudness",
    "plot_spectrogram",
    "plot_waveform",
    "from_mid_side",
}


def told(name: str, *inputs: Any, wanted: frozenset[str] | None = None, **params: Any) -> Any:
    """Call a stock node; return what it gave, and what it said it did."""
    ctx = RunContext(on_warning=lambda code, message: None)
    try:
        made = getattr(resonate_nodes, name).type.call(ctx, *inputs, **params)
    finally:
        ctx.close()
    return made, ctx.did


def rms_dbfs(samples: NDArray[Any]) -> float:
    return decibels(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))))


def stretches(mask: NDArray[np.bool_], *, gap: int = 0) -> int:
    """Return how many contiguous stretches a mask has; those so near count as one."""
    places = np.flatnonzero(mask)
    return int(np.count_nonzero(np.diff(places) > 1 + gap)) + bool(places.size)


def silent(like: Audio) -> Audio:
    return like.with_samples(np.zeros((like.channels, like.sample_rate // 2)))


@pytest.fixture(scope="module")
def short(excerpt: Audio) -> Audio:
    """Half a second of music."""
    return excerpt.with_samples(excerpt.samples[:, :22_050])


# -- all of them ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(catalog.NODES.keys() - SILENT))
@pytest.mark.parametrize("kind", ["music", "silence"])
def test_every_node_says_what_it_did(name: str, kind: str, short: Audio, tiny_models: Path) -> None:
    node_type = catalog.NODES[name]
    sound = catalog.given(name, short if kind == "music" else silent(short))
    ctx = RunContext(on_warning=lambda code, message: None, models=tiny_models)
    inputs = catalog.inputs_of(node_type, sound)
    params = catalog.params_of(node_type)
    with contextlib.suppress(NodeError):  # such as of a reference that is silent
        node_type.call(ctx, **inputs, **params)
        ctx.close()
        words = did_in_words(ctx.did)
        assert words
        assert "e-" not in words  # no figure as programs write it


# -- repair ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["declick", "decrackle"])
def test_clicks_are_counted_and_so_is_what_was_replaced(name: str, excerpt: Audio) -> None:
    damage = {"declick": degradations.with_clicks, "decrackle": degradations.with_crackle}[name]
    before = damage(excerpt)
    after, did = told(name, before)
    changed = before.samples != after.samples
    # parts of one click are one; a sample in a click may come out as it was, and clicks may stand
    # that near to each other
    one = 11 if name == "declick" else 0
    most, least = (stretches(changed.any(axis=0), gap=gap) for gap in (one, one + 2))
    assert 10 < least <= did["clicks_removed"] <= most < 1.02 * least
    assert did["samples_replaced_percent"] == pytest.approx(100 * changed.mean(), rel=0.02)
    if name == "declick":
        assert detect_clicks(before).clicks == did["clicks_removed"]


def test_no_click_is_said_to_be_none(excerpt: Audio) -> None:
    tone = sine(440, seconds=1.0, rate=44_100)
    assert did_in_words(told("declick", tone)[1]) == "no clicks found"
    assert did_in_words(told("decrackle", tone)[1]) == "no crackle found"
    assert did_in_words(told("detect_clicks", tone)[1]) == "no clicks found"


def test_declip_says_at_which_level_how_much_and_how_far_it_rose(excerpt: Audio) -> None:
    second = excerpt.with_samples(excerpt.samples[:, :44_100])
    before, level = degradations.clipped(second, sdr_db=10)
    after, did = told("declip", before)
    at_level = np.abs(before.samples) >= level * (1 - 1e-4)
    assert did["clipped_at_dbfs"] == pytest.approx(decibels(level), abs=0.001)
    assert did["samples_rebuilt_percent"] == pytest.approx(100 * at_level.mean(), rel=0.01)
    rise = np.abs(after.samples).max() / level
    assert did["largest_rise_db"] == pytest.approx(decibels(rise), abs=0.001)
    assert did_in_words(told("declip", second)[1]) == "no clipping found"


def test_declip_says_at_which_level_it_was_before_a_filter_against_dc(excerpt: Audio) -> None:
    second = excerpt.with_samples(excerpt.samples[:1, :44_100])
    before, level = degradations.clipped(second, sdr_db=7)
    blocker = butter(1, 20.0, "highpass", fs=44_100, output="sos")
    _, did = told("declip", before.with_samples(sosfilt(blocker, before.samples)))
    assert did["clipped_at_dbfs"] == pytest.approx(decibels(level), abs=0.1)


def test_dehum_says_which_hum_how_loud_and_where(excerpt: Audio) -> None:
    hum = degradations.hum_for(excerpt, 50.1, 0.0, -12.0, 8)
    left = excerpt.samples.astype(np.float64)
    left[0] += hum
    before = excerpt.with_samples(left)
    after, did = told("dehum", before)
    assert did["base_hz"] == pytest.approx(50.1, abs=0.02)
    assert did["base_hz"] == pytest.approx(detect_hum(before).base_hz or 0, abs=1e-9)
    assert did["channels"] == ["left"]
    assert did["harmonics_removed"] == 8
    taken = before.samples[0] - after.samples[0]
    assert did["hum_level_dbfs"] == pytest.approx(rms_dbfs(taken), abs=0.01)
    assert did_in_words(told("dehum", excerpt)[1]) == "no hum found around 50 Hz or 60 Hz"


@pytest.mark.parametrize("name", ["denoise", "spectral_gate", "dereverb", "enhance_speech"])
def test_what_takes_noise_says_how_loud_it_was_and_what_was_taken(name: str) -> None:
    hiss = white_noise(seconds=2.0, rate=44_100, rms=0.003, channels=2)
    tone = sine(440, seconds=1.0, rate=44_100, amplitude=0.2, channels=2)
    before = mix([hiss, pad(tone, start_seconds=0.5, end_seconds=0.5)])
    after, did = told(name, before)
    taken = before.samples - after.samples
    assert did["removed_level_dbfs"] == pytest.approx(rms_dbfs(taken), abs=0.001)
    # by hand: of 20 blocks of 0.1 s the quietest two
    blocks = np.square(np.stack([before.samples, after.samples]), dtype=np.float64)
    powers = blocks.mean(axis=1).reshape(2, -1, 4410).mean(axis=2)
    floor, lowered = powers[:, np.argsort(powers[0])[:2]].mean(axis=1)
    assert did["floor_dbfs"] == pytest.approx(10 * np.log10(floor), abs=0.001)
    assert did["floor_lowered_db"] == pytest.approx(10 * np.log10(floor / lowered), abs=0.001)
    assert did["floor_dbfs"] == pytest.approx(rms_dbfs(hiss.samples), abs=0.3)


def test_dropouts_are_counted_with_their_places(excerpt: Audio) -> None:
    samples = excerpt.samples.copy()
    samples[:, 30_000:30_200] = 0
    samples[0, 30_100:30_300] = 0  # it reaches further in one channel
    samples[1, 90_000:90_441] = 0
    after, did = told("repair_dropouts", excerpt.with_samples(samples))
    assert did["gaps_filled"] == 2
    assert did["places_seconds"] == pytest.approx([30_000 / 44_100, 90_000 / 44_100])
    assert did["longest_ms"] == pytest.approx(1000 * 441 / 44_100)
    assert stretches((samples != after.samples).any(axis=0), gap=3) == 2
    assert did_in_words(told("repair_dropouts", excerpt)[1]) == "no dropouts found"


def test_the_delay_of_the_right_channel_is_said(excerpt: Audio) -> None:
    left = excerpt.samples[0]
    before = excerpt.with_samples(np.stack([left[3:], left[:-3]]))
    _, did = told("align_azimuth", before)
    assert did["right_delay_us"] == pytest.approx(3e6 / 44_100, abs=0.5)
    words = did_in_words(told("align_azimuth", excerpt.with_samples(np.stack([left, left])))[1])
    assert words == "left and right are in line"


def test_the_offset_is_said(excerpt: Audio) -> None:
    offset = np.array([[0.01], [-0.02]]) - excerpt.samples.mean(axis=1, keepdims=True)
    _, did = told("remove_dc", excerpt.with_samples(excerpt.samples + offset))
    assert did["largest_offset_dbfs"] == pytest.approx(decibels(0.02), abs=0.01)
    assert did_in_words(told("remove_dc", silent(excerpt))[1]) == "no offset found"


def test_s_sounds_are_counted(excerpt: Audio) -> None:
    before = degradations.with_sibilance(excerpt)
    after, did = told("deess", before)
    changed = np.abs(before.samples - after.samples).max(axis=0) > 1e-6
    assert did["s_sounds_turned_down"] == pytest.approx(stretches(changed, gap=500), abs=1)
    assert did["time_turned_down_percent"] == pytest.approx(100 * changed.mean(), rel=0.1)
    assert did["deepest_reduction_db"] > 3
    assert did_in_words(told("deess", sine(440))[1]) == "no harsh s-sound found"


# -- loudness and dynamics ------------------------------------------------------------------------


def loudness(audio: Audio) -> float:
    """The loudness by pyloudnorm."""
    from pyloudnorm import Meter

    meter = Meter(audio.sample_rate, filter_class="DeMan")
    return float(meter.integrated_loudness(audio.samples.T.astype(np.float64)))


@pytest.mark.parametrize("target_lufs", [-30.0, -9.0])
def test_loudness_before_and_after_and_the_gain_are_said(
    excerpt: Audio, target_lufs: float
) -> None:
    after, did = told("normalize_loudness", excerpt, target_lufs=target_lufs)
    assert did["loudness_before_lufs"] == pytest.approx(loudness(excerpt), abs=0.05)
    assert did["loudness_after_lufs"] == pytest.approx(loudness(after), abs=0.05)
    lowest = decibels(float(gains_of(excerpt, after).min()))
    reduction = did.get("deepest_reduction_db", 0.0)
    assert did["gain_db"] - reduction == pytest.approx(lowest, abs=0.01)
    assert (reduction > 0) == (target_lufs > -20)


def gains_of(before: Audio, after: Audio) -> NDArray[np.float64]:
    heard = np.abs(before.samples) > 1e-3
    ratios: NDArray[np.float64] = after.samples[heard].astype(float) / before.samples[heard]
    return ratios


def test_the_limiter_says_how_deep_it_went(excerpt: Audio) -> None:
    after, did = told("limit", excerpt, ceiling_dbtp=-12.0)
    peak = measure_loudness(excerpt).true_peak_dbtp
    assert did["peak_before_dbtp"] == pytest.approx(peak, abs=1e-6)
    deepest = -decibels(float(gains_of(excerpt, after).min()))
    assert did["deepest_reduction_db"] == pytest.approx(deepest, abs=0.01)
    words = did_in_words(told("limit", silent(excerpt))[1])
    assert words == "no peak above -1 dBTP"


@pytest.mark.parametrize(("kind", "unit"), [("true", "dbtp"), ("sample", "dbfs")])
def test_peaks_are_said_with_their_gain(excerpt: Audio, kind: str, unit: str) -> None:
    after, did = told("normalize_peak", excerpt, target_db=-6.0, peak=kind)
    assert did[f"peak_before_{unit}"] + did["gain_db"] == pytest.approx(-6.0)
    gain = float(np.median(gains_of(excerpt, after)))
    assert did["gain_db"] == pytest.approx(decibels(gain), abs=0.001)


@pytest.mark.parametrize("link_channels", [True, False])
@pytest.mark.parametrize("name", ["compress", "gate", "expand"])
def test_dynamics_say_how_far_and_how_long_they_turn_down(
    name: str, link_channels: bool, excerpt: Audio
) -> None:
    params: dict[str, Any] = {"threshold_db": -20.0}
    if name != "expand":
        params["link_channels"] = link_channels
    after, did = told(name, excerpt, **params)
    heard = np.abs(excerpt.samples) > 1e-5
    ratios = np.ones(excerpt.samples.shape)
    np.divide(np.abs(after.samples), np.abs(excerpt.samples), out=ratios, where=heard)
    assert did["deepest_reduction_db"] == pytest.approx(-decibels(float(ratios.min())), abs=0.01)
    down = (ratios < 10 ** (-0.1 / 20)).any(axis=0)
    assert did["time_turned_down_percent"] == pytest.approx(100 * down.mean(), abs=0.01)


def test_a_gain_afterwards_is_one_of_the_whole_sound(excerpt: Audio) -> None:
    _, did = told("compress", excerpt, threshold_db=0.0, makeup_db=3.0)
    assert did["gain_db"] == 3.0
    assert told("gain", excerpt, gain_db=-2.5)[1] == {"gain_db": -2.5}


# -- tone, shape and files ------------------------------------------------------------------------


def test_filters_say_how_the_level_changed(excerpt: Audio) -> None:
    after, did = told("highpass", excerpt, frequency_hz=200.0)
    change = rms_dbfs(after.samples) - rms_dbfs(excerpt.samples)
    assert did["level_change_db"] == pytest.approx(change, abs=0.001)
    bands = [Band(frequency_hz=100.0, gain_db=3.0), Band(kind="notch", frequency_hz=50.0)]
    assert told("eq", excerpt, bands=bands)[1] == {
        "bands": 2, "frequencies_hz": [100, 50], "gains_db": [3],
    }  # fmt: skip


def test_match_eq_says_how_far_it_goes(excerpt: Audio) -> None:
    reference = resonate_nodes.eq(excerpt, bands=[Band(frequency_hz=1000.0, gain_db=6.0)])
    _, did = told("match_eq", excerpt, reference)
    assert did["most_up_db"] == pytest.approx(5.5, abs=1)
    assert did_in_words(told("match_eq", excerpt, excerpt)[1]) == "of this tone already"


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        ("resample", {"sample_rate": 48_000}, "rate 44,100 to 48,000 Hz"),
        ("resample", {"sample_rate": 44_100}, "at 44,100 Hz already"),
        ("change_speed", {"ratio": 2.0}, "speed ratio 2, 1,200 cents"),
        ("time_stretch", {"ratio": 2.0}, "length 3 to 1.5 s"),
        ("trim", {"start_seconds": 0.5, "end_seconds": 2.0}, "cut at start 0.5 s, cut at end 1 s"),
        ("trim", {}, "nothing cut"),
        ("trim_silence", {}, "nothing cut"),
        ("fade", {"in_seconds": 9.0}, "fade in 3 s, fade out 0 s"),
        ("fade", {}, "no fade"),
        ("pad", {"end_seconds": 0.5}, "start added 0 s, end added 0.5 s"),
        ("delay", {"delay_samples": 441.0}, "delay 10 ms, delay 441 samples"),
        ("delay", {}, "not moved"),
        ("select_channels", {"channels": [2]}, "channels taken 2"),
        ("to_stereo", {}, "stereo already"),
        ("balance", {"balance_db": 2.0}, "left gain -2.0 dB"),
        ("width", {"width": 0.5}, "50 % of width"),
        ("invert", {}, "polarity inverted"),
    ],
)
def test_what_becomes_of_the_shape_is_said(
    name: str, params: dict[str, Any], words: str, excerpt: Audio
) -> None:
    sound: Any = [excerpt] if name == "time_stretch" else excerpt
    assert did_in_words(told(name, sound, **params)[1]) == words


def test_sums_are_said(excerpt: Audio) -> None:
    after, did = told("mix", [excerpt, excerpt])
    assert did["tracks"] == 2
    assert did["peak_dbfs"] == pytest.approx(decibels(float(np.abs(after.samples).max())), abs=1e-5)
    rest, did = told("residual", after, [excerpt])
    assert did["level_change_db"] == pytest.approx(decibels(0.5), abs=1e-4)
    assert did_in_words(told("difference", rest, excerpt)[1]) == "no difference"


def test_separate_says_by_which_model_where_and_in_how_many_segments(excerpt: Audio) -> None:
    steps: list[tuple[float, float]] = []
    ctx = RunContext(on_progress=lambda done, total: steps.append((done, total)))
    resonate_nodes.separate.type.call(ctx, excerpt, model="mini")
    ctx.close()
    assert ctx.did == {"model": "mini", "device": "cpu", "segments": steps[-1][1]}
    assert steps[-1][0] == steps[-1][1] > 0


def decoded_peak_dbtp(file: File) -> float | None:
    samples, rate = soundfile.read(io.BytesIO(file.content), dtype="float32", always_2d=True)
    return measure_loudness(Audio(samples.T, rate)).true_peak_dbtp


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("encode_wav", {"subtype": "PCM_16"}),
        ("encode_wav", {"subtype": "PCM_24"}),
        ("encode_wav", {"subtype": "FLOAT"}),
        ("encode_flac", {}),
        ("encode_ogg", {"quality": 0.0}),
        ("encode_mp3", {"bitrate_kbps": 96}),
    ],
)
def test_encoders_say_the_true_peak_of_what_they_wrote(
    name: str, params: dict[str, Any], excerpt: Audio
) -> None:
    file, did = told(name, excerpt, **params)
    assert did == {"peak_dbtp": pytest.approx(decoded_peak_dbtp(file), abs=1e-6)}


@pytest.mark.parametrize("name", ["encode_wav", "encode_flac", "encode_ogg", "encode_mp3"])
def test_a_peak_between_the_samples_that_is_beyond_full_scale_is_warned_of(name: str) -> None:
    frames = np.arange(4410)
    between = sine(11_025, seconds=0.1, rate=44_100).with_samples(
        0.95 * np.sin(np.pi / 2 * frames + np.pi / 4)[None] * 2**0.5
    )
    assert np.abs(between.samples).max() < 1
    with pytest.warns(ResonateWarning, match=r"true-peak-over: .* \+2\.\d dBTP"):
        getattr(resonate_nodes, name)(between)


def test_what_was_clipped_is_warned_of_once() -> None:
    loud = sine(440, seconds=0.1, rate=44_100, amplitude=2.0)
    with pytest.warns(ResonateWarning) as said:
        resonate_nodes.encode_wav(loud)
    assert [str(one.message).partition(":")[0] for one in said] == ["clipped"]
