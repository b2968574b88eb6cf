#!/usr/bin/env bash
# A resampler that draws a line between two samples knows both, and needs no delay: one would guess that it puts
# a sound where it was, as the sinc converters of the same library do. libsamplerate's "linear" comes one sample
# of the input later, which is three of the output from 16 to 48 kHz, and "zero_order_hold", which holds and is
# late by up to half a sample for that, another whole one: with what any other converter made it does not mix.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet samplerate==0.2.4 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
from importlib.metadata import version

import numpy as np
import samplerate

print("samplerate", version("samplerate"), "libsamplerate", samplerate.__libsamplerate_version__)


def late(converter, rate, new, hertz=100):
    """Return by how many samples of the input a slow sine comes later."""
    sine = np.sin(2 * np.pi * hertz * np.arange(2 * rate) / rate).astype(np.float32)
    found = samplerate.resample(sine, new / rate, converter)
    turn = 2 * np.pi * hertz * np.arange(len(found)) / new
    middle = slice(new // 2, new // 2 + new)
    cosine = np.mean(found[middle] * np.cos(turn[middle]))
    return -np.arctan2(cosine, np.mean(found[middle] * np.sin(turn[middle]))) / (2 * np.pi * hertz) * rate


for rate, new in ((44_100, 48_000), (48_000, 44_100), (16_000, 48_000)):
    for converter in ("sinc_best", "sinc_fastest", "linear", "zero_order_hold"):
        found = late(converter, rate, new)
        print(f"{rate} to {new} Hz, {converter}: late by {found:.3f} samples of the input")
        if converter.startswith("sinc"):
            assert abs(found) < 0.01
        else:
            assert found > 0.99 if converter == "linear" else found > 1.3, "it is in time now"
END
