#!/usr/bin/env bash
# Floats written as 16-bit PCM: one would guess that a sample gets the nearest code in every container.
# libsndfile's FLAC writer rounds, its WAV and AIFF writers floor: the same array differs between the
# files, and those of the second kind carry a constant offset of half a step.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet soundfile==0.14.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io
import numpy as np
import soundfile

print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__)
floats = np.random.default_rng(0).uniform(-0.5, 0.5, 200_000)
mean = {}
for container in ("WAV", "AIFF", "FLAC"):
    file = io.BytesIO()
    soundfile.write(file, floats, 44_100, "PCM_16", format=container)
    file.seek(0)
    codes, _ = soundfile.read(file, dtype="int16")
    error = codes - floats * 32_768
    mean[container] = error.mean()
    print(f"{container}: error from {error.min():+.3f} to {error.max():+.3f}, mean {error.mean():+.4f} steps")
assert abs(mean["WAV"] + 0.5) < 0.01 and abs(mean["AIFF"] + 0.5) < 0.01, "it floors no more"
assert abs(mean["FLAC"]) < 0.01, "it rounds no more"
END
