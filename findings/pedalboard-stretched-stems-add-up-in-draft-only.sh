#!/usr/bin/env bash
# Two mono stems as the two channels of one pedalboard.time_stretch call: one would guess that they
# stay in step, and best at the high quality that is the default. With high_quality=False they add up
# to the stretched mix to the last bit; with the default their sum is as far from it as noise is.
# (Rubber Band's older engine takes two channels apart into mid and side, and mid is the mix.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
from importlib.metadata import version

import numpy as np
from pedalboard import time_stretch

print("pedalboard", version("pedalboard"))
rate = 44_100
time = np.arange(6 * rate) / rate
chord = sum(np.sin(2 * np.pi * hertz * time) for hertz in (220, 277.2, 329.6)) / 10
beat = 0.3 * np.random.default_rng(0).standard_normal(len(time)) * np.exp(-20 * (time % 0.5))
stems = np.stack([chord, beat]).astype(np.float32)
apart = {}
for best in (False, True):
    mix = time_stretch(stems.sum(axis=0, keepdims=True), rate, stretch_factor=1.1, high_quality=best)
    both = time_stretch(stems, rate, stretch_factor=1.1, high_quality=best)
    apart[best] = 20 * np.log10(np.std(both.sum(axis=0) - mix[0]) / np.std(mix))
    print(f"high_quality={best}: the sum of both stems differs from the mix by {apart[best]:.1f} dB")
assert apart[False] < -100, "the draft quality does not add up any more"
assert apart[True] > -20, "the high quality adds up now"
END
