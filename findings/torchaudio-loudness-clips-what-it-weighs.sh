#!/usr/bin/env bash
# A sound 20 dB softer is 20 LU less loud, for a meter by ITU-R BS.1770. torchaudio's functional.loudness weighs
# the sound first, which raises what lies above 2 kHz by 4 dB, with its own biquads, and these clip what they
# give to -1 ... 1, as lfilter does unless told otherwise. So a loud sound within full scale is clipped inside
# the meter: dense white noise with a peak of -0.2 dBFS reads 1.7 LU too soft, a tone at 12 kHz 3.8 LU.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  torch==2.13.0 torchaudio==2.11.0 pyloudnorm==0.2.0 numpy==2.4.4
# Beside a torch for the CPU the compiled part does not load; the meter needs none of it.
rm -f "$folder"/venv/lib/python*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" - <<'END'
from importlib.metadata import version

import numpy as np
import pyloudnorm
import torch
import torchaudio

print("torch", torch.__version__, "torchaudio", torchaudio.__version__, "pyloudnorm", version("pyloudnorm"))
rate = 48_000
time = np.arange(5 * rate) / rate
dense = np.tanh(np.random.default_rng(0).standard_normal(len(time)))
sounds = {
    "tone at 1 kHz": 0.5 * np.sin(2 * np.pi * 1_000 * time),
    "dense white noise": 0.98 * dense / np.abs(dense).max(),
    "tone at 12 kHz": 0.98 * np.sin(2 * np.pi * 12_000 * time),
}


def by_torchaudio(sound):
    return float(torchaudio.functional.loudness(torch.from_numpy(sound)[None], rate))


def by_pyloudnorm(sound):
    return pyloudnorm.Meter(rate).integrated_loudness(sound)


missing = {}
for name, sound in sounds.items():
    for meter in (by_torchaudio, by_pyloudnorm):
        loud, soft = meter(sound), meter(sound / 10)
        missing[name, meter] = soft + 20 - loud
        print(f"{name}, {meter.__name__}: {loud:.2f} LUFS, and {soft:.2f} LUFS 20 dB softer")
assert all(abs(lost) < 0.02 for (_, meter), lost in missing.items() if meter is by_pyloudnorm)
assert abs(missing["tone at 1 kHz", by_torchaudio]) < 0.02
assert missing["dense white noise", by_torchaudio] > 1, "noise is no longer clipped"
assert missing["tone at 12 kHz", by_torchaudio] > 3, "a tone is no longer clipped"
END
