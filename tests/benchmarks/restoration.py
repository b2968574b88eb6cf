"""Repair nodes beside ffmpeg and plain library calls: ``python -m tests.benchmarks.restoration``.

Each kind of damage is done to ten seconds of each recording, and repaired by each in turn. Printed
are means over the recordings: the SI-SDR before and after; the most that any clean recording is
changed by it (harm), and how many seconds of one processor a minute of stereo takes: for the nodes
without start-up and files, for ffmpeg with both (about 0.1 s). ffmpeg's delay is taken out before
its SI-SDR is measured, but not of its recursive filters, which have none; a filter against rumble
is measured against what it makes of the clean recording, because it turns the phase of the bass: of
two of one kind the one whose edge lies higher is ahead. Where ffmpeg is not installed it is left
out; it is stopped after half a minute. `tests.benchmarks.nodes` has the times of all nodes.

Set ``OMP_NUM_THREADS=1`` to keep the libraries below numpy from waiting for each other.

Without arguments the recording is the bundled one. With ``--recordings DIR`` they are those below a
folder; ``--held-out`` takes every second of them, in the order of their paths: the others are what
the nodes were tuned on. Other words choose the kinds of damage that begin with one of them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from resonate_graph import Audio, NodeError, read_audio
from resonate_nodes import (
    Band,
    declick,
    declip,
    decrackle,
    deess,
    dehum,
    denoise,
    dereverb,
    eq,
    highpass,
    repair_dropouts,
)
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


def noise_of(audio: Audio, snr_db: float = 10.0) -> Audio:
    """Return a second of noise like that in a sound with some hiss."""
    level = degradations.rms(audio) / np.sqrt(1 + 10 ** (snr_db / 10))
    samples = np.random.default_rng(7).standard_normal((1, audio.sample_rate))
    return audio.with_samples(level * samples)


def spectral_gate_by_profile(audio: Audio) -> Audio:
    """Reduce noise by noisereduce with a profile, at the settings of `denoise`."""
    from noisereduce import reduce_noise

    return audio.with_samples(
        reduce_noise(
            y=audio.samples,
            sr=audio.sample_rate,
            y_noise=noise_of(audio).samples[0],
            stationary=True,
            clip_noise_stationary=False,
        )
    )


def butterworth(audio: Audio) -> Audio:
    """Take rumble out by scipy's Butterworth filter of fourth order."""
    from scipy.signal import butter, sosfilt

    sections = butter(4, 30.0, "highpass", fs=audio.sample_rate, output="sos")
    return audio.with_samples(sosfilt(sections, audio.samples.astype(np.float64), axis=1))


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
    "hiss at 10 dB, profile": (
        lambda audio: degradations.with_hiss(audio, snr_db=10),
        {
            "denoise, strength 1": lambda audio: denoise(audio, noise_of(audio), strength=1.0),
            "noisereduce": spectral_gate_by_profile,
        },
    ),
    "rumble at -6 dB": (
        degradations.with_rumble,
        {
            "highpass, 30 Hz": lambda audio: highpass(
                audio, frequency_hz=30.0, slope_db_per_octave=24
            ),
            "ffmpeg highpass, the same": "highpass=f=30:t=q:w=0.5412,highpass=f=30:t=q:w=1.3066",
            "ffmpeg highpass x 2": "highpass=f=30,highpass=f=30",
            "scipy butter": butterworth,
        },
    ),
    "reverb, RT60 0.4 s": (
        lambda audio: degradations.with_reverb(audio, rt60_seconds=0.4),
        {"dereverb": dereverb},
    ),
    "reverb, RT60 0.8 s": (
        lambda audio: degradations.with_reverb(audio, rt60_seconds=0.8),
        {"dereverb": dereverb},
    ),
    "reverb, RT60 1.5 s": (
        lambda audio: degradations.with_reverb(audio, rt60_seconds=1.5),
        {"dereverb": dereverb},
    ),
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
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("jobs", nargs="*", default=[""], help="beginnings of kinds of damage")
    parser.add_argument("--recordings", type=Path, help="a folder of WAV, FLAC, OGG or MP3")
    parser.add_argument("--held-out", action="store_true", help="every second recording")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    clean = recordings(asked.recordings, held_out=asked.held_out)
    print(f"{len(clean)} recordings: {', '.join(clean)}")
    if not shutil.which("ffmpeg"):
        print("ffmpeg is not installed: its rows are left out")
    row = "{:<24}{:<30}{:>9}{:>9}{:>9}{:>9}"
    print(row.format("", "", "before", "after", "harm", "s/min"))
    for job in JOBS:
        if job.startswith(tuple(asked.jobs)):
            for who, *cells in measured(job, list(clean.values())):
                print(row.format(job, who, *cells), flush=True)


