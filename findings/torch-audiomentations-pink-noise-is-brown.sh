#!/usr/bin/env bash
# Pink noise has a power of 1/f, which is 3 dB less per octave, and torch-audiomentations' AddColoredNoise says that
# f_decay=1 is pink. An amplitude of one over the root of f would be; it has a straight line between the ends of that
# root instead: white at the bottom, and 6 dB an octave above 1 kHz, as brown noise has, while brown has 12. And one
# would guess noise as long as the sound: it is one second, again and again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  torch-audiomentations==0.12.0 torch==2.13.0 torchaudio==2.11.0 numpy==2.2.6
# Beside a torch for the CPU the compiled part does not load; noise needs none of it.
rm -f "$folder"/venv/lib/python*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numpy as np
import torch
from torch_audiomentations import AddColoredNoise

print("torch-audiomentations", version("torch-audiomentations"), "torch", torch.__version__)
torch.manual_seed(0)
rate, seconds = 44_100, 8
second = 0.1 * torch.sin(2 * torch.pi * 440 * torch.arange(rate) / rate)
sound = second.repeat(seconds)[None, None]


def octaves_db(noise):
    """Return by how much the power density rises per octave, between bands around 25 Hz to 12.8 kHz."""
    power = np.abs(np.fft.rfft(noise.astype(np.float64))) ** 2
    hertz = np.fft.rfftfreq(len(noise), 1 / rate)
    bands = [power[(hertz > place / 1.4) & (hertz < place * 1.4)].mean() for place in 25 * 2.0 ** np.arange(10)]
    return 10 * np.diff(np.log10(bands))


for decay, name in ((0.0, "white"), (1.0, "pink"), (2.0, "brown")):
    add = AddColoredNoise(0.0, 0.0, decay, decay, p=1.0, sample_rate=rate, output_type="dict")
    noise = (add(sound)["samples"] - sound)[0, 0].numpy()
    slopes = octaves_db(noise)
    again = np.array_equal(noise[:rate], noise[-rate:])
    print(
        f"f_decay={decay:.0f}, {name}: {slopes[0]:+.1f} dB from 25 to 50 Hz, {slopes[-3:].mean():+.1f} dB an octave "
        f"from 1.6 to 12.8 kHz; the last second is the first: {again}"
    )
    assert again, "its noise is as long as the sound now"
    assert abs(slopes[-3:].mean() + 6 * decay) < 0.7, "another colour now"
    assert abs(slopes[0]) < 2.5, "it falls at the bottom too now"
END
