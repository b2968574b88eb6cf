#!/usr/bin/env bash
# An MP3 of a sound at 88.2 kHz, which the format does not have: one would guess an error, or 44.1 kHz,
# half of it. lameenc takes the rate without a word and resamples to 48 kHz, by a ratio of 80 : 147.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet lameenc==1.9.0 soundfile==0.14.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io
from importlib.metadata import version

import lameenc
import numpy as np
import soundfile

print("lameenc", version("lameenc"))
rate = 88_200
sine = 16_000 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
encoder = lameenc.Encoder()
encoder.set_in_sample_rate(rate)
encoder.set_channels(1)
encoder.set_bit_rate(192)
encoder.silence()
mp3 = encoder.encode(sine.astype("<i2").tobytes()) + encoder.flush()
found = soundfile.info(io.BytesIO(bytes(mp3)))
print(f"in: {rate} Hz; out: {found.samplerate} Hz, {found.duration:.2f} s")
assert found.samplerate == 48_000, "it does something else now"
END
