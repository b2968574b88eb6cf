#!/usr/bin/env bash
# To convolve with an impulse of 1 is to do nothing, and with one of 0.5 to halve: one would guess so of pedalboard's
# Convolution. It brings each response to a norm of 1/8 first and does not say so: an impulse makes all 18 dB softer
# however large it is, a measured filter loses its gain, and mix=0.5 is nearly the dry sound at half its level. Its
# Reverb is the other way round: dry_level=1 is a factor of two.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet pedalboard==0.9.26 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import numpy as np
import pedalboard

print("pedalboard", pedalboard.__version__)
rate = 48_000
sound = 0.1 * np.random.default_rng(0).standard_normal((1, 2 * rate)).astype(np.float32)


def raised_db(plugin):
    """Return how much louder the sound is, of which only the level may be another."""
    found = plugin(sound, rate)
    gain = np.sum(found * sound) / np.sum(sound**2)
    assert np.abs(found - gain * sound).max() < 1e-4
    return 20 * np.log10(gain)


def convolution(value, mix=1.0):
    response = np.zeros(480, np.float32)
    response[0] = value
    return pedalboard.Convolution(response, mix, rate)


for value in (1.0, 0.5, 0.01):
    print(f"convolved with an impulse of {value}: {(found := raised_db(convolution(value))):+.2f} dB")
    assert abs(found + 18.06) < 0.05, "the response counts as it is now"
print(f"an impulse of 1, mix=0.5: {(found := raised_db(convolution(1.0, 0.5))):+.2f} dB")
assert abs(found - 20 * np.log10(0.5 + 0.5 / 8)) < 0.05, "mix does something else now"

reverb = pedalboard.Reverb(wet_level=0.0, dry_level=1.0)
print(f"Reverb with wet_level=0, dry_level=1: {(found := raised_db(reverb)):+.2f} dB")
assert abs(found - 6.02) < 0.05, "dry is dry now"
END
