"""`extend_bandwidth`: what it invents stands where it should, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from resonate_graph import Audio, ResonateWarning
from resonate_nodes import extend_bandwidth
from tests.signals import difference_db, sine, white_noise

RATE = 44_100
Single = NDArray[np.float64]


def cut(audio: Audio, cut_hz: float) -> Audio:
    """Take out what lies above a frequency, by its spectrum as a whole."""
    spectrum = np.fft.rfft(audio.samples.astype(np.float64))
    spectrum[:, np.fft.rfftfreq(audio.frames, 1 / audio.sample_rate) > cut_hz] = 0
    return audio.with_samples(np.fft.irfft(spectrum, audio.frames))


def level_db(audio: Audio, low_hz: float, high_hz: float) -> float:
    """Return the power of a band, in dB."""
    powers = np.square(np.abs(np.fft.rfft(audio.samples * np.hanning(audio.frames))))
    hertz = np.fft.rfftfreq(audio.frames, 1 / audio.sample_rate)
    return float(10 * np.log10(powers[:, (hertz >= low_hz) & (hertz < high_hz)].sum() + 1e-30))


def falling(seconds: float = 2.0, channels: int = 1) -> Audio:
    """Return noise that falls by 18 dB an octave above 500 Hz."""
    noise = white_noise(seconds=seconds, rate=RATE, channels=channels)
    spectrum = np.fft.rfft(noise.samples.astype(np.float64))
    spectrum *= np.maximum(np.fft.rfftfreq(noise.frames, 1 / RATE) / 500, 1) ** -3
    return noise.with_samples(np.fft.irfft(spectrum, noise.frames))


@pytest.mark.parametrize("cut_hz", [4000.0, 8000.0, 11_000.0, 16_000.0])
def test_it_finds_the_end_and_goes_on_as_the_spectrum_fell(cut_hz: float) -> None:
    whole = falling()
    found = extend_bandwidth(cut(whole, cut_hz))
    with pytest.warns(ResonateWarning, match="no-cutoff"):
        extend_bandwidth(found)
    for low, high in [(1.1, 1.2), (1.2, 1.3)]:
        wanted = level_db(whole, low * cut_hz, high * cut_hz)
        assert level_db(found, low * cut_hz, high * cut_hz) == pytest.approx(wanted, abs=4)


def test_nothing_below_the_end_changes() -> None:
    given = cut(falling(channels=2), 8000)
    found = extend_bandwidth(given, cutoff_hz=8000.0)
    assert found != given
    added = given.with_samples(found.samples - given.samples)
    assert level_db(added, 20, 7950) < level_db(added, 8050, 22_000) - 85


def test_a_tone_stays_a_tone() -> None:
    """Shifted frame by frame without its phase it would flutter."""
    tone = sine(6460, seconds=2, rate=RATE)
    added = extend_bandwidth(tone, cutoff_hz=8000.0).samples - tone.samples
    powers = np.square(np.abs(np.fft.rfft(added[0, 4410:-4410] * np.hanning(2 * RATE - 8820))))
    peak = int(powers.argmax())
    hertz = peak * RATE / (2 * RATE - 8820)
    assert 9500 < hertz < 11_000
    around = powers[(np.arange(len(powers)) > peak - 200) & (np.arange(len(powers)) < peak + 200)]
    assert around.sum() - powers[peak - 5 : peak + 6].sum() < 1e-4 * around.sum()


def test_level_and_rate_of_sound() -> None:
    given = cut(falling(), 8000)
    louder, plain = (extend_bandwidth(given, level_db=level) for level in (6.0, 0.0))
    added = level_db(louder, 8500, 20_000) - level_db(plain, 8500, 20_000)
    assert added == pytest.approx(6, abs=0.01)
    quiet = given.with_samples(given.samples * 1e-4)
    assert (
        difference_db(extend_bandwidth(quiet), quiet.with_samples(plain.samples * 1e-4))
        < difference_db(quiet, quiet.with_samples(0 * quiet.samples)) - 120
    )


@pytest.mark.parametrize(
    ("sound", "cutoff_hz", "said"),
    [
        (white_noise(rate=RATE), None, "no-cutoff"),
        (white_noise(rate=8000), 4000.0, "no-room"),
        (white_noise(rate=RATE), 30_000.0, "no-room"),
    ],
)
def test_where_there_is_nothing_to_do_it_says_so(
    sound: Audio, cutoff_hz: float | None, said: str
) -> None:
    with pytest.warns(ResonateWarning, match=said):
        assert extend_bandwidth(sound, cutoff_hz=cutoff_hz) == sound
