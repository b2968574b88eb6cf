"""The singer of the training songs: does it sing what it is told, as voices sound?"""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from examples.mini_model.phonemes import CODAS, CONSONANTS, NOISES, ONSETS, VOWELS, spell
from examples.mini_model.singers import STYLES
from examples.mini_model.singing import Note, Register, Split, Voice, draw_voice, sing
from tests.counts import examples
from tests.depth import thorough

pytestmark = thorough

RATE = 44100
REGISTERS: tuple[Register, ...] = get_args(Register)
SPLITS: tuple[Split, ...] = get_args(Split)


def plain(register: Register, **changes: object) -> Voice:
    """A singer who holds a tone without vibrato, breath or a bend of the vowels."""
    voice = draw_voice(np.random.default_rng(1), register, "train", "pop")
    style = replace(
        voice.style, vibrato_cents=0.0, scoop_odds=0.0, ring=0.0, jitter=0.0, breath_db=-120.0
    )
    settled = replace(voice, style=style, drift_cents=0.0, bend=(1.0, 1.0, 1.0))
    return replace(settled, **changes)  # type: ignore[arg-type]


def heard(notes: list[Note], voice: Voice, seconds: float, seed: int = 0) -> NDArray[np.float32]:
    return sing(notes, voice, np.random.default_rng(seed), seconds)


