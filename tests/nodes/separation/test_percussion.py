from __future__ import annotations

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes import hpss, mix, resample
from tests.depth import thorough
from tests.signals import difference_db, impulse, peak, si_sdr_db, sine


@pytest.mark.parametrize("margins", [(1.0, 1.0), (1.0, 3.0), (4.0, 2.0)])
def test_it_is_librosas(excerpt: Audio, margins: tuple[float, float]) -> None:
    import librosa

    mono = excerpt.with_samples(excerpt.samples[0])
    expected = librosa.effects.hpss(mono.samples[0], margin=margins)
    heard = hpss(mono, harmonic_margin=margins[0], percussive_margin=margins[1])
    for part, reference in zip((heard.harmonic, heard.percussive), expected, strict=True):
        assert difference_db(part, mono.with_samples(reference)) < -120


@thorough
def test_a_long_sound_in_stretches_is_the_same_as_at_once(groove: Audio) -> None:
    """Longer than the 24 s of one stretch."""
    import librosa

    quarter = resample(groove, sample_rate=11_025).samples[:1]
    long = Audio(np.tile(quarter, (1, 2)), 11_025)
    expected, _ = librosa.effects.hpss(long.samples[0], n_fft=512)
    assert difference_db(hpss(long).harmonic, long.with_samples(expected)) < -120


@pytest.mark.parametrize("margin", [1.0, 5.0])
def test_the_parts_add_up_to_the_sound(excerpt: Audio, margin: float) -> None:
    parts = hpss(excerpt, harmonic_margin=margin, percussive_margin=margin)
    assert difference_db(mix(list(parts)), excerpt) < -130


def test_at_margins_of_1_nothing_is_left(excerpt: Audio) -> None:
    assert peak(hpss(excerpt).residual) < 1e-6


def test_a_tone_and_strikes_are_told_apart() -> None:
    tone = sine(440, seconds=4.0, rate=44_100, amplitude=0.1)
    strikes = sum(impulse(frames=4 * 44_100, at=at, rate=44_100).samples for at in range(
        11_025, 4 * 44_100, 22_050
    ))  # fmt: skip
    hits = tone.with_samples(0.5 * strikes)
    both = mix([tone, hits])
    parts = hpss(both)
    assert si_sdr_db(both, hits) < si_sdr_db(parts.percussive, hits) - 20
    assert si_sdr_db(parts.harmonic, tone) > 15


def test_all_channels_get_the_same_masks(excerpt: Audio) -> None:
    mono = excerpt.samples[0]
    alone = hpss(excerpt.with_samples(mono)).percussive
    both = hpss(excerpt.with_samples(np.stack([mono, -0.25 * mono]))).percussive
    expected = np.stack([alone.samples[0], -0.25 * alone.samples[0]])
    assert difference_db(both, both.with_samples(expected)) < -120
