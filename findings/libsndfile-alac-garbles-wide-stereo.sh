#!/usr/bin/env bash
# ALAC is lossless, so one would guess that what soundfile writes as ALAC is what it reads again.
# In stereo of 20, 24 and 32 bits it is not where the packing saves nothing (wide noise, as applause
# or hiss): libsndfile writes other samples, without an error. FFmpeg reads the same wrong samples
# out of the 24-bit file, so the writer is wrong. In mono of 32 bits the file is right by FFmpeg,
# and libsndfile reads it wrong.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  soundfile==0.14.0 av==18.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io
import av, numpy as np, soundfile

print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__, "PyAV", av.__version__)
rng = np.random.default_rng(0)
second, rate = (44_100, 2), 44_100
time = np.arange(rate) / rate
tone = np.stack([0.9 * np.sin(2 * np.pi * f * time) for f in (220.0, 277.0)], axis=1)
sounds = {
    "tone": tone,
    "hiss": rng.normal(0, 0.2, second).clip(-1, 1),
    "wide": rng.uniform(-1, 1, second),
    "mono": rng.uniform(-1, 1, (rate, 1)),
}


def wrong(bits, name):
    """Return the shares of samples that libsndfile and FFmpeg read wrong out of libsndfile's file."""
    codes = np.round(sounds[name] * (2**31 - 2**16)).astype(np.int64)
    codes = (codes >> (32 - bits) << (32 - bits)).astype(np.int32)
    file = io.BytesIO()
    soundfile.write(file, codes, rate, f"ALAC_{bits}", format="CAF")
    file.seek(0)
    own, _ = soundfile.read(file, dtype="int32", always_2d=True)
    file.seek(0)
    try:
        with av.open(file) as container:
            parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
        other = np.concatenate(parts, axis=1).T.astype(np.int64) << (16 if bits == 16 else 0)
        theirs = f"{np.mean(other != codes[: len(other)]):.2f}"
    except av.error.FFmpegError as error:
        theirs = type(error).__name__
    print(f"{bits} bits, {name}: wrong by libsndfile {np.mean(own != codes):.2f}, by FFmpeg {theirs}")
    return np.mean(own != codes), theirs


for bits in (16, 20, 24, 32):
    assert wrong(bits, "tone") == (0, "0.00"), "a tone is no longer whole"
assert wrong(16, "wide") == (0, "0.00"), "16 bits are no longer whole"
assert wrong(20, "hiss")[0] > 0.9, "20 bits are whole now"
own, theirs = wrong(24, "wide")
assert own > 0.9 and float(theirs) > 0.9, "24 bits are whole now"
own, theirs = wrong(32, "mono")
assert own > 0.9 and theirs == "0.00", "32 bits of one channel are read right now"
END
