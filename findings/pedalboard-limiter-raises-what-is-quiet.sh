#!/usr/bin/env bash
# A limiter with a threshold of -1 dB: one would guess that a sine at -20 dBFS passes as it is.
# pedalboard's Limiter makes it 4.75 dB louder: what it does below its threshold is no bypass.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import numpy as np
import pedalboard

print("pedalboard", pedalboard.__version__)
sine = (0.1 * np.sin(2 * np.pi * 440 * np.arange(88_200) / 44_100)).astype(np.float32)
limited = pedalboard.Limiter(threshold_db=-1.0)(sine, 44_100)
raised_db = 20 * np.log10(np.abs(limited[44_100:]).max() / np.abs(sine[44_100:]).max())
print(f"a sine at -20 dBFS under a threshold of -1 dB: {raised_db:+.2f} dB")
assert abs(raised_db - 4.75) < 0.05, "it does something else now"
END
