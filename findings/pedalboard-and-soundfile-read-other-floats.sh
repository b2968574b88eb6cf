#!/usr/bin/env bash
# A 16-bit WAV read as floats by two libraries: one would guess the same numbers, whose difference is 0.
# soundfile divides the codes by 32,768, pedalboard by 32,767: the difference lies 90 dB below the sound,
# and the lowest code comes out beyond full scale.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet pedalboard==0.9.26 soundfile==0.14.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io

import numpy as np
import pedalboard.io
import soundfile

print("pedalboard", pedalboard.__version__, "soundfile", soundfile.__version__)
codes = np.array([0, 1, 16_384, 32_767, -16_384, -32_768], np.int16)
file = io.BytesIO()
soundfile.write(file, codes, 44_100, "PCM_16", format="WAV")
file.seek(0)
by_soundfile, _ = soundfile.read(file, dtype="float32")
file.seek(0)
with pedalboard.io.AudioFile(file) as opened:
    by_pedalboard = opened.read(len(codes))[0]
for code, one, other in zip(codes, by_soundfile, by_pedalboard):
    print(f"{code:6d}: {one:+.8f} by soundfile, {other:+.8f} by pedalboard")
assert np.array_equal(by_soundfile, codes / np.float32(32_768)), "soundfile divides otherwise now"
assert np.allclose(by_pedalboard, codes / 32_767, rtol=1e-6, atol=0), "pedalboard divides otherwise now"
assert by_pedalboard.min() < -1, "the lowest code lies within full scale now"
END
