#!/usr/bin/env bash
# FLAC holds integers of up to 32 bits (RFC 9639). Of such a file one would guess that a reader gives
# its samples or says that it cannot: libsndfile says so. pedalboard opens it, names its type
# "int32" and its length, and gives zeros. The same sound in 24 bits it reads.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  pedalboard==0.9.26 soundfile==0.14.0 av==18.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io
import av, numpy as np, pedalboard, soundfile
from pedalboard.io import AudioFile

print("pedalboard", pedalboard.__version__, "soundfile", soundfile.__version__, "PyAV", av.__version__)
rate = 44_100
sine = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
codes = (sine * (2**31 - 1)).astype(np.int32)


def flac(strict):
    """Return a FLAC file by FFmpeg, which writes 32 bits where it may be experimental, else 24."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as output:
        stream = output.add_stream("flac", rate=rate, layout="stereo", options={"strict": strict})
        stream.codec_context.format = "s32"
        frame = av.AudioFrame.from_ndarray(np.repeat(codes, 2)[np.newaxis], format="s32", layout="stereo")
        frame.rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    return file.getvalue()


def bits(content):
    """Return the bits a sample of STREAMINFO."""
    return (int.from_bytes(content[18:26], "big") >> 36 & 31) + 1


def by_pedalboard(content):
    """Return the type that pedalboard names, and the peak of what it reads."""
    with AudioFile(io.BytesIO(content)) as file:
        peak = np.abs(file.read(file.frames)).max()
        print(f"{bits(content)} bits: {file.file_dtype}, {file.frames} frames, peak {peak:.3f}")
        return file.file_dtype, peak


narrow, wide = flac("normal"), flac("experimental")
assert (bits(narrow), bits(wide)) == (24, 32)
with av.open(io.BytesIO(wide)) as container:
    back = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
assert np.array_equal(back.reshape(-1, 2)[:, 0], codes), "the file is not what was written"
try:
    soundfile.read(io.BytesIO(wide))
    raise SystemExit("soundfile reads it now")
except soundfile.LibsndfileError as error:
    print("soundfile:", error.error_string)
assert by_pedalboard(narrow)[1] > 0.49
assert by_pedalboard(wide) == ("int32", 0.0), "pedalboard reads it now"
END
