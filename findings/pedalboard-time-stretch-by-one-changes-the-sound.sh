#!/usr/bin/env bash
# time_stretch with a factor of 1: one would guess that the sound comes back as it was, or nearly.
# pedalboard stretches all the same, and noise comes back changed. And what is stretched in parts does not
# add up: two sounds, stretched one by one, differ from their stretched sum by more than its own level.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import numpy as np
import pedalboard

print("pedalboard", pedalboard.__version__)
rate = 44_100
random = np.random.default_rng(0)
one, other = (0.1 * random.standard_normal((2, 2, 3 * rate))).astype(np.float32)


def stretched(sound, factor):
    return pedalboard.time_stretch(sound, rate, stretch_factor=factor)


def apart_db(found, expected):
    return 20 * np.log10((found - expected).std() / expected.std())


same = apart_db(stretched(one, 1.0), one)
parts = apart_db(stretched(one, 1.25) + stretched(other, 1.25), stretched(one + other, 1.25))
print(f"noise, stretched by 1, against itself: {same:.1f} dB")
print(f"two sounds stretched by 1.25 one by one, against their sum stretched: {parts:+.1f} dB")
assert same > -60, "it is the identity now"
assert parts > -10, "parts add up now"
END
