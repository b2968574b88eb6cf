"""Recordings cut off at the top, and what stands in: ``python -m tests.benchmarks.bandwidth``.

Each recording is cut at 4, 8, 11 and 16 kHz (a linear-phase filter, -100 dB from 3 % above), and
each way is asked for what is missing. Printed are means over the recordings:

- LSD: the log-spectral distance above the cut to what was there, in dB: the root of the mean square
  over frequencies of the difference of the levels, its mean over frames of 2,048 samples. Levels
  more than 96 dB under the loudest of the recording count as that: 16 bits hold no more.
- below: SI-SDR of what is below the cut against what went in: nothing there may change.
- level: the energy above the cut against what was there.

EnCodec (A. Défossez, J. Copet, G. Synnaeve, Y. Adi, 2022; its model for 48 kHz stereo at
24 kbit/s) is no dependency: version 0.1.1 and its weights are for non-commercial use (CC BY-NC
4.0). With ``pip install --no-deps encodec`` and ``--models DIR``, a folder that holds
``encodec_48khz-7e698e3e.th`` (or another ``encodec_48khz*.th``), it codes the cut recording and
its output above the cut is added to it. ``--random`` writes random weights and loads those: it
shows that the loading works, and nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from resonate_graph import Audio, torchaudio
from resonate_nodes import extend_bandwidth, resample
from tests.benchmarks.restoration import Repair, recordings
from tests.signals import Array, decibels, si_sdr_db

CUTS_HZ = (4000.0, 8000.0, 11_000.0, 16_000.0)
FRAME, HOP, RANGE_DB = 2048, 512, 96.0


def band(audio: Audio, cut_hz: float, *, above: bool) -> Audio:
    """Return what lies below or above a frequency, by a linear-phase filter without delay."""
    from scipy.signal import firwin, kaiserord, oaconvolve

    half = audio.sample_rate / 2
    taps, beta = kaiserord(100.0, 0.03 * cut_hz / half)
    middle = cut_hz * (1.0 if above else 1.015)
    coefficients = firwin(
        taps | 1, middle, window=("kaiser", beta), pass_zero=not above, fs=audio.sample_rate
    )
    samples = audio.samples.astype(np.float64)
    return audio.with_samples(oaconvolve(samples, coefficients[None], mode="same", axes=1))


def levels_db(audio: Audio, cut_hz: float, floor: float) -> Array:
    """Return the levels above a frequency, of shape (channels, frames, bins)."""
    frames = np.lib.stride_tricks.sliding_window_view(audio.samples, FRAME, axis=1)[:, ::HOP]
    spectra = np.abs(np.fft.rfft(frames * np.hanning(FRAME), axis=2))
    first = int(np.ceil(1.03 * cut_hz / audio.sample_rate * FRAME))
    return np.asarray(20 * np.log10(np.maximum(spectra[:, :, first:], floor)))


def figures(found: Audio, given: Audio, whole: Audio, cut_hz: float) -> tuple[float, float, float]:
    """Return LSD above the cut, SI-SDR below it, and the level above it."""
    spectra = np.fft.rfft(whole.samples[:, : whole.frames // FRAME * FRAME].reshape(-1, FRAME)
                          * np.hanning(FRAME))  # fmt: skip
    floor = np.abs(spectra).max() * 10 ** (-RANGE_DB / 20)
    apart = levels_db(found, cut_hz, floor) - levels_db(whole, cut_hz, floor)
    distance = float(np.sqrt(np.mean(apart**2, axis=2)).mean())
    low, wanted = (band(one, 0.97 * cut_hz, above=False) for one in (found, given))
    below = np.inf if low == wanted else si_sdr_db(low, wanted)
    high, there = (np.std(band(one, cut_hz, above=True).samples) for one in (found, whole))
    return distance, below, decibels(float(high / there)) if high else -np.inf


def encodec_model(folder: Path) -> Any:
    """Load EnCodec's model for 48 kHz from a folder, without unpickling code.

    Raises:
        FileNotFoundError: there are no such weights.
        ImportError: EnCodec is not installed.
        pickle.UnpicklingError: the file holds something else than weights.
    """
    weights = next(iter(sorted(folder.glob("encodec_48khz*.th"))), None)
    if weights is None:
        raise FileNotFoundError(f"there is no encodec_48khz*.th in {folder}")
    import torch

    torchaudio()  # which it imports, and which does not load everywhere
    from encodec.model import EncodecModel

    model = EncodecModel.encodec_model_48khz(pretrained=False)
    model.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    model.set_target_bandwidth(24.0)
    return model.eval()


def write_random(folder: Path) -> None:
    """Write weights that know nothing, where `encodec_model` finds them."""
    import torch

    torchaudio()
    from encodec.model import EncodecModel

    torch.manual_seed(0)
    model = EncodecModel.encodec_model_48khz(pretrained=False)
    torch.save(model.state_dict(), folder / "encodec_48khz-random.th")


def by_encodec(model: Any, cut_hz: float) -> Repair:
    """Return a repair that takes from EnCodec what lies above a frequency."""
    import torch

    def extend(audio: Audio) -> Audio:
        there = resample(audio, sample_rate=model.sample_rate)
        both = np.broadcast_to(there.samples, (2, there.frames)).copy()
        with torch.no_grad():
            heard = model(torch.from_numpy(both)[None])[0, : audio.channels].numpy()
        back = resample(Audio(heard, model.sample_rate), sample_rate=audio.sample_rate)
        high = band(back, 1.03 * cut_hz, above=True).samples[:, : audio.frames]
        return audio.with_samples(audio.samples + high)

    return extend


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, help="a folder of WAV, FLAC, OGG or MP3")
    parser.add_argument("--models", type=Path, help="a folder with EnCodec's weights")
    parser.add_argument("--random", action="store_true", help="EnCodec with random weights")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    model = None
    with tempfile.TemporaryDirectory() as name:
        if asked.random:
            write_random(Path(name))
        if folder := Path(name) if asked.random else asked.models:
            model = encodec_model(folder)
    sounds = recordings(asked.recordings, held_out=False)
    row = "{:<10}{:<32}{:>10}{:>10}{:>10}"
    print(f"{len(sounds)} recordings: {', '.join(sounds)}")
    print(row.format("cut, Hz", "", "LSD", "below", "level"))
    for cut_hz in CUTS_HZ:
        ways: dict[str, Repair] = {
            "nothing": lambda audio: audio,
            "extend_bandwidth": extend_bandwidth,
            "extend_bandwidth, told the cut": partial(extend_bandwidth, cutoff_hz=cut_hz),
        }
        if model is not None:
            ways["EnCodec" + ", random weights" * asked.random] = by_encodec(model, cut_hz)
        wide = [one for one in sounds.values() if one.sample_rate > 2.5 * cut_hz]
        for name, way in ways.items():
            found = []
            for whole in wide:
                given = band(whole, cut_hz, above=False)
                found.append(figures(way(given), given, whole, cut_hz))
            distance, below, level = np.mean(found, axis=0)
            cells = [f"{distance:.1f} dB", "same" if np.isinf(below) else f"{below:.0f} dB"]
            print(row.format(f"{cut_hz:.0f}", name, *cells, f"{level:.1f} dB"), flush=True)


if __name__ == "__main__":
    main()
