#!/usr/bin/env bash
# Floats that were made of 16-bit codes, read as 16 bits again: one would guess the codes, and 0 for 0. miniaudio
# makes 0 to 65,535 of -1 ... 1, cuts off what is behind the point, and takes 32,768 off: 0 lies between two codes
# there, and becomes -1, as each code but the lowest becomes the one below it. So digital silence is not silent, and
# what is stored as floats and read ten times has an offset of ten steps. From WAVs of 16 and 24 bits it is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  miniaudio==1.71 soundfile==0.14.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io

import miniaudio
import numpy as np
import soundfile

print("miniaudio", miniaudio.__version__, "soundfile", soundfile.__version__)
rate = 48_000
codes = np.arange(-32_768, 32_768).astype(np.int16)


def read(codes, subtype):
    """Return the codes as miniaudio's 16 bits, from a WAV that soundfile reads as the same codes."""
    file = io.BytesIO()
    soundfile.write(file, codes / 32_768, rate, subtype, format="WAV")
    file.seek(0)
    assert np.array_equal(soundfile.read(file, dtype="float64")[0] * 32_768, codes)
    sixteen = miniaudio.SampleFormat.SIGNED16
    return np.array(miniaudio.decode(file.getvalue(), sixteen, 1, rate).samples, np.int16)


for subtype, off in (("PCM_16", 0), ("PCM_24", 0), ("FLOAT", -1), ("DOUBLE", -1)):
    error = read(codes, subtype).astype(int) - codes
    silence = np.unique(read(np.zeros(rate, np.int16), subtype)).tolist()
    print(f"{subtype}: {np.count_nonzero(error)} of 65,536 codes are others, mean {error.mean():+.3f}; 0 is {silence}")
    assert abs(error.mean() - off) < 1e-3 and silence == [off], "it does something else now"

sine = np.round(1_000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
passed = sine
for _ in range(10):
    passed = read(passed, "FLOAT")
print(f"a sine stored as floats and read ten times: {np.mean(passed.astype(int) - sine):+.1f} steps")
assert np.all(passed.astype(int) - sine == -10), "it comes back now"
END
