#!/usr/bin/env bash
# Two files of one stereo sound, in 16 bits and in floats, made mono by FFmpeg: one would guess the same level.
# Between integers FFmpeg scales its mix such that it cannot clip, 0.5 of each channel; as soon as floats go in
# and out it takes 0.71 of each, so that mono is 3 dB louder, and what was near full scale is beyond it. What
# decides is the format of the samples, and that is the decoder's: an MP3 is louder than the WAV it came from.
# Six channels made two differ by 7.7 dB.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  av==18.1.0 soundfile==0.14.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io

import av
import numpy as np
import soundfile

print("PyAV", av.__version__, "libswresample", av.library_versions["libswresample"])
rate = 48_000
sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(2 * rate) / rate)


def raised_db(container, subtype, channels, layout):
    """Return by how much a file whose channels are all the same sine is louder as another layout."""
    file = io.BytesIO()
    soundfile.write(file, np.repeat(sine[:, None], channels, axis=1), rate, subtype, format=container)
    file.seek(0)
    mixer = av.AudioResampler(layout=layout)
    with av.open(file) as opened:
        frames = [mixed for frame in opened.decode(audio=0) for mixed in mixer.resample(frame)]
    kind = frames[0].format.name
    frames += mixer.resample(None)
    samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    peak = np.abs(samples[rate : 2 * rate] / (2.0**15 if kind.startswith("s16") else 1.0)).max()
    louder = 20 * np.log10(peak / 0.5)
    print(f"{container} {subtype}, {kind}: {channels} channels as {layout} {louder:+.2f} dB, peak {peak:.2f}")
    return louder


assert abs(raised_db("WAV", "PCM_16", 2, "mono")) < 0.01
assert abs(raised_db("FLAC", "PCM_16", 2, "mono")) < 0.01
assert abs(raised_db("WAV", "FLOAT", 2, "mono") - 3.01) < 0.05, "floats are as loud as integers now"
assert abs(raised_db("MP3", "MPEG_LAYER_III", 2, "mono") - 3.01) < 0.1, "an MP3 is as loud as a WAV now"
assert abs(raised_db("WAV", "PCM_16", 6, "stereo")) < 0.01
assert abs(raised_db("WAV", "FLOAT", 6, "stereo") - 7.66) < 0.05, "floats are as loud as integers now"
END
