#!/usr/bin/env bash
# Opus is coded at 48 kHz, and its header tells besides at which rate the encoder got the sound: "not the
# sample rate to use for playback" (RFC 7845, 5.1), so one would guess 48 kHz, as FFmpeg gives. libsndfile
# decodes to that rate: where a header says 8 kHz of a stream that holds more, as it may, all above 4 kHz is
# gone, with no word. The file here is one that libsndfile wrote itself, with four bytes of its header changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  soundfile==0.14.0 av==18.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io

import av
import numpy as np
import soundfile

print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__, "PyAV", av.__version__)
rate = 48_000
tones = sum(0.3 * np.sin(2 * np.pi * hertz * np.arange(rate) / rate) for hertz in (1_000, 10_000))
file = io.BytesIO()
soundfile.write(file, tones, rate, "OPUS", format="OGG")


def with_rate(content, said):
    """Return the file with another rate in its first page, and the page's CRC as it is then."""
    page = bytearray(content[: content.index(b"OggS", 4)])
    at = page.index(b"OpusHead") + 12
    page[at : at + 4] = said.to_bytes(4, "little")
    page[22:26] = bytes(4)
    remainder = 0
    for byte in page:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x04C11DB7 if remainder >> 31 else 0)) & 0xFFFFFFFF
    page[22:26] = remainder.to_bytes(4, "little")
    return bytes(page) + content[len(page) :]


def levels(samples, rate):
    """Return the levels of the two tones in dB, relative to what they were; None beyond the rate."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) / len(samples) * 4 / 0.3
    places = [round(hertz * len(samples) / rate) for hertz in (1_000, 10_000)]
    return [round(20 * float(np.log10(spectrum[p]))) if p < len(spectrum) else None for p in places]


def by_ffmpeg(content):
    with av.open(io.BytesIO(content)) as opened:
        frames = [frame.to_ndarray()[0] for frame in opened.decode(audio=0)]
        return np.concatenate(frames), opened.streams.audio[0].rate


found = {}
for said in (48_000, 8_000):
    content = with_rate(file.getvalue(), said)
    for name, (samples, given) in {
        "libsndfile": soundfile.read(io.BytesIO(content)), "FFmpeg": by_ffmpeg(content)
    }.items():
        found[name, said] = given, levels(samples, given)
        print(f"header: {said} Hz; {name}: {given} Hz, tones at 1 and 10 kHz: {found[name, said][1]} dB")
assert found["FFmpeg", 8_000] == found["FFmpeg", 48_000] == (48_000, [0, 0])
assert found["libsndfile", 48_000] == (48_000, [0, 0])
assert found["libsndfile", 8_000] == (8_000, [0, None]), "it decodes all now"
END
