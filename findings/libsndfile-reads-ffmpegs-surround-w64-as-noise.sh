#!/usr/bin/env bash
# Wave64 is WAV with 64-bit sizes, and libsndfile reads 32-bit floats of both. Six channels of them
# as FFmpeg writes them it reads right as WAV and as integers as Wave64: FFmpeg says "extensible" from
# three channels on, and libsndfile's Wave64 reader looks at the width alone and not at the GUID that
# says float. A sine comes out as noise, with no error; two channels are read right.
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
rate = 44_100
sine = (0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.float32)


def read(container, layout, channels):
    """Return the subtype that libsndfile sees in what FFmpeg wrote, and its largest error."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream("pcm_f32le", rate=rate, layout=layout)
        samples = np.repeat(sine, channels)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(samples, format="flt", layout=layout)
        frame.rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    file.seek(0)
    subtype = soundfile.info(file).subtype
    file.seek(0)
    found, _ = soundfile.read(file, always_2d=True)
    error = np.abs(found - sine[:, np.newaxis]).max()
    print(f"{container}, {layout}: {subtype}, largest error {error:.3f}")
    return subtype, error


assert read("w64", "stereo", 2) == ("FLOAT", 0)
assert read("wav", "5.1", 6) == ("FLOAT", 0)
subtype, error = read("w64", "5.1", 6)
assert subtype == "PCM_32" and error > 0.5, "it is read right now"
END
