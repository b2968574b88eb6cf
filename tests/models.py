"""Small models of Demucs' real classes, with random weights, in Demucs' own folder layout."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

SOURCES = ["drums", "bass", "other", "vocals"]
SEGMENT = Fraction(3, 2)


def small_htdemucs(seed: int, **changes: Any) -> Any:
    """Return a small HTDemucs with random weights."""
    settings: dict[str, Any] = {
        "channels": 8,
        "nfft": 1024,
        "depth": 4,
        "t_layers": 1,
        "t_heads": 2,
        "segment": SEGMENT,
    }
    return _htdemucs(seed, {**settings, **changes})


def small_hdemucs() -> Any:
    """Return a small HDemucs with random weights."""
    import torch
    from demucs.hdemucs import HDemucs

    with torch.random.fork_rng():
        torch.manual_seed(7)
        return HDemucs(SOURCES, channels=4, nfft=1024, depth=4, segment=1).eval()


def small_spectral_hdemucs(*, masks: bool, wiener_iters: int = -1) -> Any:
    """Return a small HDemucs without a branch in time, random weights.

    Args:
        masks: whether it gives the sizes of spectra, with the mix's phase; else whole spectra.
        wiener_iters: how often masks are refined by a Wiener filter; -1 for no such filter.
    """
    import torch
    from demucs.hdemucs import HDemucs

    kind = {"cac": not masks, "wiener_iters": wiener_iters, "end_iters": wiener_iters}
    with torch.random.fork_rng():
        torch.manual_seed(9)
        return HDemucs(
            SOURCES, channels=4, nfft=1024, depth=4, dconv_lstm=3, hybrid=False, segment=1, **kind
        ).eval()


def small_demucs() -> Any:
    """Return a small Demucs with random weights."""
    import torch
    from demucs.demucs import Demucs

    with torch.random.fork_rng():
        torch.manual_seed(8)
        return Demucs(SOURCES, channels=4, depth=4, segment=1).eval()


#: What stems are made of in `linear_htdemucs`: by stem, by channel, the share of each channel.
EVERYTHING = np.array([np.eye(2)] * 4)
MIDDLE_AND_SIDES = np.array(
    [np.zeros((2, 2)), np.zeros((2, 2)), [[0.5, -0.5], [-0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]]
)


def linear_htdemucs(shares: NDArray[np.float64]) -> Any:
    """Return an HTDemucs whose stems are sums of the mix's channels; its weights are set by hand.

    The branch in time takes four samples apart and puts them together again, far above where GELU
    bends; the branch in frequency gives a constant, of which little is heard.

    Args:
        shares: of shape (stems, channels of the stem, channels of the mix). `EVERYTHING` makes
            every stem the mix, `MIDDLE_AND_SIDES` gives what both channels share to the vocals.
    """
    import torch

    lift, channels, middle = 40.0, 8, 2
    settings = {"channels": channels, "nfft": 1024, "depth": 1, "t_layers": 0, "dconv_mode": 0}
    model = _htdemucs(0, {**settings, "segment": SEGMENT})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        encoder, decoder = model.tencoder[0], model.tdecoder[0]
        for channel in range(channels):
            side, tap = channel // 4, channel % 4 + middle
            encoder.conv.weight[channel, side, tap] = 1
            shared = torch.from_numpy(shares[..., side].reshape(-1))
            decoder.conv_tr.weight[channel, :, tap] = 0.5 * shared  # what goes in comes twice
        encoder.conv.bias.fill_(lift)
        for rewrite, tap in ((encoder.rewrite, 0), (decoder.rewrite, 1)):
            for channel in range(channels):
                rewrite.weight[channel, channel, tap] = 1
            rewrite.bias[channels:] = lift  # the gates stand open
        encoder.rewrite.bias[:channels] = -lift
    return model


def full_size_htdemucs(seed: int) -> Any:
    """Return an HTDemucs of the size of the released ones (42 M parameters), random weights."""
    settings = {"bottom_channels": 512, "dconv_mode": 3, "t_layers": 5, "segment": Fraction(39, 5)}
    return _htdemucs(seed, settings)


def _htdemucs(seed: int, settings: dict[str, Any]) -> Any:
    import torch
    from demucs.htdemucs import HTDemucs

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: Any = HTDemucs(**{"sources": SOURCES, **settings})
    return model.eval()


def save_th(model: Any, path: Path) -> Path:
    """Write a model as Demucs' trainer does."""
    import torch

    args, kwargs = model._init_args_kwargs
    package = {
        "klass": type(model),
        "args": args,
        "kwargs": kwargs,
        "state": model.state_dict(),
        "training_args": {"epochs": 1},
    }
    torch.save(package, path)
    return path


def write_models(folder: Path, *, segment: Fraction = SEGMENT) -> Path:
    """Write `htdemucs` (one model) and `htdemucs_ft` (four, one per stem)."""
    for index in range(4):
        save_th(small_htdemucs(index, segment=segment), folder / f"small{index}.th")
    (folder / "htdemucs.yaml").write_text(yaml.safe_dump({"models": ["small0"]}))
    bag = {
        "models": [f"small{index}" for index in range(4)],
        "weights": [[float(row == column) for column in range(4)] for row in range(4)],
    }
    (folder / "htdemucs_ft.yaml").write_text(yaml.safe_dump(bag))
    return folder


def separated_by_demucs(
    model: Any,
    samples: NDArray[np.float32],
    *,
    shifts: int = 0,
    overlap: float = 0.25,
    device: str = "cpu",
) -> NDArray[np.float32]:
    """Return (stems, channels, frames) as `demucs.api.Separator.separate_tensor` computes them.

    The mean of the mix, which it adds to every stem, is in ``other`` alone. The API itself takes
    models by name only.
    """
    import torch
    from demucs.apply import apply_model

    wav = torch.from_numpy(samples.copy())
    mono = wav.mean(0)
    mean, deviation = mono.mean(), mono.std() + 1e-8
    with torch.no_grad():
        out = apply_model(
            model, ((wav - mean) / deviation)[None], shifts=shifts, overlap=overlap, device=device
        )
    stems = (out * deviation)[0]
    if "other" in model.sources:
        stems[model.sources.index("other")] += mean
    found: NDArray[np.float32] = stems.cpu().numpy()
    return found
