"""Music in noise, without and with a profile of it: ``python -m tests.benchmarks.hiss``.

Each recording, made mono, is put into pink noise, rain and the surface of a record, as
`tests.benchmarks.speech` makes them, 10 and 20 dB below it. Printed are, by noise and in all, the
mean rise of the SI-SDR, the least, and in how many cases the sound was nearer to the recording
before; then the median and the most by which the recordings themselves are changed. A profile is
two other seconds of the same noise; for the recordings themselves, of white noise 40 dB below them.

``--recordings DIR`` and ``--held-out`` as in `tests.benchmarks.restoration`; ``--all`` takes all of
a folder. Short ones are repeated to ten seconds. What is not installed is left out.
"""

from __future__ import annotations

import argparse
import shutil
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from resonate_graph import Audio
from resonate_nodes import denoise, to_mono
from tests.benchmarks.restoration import SECONDS, harm_db, recordings, through_ffmpeg
from tests.benchmarks.speech import NOISES, noisy
from tests.degradations import rms
from tests.signals import si_sdr_db

KINDS = ("pink", "rain", "vinyl")
SNRS_DB = (10.0, 20.0)
PROFILE_SECONDS = 2
WORSE_DB = -0.05

Way = Callable[[Audio, Audio], Audio]


def by_noisereduce(audio: Audio, profile: Audio | None) -> Audio:
    """Return what noisereduce makes of a sound at its defaults, told of the noise or not."""
    from noisereduce import reduce_noise

    told = {} if profile is None else {"y_noise": profile.samples[0], "stationary": True}
    return audio.with_samples(reduce_noise(y=audio.samples, sr=audio.sample_rate, **told))


WAYS: dict[str, Way] = {
    "denoise, strength 1": lambda audio, profile: denoise(audio, strength=1.0),
    "denoise, strength 0.5": lambda audio, profile: denoise(audio),
    "denoise, profile": lambda audio, profile: denoise(audio, profile, strength=1.0),
    "noisereduce": lambda audio, profile: by_noisereduce(audio, None),
    "noisereduce, profile": by_noisereduce,
    "ffmpeg afftdn=nr=24:tn=1": lambda audio, profile: through_ffmpeg("afftdn=nr=24:tn=1")(audio),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, help="a folder of WAV, FLAC, OGG or MP3")
    parser.add_argument("--held-out", action="store_true", help="every second recording")
    parser.add_argument("--all", action="store_true", help="all recordings of the folder")
    parser.add_argument("ways", nargs="*", default=[""], help="beginnings of what to try")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    found = recordings(asked.recordings, held_out=asked.held_out)
    if asked.all:
        found |= recordings(asked.recordings, held_out=not asked.held_out)
    music = {name: ten_seconds(to_mono(one)) for name, one in found.items()}
    print(f"{len(music)} recordings: {', '.join(music)}")
    row = "{:<28}" + 5 * "{:>9}" + "{:>22}"
    print(row.format("rise of SI-SDR, dB", *KINDS, "all", "least", "worse  clean changed"))
    for name, way in WAYS.items():
        needs = name.split()[0].strip(",")
        there = {"ffmpeg": shutil.which("ffmpeg"), "noisereduce": find_spec("noisereduce")}
        if name.startswith(tuple(asked.ways)) and there.get(needs, True):
            print(row.format(name, *measured(list(music.values()), way)), flush=True)


def ten_seconds(audio: Audio) -> Audio:
    """Return a sound, repeated to ten seconds where it is shorter."""
    frames = round(SECONDS * audio.sample_rate)
    return audio.with_samples(np.resize(audio.samples, (1, frames)))


def measured(music: list[Audio], way: Way) -> list[str]:
    """Return the cells of a row of the table."""
    rises: dict[str, list[float]] = {kind: [] for kind in KINDS}
    changes: list[float] = []
    for index, clean in enumerate(music):
        seconds = clean.with_samples(clean.samples[:, : PROFILE_SECONDS * clean.sample_rate])
        for kind in KINDS:
            noise = NOISES[kind](clean, np.random.default_rng(index))
            other = NOISES[kind](seconds, np.random.default_rng(100 + index))
            for snr_db in SNRS_DB:
                level = rms(clean) * 10 ** (-snr_db / 20)
                profile = Audio(level / np.sqrt(np.mean(noise**2)) * other[None], clean.sample_rate)
                damaged = noisy(clean, noise, snr_db)
                before = si_sdr_db(damaged, clean)
                rises[kind].append(si_sdr_db(way(damaged, profile), clean) - before)
        hiss = np.random.default_rng(index).standard_normal(seconds.samples.shape)
        profile = seconds.with_samples(0.01 * rms(clean) * hiss)
        changes.append(harm_db(way(clean, profile), clean))
    every = np.array([rise for found in rises.values() for rise in found])
    worse = f"{np.sum(every < WORSE_DB)}/{len(every)}"
    cells = [f"{np.mean(found):+.1f}" for found in (*rises.values(), every.tolist())]
    harm = [-150.0 if np.isinf(one) else one for one in changes]
    return [
        *cells,
        f"{every.min():+.1f}",
        f"{worse:>7}{np.median(harm):>5.0f} ({max(harm):.0f}) dB",
    ]


if __name__ == "__main__":
    main()
