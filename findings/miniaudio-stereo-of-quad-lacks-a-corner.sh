#!/usr/bin/env bash
# Four channels read as two: FLAC of four is front and rear by its definition, and a WAV can say so (0x33), so one
# would guess rear left on the left and rear right on the right. That is what miniaudio does with the same sound in
# Vorbis. Of FLAC and WAV it hears a centre in the third channel, which goes to both sides, and one behind in the
# fourth, of which nothing comes out at all, whatever the WAV says; in 2.1 the bass channel is a centre alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  miniaudio==1.71 av==18.1.0 soundfile==0.14.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io

import av
import miniaudio
import numpy as np
import soundfile

print("miniaudio", miniaudio.__version__, "PyAV", av.__version__, "soundfile", soundfile.__version__)
rate = 48_000
sine = 0.2 * np.sin(2 * np.pi * 500 * np.arange(rate) / rate)


def in_turn(channels):
    """Return a sine of a second in one channel after the other."""
    return np.kron(np.eye(channels), sine[:, None])


def wav(sound, layout):
    """Return a WAV whose header says this layout."""
    file = io.BytesIO()
    with av.open(file, "w", format="wav") as output:
        stream = output.add_stream("pcm_s16le", rate=rate, layout=layout)
        codes = np.round(sound * 32_768).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(codes, format="s16", layout=layout)
        frame.rate = rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def coded(sound, container, subtype):
    file = io.BytesIO()
    soundfile.write(file, sound, rate, subtype, format=container)
    return file.getvalue()


def gains(content, channels):
    """Return how much of each channel is on the left and on the right of miniaudio's stereo."""
    floats = miniaudio.SampleFormat.FLOAT32
    stereo = np.array(miniaudio.decode(content, floats, 2, rate).samples).reshape(channels, -1, 2)
    return np.round(stereo[:, rate // 4 : 3 * rate // 4].std(axis=1) / sine.std(), 1).tolist()


quad = in_turn(4)
seen = {
    "quad, Vorbis": gains(coded(quad, "OGG", "VORBIS"), 4),
    "quad, FLAC": gains(coded(quad, "FLAC", "PCM_16"), 4),
    "quad, WAV": gains(wav(quad, "quad"), 4),
    "2.1, WAV": gains(wav(in_turn(3), "2.1"), 3),
}
for what, per_channel in seen.items():
    print(f"{what}: left and right of each channel: {per_channel}")
(rear_left, _), (_, rear_right) = seen["quad, Vorbis"][2:]
assert rear_left > 0.1 and rear_right > 0.1
for what in ("quad, FLAC", "quad, WAV"):
    assert seen[what][2:] == [[0.5, 0.5], [0.0, 0.0]], "rear left and right are these now"
assert seen["2.1, WAV"][2] == [0.5, 0.5], "it knows the bass channel now"
END
