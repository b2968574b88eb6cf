#!/usr/bin/env bash
# separate_drums of mdxnet-infer takes a file and writes one file a stem. It brings the sound to the
# 44.1 kHz at which its network works, and one would guess that it comes back from there, or writes files
# of 44.1 kHz. It writes the samples of 44.1 kHz under the rate that the file had: the stems of a recording
# at 48 kHz play 8.8 % too fast, a tone of 440 Hz at 479 Hz. The network is left out here: a stem is the mix.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  mdxnet-infer==0.1.0 torch==2.13.0 librosa==0.11.0 soundfile==0.14.0 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'END'
from importlib.metadata import version

import numpy as np
import soundfile
from mdxnet_infer import inference

print("mdxnet-infer", version("mdxnet-infer"))
made = inference.MDX23CInference()
made.model.forward = lambda mix: mix[:, None].repeat(1, len(made.stem_names), 1, 1)
inference.MDX23CInference.from_pretrained = classmethod(lambda cls, **_: made)

rate = 48_000
tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)
soundfile.write("drums.wav", np.stack([tone, tone], axis=1), rate)
stem, said = soundfile.read(inference.separate_drums("drums.wav", progress=False)["kick"])
spectrum = np.abs(np.fft.rfft(stem[:, 0] * np.hanning(len(stem))))
pitch = np.argmax(spectrum) * said / len(stem)
print(f"in: {len(tone) / rate:.3f} s of 440 Hz")
print(f"out: {len(stem) / said:.3f} s of {pitch:.0f} Hz, at {said} Hz")
assert said == rate and abs(pitch - 440 * 48_000 / 44_100) < 1, "it comes back to the rate now"
END
