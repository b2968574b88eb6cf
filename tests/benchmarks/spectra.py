"""Spectra by scipy and by torchaudio on a device: ``python -m tests.benchmarks.spectra [SECONDS]``.

What `overview`, `plot_spectrogram` and `dereverb` take of a sound, in seconds of one processor, and
how much of that is spectra: no device can win more. Then what the same spectra take by torchaudio's
transforms on the CPU and on each accelerator, there with the way to it and back, and how far they
are from scipy's. Each is the best of three. It says so where there is no accelerator; spectra are
complex numbers, which stay off Apple's.

Set ``OMP_NUM_THREADS=1`` to keep the libraries below from waiting for each other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import Audio, devices, overview, read_audio, torchaudio
from resonate_nodes import dereverb, plot_spectrogram
from resonate_nodes.repair.stft import Stft, Synthesis, sine_window

Single = NDArray[np.float32]
Spectra = NDArray[np.complex64]

#: As `overview` has them for four minutes at 44.1 kHz, and `dereverb` at any length.
SHOWN_WINDOW, SHOWN_HOP = 4096, 2048
ROOM_WINDOW = 2048
SHOWN_AT_ONCE, ROOM_AT_ONCE = 1 << 17, 1024


def powers_by_scipy(samples: Single) -> Single:
    """Return the powers of a stretch as `overview` has them: (channels, frames, bins)."""
    from scipy.fft import rfft

    shape = np.hanning(SHOWN_WINDOW + 1)[:-1].astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, SHOWN_WINDOW, axis=1)
    spectra = rfft(windows[:, ::SHOWN_HOP] * shape, axis=2)
    powers: Single = spectra.real**2 + spectra.imag**2
    return powers


def powers_on(device: str, samples: Single) -> Single:
    """Return the same by torchaudio on a device, fetched from there."""
    import torch

    transform = torchaudio().transforms.Spectrogram(
        SHOWN_WINDOW, hop_length=SHOWN_HOP, power=2, center=False
    )
    found = transform.to(device)(torch.from_numpy(np.array(samples)).to(device))
    powers: Single = found.transpose(1, 2).cpu().numpy()
    return powers


def on_device(device: str, parts: Sequence[Single]) -> None:
    """Bring all stretches of a sound to powers on a device."""
    for part in parts:
        powers_on(device, part)


def there_and_back_on(device: str, stft: Stft) -> float:
    """Bring the stretches of a sound to spectra and back on a device; return how far that is off.

    Between the two `dereverb` computes on the CPU, so the spectra go there and come from there.
    """
    import torch

    window = torch.from_numpy(stft.window).to(device)
    transform = (
        torchaudio()
        .transforms.Spectrogram(
            ROOM_WINDOW, hop_length=stft.hop, power=None, center=False, window_fn=lambda _: window
        )
        .to(device)
    )
    worst = -np.inf
    for first in range(0, stft.count, ROOM_AT_ONCE):
        last = min(first + ROOM_AT_ONCE, stft.count)
        start = (first - 3) * stft.hop
        heard = stft._stretch(start, start + (last - first + 3) * stft.hop)
        spectra = transform(torch.from_numpy(np.array(heard)).to(device)).cpu().numpy()
        worst = max(worst, off_db(spectra.transpose(0, 2, 1), stft.spectra(first, last)))
        back = torch.fft.irfft(torch.from_numpy(spectra).to(device), ROOM_WINDOW, dim=1)
        back.cpu().numpy()
    return worst


def there_and_back(stft: Stft) -> None:
    """Do the same as `dereverb` does it."""
    synthesis = Synthesis(stft, stft.window)
    for first in range(0, stft.count, ROOM_AT_ONCE):
        synthesis.add(stft.spectra(first, min(first + ROOM_AT_ONCE, stft.count)))


def off_db(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Return how far spectra are from others, in dB of their greatest value."""
    return float(20 * np.log10(np.abs(found - wanted).max() / np.abs(wanted).max() + 1e-30))


def best(call: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the fewest seconds that a call took, of three after a first one."""
    taken = []
    for _ in range(4):
        start = clock()
        call()
        taken.append(clock() - start)
    return min(taken[1:])


def main() -> None:
    """Print the tables."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 240.0
    with as_file(files("resonate_graph") / "recordings" / "groove.ogg") as path:
        groove = read_audio(path)
    frames = round(seconds * groove.sample_rate)
    sound = groove.with_samples(np.tile(groove.samples, frames // groove.frames + 1)[:, :frames])
    starts = range(0, frames - SHOWN_WINDOW, SHOWN_AT_ONCE)
    parts = [sound.samples[:, start : start + SHOWN_AT_ONCE + SHOWN_WINDOW] for start in starts]
    short = Audio(sound.samples[:, : 30 * groove.sample_rate], groove.sample_rate)
    stft = Stft(short.samples, sine_window(ROOM_WINDOW))

    shown = best(lambda: [powers_by_scipy(part) for part in parts])
    room = best(lambda: there_and_back(stft))
    print(f"{seconds:g} s of stereo ({short.duration_seconds:g} s for dereverb); processor seconds")
    print(f"{'':<20}{'whole':>8}{'of it spectra':>22}")
    for name, whole, part in (
        ("overview", best(lambda: overview(sound, bands=360)), shown),
        ("plot_spectrogram", best(lambda: plot_spectrogram(sound)), shown),
        ("dereverb", best(lambda: dereverb(short)), room),
    ):
        print(f"{name:<20}{whole:>7.2f} {part:>14.2f} ({part / whole:>4.0%})")

    print(f"\n{'spectra by':<20}{'of pictures':>14}{'of dereverb':>14}{'off by':>12}")
    print(f"{'scipy':<20}{shown:>12.2f} s{room:>12.2f} s")
    accelerators = [one for one in devices() if one.kind != "cpu" and one.usable]
    for device in ["cpu", *(one.id for one in accelerators)]:
        if device == "mps":
            print("mps: spectra are complex numbers, which stay off it")
            continue
        clock = time.process_time if device == "cpu" else time.perf_counter
        of_pictures = best(partial(on_device, device, parts), clock)
        of_room = best(partial(there_and_back_on, device, stft), clock)
        off = max(
            there_and_back_on(device, stft),
            *(off_db(powers_on(device, part), powers_by_scipy(part)) for part in parts[:2]),
        )
        name = f"torchaudio, {device}"
        print(f"{name:<20}{of_pictures:>12.2f} s{of_room:>12.2f} s{off:>9.0f} dB")
    if not accelerators:
        print("no accelerator here")


if __name__ == "__main__":
    main()
