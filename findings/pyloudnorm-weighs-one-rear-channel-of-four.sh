#!/usr/bin/env bash
# Loudness of four channels: one would guess that quad's two rear channels weigh the same.
# pyloudnorm has one list of weights for all layouts, [1, 1, 1, 1.41, 1.41] by position: of four channels
# the third counts as a centre and the fourth as a surround, so the meter is lopsided by 1.49 LU.
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
sine = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(3 * rate) / rate)
read = []
for channel in range(4):
    quad = np.zeros((len(sine), 4))
    quad[:, channel] = sine
    read.append(pyloudnorm.Meter(rate).integrated_loudness(quad))
    print(f"the sine in channel {channel + 1} of 4: {read[-1]:.2f} LUFS")
assert abs(read[2] - read[0]) < 0.01, "the third counts otherwise now"
assert abs(read[3] - read[2] - 1.49) < 0.01, "both rear channels count alike now"
END
