#!/usr/bin/env bash
# Silero's VAD works at 16 kHz and takes multiples of that. One would guess that it resamples a recording at 48 kHz.
# It takes each third sample, with no filter, so that all above 8 kHz is folded onto the voice, and what it
# finds is another matter than at 16 kHz: hiss above 9 kHz, 6 dB above the voice, hides a voice that is as
# clear as before below it, and a sound that has nothing below 9 kHz is said to be speech.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  silero-vad==6.2.3 torch==2.13.0 soxr==1.1.0 numpy==2.4.4
"$folder/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version

import numpy as np
import soxr
import torch
from silero_vad import get_speech_timestamps, load_silero_vad

print("silero-vad", version("silero-vad"), "torch", torch.__version__)
torch.set_num_threads(1)
model = load_silero_vad()
rate, seconds = 48_000, 6
time = np.arange(seconds * rate) / rate
hertz = np.fft.rfftfreq(len(time), 1 / rate)


def voice():
    """Return vowels in turn: pulses of a moving pitch through three resonances, four a second."""
    phase = 2 * np.pi * np.cumsum(120 * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * time))) / rate
    spectrum = np.fft.rfft(sum(np.sin(k * phase) / k for k in range(1, 40)))
    turn = (time * 4).astype(int) % 4
    sound = np.zeros(len(time))
    for place, formants in enumerate([(700, 1200, 2500), (300, 2300, 3000), (400, 800, 2400)]):
        gains = sum(g / (1 + ((hertz - f) / 80) ** 2) for f, g in zip(formants, (1, 0.6, 0.3)))
        sound += np.fft.irfft(spectrum * gains) * np.sqrt(np.sin(np.pi * (time * 4 % 1))) * (turn == place)
    return 0.1 * sound / sound.std()


def above_9_khz(sound):
    kept = np.fft.irfft(np.fft.rfft(sound) * (hertz > 9_000))
    return 0.1 * kept / kept.std()


def share(sound, at):
    """Return how much of a sound is speech."""
    found = get_speech_timestamps(torch.from_numpy(sound.astype(np.float32)), model, sampling_rate=at)
    return sum(part["end"] - part["start"] for part in found) / len(sound)


said = voice()
sounds = {
    "the voice": said,
    "the voice and hiss above 9 kHz": said + 2 * above_9_khz(np.random.default_rng(0).standard_normal(len(said))),
    "the voice moved above 9 kHz": above_9_khz(said * np.cos(2 * np.pi * 16_000 * time)),
}
heard = {}
for name, sound in sounds.items():
    heard[name] = share(sound, rate), share(soxr.resample(sound, rate, 16_000), 16_000)
    print("%s: speech is %.2f of it at 48 kHz, %.2f resampled to 16 kHz" % (name, *heard[name]))
alone, hissed, moved = heard.values()
assert min(alone) > 0.7 and hissed[1] > 0.7 and moved[1] == 0, "it hears another voice now"
assert hissed[0] < 0.3 and moved[0] > 0.5, "it resamples now"
END
