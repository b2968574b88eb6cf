"""Repair nodes beside ffmpeg and plain library calls: ``python -m tests.benchmarks.restoration``.

Each kind of damage is done to ten seconds of the bundled recording, and repaired by each in turn.
Printed are the SI-SDR before and after, what each does to the clean recording, and seconds per
minute of stereo: for the nodes without start-up and files, for ffmpeg with both (about 0.1 s).
ffmpeg's delay is taken out before its SI-SDR is measured.
Where ffmpeg is not installed it is left out; it is stopped after half a minute. Words given choose
the kinds of damage that begin with one of them.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from resonate_graph import Audio, read_audio
from resonate_nodes import declick, declip, decrackle, deess, dehum, denoise, repair_dropouts
from resonate_nodes.tone import Band, eq
from tests import degradations
from tests.signals import si_sdr_db

Repair = Callable[[Audio], Audio]

SECONDS = 10.0
TIME_LIMIT = 30.0


def notches(base_hz: float, separator: str = ",") -> str:
    """Return ffmpeg's filters for hum and seven harmonics, each 1 Hz wide."""
    return separator.join(f"bandreject=f={base_hz * k}:width_type=h:width={1}" for k in range(1, 9))


def notch_node(audio: Audio) -> Audio:
    """Take hum out by fixed notches: the plain way."""
    return eq(audio, bands=[Band(kind="notch", frequency_hz=50.0 * k, q=50.0 * k)
                            for k in range(1, 9)])  # fmt: skip


def median_filter(audio: Audio) -> Audio:
    """Take clicks out by scipy's median filter over 31 samples, where it differs by 6 sigma."""
    from scipy.ndimage import median_filter as median

    smooth = median(audio.samples, size=(1, 31))
    apart = audio.samples - smooth
    scale = np.median(np.abs(apart), axis=1, keepdims=True) / 0.6745
    return audio.with_samples(np.where(np.abs(apart) > 6 * scale, smooth, audio.samples))


def cubic(audio: Audio) -> Audio:
    """Rebuild clipped peaks, and gaps, by scipy's cubic spline through what is left."""
    from scipy.interpolate import CubicSpline

    result = audio.samples.astype(np.float64)
    places = np.arange(audio.frames)
    for channel in result:
        top = np.abs(channel).max()
        bad = (np.abs(channel) >= top * (1 - 1e-5)) | (channel == 0)
        channel[bad] = CubicSpline(places[~bad], channel[~bad])(places[bad])
    return audio.with_samples(result)


def spectral_gate(audio: Audio) -> Audio:
    """Reduce noise by noisereduce with its defaults, which need no profile."""
    from noisereduce import reduce_noise

    return audio.with_samples(reduce_noise(y=audio.samples, sr=audio.sample_rate))


DENOISERS: dict[str, Repair | str] = {
    "denoise, strength 1": lambda audio: denoise(audio, strength=1.0),
    "ffmpeg afftdn": "afftdn",
    "ffmpeg afftdn=nr=24:nf=-25": "afftdn=nr=24:nf=-25",
    "ffmpeg afftdn=nr=24:nf=-35": "afftdn=nr=24:nf=-35",
    "noisereduce": spectral_gate,
}

#: what is repaired: the damage, then who repairs it and how; a text is a filter of ffmpeg
JOBS: dict[str, tuple[Repair, dict[str, Repair | str]]] = {
    "clicks, 10 a second": (
        degradations.with_clicks,
        {
            "declick": declick,
            "ffmpeg adeclick": "adeclick",
            "ffmpeg adeclick=t=10:b=10": "adeclick=t=10:b=10",
            "scipy median_filter": median_filter,
        },
    ),
    "crackle, 400 a second": (
        degradations.with_crackle,
        {
            "decrackle": decrackle,
            "ffmpeg adeclick": "adeclick",
            "ffmpeg adeclick=t=4": "adeclick=t=4",
            "scipy median_filter": median_filter,
        },
    ),
    "clipped to 7 dB": (
        lambda audio: degradations.clipped(audio, sdr_db=7)[0],
        {"declip": declip, "ffmpeg adeclip": "adeclip", "scipy CubicSpline": cubic},
    ),
    "clipped to 15 dB": (
        lambda audio: degradations.clipped(audio, sdr_db=15)[0],
        {"declip": declip, "ffmpeg adeclip": "adeclip", "scipy CubicSpline": cubic},
    ),
    "hum, 50 Hz, steady": (
        degradations.with_hum,
        {
            "dehum": dehum,
            "ffmpeg bandreject x 8": notches(50.0),
            "eq, notches of 1 Hz": notch_node,
        },
    ),
    "hum, 50 Hz ± 0.5 %": (
        lambda audio: degradations.with_hum(audio, drift=0.005),
        {
            "dehum": dehum,
            "ffmpeg bandreject x 8": notches(50.0),
            "eq, notches of 1 Hz": notch_node,
        },
    ),
    "hiss at 10 dB": (
        lambda audio: degradations.with_hiss(audio, snr_db=10),
        DENOISERS,
    ),
    "hiss at 20 dB": (lambda audio: degradations.with_hiss(audio, snr_db=20), DENOISERS),
    "dropouts to 10 ms": (
        degradations.with_dropouts,
        {"repair_dropouts": repair_dropouts, "scipy CubicSpline": cubic},
    ),
    "sibilance": (
        degradations.with_sibilance,
        {
            "deess": deess,
            "ffmpeg deesser=i=0.5": "deesser=i=0.5",
            "ffmpeg deesser=i=1:m=1": "deesser=i=1:m=1:f=0.3",
        },
    ),
}


