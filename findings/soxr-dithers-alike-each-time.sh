#!/usr/bin/env bash
# A sound resampled from 44.1 kHz to 44.1 kHz: one would guess that soxr gives it back, and 32-bit floats come
# back to the last bit. What it gives in 16 bits it dithers, at equal rates too, so that digital silence becomes
# noise. And one would guess that ten passes add ten independent noises, 10 dB. How a sound begins decides which
# noise it gets: ten passes of one sound add 20 dB, what was within 1 step is within 10, and stems that begin
# with silence, as stems do, all get the same noise, which adds 6 dB in the mix of two where one expects 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet soxr==1.1.0 numpy==2.2.6
"$folder/venv/bin/python" - <<'END'
import numpy as np
import soxr

print("soxr", soxr.__version__, soxr.__libsoxr_version__)
rate = 44_100
one, other = np.random.default_rng(0).uniform(-0.4, 0.4, (2, rate))


def passed(sound, passes):
    for _ in range(passes):
        sound = soxr.resample(sound, rate, rate)
    return sound


def noise_db(found, sound):
    return 10 * np.log10(np.mean((found.astype(float) - sound) ** 2))


assert np.array_equal(passed(one.astype(np.float32), 10), one.astype(np.float32)), "floats are changed now"
codes, others = (np.round(sound * 2**15).astype(np.int16) for sound in (one, other))
stems = [np.concatenate([np.zeros(rate // 100, np.int16), stem]) for stem in (codes, others)]
silence = passed(np.zeros(rate, np.int16), 1)
print("silence in 16 bits becomes", dict(zip(*(part.tolist() for part in np.unique(silence, return_counts=True)))))
levels = {passes: noise_db(passed(codes, passes), codes) for passes in (1, 10)}
largest = np.abs(passed(codes, 10).astype(int) - codes).max()
print(f"noise, dB of one step: {levels[1]:.1f} after one pass, {levels[10]:.1f} after ten, by up to {largest} steps")
mixed = noise_db(sum(passed(stem, 1).astype(int) for stem in stems), sum(stem.astype(int) for stem in stems))
print(f"in the mix of two stems that begin with 10 ms of silence, one pass each: {mixed:.1f}")
assert silence.any(), "16 bits are not dithered at equal rates now"
assert levels[10] - levels[1] > 19 and mixed - levels[1] > 5.5, "it is another noise each time now"
END
