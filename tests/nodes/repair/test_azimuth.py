"""A tape as azimuth error leaves it: the right channel a known, and wandering, part later."""

from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio, NodeError, ResonateWarning
from resonate_nodes import align_azimuth, check_mono, delay, resample, to_mono, to_stereo
from tests.degradations import with_hiss
from tests.depth import sampled, thorough
from tests.signals import Array, relative_db, white_noise


def skewed(audio: Audio, delay_frames: Array | float) -> Audio:
    """Delay the right channel, by scipy's spline of degree 5 through 4 times as many samples."""
    from scipy.interpolate import make_interp_spline
    from scipy.signal import resample

    places = np.arange(4 * audio.frames) / 4
    dense = resample(audio.samples[1].astype(np.float64), 4 * audio.frames)
    right = make_interp_spline(places, dense, 5)(np.arange(audio.frames) - delay_frames)
    return audio.with_samples(np.stack([audio.samples[0], right]))


def inner(audio: Audio) -> Audio:
    return audio.with_samples(audio.samples[:, 500:-500])


def middle(audio: Audio) -> Audio:
    """Leave out three seconds at each end, over which a delay that wanders is not known."""
    edge = 3 * audio.sample_rate
    return audio.with_samples(audio.samples[:, edge:-edge])


@pytest.mark.parametrize(
    ("delay_frames", "follow"),
    [(0.3, True), (-0.75, True), (2.5, True), (-11.0, True), (-0.75, False), (-11.0, False)],
)
def test_a_fixed_delay_is_taken_out_of_speech(
    speech: Audio, delay_frames: float, follow: bool
) -> None:
    both = to_stereo(speech)
    apart = skewed(both, delay_frames)
    mended = align_azimuth(apart, max_delay_ms=1.0, follow=follow)
    assert relative_db(inner(mended), inner(both)) < -50
    assert relative_db(inner(apart), inner(both)) > -30


@pytest.mark.parametrize("delay_frames", [1.3, -4.2])
@sampled(1)
def test_it_is_taken_out_of_music_in_stereo(music: Audio, delay_frames: float) -> None:
    """Loops have parts of a sample between their own channels; these go too, hence -35 dB."""
    apart = skewed(music, delay_frames)
    mended = align_azimuth(apart)
    assert relative_db(inner(mended), inner(music)) < -35
    before, after = check_mono(apart), check_mono(mended)
    own = check_mono(music)
    assert (before.bands[-2].lost_db or 0) > (own.bands[-2].lost_db or 0) + 0.3
    assert after.bands[-2].lost_db == pytest.approx(own.bands[-2].lost_db, abs=0.05)


@thorough
def test_a_delay_that_wanders_is_followed(groove: Audio) -> None:
    mono = to_stereo(to_mono(groove))
    seconds = np.arange(groove.frames) / groove.sample_rate
    apart = skewed(mono, 3 + 1.5 * np.sin(2 * np.pi * seconds / 30))
    followed, fixed = align_azimuth(apart), align_azimuth(apart, follow=False)
    error_db = relative_db(middle(followed), middle(mono))
    assert error_db < -50
    assert error_db < relative_db(middle(fixed), middle(mono)) - 10
    assert (check_mono(followed).bands[-1].lost_db or 0) < 0.1
    assert (check_mono(apart).bands[-1].lost_db or 0) > 2


@pytest.mark.parametrize("snr_db", [30, 15])
@sampled(1)
def test_hiss_does_not_mislead_it(music: Audio, snr_db: float) -> None:
    """The hiss is moved with the sound: what should come out is both, moved by what was meant."""
    mono = to_stereo(to_mono(music))
    noisy = with_hiss(skewed(mono, 2.5), snr_db=snr_db)
    mended = align_azimuth(noisy)
    expected = noisy.with_samples(
        np.stack([noisy.samples[0], delay(noisy, delay_samples=-2.5).samples[1]])
    )
    assert relative_db(inner(mended), inner(expected)) < -40


def test_the_left_channel_stays_bit_by_bit(music: Audio) -> None:
    mended = align_azimuth(skewed(music, 3.0))
    np.testing.assert_array_equal(mended.samples[0], music.samples[0])


def test_what_is_in_order_is_left_alone(music: Audio, speech: Audio) -> None:
    assert align_azimuth(music) == music
    assert align_azimuth(to_stereo(speech)) == to_stereo(speech)
    assert align_azimuth(speech) == speech


def test_at_low_rates_less_is_told_of_a_delay(speech: Audio) -> None:
    """20 degrees at the end of the spectrum of 8 kHz are 15 microseconds."""
    both = resample(to_stereo(speech), sample_rate=8000)
    for microseconds, stays in ((0.0, True), (10.0, True), (-10.0, True), (30.0, False)):
        apart = skewed(both, microseconds * 1e-6 * 8000)
        assert (align_azimuth(apart) == apart) == stays


def test_channels_that_share_nothing_come_back_with_a_warning() -> None:
    noise = white_noise(seconds=5.0, channels=2)
    with pytest.warns(ResonateWarning, match="no-common-sound"):
        assert align_azimuth(noise) == noise