def main() -> None:
    """Print one table."""
    warnings.simplefilter("ignore")
    recording = files("resonate_graph") / "recordings" / "groove.ogg"
    with as_file(recording) as path:
        clean = read_audio(path)
    clean = clean.with_samples(clean.samples[:, : round(SECONDS * clean.sample_rate)])
    if not shutil.which("ffmpeg"):
        print("ffmpeg is not installed: its rows are left out")
    header = ("", "", "before", "after", "harm", "s/min")
    row = "{:<24}{:<30}{:>9}{:>9}{:>9}{:>9}"
    print(row.format(*header))
    for job, (damage, repairs) in JOBS.items():
        if not job.startswith(tuple(sys.argv[1:]) or ""):
            continue
        damaged = damage(clean)
        for who, how in repairs.items():
            if isinstance(how, str) and not shutil.which("ffmpeg"):
                continue
            repair = through_ffmpeg(how) if isinstance(how, str) else how
            if not isinstance(how, str):
                repair(damaged.with_samples(damaged.samples[:, :44_100]))  # imports, caches
            start = time.perf_counter()
            try:
                repaired = repair(damaged)
            except subprocess.TimeoutExpired:
                print(row.format(job, who, "", "", "", f"> {TIME_LIMIT * 60 / SECONDS:.0f}"))
                continue
            seconds = (time.perf_counter() - start) * 60 / clean.duration_seconds
            before, after = (si_sdr_db(one, clean) for one in (damaged, repaired))
            harm = harm_db(repair(clean), clean)
            cells = (f"{before:.1f} dB", f"{after:.1f} dB", harm, f"{seconds:.1f}")
            print(row.format(job, who, *cells), flush=True)


def harm_db(changed: Audio, clean: Audio) -> str:
    """Return the energy of what was changed against the recording's."""
    lost = np.sum((changed.samples.astype(np.float64) - clean.samples) ** 2)
    whole = np.sum(np.square(clean.samples, dtype=np.float64))
    return f"{10 * np.log10(lost / whole):.0f} dB" if lost else "none"


def through_ffmpeg(filters: str) -> Repair:
    """Return a repair by filters of ffmpeg, by way of WAV files of 32-bit float."""

    def repair(audio: Audio) -> Audio:
        with tempfile.TemporaryDirectory() as name:
            source, target = Path(name) / "in.wav", Path(name) / "out.wav"
            audio.save(source)
            command = ["ffmpeg", "-loglevel", "error", "-i", str(source), "-af", filters]
            subprocess.run(
                [*command, "-c:a", "pcm_f32le", str(target)], check=True, timeout=TIME_LIMIT
            )
            return aligned(read_audio(target), audio)

    return repair


def aligned(heard: Audio, audio: Audio) -> Audio:
    """Return what was heard without its delay, as long as the sound: ffmpeg leaves some in."""
    from scipy.signal import correlate

    likeness = correlate(heard.samples[0], audio.samples[0], method="fft")
    delay = int(np.argmax(likeness)) - (audio.frames - 1)
    samples = np.zeros(audio.samples.shape, np.float32)
    there = heard.samples[:, max(delay, 0) :][:, : audio.frames - max(-delay, 0)]
    samples[:, max(-delay, 0) :][:, : there.shape[1]] = there
    return audio.with_samples(samples)


if __name__ == "__main__":
    main()
