#!/usr/bin/env bash
# Floats beyond full scale written with soundfile are clipped: soundfile asks libsndfile for that (SFC_SET_CLIPPING)
# for each file. One would guess that this holds for all that is coded from integers. Libsndfile heeds it for PCM,
# FLAC and ALAC; as IMA or MS ADPCM or GSM, in a WAV like the first, a sample of 1.01 comes out at the other end
# of the scale: a take with a few overs, which are hardly heard elsewhere, has a loud crack at each of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet soundfile==0.14.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import io

import numpy as np
import soundfile

print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__)
rate = 8_000
time = np.arange(4 * rate) / rate


def farthest(container, subtype, peak):
    """Return how far what is read lies from the clipped sine that was to be written, at most."""
    sine = peak * np.sin(2 * np.pi * 100 * time)
    file = io.BytesIO()
    soundfile.write(file, sine, rate, subtype, format=container)
    file.seek(0)
    found, _ = soundfile.read(file)
    return np.abs(found[: len(sine)] - sine.clip(-1, 1)).max()


clipped = [("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("FLAC", "PCM_16"), ("CAF", "ALAC_16")]
wrapped = [("WAV", "IMA_ADPCM"), ("WAV", "MS_ADPCM"), ("WAV", "GSM610")]
for container, subtype in clipped + wrapped:
    whole, over = (farthest(container, subtype, peak) for peak in (0.99, 1.01))
    print(f"{container} {subtype}: off by up to {whole:.3f} at a peak of 0.99, {over:.3f} at 1.01")
    if (container, subtype) in clipped:
        assert over < 0.05, "it is no longer clipped"
    else:
        assert whole < 0.5 and over > 1.0, "it is clipped now"
END
