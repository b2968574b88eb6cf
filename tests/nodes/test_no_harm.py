"""What the repair nodes leave of a sound that has nothing to repair.

The recording is the bundled one: drums, bass and keys, with sharp onsets.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from resonate_graph import Audio
from resonate_nodes import (
    declick,
    declip,
    decrackle,
    deess,
    dehum,
    denoise,
    dereverb,
    repair_dropouts,
)
from tests.signals import difference_db

#: How much each node may change the clean recording, at its defaults: dB against the recording.
HARM_DB: dict[str, tuple[Callable[[Audio], Audio], float]] = {
    "declick": (declick, -70),
    "declip": (declip, -np.inf),
    "decrackle": (decrackle, -55),
    "deess": (deess, -np.inf),
    "dehum": (dehum, -np.inf),
    "denoise": (lambda audio: denoise(audio, strength=1.0), -33),
    "dereverb": (dereverb, -20),
    "repair_dropouts": (repair_dropouts, -np.inf),
}

#: Settings at which a node has nothing to do.
NEUTRAL: dict[str, Callable[[Audio], Audio]] = {
    "declick": lambda audio: declick(audio, threshold_sigma=1000.0),
    "declip": lambda audio: declip(audio, threshold_dbfs=0.0),
    "decrackle": lambda audio: decrackle(audio, threshold_sigma=1000.0),
    "deess, ratio": lambda audio: deess(audio, threshold_db=-60.0, ratio=1.0),
    "deess, threshold": lambda audio: deess(audio, threshold_db=24.0, ratio=100.0),
    "denoise": lambda audio: denoise(audio, strength=0.0),
    "dereverb": lambda audio: dereverb(audio, strength=0.0),
    "repair_dropouts": lambda audio: repair_dropouts(audio, max_gap_ms=0.1),
}


def relative_db(changed: Audio, audio: Audio) -> float:
    """Return the energy of what was changed against that of the sound, in dB."""
    difference = np.sum((changed.samples.astype(np.float64) - audio.samples) ** 2)
    whole = np.sum(audio.samples.astype(np.float64) ** 2)
    return float(10 * np.log10(difference / whole)) if difference else -np.inf


@pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")
@pytest.mark.parametrize("name", HARM_DB)
def test_a_clean_recording_passes(name: str, groove: Audio) -> None:
    node, allowed_db = HARM_DB[name]
    assert relative_db(node(groove), groove) <= allowed_db


@pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")
@pytest.mark.parametrize("name", NEUTRAL)
def test_neutral_settings_change_nothing(name: str, groove: Audio) -> None:
    assert difference_db(NEUTRAL[name](groove), groove) < -120
