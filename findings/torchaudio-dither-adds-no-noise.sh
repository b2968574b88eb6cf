#!/usr/bin/env bash
# Dither is noise, added before rounding so that a quiet tone is kept in hiss instead of becoming distortion, and
# TPDF says that the values of that noise have a triangular density. In torchaudio's functional.dither the triangle
# lies along the time: one ramp over the whole length, up by a step to the middle and down again, the same at each
# call. Silence has an offset of one step in its middle half, and a quiet tone keeps its harmonics. With "GPDF" one
# sample of the sound that was handed over is another afterwards.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  torch==2.13.0 torchaudio==2.11.0 numpy==2.4.4
# Beside a torch for the CPU the compiled part does not load; dither needs none of it.
rm -f "$folder"/venv/lib/python*/site-packages/torchaudio/lib/*.so
"$folder/venv/bin/python" - <<'END'
import numpy as np
import torch
import torchaudio
from torchaudio.functional import dither

print("torch", torch.__version__, "torchaudio", torchaudio.__version__)
rate, step = 48_000, 2.0**-15
time = torch.arange(10 * rate, dtype=torch.float64) / rate

silence = dither(torch.zeros(1, len(time), dtype=torch.float64))[0] / step
places = torch.nonzero(silence).ravel() / rate
print(f"10 s of silence: {silence.unique().tolist()} steps, not 0 from {places[0]:.2f} to {places[-1]:.2f} s")
assert silence.unique().tolist() == [0, 1], "silence gets another noise now"
assert len(places) - len(time) // 2 in (-1, 0, 1), "the step comes and goes now"

tone = 1.6 * step * torch.sin(2 * torch.pi * 1_000 * time)[None]
torch.manual_seed(0)
first = dither(tone)
torch.manual_seed(1)
print("the same tone twice gives the same samples:", alike := torch.equal(first, dither(tone)))
assert alike, "it is random now"

noise = np.random.default_rng(0).uniform(-0.5, 0.5, (2, len(time))).sum(0)
ways = {
    "rounded": torch.round(tone[0] / step),
    "dithered by torchaudio": first[0] / step,
    "dithered by noise": torch.round(tone[0] / step + torch.from_numpy(noise)),
}
block = rate // 4
window = torch.hann_window(block, dtype=torch.float64)
third_db = {}
for way, steps in ways.items():
    power = torch.fft.rfft(steps.reshape(-1, block) * window).abs().square().mean(0)
    third_db[way] = 10 * torch.log10(power[750] / power[250]).item()
    print(f"a tone of 1.6 steps, {way}: its third harmonic is at {third_db[way]:+.0f} dB in a quarter of a second")
assert third_db["dithered by torchaudio"] > third_db["dithered by noise"] + 10, "it takes distortion off now"

stereo = torch.rand(2, rate, dtype=torch.float64) - 0.5
before = stereo.clone()
dither(stereo, "GPDF")
changed = torch.nonzero(stereo != before)
by = (stereo - before).abs().max()
print(f"GPDF: {len(changed)} sample of what was handed over is another one, by {by:.2f}")
assert len(changed) == 1, "what is handed over stays as it was now"
END
