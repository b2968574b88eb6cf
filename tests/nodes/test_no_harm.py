"""What every node leaves as it is. A new node joins these tests by being in the catalog.

Each node from audio to audio stands in one of `NEUTRAL` and `NEVER_NEUTRAL`, and in one of
`HARM_DB` and `CHANGES_ON_PURPOSE`; a test names the one that does not. That no node delays is
measured on all of them, at `STRONG` settings where the defaults do little.

The recordings are the bundled one, drums, bass and keys with sharp onsets, of which five seconds
are heard, and all with ``--torture``; and a reader's voice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import resonate_nodes as rn
from resonate_graph import Audio, ResonateError
from resonate_graph.testing import lag
from tests.depth import sampled
from tests.nodes.catalog import NODES, RESHAPES, called
from tests.signals import difference_db, relative_db

#: Settings at which a node has nothing to do. A node may have several, named after a comma.
NEUTRAL: dict[str, Callable[[Audio], Audio]] = {
    "align_azimuth": lambda audio: rn.align_azimuth(audio, max_delay_ms=0.001),
    "average_stems": lambda audio: rn.average_stems([audio, audio]),
    "balance": lambda audio: rn.balance(audio, balance_db=0.0),
    "blend, dry": lambda audio: rn.blend(audio, rn.invert(audio), amount=0.0),
    "blend, wet": lambda audio: rn.blend(rn.invert(audio), audio, amount=1.0),
    "change_speed": lambda audio: rn.change_speed(audio, ratio=1.0),
    "compress, ratio": lambda audio: rn.compress(audio, threshold_db=-60.0, ratio=1.0),
    "compress, threshold": lambda audio: rn.compress(audio, threshold_db=0.0, ratio=100.0),
    "crossfade": lambda audio: rn.crossfade(
        rn.trim(audio, end_seconds=1.0), rn.trim(audio, start_seconds=1.0), overlap_seconds=0.0
    ),
    "declick": lambda audio: rn.declick(audio, threshold_sigma=1000.0),
    "declip": lambda audio: rn.declip(audio, threshold_dbfs=0.0),
    "decrackle": lambda audio: rn.decrackle(audio, threshold_sigma=1000.0),
    "deess, ratio": lambda audio: rn.deess(audio, threshold_db=-60.0, ratio=1.0),
    "deess, threshold": lambda audio: rn.deess(audio, threshold_db=24.0, ratio=100.0),
    "dehum": rn.dehum,
    "delay": lambda audio: rn.delay(audio, delay_ms=1.0, delay_samples=-44.1),
    "denoise": lambda audio: rn.denoise(audio, strength=0.0),
    "dereverb": lambda audio: rn.dereverb(audio, strength=0.0),
    "difference": lambda audio: rn.difference(audio, rn.gain(audio, gain_db=-120.0)),
    "enhance_speech": lambda audio: rn.enhance_speech(audio, attenuation_limit_db=0.0),
    "eq": lambda audio: rn.eq(audio, bands=[rn.Band(frequency_hz=1000.0, gain_db=1e-6)]),
    "expand, range": lambda audio: rn.expand(audio, threshold_db=0.0, range_db=0.0),
    "expand, ratio": lambda audio: rn.expand(audio, threshold_db=0.0, ratio=1.0),
    "expand, threshold": lambda audio: rn.expand(audio, threshold_db=-120.0, ratio=100.0),
    "extend_bandwidth": lambda audio: rn.extend_bandwidth(audio, cutoff_hz=22_000.0),
    "fade": lambda audio: rn.fade(audio, in_seconds=0.0, out_seconds=0.0),
    "from_mid_side": lambda audio: rn.from_mid_side(*rn.mid_side(audio)),
    "gain": lambda audio: rn.gain(audio, gain_db=0.0),
    "gate, ratio": lambda audio: rn.gate(audio, threshold_db=0.0, ratio=1.0),
    "gate, threshold": lambda audio: rn.gate(audio, threshold_db=-120.0, ratio=100.0),
    "highpass": lambda audio: rn.highpass(audio, frequency_hz=1e-6),
    "hpss": lambda audio: rn.mix(list(rn.hpss(audio, harmonic_margin=2.0))),
    "limit": lambda audio: rn.limit(audio, ceiling_dbtp=0.0),
    "match_eq, amount": lambda audio: rn.match_eq(audio, rn.invert(audio), amount=0.0),
    "match_eq, limit": lambda audio: rn.match_eq(audio, rn.saturate(audio), max_gain_db=0.0),
    "match_eq, same": lambda audio: rn.match_eq(audio, rn.gain(audio, gain_db=-9.0)),
    "mid_side": lambda audio: rn.from_mid_side(*rn.mid_side(audio)),
    "mix": lambda audio: rn.mix([audio, audio], gains_db=[0.0, -120.0]),
    "mouth_declick": lambda audio: rn.mouth_declick(audio, threshold_db=60.0),
    "normalize_loudness": lambda audio: rn.normalize_loudness(
        audio, target_lufs=rn.measure_loudness(audio).integrated_lufs or 0.0, ceiling_dbtp=0.0
    ),
    "normalize_peak": lambda audio: rn.normalize_peak(
        audio, target_db=rn.measure_loudness(audio).true_peak_dbtp or 0.0
    ),
    "pad": rn.pad,
    "pitch_shift": lambda audio: rn.pitch_shift([audio], semitones=0.0),
    "repair_dropouts": lambda audio: rn.repair_dropouts(audio, max_gap_ms=0.1),
    "resample": lambda audio: rn.resample(audio, sample_rate=audio.sample_rate),
    "residual": lambda audio: rn.residual(audio, [rn.gain(audio, gain_db=-120.0)]),
    "saturate": lambda audio: rn.saturate(audio, drive=1e-4),
    "select_channels": lambda audio: rn.select_channels(audio, channels=[1, 2]),
    "spectral_gate": lambda audio: rn.spectral_gate(audio, prop_decrease=0.0),
    "time_stretch": lambda audio: rn.time_stretch([audio], ratio=1.0),
    "to_mono": lambda audio: each_channel(audio, rn.to_mono),
    "to_stereo": rn.to_stereo,
    "trim": lambda audio: rn.trim(audio, end_seconds=3600.0),
    "trim_silence": lambda audio: rn.trim_silence(audio, threshold_dbfs=-120.0),
    "width": lambda audio: rn.width(audio, width=1.0),
}

#: Nodes that do something at any setting, and what.
NEVER_NEUTRAL = {
    "invert": "it turns the polarity over",
    "lowpass": "its corner lies below half the sample rate",
    "remove_dc": "it has no setting, and few recordings have no offset at all",
    "separate": "a model's stems do not add up to the mix",
}

#: How much a node may change clean music and clean speech at its defaults, in dB against them.
#: What is measured is stated beside it where it is not zero: of music in the three seconds of
#: `excerpt` where all of it changes, else in the whole recording.
HARM_DB: dict[str, tuple[float, float]] = {
    "align_azimuth": (-np.inf, -np.inf),
    "declick": (-np.inf, -np.inf),
    "declip": (-np.inf, -np.inf),
    "decrackle": (-np.inf, -np.inf),
    "deess": (-np.inf, -np.inf),
    "dehum": (-np.inf, -np.inf),
    "denoise": (-42, -44),  # music -43.1, speech -45.0
    "dereverb": (-23, -28),  # music -24.2, speech -28.6
    "enhance_speech": (0, -26),  # music -0.1: it is gone; speech -29.0
    "mouth_declick": (-np.inf, -np.inf),
    "repair_dropouts": (-np.inf, -np.inf),
    "spectral_gate": (0, -2.5),  # music -1.1, speech -3.0
}

#: Repair nodes that change clean sound by more than -50 dB, and why.
MORE_THAN_50_DB = {
    "denoise": "what is soft and steady in a clean recording is noise to it",
    "dereverb": "what rings on in a clean recording is reverberation to it",
    "enhance_speech": "it is for voices: music is noise to it, and what is softest in speech",
    "spectral_gate": "it is noisereduce's, as it is: what does not stand out is noise to it",
}

#: Nodes whose work is to change any sound, or that leave all of it as it is at their defaults.
CHANGES_ON_PURPOSE = {
    "average_stems", "balance", "blend", "change_speed", "compress", "crossfade", "delay",
    "difference", "eq", "expand", "extend_bandwidth", "fade", "from_mid_side", "gain", "gate",
    "highpass", "hpss", "invert", "limit", "lowpass", "match_eq", "mid_side", "mix",
    "normalize_loudness", "normalize_peak", "pad", "pitch_shift", "remove_dc", "resample",
    "residual", "saturate", "select_channels", "separate", "time_stretch", "to_mono", "to_stereo",
    "trim", "trim_silence", "width",
}  # fmt: skip

#: Settings that make a node work hard, for those that do little at their defaults.
STRONG: dict[str, Callable[[Audio], Audio]] = {
    "align_azimuth": lambda audio: rn.align_azimuth(apart(audio)),
    "balance": lambda audio: rn.balance(audio, balance_db=6.0),
    "blend": lambda audio: rn.blend(audio, rn.saturate(audio, drive=4.0)),
    "compress": lambda audio: rn.compress(audio, threshold_db=-40.0, ratio=10.0),
    "deess": lambda audio: rn.deess(audio, threshold_db=-60.0, ratio=100.0),
    "denoise": lambda audio: rn.denoise(audio, strength=1.0),
    "dereverb": lambda audio: rn.dereverb(audio, strength=1.0),
    "difference": lambda audio: rn.difference(audio, rn.deess(audio, threshold_db=-40.0)),
    "enhance_speech": lambda audio: rn.enhance_speech(audio, attenuation_limit_db=12.0),
    "expand": lambda audio: rn.expand(audio, threshold_db=0.0, ratio=4.0, range_db=40.0),
    "extend_bandwidth": lambda audio: rn.extend_bandwidth(audio, cutoff_hz=8000.0, level_db=6.0),
    "gate": lambda audio: rn.gate(audio, threshold_db=-20.0),
    "highpass": lambda audio: rn.highpass(audio, frequency_hz=40.0, slope_db_per_octave=24),
    "limit": lambda audio: rn.limit(audio, ceiling_dbtp=-20.0),
    "lowpass": lambda audio: rn.lowpass(audio, frequency_hz=21_000.0),
    "match_eq": lambda audio: rn.match_eq(
        audio, rn.eq(audio, bands=[rn.Band(frequency_hz=3000.0, gain_db=12.0)])
    ),
    "normalize_loudness": lambda audio: rn.normalize_loudness(audio, target_lufs=-6.0),
    "residual": lambda audio: rn.residual(audio, [rn.gain(audio, gain_db=-6.0)]),
    "saturate": lambda audio: rn.saturate(audio, drive=10.0),
    "width": lambda audio: rn.width(audio, width=0.0),
}

#: Nodes that say nothing of time on this material, and why.
NO_TIME = {
    "separate": "the models of the tests are random; test_separation compares with Demucs itself"
}

FROM_AUDIO_TO_AUDIO = sorted(
    name
    for name, node_type in NODES.items()
    if any(port.type.name == "audio" for port in node_type.inputs)
    and any(port.type.name == "audio" for port in node_type.outputs)
)

pytestmark = pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")


def each_channel(audio: Audio, node: Callable[[Audio], Audio]) -> Audio:
    """Treat each channel as a sound of its own."""
    parts = [node(audio.with_samples(channel)).samples for channel in audio.samples]
    return audio.with_samples(np.concatenate(parts))


def apart(audio: Audio) -> Audio:
    """Delay the right channel by two samples."""
    left, right = audio.samples.mean(axis=0), audio.samples.mean(axis=0)
    return audio.with_samples(np.stack([left, np.concatenate([np.zeros(2), right[:-2]])]))


def test_each_node_is_in_the_tables() -> None:
    neutral = {entry.split(",")[0] for entry in NEUTRAL}
    for name in FROM_AUDIO_TO_AUDIO:
        assert (name in neutral) != (name in NEVER_NEUTRAL), (
            f"give NEUTRAL a setting at which {name} changes nothing, or NEVER_NEUTRAL the reason "
            "why it has none"
        )
        assert (name in HARM_DB) != (name in CHANGES_ON_PURPOSE), (
            f"give HARM_DB what {name} may do to clean sound, or name it in CHANGES_ON_PURPOSE"
        )


def test_the_tables_name_nodes_that_exist() -> None:
    entries = [*NEUTRAL, *NEVER_NEUTRAL, *HARM_DB, *CHANGES_ON_PURPOSE, *STRONG, *NO_TIME]
    assert {entry.split(",")[0] for entry in entries} <= set(FROM_AUDIO_TO_AUDIO)


@pytest.mark.parametrize("name", NEUTRAL)
@sampled(18)
def test_neutral_settings_change_nothing(name: str, excerpt: Audio) -> None:
    assert difference_db(NEUTRAL[name](excerpt), excerpt) < -120


@pytest.mark.parametrize("name", HARM_DB)
@sampled(5)
def test_clean_music_passes(name: str, music: Audio, excerpt: Audio) -> None:
    sound = excerpt if name in MORE_THAN_50_DB else music
    assert relative_db(getattr(rn, name)(sound), sound) <= HARM_DB[name][0]


@pytest.mark.parametrize("name", HARM_DB)
@sampled(5)
def test_clean_speech_passes(name: str, speech: Audio) -> None:
    assert relative_db(getattr(rn, name)(speech), speech) <= HARM_DB[name][1]


def test_what_may_be_changed_is_little() -> None:
    more = {name for name, limits in HARM_DB.items() if max(limits) > -50}
    assert more == MORE_THAN_50_DB.keys()


@pytest.mark.parametrize("name", sorted({*FROM_AUDIO_TO_AUDIO} - RESHAPES - NO_TIME.keys()))
@sampled(12)
def test_nothing_moves_in_time(name: str, excerpt: Audio) -> None:
    outcome: Any = {"out": STRONG[name](excerpt)} if name in STRONG else called(name, excerpt)
    assert not isinstance(outcome, ResonateError)
    sounds = {port: one for port, one in outcome.items() if isinstance(one, Audio)}
    loud = {port: one for port, one in sounds.items() if np.abs(one.samples).max() > 1e-3}
    assert loud
    assert {port: lag(one, excerpt) for port, one in loud.items()} == dict.fromkeys(loud, 0)