def power_db(sound: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    """Power between two frequencies, in decibels of the sound's own."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / RATE)
    part = power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum()
    return float(10 * np.log10(part + 1e-30))


def pitch(
    sound: NDArray[np.float32], about_midi: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times and fundamental frequencies within a fifth of a pitch, by librosa's pYIN."""
    import librosa

    low_hz, high_hz = (440 * 2 ** ((about_midi + way - 69) / 12) for way in (-7, 7))
    f0, _, _ = librosa.pyin(
        sound,
        sr=RATE,
        fmin=low_hz,
        fmax=high_hz,
        frame_length=4096,
        hop_length=512,
        resolution=0.05,
    )
    return librosa.times_like(f0, sr=RATE, hop_length=512), f0


# Peterson & Barney 1952, table II, men.
@pytest.mark.parametrize(
    ("vowel", "formants_hz"),
    [
        ("ee", (270, 2290, 3010)),
        ("ae", (660, 1720, 2410)),
        ("ah", (730, 1090, 2440)),
        ("oo", (300, 870, 2240)),
        ("er", (490, 1350, 1690)),
    ],
)
def test_formants_lie_where_the_table_says(
    vowel: str, formants_hz: tuple[float, float, float]
) -> None:
    import librosa
    from scipy.signal import resample_poly

    voice = plain("baritone", table="peterson_barney", size=1.0)
    sound = heard([(0.1, 1.2, 41, 0.9, vowel)], voice, 1.4)[int(0.4 * RATE) : int(1.1 * RATE)]
    slow = resample_poly(sound.astype(float), 1, 4)
    flat = np.append(slow[0], slow[1:] - 0.97 * slow[:-1]) * np.hamming(len(slow))
    roots = np.roots(librosa.lpc(flat, order=12))
    roots = roots[(roots.imag > 0) & (np.abs(roots) > 0.9)]
    found = np.sort(np.angle(roots) * RATE / 4 / (2 * np.pi))
    # A harmonic every 87 Hz: linear prediction finds a formant to a quarter of that.
    for wanted in formants_hz:
        assert np.abs(found - wanted).min() < max(22, 0.03 * wanted)


@pytest.mark.parametrize(
    ("register", "midi"), [("bass", 45), ("tenor", 57), ("alto", 60), ("soprano", 79)]
)
def test_steady_notes_are_in_tune(register: Register, midi: int) -> None:
    notes: list[Note] = [(0.1, 0.8, midi, 0.8, "la"), (0.9, 0.8, midi + 3, 0.8, "no")]
    time, f0 = pitch(heard(notes, plain(register), 1.8), midi)
    for start, wanted in ((0.35, midi), (1.15, midi + 3)):
        steady = f0[(time > start) & (time < start + 0.4)]
        cents = 1200 * np.log2(steady / (440 * 2 ** ((wanted - 69) / 12)))
        assert np.all(np.isfinite(cents))
        assert np.abs(cents).max() < 20


def test_vibrato_has_the_rate_and_the_depth_of_the_voice() -> None:
    voice = plain("tenor", vibrato_hz=5.8)
    voice = replace(voice, style=replace(voice.style, vibrato_cents=60.0, vibrato_delay_s=0.1))
    time, f0 = pitch(heard([(0.1, 3.0, 57, 0.8, "ah")], voice, 3.2), 57)
    cents = 1200 * np.log2(f0[(time > 0.8) & (time < 2.9)] / 220.0)
    cents -= cents.mean()
    spectrum = np.abs(np.fft.rfft(cents * np.hanning(len(cents)), 8192))
    rate_hz = np.argmax(spectrum) * (RATE / 512) / 8192
    assert rate_hz == pytest.approx(5.8, rel=0.08)
    assert 35 < np.abs(cents).max() < 90


@pytest.mark.parametrize(("register", "midi"), [("bass", 40), ("soprano", 84)])
def test_no_clicks_and_no_aliasing(register: Register, midi: int) -> None:
    # A click or a folded harmonic would show above 19 kHz, where no harmonic is made.
    notes: list[Note] = [(0.2, 0.5, midi, 1.0, "a"), (0.7, 0.5, midi + 5, 0.6, "ai")]
    sound = heard(notes, plain(register), 1.6)
    assert power_db(sound, 19_500, 22_050) < -85
    inharmonic = heard([(0.0, 1.0, midi, 1.0, "a")], plain(register), 1.0)[RATE // 4 : -RATE // 4]
    f0 = 440 * 2 ** ((midi - 69) / 12)
    between = power_db(inharmonic, 1.4 * f0, 1.6 * f0)
    assert between < -50


def test_sibilants_reach_sixteen_kilohertz_and_stand_before_the_beat() -> None:
    sound = heard([(0.5, 0.6, 60, 0.8, "sa")], plain("mezzo"), 1.3)
    sibilant, vowel = sound[int(0.4 * RATE) : int(0.47 * RATE)], sound[int(0.6 * RATE) : RATE]
    assert power_db(sibilant, 4_000, 16_500) > -1
    assert power_db(sibilant, 12_000, 16_000) > -20
    assert power_db(vowel, 100, 4_000) > -0.5
    assert power_db(sibilant, 0, 2_000) < -20


def test_plosives_close_the_mouth_and_nasals_do_not() -> None:
    def quietest_db(syllable: str) -> float:
        notes: list[Note] = [(0.1, 0.5, 50, 0.8, "a"), (0.6, 0.5, 50, 0.8, syllable)]
        sound = heard(notes, plain("baritone"), 1.3)[int(0.3 * RATE) : int(0.9 * RATE)]
        frames = sound[: len(sound) // 1024 * 1024].reshape(-1, 1024)
        rms = np.sqrt(np.mean(frames.astype(float) ** 2, axis=1))
        return float(20 * np.log10(rms.min() / rms.max() + 1e-9))

    assert quietest_db("ta") < -40
    assert quietest_db("ka") < -40
    assert -25 < quietest_db("ma") < -3


def test_an_opera_singer_has_a_singers_formant() -> None:
    def ring_db(ring: float) -> float:
        voice = plain("tenor")
        voice = replace(voice, style=replace(voice.style, ring=ring))
        return power_db(heard([(0, 1, 52, 0.9, "a")], voice, 1.0), 2400, 3400)

    # Sundberg 1987: some 10 dB at 3 kHz above the same vowel spoken.
    assert 5 < ring_db(0.9) - ring_db(0.0) < 25


def test_sopranos_tune_their_first_formant() -> None:
    # On an "oo" (370 Hz) at 880 Hz the fundamental must stay the strongest by far.
    sound = heard([(0, 1, 81, 0.9, "oo")], plain("soprano"), 1.0)
    assert power_db(sound, 800, 960) > -1


@pytest.mark.parametrize("style", STYLES)
def test_every_style_sings(style: str) -> None:
    voice = draw_voice(np.random.default_rng(3), "alto", "train", style)
    sound = heard([(0.2, 0.5, 60, 0.7, None), (0.7, 0.9, 62, 0.9, None)], voice, 2.0)
    assert sound.dtype == np.float32
    assert sound.shape == (2 * RATE,)
    assert np.abs(sound).max() == pytest.approx(0.5)
    assert np.sqrt(np.mean(sound**2)) > 0.02
    assert abs(float(sound.mean())) < 1e-3


def test_the_same_seed_sings_the_same_and_another_does_not() -> None:
    notes: list[Note] = [(0.1, 0.4, 57, 0.7, None), (0.5, 0.6, 59, 0.9, None)]

    def take(seed: int) -> NDArray[np.float32]:
        rng = np.random.default_rng(seed)
        return sing(notes, draw_voice(rng, "tenor"), rng, 1.5)

    np.testing.assert_array_equal(take(1), take(1))
    assert not np.array_equal(take(1), take(2))


def test_no_voice_is_heard_in_two_splits() -> None:
    rng = np.random.default_rng(0)
    drawn = {s: [draw_voice(rng, r, s) for r in REGISTERS for _ in range(60)] for s in SPLITS}
    for one in SPLITS:
        for two in set(SPLITS) - {one}:
            assert not {v.table for v in drawn[one]} & {v.table for v in drawn[two]}
            for a in ("size", "vibrato_hz"):
                known = np.array([getattr(v, a) for v in drawn["train"]])
                new = np.array([getattr(v, a) for v in drawn[one] if one != "train"])
                gaps = [np.abs(known - value).min() for value in new]
                assert all(gap > 0.004 for gap in gaps)


@settings(max_examples=examples(6))
@given(
    st.lists(
        st.tuples(
            st.floats(-0.5, 2.5),
            st.floats(0, 2),
            st.floats(36, 84),
            st.floats(0, 1),
            st.sampled_from([None, "-", "", "qu!", "strengths", "aiaiai"]),
        ),
        max_size=6,
    ),
    st.sampled_from(REGISTERS),
    st.integers(0, 99),
)
def test_any_score_gives_finite_sound_of_its_length(
    notes: list[Note], register: Register, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    sound = sing(notes, draw_voice(rng, register, "valid"), rng, 2.0)
    assert sound.shape == (2 * RATE,)
    assert np.all(np.isfinite(sound))
    assert np.abs(sound).max() <= 0.5 + 1e-6


def test_spelling() -> None:
    assert spell("sha") == (["sh"], ["ah"], [])
    assert spell("naits") == (["n"], ["ah", "ih"], ["ts"])
    assert spell("string") == (["s", "t", "r"], ["ee"], ["ng"])
    assert spell("cool") == (["k"], ["oo"], ["l"])
    assert spell("mm") == (["m", "m"], ["uh"], [])


def test_tables_hang_together() -> None:
    for table in VOWELS.values():
        for vowels in table.values():
            assert {"ee", "ah", "oo"} <= set(vowels)
            assert all(150 < f1 < f2 < f3 < 4000 for f1, f2, f3 in vowels.values())
    assert {kind.noise for kind in CONSONANTS.values()} <= set(NOISES)
    assert all(spell(onset + "ah")[0] or not onset for onset, _ in ONSETS)
    assert all(spell("ah" + coda)[2] or not coda for coda, _ in CODAS)
