#!/usr/bin/env bash
# torchaudio's resampler takes a Kaiser window as long as one likes, and its noise stays at -105 dB:
# the table's phases are computed in 32-bit floats, also by transforms.Resample, whose documentation
# says that the table is computed in 64 bits. With dtype=float64, and the table made float32 after
# that, the same call reaches -130 dB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  torch==2.13.0 torchaudio==2.11.0 numpy==2.4.4
# Beside a torch for the CPU the compiled part does not load; resampling needs none of it.
rm -f "$folder"/venv/lib/python*/site-packages/torchaudio/lib/*.so

"$folder/venv/bin/python" - <<'END'
import sys
import numpy as np, torch, torchaudio

rate, new, frequency = 48_000, 44_100, 18_000.0
time = torch.arange(2 * rate, dtype=torch.float64) / rate
tone = torch.sin(2 * torch.pi * frequency * time).float()[None]


def noise_db(zeros, dtype):
    resample = torchaudio.transforms.Resample(
        rate, new, "sinc_interp_kaiser", lowpass_filter_width=zeros, rolloff=0.95, beta=13.0, dtype=dtype)
    resample.kernel = resample.kernel.float()
    found = resample(tone)[0].double().numpy()[new // 2 : -new // 2]
    at = np.arange(len(found)) * 2 * np.pi * frequency / new
    parts = np.stack([np.sin(at), np.cos(at)], axis=1)
    rest = found - parts @ np.linalg.lstsq(parts, found, rcond=None)[0]
    return 20 * np.log10(np.sqrt(2) * rest.std())


print(f"torch {torch.__version__}, torchaudio {torchaudio.__version__}: an {frequency:.0f} Hz sine, {rate} to {new} Hz")
found = {}
for zeros in (96, 256):
    for dtype in (None, torch.float64):
        found[zeros, dtype] = noise_db(zeros, dtype)
        print(f"  {zeros} zero crossings, dtype={dtype}: what is no sine lies at {found[zeros, dtype]:.1f} dB")
as_it_was = all(found[zeros, None] > -110 for zeros in (96, 256)) and all(
    found[zeros, torch.float64] < -125 for zeros in (96, 256))
sys.exit(not as_it_was)
END