@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0])
def test_short_channels_that_share_nothing_have_no_delay_by_chance(seconds: float) -> None:
    for seed in range(12):
        noise = 0.1 * np.random.default_rng(seed).standard_normal((2, round(seconds * 44_100)))
        sound = Audio(noise, 44_100)
        with pytest.warns(ResonateWarning, match="no-common-sound"):
            assert align_azimuth(sound) == sound


def turned_over(audio: Audio) -> Audio:
    """Return a sound whose right channel has the opposite polarity."""
    return audio.with_samples(np.stack([audio.samples[0], -audio.samples[1]]))


def test_an_inverted_channel_is_turned_over(music: Audio, speech: Audio) -> None:
    for sound in (music, to_stereo(speech)):
        with pytest.warns(ResonateWarning, match="inverted: the right channel"):
            assert align_azimuth(turned_over(sound)) == sound


@pytest.mark.parametrize("delay_frames", [3.4, -7.25])
def test_one_that_is_late_as_well_is_lined_up_too(speech: Audio, delay_frames: float) -> None:
    both = to_stereo(speech)
    with pytest.warns(ResonateWarning, match="inverted"):
        mended = align_azimuth(turned_over(skewed(both, delay_frames)), max_delay_ms=1.0)
    assert relative_db(inner(mended), inner(both)) < -50


@pytest.mark.parametrize(
    ("delay_ms", "mend"), [(-2.0, "max_delay_ms=2 "), (6.0, "the node delay ")]
)
@pytest.mark.parametrize("inverted", [False, True])
def test_a_delay_beyond_the_limit_is_told(delay_ms: float, mend: str, inverted: bool) -> None:
    noise = white_noise(seconds=3.0, rate=16_000, channels=1).samples[0]
    apart = Audio(np.stack([noise, np.roll(noise, round(16 * delay_ms))]), 16_000)
    way = "later" if delay_ms > 0 else "earlier"
    with pytest.warns(ResonateWarning) as told:
        left_as_it_is = align_azimuth(turned_over(apart) if inverted else apart)
    assert left_as_it_is == apart  # but for the polarity
    warnings = [str(one.message) for one in told]
    assert any(f"right is {abs(delay_ms):.2f} ms {way} than left" in one for one in warnings)
    assert any(mend in one for one in warnings)
    assert any("inverted" in one for one in warnings) == inverted


def test_more_than_two_channels_are_refused() -> None:
    with pytest.raises(NodeError, match="two channels, this sound has 6"):
        align_azimuth(white_noise(channels=6))


def test_what_differs_from_octave_to_octave_stays(music: Audio) -> None:
    """An effect that turns the phase of one channel is no delay, however well both agree."""
    mono = music.samples.mean(axis=0, dtype=np.float64)
    hertz = np.fft.rfftfreq(music.frames, 1 / music.sample_rate)
    seconds = np.interp(np.log2(np.maximum(hertz, 1)), np.log2([600, 8000]), [0, 20e-6])
    turned = np.fft.irfft(np.fft.rfft(mono) * np.exp(-2j * np.pi * hertz * seconds), music.frames)
    sound = music.with_samples(np.stack([mono, turned]))
    with pytest.warns(ResonateWarning, match="at one delay"):
        assert align_azimuth(sound) == sound


def test_treble_that_is_late_over_a_middle_in_line_stays() -> None:
    """A synthesiser's hats, apart by a sample, are no head's: what else is shared is in line."""
    from scipy.signal import butter, sosfiltfilt

    random, rate = np.random.default_rng(3), 44_100
    common, hats, left, right = random.standard_normal((4, 6 * rate))
    low = sosfiltfilt(butter(4, 3000, "lowpass", fs=rate, output="sos"), common)
    high = butter(4, 4000, "highpass", fs=rate, output="sos")
    late = np.roll(hats, 1) + 0.6 * right
    sound = Audio(0.1 * np.stack([low + sosfiltfilt(high, 0.5 * (hats + 0.6 * left)),
                                  low + sosfiltfilt(high, 0.5 * late)]), rate)  # fmt: skip
    with pytest.warns(ResonateWarning, match="no-common-sound"):
        assert align_azimuth(sound) == sound


@pytest.mark.parametrize("frequency_hz", [440.0, 750.0, 2000.0])
def test_the_phase_of_a_single_note_stays(frequency_hz: float) -> None:
    """A bell that rings a little later on one side has a phase, and no delay of a tape."""
    time = np.arange(2 * 44_100) / 44_100
    bell = np.exp(-3 * time) * np.sin(2 * np.pi * frequency_hz * (time - [[0.0], [2e-5]]))
    hiss = white_noise(seconds=2, rate=44_100, rms=1e-4, channels=2)
    sound = hiss.with_samples(hiss.samples + 0.5 * bell)
    with pytest.warns(ResonateWarning, match="no-common-sound"):
        assert align_azimuth(sound) == sound
