"""torchaudio is imported in whatever installation: with its compiled part, or without."""

from __future__ import annotations

import pytest

from resonate_graph import Audio, torchaudio
from resonate_graph._machine.torch_audio import torchaudio_state

pytestmark = pytest.mark.torch


def test_what_is_written_in_python_works() -> None:
    import torch

    module = torchaudio()
    tone = torch.sin(torch.arange(4800) * 2 * torch.pi * 1000 / 48_000)[None]
    assert module.functional.resample(tone, 48_000, 24_000).shape == (1, 2400)
    power = module.transforms.Spectrogram(n_fft=480, power=2)(tone)[0].mean(dim=1)
    assert int(power.argmax()) == 10


def test_it_is_the_same_module_each_time() -> None:
    assert torchaudio() is torchaudio()


def test_what_was_done_is_said() -> None:
    said = torchaudio_state()
    assert said.startswith(f"torchaudio {torchaudio().__version__}")
    compiled = torchaudio()._extension._IS_TORCHAUDIO_EXT_AVAILABLE
    assert bool(compiled) == ("left out" not in said)


def test_what_needs_the_compiled_part_says_so() -> None:
    """Not a crash, and not a wrong alignment."""
    import torch

    if torchaudio()._extension._IS_TORCHAUDIO_EXT_AVAILABLE:
        pytest.skip("this torchaudio fits the torch beside it")
    lengths = torch.tensor([4]), torch.tensor([2])
    with pytest.raises(RuntimeError, match="compiled part"):
        torchaudio().functional.forced_align(
            torch.zeros(1, 4, 3), torch.ones(1, 2, dtype=torch.int32), *lengths
        )


def test_its_spectra_are_those_of_scipy(excerpt: Audio) -> None:
    """To the rounding of 32-bit floats: of the pictures' and of `dereverb`'s."""
    from resonate_nodes.repair.stft import Stft, sine_window
    from tests.benchmarks import spectra

    part = excerpt.samples[:, :40_000]
    wanted = spectra.powers_by_scipy(part)
    assert spectra.off_db(spectra.powers_on("cpu", part), wanted) < -120
    stft = Stft(part, sine_window(spectra.ROOM_WINDOW))
    assert spectra.there_and_back_on("cpu", stft) < -120
