"""Loudness against ITU-R BS.1770-4, EBU Tech 3341 and 3342: their test signals, their tolerances.

What the nodes say of themselves is never the proof: integrated loudness is measured again by the
standard's own coefficients and by pyloudnorm, true peaks by scipy's resampler.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from pyloudnorm import Meter
from scipy import signal

from resonate_graph import Audio, NodeError, ParamError, ResonateWarning
from resonate_nodes import gain, measure_loudness, normalize_loudness
from tests.depth import sampled, thorough
from tests.signals import (
    decibels,
    difference_db,
    impulse,
    joined,
    oversampled_peak_db,
    sine,
    white_noise,
)

TONE_HZ = 1000

#: The standards' test signals are at 48 kHz; what they ask for holds at any rate.
at_each_rate = pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])


def tones(*parts: tuple[float, float], rate: int = 48_000) -> Audio:
    """Return stereo sines, one after the other, of (dBFS, seconds) each."""
    return joined(
        *[
            sine(TONE_HZ, seconds=s, rate=rate, amplitude=10 ** (db / 20), channels=2)
            for db, s in parts
        ]
    )


def silence(seconds: float, *, rate: int = 48_000, channels: int = 2) -> Audio:
    return Audio(np.zeros((channels, round(seconds * rate))), rate)


def integrated_by_the_standard(audio: Audio) -> float:
    """Return integrated loudness by BS.1770-4: the coefficients of its tables 1 and 2."""
    assert audio.sample_rate == 48_000
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285]
    shelf += [1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    weighted = signal.sosfilt([shelf, high_pass], audio.samples.astype(float), axis=1)
    block, step = 19_200, 4800
    starts = range(0, audio.frames - block + 1, step)
    powers = np.array([np.mean(weighted[:, i : i + block] ** 2, axis=1).sum() for i in starts])
    loudness = -0.691 + 10 * np.log10(powers)
    loud = powers[loudness > -70]
    gate = -0.691 + 10 * np.log10(loud.mean()) - 10
    return float(-0.691 + 10 * np.log10(powers[(loudness > -70) & (loudness > gate)].mean()))


def integrated_by_pyloudnorm(audio: Audio) -> float:
    meter = Meter(audio.sample_rate, filter_class="DeMan")
    return float(meter.integrated_loudness(audio.samples.T.astype(float)))


# -- integrated loudness ------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("channel", [0, 1])
def test_997_hz_at_full_scale_in_one_channel_reads_minus_3_01(rate: int, channel: int) -> None:
    samples = np.zeros((2, 3 * rate))
    samples[channel] = sine(997, seconds=3, rate=rate).samples
    report = measure_loudness(Audio(samples, rate))
    assert report.integrated_lufs == pytest.approx(-3.01, abs=0.005)
    assert report.max_momentary_lufs == pytest.approx(-3.01, abs=0.005)
    assert report.max_short_term_lufs == pytest.approx(-3.01, abs=0.005)


def test_the_recording_reads_as_pyloudnorm_reads_it(groove: Audio) -> None:
    found = measure_loudness(groove).integrated_lufs
    assert found == pytest.approx(integrated_by_pyloudnorm(groove), abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_a_sound_of_many_levels_reads_as_the_standard_reads_it(seed: int) -> None:
    random = np.random.default_rng(seed)
    parts = [
        white_noise(seconds=0.7, rms=10 ** (random.uniform(-75, -8) / 20), channels=2, seed=i)
        for i in range(12)
    ]
    audio = joined(*parts)
    expected = integrated_by_the_standard(audio)
    assert measure_loudness(audio).integrated_lufs == pytest.approx(expected, abs=0.002)


TECH_3341: dict[int, tuple[Sequence[tuple[float, float]], float]] = {
    1: ([(-23.0, 20)], -23.0),
    2: ([(-33.0, 20)], -33.0),
    3: ([(-36.0, 10), (-23.0, 60), (-36.0, 10)], -23.0),
    4: ([(-72.0, 10), (-36.0, 10), (-23.0, 60), (-36.0, 10), (-72.0, 10)], -23.0),
    5: ([(-26.0, 20), (-20.0, 20.1), (-26.0, 20)], -23.0),
}


@pytest.mark.parametrize(
    ("case", "rate"),
    [(1, 44_100), (2, 96_000), (5, 44_100), *((case, 48_000) for case in TECH_3341)],
)
@sampled(3)
def test_tech_3341_integrated(case: int, rate: int) -> None:
    parts, expected = TECH_3341[case]
    report = measure_loudness(tones(*parts, rate=rate))
    assert report.integrated_lufs == pytest.approx(expected, abs=0.1)
    if len(parts) == 1:
        assert report.max_momentary_lufs == pytest.approx(expected, abs=0.1)
        assert report.max_short_term_lufs == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize(("with_lfe", "rate"), [(False, 44_100), (True, 48_000)])
def test_tech_3341_case_6_surround(with_lfe: bool, rate: int) -> None:
    levels = [-28.0, -28.0, -24.0, -30.0, -30.0]
    if with_lfe:
        levels.insert(3, 0.0)  # L R C LFE Ls Rs: the LFE does not count
    wave = sine(TONE_HZ, seconds=20, rate=rate).samples[0]
    samples = np.stack([10 ** (level / 20) * wave for level in levels])
    report = measure_loudness(Audio(samples, rate, "5.1" if with_lfe else "5.0"))
    assert report.integrated_lufs == pytest.approx(-23.0, abs=0.1)


# The test signals do not tell gates of 8 and 10 LU apart; these do, with what the definition gives.
@pytest.mark.parametrize(
    ("below_lu", "counts"), [(9.0, True), (9.7, True), (10.7, False), (12.0, False)]
)
def test_the_relative_gate_is_10_lu_below(below_lu: float, counts: bool) -> None:
    report = measure_loudness(tones((-20.0, 60), (-20.0 - below_lu, 3), rate=8000))
    share = 3 * 10 ** (-below_lu / 10) / 60 if counts else 0.0
    expected = -20 + 10 * np.log10((1 + share) / (1.05 if counts else 1))
    assert report.integrated_lufs == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("layout", "weights"),
    [
        ("mono", [1]),
        ("stereo", [1, 1]),
        ("2.1", [1, 1, 0]),
        ("3.0", [1, 1, 1]),
        ("quad", [1, 1, 1.41, 1.41]),
        ("4.0", [1, 1, 1, 1.41]),
        ("5.0(side)", [1, 1, 1, 1.41, 1.41]),
        ("5.1", [1, 1, 1, 0, 1.41, 1.41]),
        # BS.1770-5, Annex 3: from 60 to 120 degrees to the side, less than 30 degrees up
        ("7.1", [1, 1, 1, 0, 1, 1, 1.41, 1.41]),
        ("7.1(wide)", [1, 1, 1, 0, 1.41, 1.41, 1, 1]),
        ("6.1", [1, 1, 1, 0, 1, 1.41, 1.41]),
        ("5.1.4(back)", [1, 1, 1, 0, 1.41, 1.41, 1, 1, 1, 1]),
        ("FL+FR+LFE+BC", [1, 1, 0, 1.41]),
    ],
)
def test_each_channel_counts_by_its_place(layout: str, weights: list[float]) -> None:
    for channel, weight in enumerate(weights):
        samples = np.zeros((len(weights), 24_000))
        samples[channel] = sine(997, seconds=0.5).samples
        report = measure_loudness(Audio(samples, 48_000, layout))
        assert (report.layout, report.layout_guessed) == (layout, False)
        found = report.integrated_lufs
        if weight:
            assert found == pytest.approx(-3.01 + 10 * np.log10(weight), abs=0.005)
        else:
            assert found is None


# -- momentary and short-term maxima --------------------------------------------------------------


@at_each_rate
def test_tech_3341_case_9_short_term(rate: int) -> None:
    audio = tones(*[(-20.0, 1.34), (-30.0, 1.66)] * 5, rate=rate)
    assert measure_loudness(audio).max_short_term_lufs == pytest.approx(-23.0, abs=0.1)
    for start in (0, rate // 2, 5 * rate, 12 * rate):  # constant: any 3 s read the same
        cut = audio.with_samples(audio.samples[:, start : start + 3 * rate])
        assert measure_loudness(cut).max_short_term_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(("rate", "segments"), [(44_100, [3, 16]), (48_000, range(20))])
def test_tech_3341_case_10_short_term_wherever_it_begins(
    rate: int, segments: Sequence[int], torture: bool
) -> None:
    tone = tones((-23.0, 3), rate=rate)
    for segment in segments if torture else segments[::3]:
        audio = joined(silence(0.15 * segment, rate=rate), tone, silence(1, rate=rate))
        report = measure_loudness(audio)
        assert report.max_short_term_lufs == pytest.approx(-23.0, abs=0.1)


def rising(segment: int, seconds: float, step: float, *, rate: int) -> Audio:
    """Return a segment of cases 11 and 14: a tone of -38 dBFS and more, and silence around it."""
    return joined(
        silence(step * segment, rate=rate),
        tones((-38.0 + segment, seconds), rate=rate),
        silence(seconds - step * segment, rate=rate),
    )


# Cases 11 and 14 are for meters that show the maximum so far. What came before a segment and its
# predecessor is quieter than both: so they alone decide what it is at the segment's end.
def test_tech_3341_case_11_short_term_rising(torture: bool) -> None:
    before = rising(0, 3, 0.15, rate=48_000)
    for segment in range(0, 20, 1 if torture else 3):
        now = rising(segment, 3, 0.15, rate=48_000)
        found = measure_loudness(joined(before, now)).max_short_term_lufs
        assert found == pytest.approx(-38 + segment, abs=0.1)
        before = now


@at_each_rate
def test_tech_3341_case_12_momentary(rate: int) -> None:
    audio = tones(*[(-20.0, 0.18), (-30.0, 0.22)] * 25, rate=rate)
    assert measure_loudness(audio).max_momentary_lufs == pytest.approx(-23.0, abs=0.1)
    for start in (0, rate // 10, 5 * rate, 9 * rate):  # constant: any 0.4 s read the same
        cut = audio.with_samples(audio.samples[:, start : start + 4 * rate // 10])
        assert measure_loudness(cut).max_momentary_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize(("rate", "segments"), [(44_100, [3, 16]), (48_000, range(20))])
def test_tech_3341_case_13_momentary_wherever_it_begins(
    rate: int, segments: Sequence[int], torture: bool
) -> None:
    tone = tones((-23.0, 0.4), rate=rate)
    for segment in segments if torture else segments[::3]:
        audio = joined(silence(0.02 * segment, rate=rate), tone, silence(1, rate=rate))
        assert measure_loudness(audio).max_momentary_lufs == pytest.approx(-23.0, abs=0.1)


def test_tech_3341_case_14_momentary_rising() -> None:
    before = rising(0, 0.4, 0.02, rate=48_000)
    for segment in range(20):
        now = rising(segment, 0.4, 0.02, rate=48_000)
        found = measure_loudness(joined(before, now)).max_momentary_lufs
        assert found == pytest.approx(-38 + segment, abs=0.1)
        before = now


# -- loudness range -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels_dbfs", "expected", "rate"),
    [
        ((-20.0, -30.0), 10, 48_000),
        ((-20.0, -30.0), 10, 96_000),
        ((-20.0, -15.0), 5, 48_000),
        ((-40.0, -20.0), 20, 48_000),
        ((-40.0, -20.0), 20, 44_100),
        ((-50.0, -35.0, -20.0, -35.0, -50.0), 15, 48_000),
    ],
    ids=["case 1", "case 1 at 96 kHz", "case 2", "case 3", "case 3 at 44.1 kHz", "case 4"],
)
@sampled(2)
def test_tech_3342_loudness_range(levels_dbfs: Sequence[float], expected: float, rate: int) -> None:
    report = measure_loudness(tones(*[(level, 20) for level in levels_dbfs], rate=rate))
    assert report.range_lu == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((20, 80, 10), 10), ((5, 90, 10), 5), ((20, 80, 3), 5), ((5, 90, 3), 0)],
)
def test_the_range_is_from_the_10th_to_the_95th_percentile(
    seconds: Sequence[float], expected: float
) -> None:
    # quiet, middle and loud by 5 LU each: an end counts where it has more than its percentage
    levels = [-35.0, -30.0, -25.0]
    report = measure_loudness(tones(*zip(levels, seconds, strict=True), rate=8000))
    assert report.range_lu == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize(("below_lu", "expected"), [(17.0, 17), (25.0, 0)])
def test_the_gate_of_the_range_is_20_lu_below(below_lu: float, expected: float) -> None:
    report = measure_loudness(tones((-20.0, 40), (-20.0 - below_lu, 20), rate=8000))
    assert report.range_lu == pytest.approx(expected, abs=1)


def test_a_steady_sound_has_no_range() -> None:
    assert measure_loudness(tones((-20.0, 10))).range_lu == pytest.approx(0, abs=0.01)


# -- true peak ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
@pytest.mark.parametrize(
    ("divisor", "amplitude", "phase_degrees", "expected"),
    [
        (4, 0.50, 0.0, -6.0),
        (4, 0.50, 45.0, -6.0),
        (6, 0.50, 60.0, -6.0),
        (8, 0.50, 67.5, -6.0),
        (4, 1.41, 45.0, 3.0),
    ],
    ids=["case 15", "case 16", "case 17", "case 18", "case 19"],
)
def test_tech_3341_true_peak(
    rate: int, divisor: int, amplitude: float, phase_degrees: float, expected: float
) -> None:
    tone = sine(rate / divisor, rate=rate, amplitude=amplitude, phase_degrees=phase_degrees)
    taper = signal.windows.tukey(tone.frames, 2 * 0.010 * rate / tone.frames)
    found = measure_loudness(tone.with_samples(np.tile(tone.samples * taper, (2, 1))))
    assert found.true_peak_dbtp is not None
    assert expected - 0.4 <= found.true_peak_dbtp <= expected + 0.2


@pytest.mark.parametrize("offset", range(4), ids=lambda n: f"case {20 + n}")
def test_tech_3341_true_peak_of_a_transient(offset: int) -> None:
    # a sine at fs/6 that holds one period at fs/4 of twice the amplitude, made at 4 * fs
    rate = 4 * 48_000
    slow = 0.5 * np.sin(2 * np.pi * np.arange(24 * 400) / 24)
    fast = np.sin(2 * np.pi * np.arange(16) / 16)
    wave = np.concatenate([slow, fast, slow]) * signal.windows.tukey(2 * len(slow) + 16, 0.2)
    low_pass = signal.firwin(1023, 23_000, fs=rate)
    filtered = signal.convolve(wave, low_pass, mode="same")
    found = measure_loudness(Audio(np.tile(filtered[offset::4], (2, 1)), 48_000))
    assert found.true_peak_dbtp is not None
    assert -0.4 <= found.true_peak_dbtp <= 0.2


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_true_peak_of_noise_up_to_half_the_rate(rate: int) -> None:
    noise = white_noise(rate=rate, rms=0.2, channels=2)
    found = measure_loudness(noise).true_peak_dbtp
    assert found == pytest.approx(oversampled_peak_db(noise), abs=0.02)


@thorough
def test_true_peak_of_the_recording_by_a_polyphase_filter(excerpt: Audio) -> None:
    fir = signal.firwin(2 * 8 * 256 + 1, 1 / 8, window=("kaiser", 12.0))
    oversampled = signal.resample_poly(excerpt.samples, 8, 1, axis=1, window=fir)
    found = measure_loudness(excerpt).true_peak_dbtp
    assert found == pytest.approx(decibels(np.abs(oversampled).max()), abs=0.01)


@pytest.mark.parametrize("at", [0, 1, 14_335, 14_336, 14_337, 40_000, 47_999])
def test_a_true_peak_is_found_wherever_it_lies(at: int) -> None:
    # 0.3, 0.9, 0.9, 0.3: between the two lies a peak that no sample shows
    samples = np.zeros(48_000)
    hump = [0.3, 0.9, 0.9, 0.3][: 48_000 - at]
    samples[at : at + len(hump)] = hump
    audio = Audio(samples, 48_000)
    found = measure_loudness(audio).true_peak_dbtp
    assert found == pytest.approx(oversampled_peak_db(audio), abs=0.01)


@pytest.mark.parametrize("doublings", [39, 41, 112, 127])
def test_a_true_peak_is_found_as_far_as_float32_goes(excerpt: Audio, doublings: int) -> None:
    plain = measure_loudness(excerpt).true_peak_dbtp
    loud = excerpt.with_samples(excerpt.samples * np.float32(2.0**doublings))
    found = measure_loudness(loud).true_peak_dbtp
    assert plain is not None
    assert found == pytest.approx(plain + 20 * doublings * np.log10(2), abs=1e-3)


def test_true_peak_is_never_below_the_sample_peak(excerpt: Audio) -> None:
    for audio in (excerpt, impulse(frames=1), impulse(frames=50, at=49), sine(12_000)):
        report = measure_loudness(audio)
        assert report.true_peak_dbtp is not None
        assert report.sample_peak_dbfs == decibels(float(np.abs(audio.samples).max()))
        assert report.true_peak_dbtp >= report.sample_peak_dbfs


# -- the ends of what can be measured -------------------------------------------------------------


@pytest.mark.parametrize("seconds", [0.0, 0.1, 5.0])
def test_silence_has_no_loudness(seconds: float) -> None:
    report = measure_loudness(silence(seconds))
    assert set(report.model_dump(exclude={"layout", "layout_guessed"}).values()) == {None}


def test_below_the_absolute_gate_there_is_no_integrated_loudness() -> None:
    report = measure_loudness(tones((-75.0, 5)))
    assert report.integrated_lufs is None
    assert report.range_lu is None
    assert report.max_momentary_lufs == pytest.approx(-75, abs=0.1)
    assert report.sample_peak_dbfs == pytest.approx(-75, abs=0.01)


def test_a_tenth_of_a_second_is_measured_as_one_block() -> None:
    report = measure_loudness(tones((-20.0, 0.1)))
    assert report.integrated_lufs == pytest.approx(-20, abs=0.1)
    assert report.max_momentary_lufs == report.integrated_lufs
    assert report.max_short_term_lufs is None
    assert report.range_lu is None


@pytest.mark.parametrize("frames", [19_200, 19_201, 23_999, 24_000])
def test_only_whole_blocks_count(frames: int) -> None:
    # 0.4 s of tone, then less than a tenth of a second that no whole block reaches
    audio = joined(tones((-20.0, 0.4)), silence(0.1))
    cut = audio.with_samples(audio.samples[:, :frames])
    blocks = 1 if frames < 24_000 else 2
    power = (1 + 0.75 * (blocks - 1)) / blocks
    expected = -20 + 10 * np.log10(power)
    assert measure_loudness(cut).integrated_lufs == pytest.approx(expected, abs=0.05)


def test_what_has_no_defined_loudness_is_an_error() -> None:
    with pytest.raises(NodeError, match="nothing says it of these 9: up to 8 it is guessed"):
        measure_loudness(silence(1, channels=9))
    with pytest.raises(NodeError, match="8 kHz or more, this is 4000 Hz"):
        measure_loudness(silence(1, rate=4000))


# -- bringing to a loudness -----------------------------------------------------------------------


def square(*, seconds: float = 3.0, amplitude: float = 0.2, rate: int = 48_000) -> Audio:
    time = np.arange(round(seconds * rate)) / rate
    return Audio(amplitude * np.sign(np.sin(2 * np.pi * 331 * time + 0.1)), rate)


def dense_noise() -> Audio:
    return white_noise(seconds=3, rms=0.05, channels=2)


def clicks() -> Audio:
    audio = white_noise(seconds=3, rms=0.02, channels=2)
    samples = audio.samples.copy()
    samples[:, 4000::24_000] = 0.9
    samples[0, 9000::48_000] = -1.0
    return audio.with_samples(samples)


@pytest.mark.parametrize("target_lufs", [-23.0, -16.0, -14.0])
@pytest.mark.parametrize("ceiling_dbtp", [-1.0, -2.0])
def test_the_recording_reaches_its_target_under_the_ceiling(
    target_lufs: float, ceiling_dbtp: float, music: Audio
) -> None:
    heard = normalize_loudness(music, target_lufs=target_lufs, ceiling_dbtp=ceiling_dbtp)
    assert integrated_by_pyloudnorm(heard) == pytest.approx(target_lufs, abs=0.05)
    assert oversampled_peak_db(heard) <= ceiling_dbtp + 0.05


@pytest.mark.parametrize(
    ("audio", "target_lufs"),
    [(dense_noise(), -16.0), (clicks(), -24.0), (square(), -16.0), (square(rate=44_100), -10.0)],
    ids=["dense noise", "clicks", "square", "square at 44.1 kHz"],
)
@pytest.mark.parametrize("ceiling_dbtp", [-1.0, -6.0])
def test_hard_material_reaches_its_target_under_the_ceiling(
    audio: Audio, target_lufs: float, ceiling_dbtp: float
) -> None:
    heard = normalize_loudness(audio, target_lufs=target_lufs, ceiling_dbtp=ceiling_dbtp)
    assert integrated_by_pyloudnorm(heard) == pytest.approx(target_lufs, abs=0.05)
    assert oversampled_peak_db(heard) <= ceiling_dbtp + 0.05
    assert heard.samples.shape == audio.samples.shape


@pytest.mark.parametrize("target_lufs", [-40.0, -23.0])
def test_it_is_gain_alone_where_the_ceiling_is_kept(target_lufs: float, groove: Audio) -> None:
    loudness = measure_loudness(groove).integrated_lufs
    assert loudness is not None
    heard = normalize_loudness(groove, target_lufs=target_lufs)
    assert heard == gain(groove, gain_db=target_lufs - loudness)


@pytest.mark.parametrize("audio", [dense_noise(), square()], ids=["dense noise", "square"])
def test_the_ceiling_wins_and_a_warning_says_what_was_reached(audio: Audio) -> None:
    with pytest.warns(ResonateWarning, match="target-missed") as caught:
        heard = normalize_loudness(audio, target_lufs=-2.0, ceiling_dbtp=-9.0)
    assert oversampled_peak_db(heard) <= -9 + 0.05
    reached = measure_loudness(heard).integrated_lufs
    assert reached is not None
    assert reached < -2.05
    [warning] = caught
    assert f"{reached:.2f} LUFS were reached, not -2" in str(warning.message)


def test_a_limited_sound_stays_aligned_and_keeps_its_stereo_image() -> None:
    # one gain for all channels, at any time: the channels keep their ratio sample by sample
    left = clicks().samples[0].astype(np.float64)
    audio = Audio(np.stack([left, 0.25 * left, -0.5 * left]), 48_000, "3.0")
    heard = normalize_loudness(audio, target_lufs=-25.0, ceiling_dbtp=-6.0)
    assert oversampled_peak_db(heard) <= -6 + 0.05
    loud = np.abs(left) > 0.005
    curve = heard.samples[:, loud] / audio.samples[:, loud]
    np.testing.assert_allclose(curve, np.tile(curve[0], (3, 1)), rtol=1e-5)
    assert curve.min() > 0
    assert curve.max() / curve.min() > 2  # it did limit


def test_the_quiet_between_the_peaks_gets_plain_gain() -> None:
    audio = joined(
        white_noise(seconds=2, rms=0.02, channels=2), impulse(frames=480, at=240, channels=2),
        white_noise(seconds=2, rms=0.02, channels=2, seed=1),
    )  # fmt: skip
    heard = normalize_loudness(audio, target_lufs=-20.0)
    ratio = float(heard.samples[0, 1000] / audio.samples[0, 1000])
    early = slice(0, 48_000)
    plain = audio.with_samples(audio.samples[:, early] * np.float64(ratio))
    assert difference_db(heard.with_samples(heard.samples[:, early]), plain) < -120


@pytest.mark.parametrize("frames", [0, 1, 48_000])
def test_silence_comes_back_unchanged_with_a_warning(frames: int) -> None:
    audio = Audio(np.zeros((2, frames)), 48_000)
    with pytest.warns(ResonateWarning, match="no-loudness"):
        assert normalize_loudness(audio) == audio


def test_a_sound_near_the_gate_is_not_lifted_without_end() -> None:
    faint = tones((-69.5, 5))
    with pytest.warns(ResonateWarning, match="target-missed"):
        heard = normalize_loudness(faint, target_lufs=-5.0)
    assert measure_loudness(heard).integrated_lufs == pytest.approx(-9.5, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000, 192_000])
@pytest.mark.parametrize("channels", [1, 6])
@sampled(3)
def test_any_rate_and_channel_count(rate: int, channels: int) -> None:
    noise = white_noise(seconds=1, rate=rate, rms=0.1, channels=channels)
    audio = Audio(noise.samples, rate, "5.1" if channels == 6 else None)
    heard = normalize_loudness(audio, target_lufs=-13.0, ceiling_dbtp=-1.0)
    assert heard.sample_rate == rate
    assert heard.samples.shape == audio.samples.shape
    assert measure_loudness(heard).integrated_lufs == pytest.approx(-13, abs=0.05)
    assert oversampled_peak_db(heard) <= -1 + 0.05


def test_params_out_of_range_are_refused(excerpt: Audio) -> None:
    with pytest.raises(ParamError, match="target_lufs"):
        normalize_loudness(excerpt, target_lufs=1.0)
    with pytest.raises(ParamError, match="ceiling_dbtp"):
        normalize_loudness(excerpt, ceiling_dbtp=0.5)