def recordings(folder: Path | None, *, held_out: bool) -> dict[str, Audio]:
    """Return ten seconds of each recording, from the middle of long ones, by name."""
    if folder is None:
        with as_file(files("resonate_graph") / "recordings" / "groove.ogg") as path:
            return {"groove": excerpt(read_audio(path))}
    kinds = {".wav", ".flac", ".ogg", ".mp3"}
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds)
    paths = [path for path in paths if "hiss" not in path.stem]  # noise alone is no recording
    return {path.stem: excerpt(read_audio(path)) for path in paths[1 if held_out else 0 :: 2]}


def excerpt(audio: Audio) -> Audio:
    """Return ten seconds, from the middle of what is much longer."""
    start = audio.frames // 2 if audio.duration_seconds > 3 * SECONDS else 0
    return audio.with_samples(audio.samples[:, start:][:, : round(SECONDS * audio.sample_rate)])


def measured(job: str, clean: list[Audio]) -> list[tuple[str, ...]]:
    """Return who did a job, SI-SDR before and after, harm and time, as texts."""
    damage, repairs = JOBS[job]
    rows: list[tuple[str, ...]] = []
    for who, how in repairs.items():
        if isinstance(how, str) and not shutil.which("ffmpeg"):
            continue
        late = not job.startswith(("hum", "rumble"))
        repair = through_ffmpeg(how, late=late) if isinstance(how, str) else how
        before: list[float] = []
        after: list[float] = []
        harms: list[float] = []
        times: list[float] = []
        for sound in clean:
            try:
                damaged = damage(sound)
                if not before and not isinstance(how, str):
                    repair(damaged.with_samples(damaged.samples[:, :44_100]))  # imports, caches
                start = processor_seconds()
                repaired = repair(damaged)
                minutes = sound.duration_seconds * sound.channels / 2 / 60
                times.append((processor_seconds() - start) / minutes)
            except subprocess.TimeoutExpired:
                times.append(TIME_LIMIT * 60 / SECONDS)
                break
            except (ValueError, NodeError):  # s-sounds, at 8 kHz
                continue
            untouched = repair(sound)
            before.append(si_sdr_db(damaged, sound))
            after.append(si_sdr_db(repaired, untouched if "rumble" in job else sound))
            harms.append(harm_db(untouched, sound))
        if len(after) < len(times):
            rows.append((who, "", "", "", f"> {times[-1]:.0f}"))
        else:
            harm = "none" if max(harms) == -np.inf else f"{max(harms):.0f} dB"
            harm = "" if "profile" in job else harm  # a clean sound has no such noise
            cells = (f"{np.mean(before):.1f} dB", f"{np.mean(after):.1f} dB", harm)
            rows.append((who, *cells, f"{np.mean(times):.1f}"))
    return rows


def processor_seconds() -> float:
    """Return what this process and those it started have used of processors."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def harm_db(changed: Audio, clean: Audio) -> float:
    """Return the energy of what was changed against the recording's."""
    lost = np.sum((changed.samples.astype(np.float64) - clean.samples) ** 2)
    whole = np.sum(np.square(clean.samples, dtype=np.float64))
    return float(10 * np.log10(lost / whole)) if lost else -np.inf


def through_ffmpeg(filters: str, *, late: bool = True) -> Repair:
    """Return a repair by filters of ffmpeg, by way of WAV files of 32-bit float.

    Args:
        filters: as they stand after ``-af``.
        late: they delay the sound, by what is not told: it is looked for and taken out.
    """

    def repair(audio: Audio) -> Audio:
        with tempfile.TemporaryDirectory() as name:
            source, target = Path(name) / "in.wav", Path(name) / "out.wav"
            audio.save(source)
            command = ["ffmpeg", "-loglevel", "error", "-threads", "1", "-filter_threads", "1"]
            command += ["-i", str(source), "-af", filters]
            subprocess.run(
                [*command, "-c:a", "pcm_f32le", str(target)], check=True, timeout=TIME_LIMIT
            )
            heard = read_audio(target)
            return aligned(heard, audio) if late else heard

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
