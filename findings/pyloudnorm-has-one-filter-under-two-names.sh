#!/usr/bin/env bash
# pyloudnorm's meter has five weightings by name, and one would guess that each is another one, and that they agree at
# 1 kHz, so that -23 LUFS stays what it is. "Fenton/Lee 2", by its README the "higher complexity improvement", is the
# K-weighting of the standard to the last bit, with no word. "Dash et al." takes 4 dB from 1 kHz, which nothing makes
# up for: what is brought to -23 LUFS by it is 4 dB too loud.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet pyloudnorm==0.2.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
from importlib.metadata import version

import numpy as np
import pyloudnorm

print("pyloudnorm", version("pyloudnorm"))
rate = 48_000
time = np.arange(5 * rate) / rate
sounds = {
    "997 Hz": 0.1 * np.sin(2 * np.pi * 997 * time),
    "60 Hz": 0.1 * np.sin(2 * np.pi * 60 * time),
    "8 kHz": 0.1 * np.sin(2 * np.pi * 8_000 * time),
    "noise": 0.1 * np.random.default_rng(0).standard_normal(len(time)),
}
read = {}
for weighting in ("K-weighting", "DeMan", "Fenton/Lee 1", "Fenton/Lee 2", "Dash et al."):
    read[weighting] = [pyloudnorm.Meter(rate, weighting).integrated_loudness(one) for one in sounds.values()]
    found = (f"{what} {lufs:.2f}" for what, lufs in zip(sounds, read[weighting], strict=True))
    print(f"{weighting}: {', '.join(found)} LUFS")
assert read["Fenton/Lee 2"] == read["K-weighting"], "Fenton/Lee 2 is another now"
assert read["Fenton/Lee 1"] != read["K-weighting"]
assert abs(read["Dash et al."][0] - read["K-weighting"][0] + 4) < 0.3, "Dash reads a tone at 1 kHz as the others now"
END
