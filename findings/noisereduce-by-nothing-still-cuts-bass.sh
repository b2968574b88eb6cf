#!/usr/bin/env bash
# noisereduce with prop_decrease=0: one would guess that the sound comes back as it was.
# In stationary mode it takes 3 dB from 40 Hz: the mask, all ones, is smoothed by a convolution
# (fftconvolve, mode="same") that counts zeros below the lowest bin, and falls towards it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet noisereduce==3.0.3 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
from importlib.metadata import version

import noisereduce
import numpy as np

print("noisereduce", version("noisereduce"))
rate = 44_100
changed = {}
for hertz in (40, 100, 1000):
    sine = (0.1 * np.sin(2 * np.pi * hertz * np.arange(3 * rate) / rate)).astype(np.float32)
    out = noisereduce.reduce_noise(y=sine, sr=rate, stationary=True, prop_decrease=0.0)
    middle = slice(rate, 2 * rate)
    changed[hertz] = 20 * np.log10(out[middle].std() / sine[middle].std())
    print(f"{hertz} Hz, reduced by nothing: {changed[hertz]:+.2f} dB")
assert abs(changed[40] + 3.0) < 0.2, "40 Hz is changed otherwise now"
assert abs(changed[1000]) < 0.05
END
