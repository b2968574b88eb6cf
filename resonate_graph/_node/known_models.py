"""`KnownModel`: what is known of a model that a node takes, for people who choose one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class KnownModel:
    """What is known of a model, and where it lies on this machine.

    Attributes:
        name: what graphs call it.
        family: the kind of its network.
        stems: what it gives.
        here: where it lies; empty where it is not on this machine.
        source: where it was published.
        licence: of the weights, as who published them says; empty where none is known.
        files: what it consists of, each with a ``name``, and where they are known its ``url`` and
            ``sha256``.
        sdr_db: published signal-to-distortion ratios, by stem.
        sdr_from: where these are from, and on which music.
        speed: how long it takes, and where that was seen.
        note: what else one should know.

    Example:
        >>> KnownModel("mini", "HTDemucs", ("vocals",), licence="MIT").is_here
        False
    """

    name: str
    family: str
    stems: tuple[str, ...] = ()
    here: str = ""
    source: str = ""
    licence: str = ""
    files: tuple[Mapping[str, str], ...] = ()
    sdr_db: Mapping[str, float] = field(default_factory=dict)
    sdr_from: str = ""
    speed: str = ""
    note: str = ""

    @property
    def is_here(self) -> bool:
        """Whether it lies on this machine."""
        return bool(self.here)


#: What a node's `models` hook is: given the folder for model weights, None for the usual places,
#: the models it knows, and those that lie there.
KnownModels = Callable[["Path | None"], Sequence[KnownModel]]
