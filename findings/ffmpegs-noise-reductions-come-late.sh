#!/usr/bin/env bash
# FFmpeg's filters have frames with timestamps, and one would guess that what a denoiser gives lies where it was:
# afwtdn and adeclick do so. afftdn's sound comes 25 ms later, anlmdn's 8 ms, under timestamps that say nothing
# of it, and as many samples as went in come out: the beginning is silence, the end is missing. What is taken
# off, as a difference from the input, is then wrong by more than the sound itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet av==18.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
from fractions import Fraction

import av
import numpy as np

print("PyAV", av.__version__, "libavfilter", av.library_versions["libavfilter"])
av.logging.set_level(av.logging.ERROR)
rate = 48_000
time = np.arange(3 * rate) / rate
noise = np.random.default_rng(0).standard_normal(len(time))
sound = (0.1 * np.sin(2 * np.pi * 300 * time) + 0.01 * noise).astype(np.float32)


def filtered(name, options):
    """Return what a filter makes of the sound, and the timestamp of its first frame."""
    graph = av.filter.Graph()
    nodes = [
        graph.add_abuffer(sample_rate=rate, format="fltp", layout="mono", time_base=Fraction(1, rate)),
        graph.add(name, options),
        graph.add("abuffersink"),
    ]
    graph.link_nodes(*nodes).configure()
    frames = []

    def drain():
        while True:
            try:
                frames.append(graph.pull())
            except (av.error.BlockingIOError, av.error.EOFError):
                return

    for start in range(0, len(sound), 1_024):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + 1_024], "fltp", "mono")
        frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        graph.push(frame)
        drain()
    graph.push(None)
    drain()
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]), frames[0].pts


late = {}
for name, options in {
    "afwtdn": "sigma=0.01", "adeclick": "t=10", "afftdn": "nr=1", "anlmdn": "s=0.0001"
}.items():
    found, stamp = filtered(name, options)
    matches = np.fft.irfft(np.fft.rfft(found, 2 * len(sound)) * np.fft.rfft(sound, 2 * len(sound)).conj())
    late[name] = int(np.argmax(matches[: len(sound)]))
    there = sound[: len(found) - late[name]]
    taken = [
        10 * np.log10(np.mean((one - other) ** 2) / np.mean(sound**2) + 1e-15)
        for one, other in ((found, sound), (found[late[name] :], there))
    ]
    print(
        f"{name}={options}: {len(sound)} samples in, {len(found)} out, timestamp {stamp}, late by {late[name]}, "
        f"difference {taken[0]:.1f} dB, {taken[1]:.1f} dB where it is shifted back"
    )
    assert stamp == 0 and len(found) == len(sound), "timestamp or length are others now"
assert late["afwtdn"] == late["adeclick"] == 0
assert late["afftdn"] == 1_200 and late["anlmdn"] == 384, "they come in time now"
END
