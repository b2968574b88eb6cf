#!/usr/bin/env bash
# An Opus decoder drops at the beginning what the file's header says, which is what the encoder came late by, mostly
# 312 samples: one would guess that sphn writes that number and heeds it. It writes 3,840 of an encoder that is 312
# late, and has no regard to it when it reads. So its own files look nearly right to itself; any other decoder drops
# the first 73.5 ms of their sound and has all else that much too early. And what it reads of others' is 6.5 ms late.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  sphn==0.2.1 soundfile==0.14.0 av==18.1.0 numpy==2.2.6
cd "$folder"
"$folder/venv/bin/python" - <<'END'
from importlib.metadata import version

import av
import numpy as np
import soundfile
import sphn

print("sphn", version("sphn"), "soundfile", soundfile.__version__, "PyAV", av.__version__)
rate = 48_000
burst = (0.5 * np.hanning(960) * np.sin(2 * np.pi * 1_000 * np.arange(960) / rate)).astype(np.float32)
sound = np.zeros(2 * rate, np.float32)
for start in (960, rate):
    sound[start : start + 960] = burst


def with_sphn(name):
    return sphn.read_opus(name)[0][0]


def with_soundfile(name):
    return soundfile.read(name)[0]


def with_ffmpeg(name):
    with av.open(name) as file:
        return np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)[0]


def found(name, read):
    """Return how loud the burst at 20 ms is (dB), and by how many ms the one at one second is late."""
    power = read(name).astype(np.float64) ** 2
    first_db = 10 * np.log10(power[: rate // 2].sum() / np.sum(burst**2) + 1e-12)
    second = power[rate // 2 : 3 * rate // 2]
    place = rate // 2 + np.sum(second * np.arange(len(second))) / second.sum()
    late_ms = 1000 * (place - rate - 479.5) / rate
    print(f"{name} by {read.__name__}: burst at 20 ms {first_db:+.1f} dB, the one at 1 s {late_ms:+.2f} ms late")
    return first_db, late_ms


sphn.write_opus("sphn.opus", sound, rate)
soundfile.write("libsndfile.opus", sound, rate, "OPUS", format="OGG")
head = open("sphn.opus", "rb").read(64)
skip = head[head.index(b"OpusHead") + 10 :]
print("sphn.opus says that so many samples are to be dropped:", int.from_bytes(skip[:2], "little"))
for read in (with_soundfile, with_ffmpeg):
    assert found("libsndfile.opus", read)[0] > -1
    first_db, late_ms = found("sphn.opus", read)
    assert first_db < -40 and abs(late_ms + 73.5) < 0.5, "others have its beginning now"
assert found("sphn.opus", with_sphn)[0] > -1
assert abs(found("libsndfile.opus", with_sphn)[1] - 6.5) < 0.5, "it drops what is to be dropped now"
END
