"""Models that installed packages bring, and whether they are still what was packed.

A package with models registers under the entry point group ``resonate_graph.models`` a package
that holds them, in the layout of any models folder. Where that has a dict ``DIGESTS`` (file name
to blake3), its weights are compared with it before they are used.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from resonate_graph import ModelError, ResonateWarning

GROUP = "resonate_graph.models"

#: Ours; also where nothing is installed, as in a source tree. It goes before all others.
_OWN = "resonate_nodes.models"


@dataclass(frozen=True)
class Pack:
    """A package that holds models.

    Attributes:
        origin: where it came from, for messages.
        folders: where its files lie; none where it cannot be used.
        digests: blake3 by file name; None where it does not say.
        trouble: why it cannot be used; empty where it can.
    """

    origin: str
    folders: tuple[Path, ...] = ()
    digests: Mapping[str, str] | None = None
    trouble: str = ""

    def verify(self, model: str, file: Path, digest: str) -> None:
        """Compare a weights file with what was packed.

        Raises:
            ModelError: it is another.
        """
        if self.digests is None or self.digests.get(file.name) == digest:
            return
        why = "its digest is another" if file.name in self.digests else "it does not belong there"
        raise ModelError(model, f"{file}: this is not what {self.origin} brought: {why}; {_REMEDY}")

    def require(self, model: str) -> None:
        """Refuse that a model is missing which the package says it brings.

        Raises:
            ModelError: it is missing.
        """
        for name in self.digests or ():
            if Path(name).stem == model:
                raise ModelError(model, f"{self.origin} has lost its file {name}; {_REMEDY}")


_REMEDY = "install it again, or name a folder that has the model with --models"


@lru_cache(maxsize=1)
def packs() -> tuple[Pack, ...]:
    """Return the installed packages with models, ours first; looks once per process.

    Of one that cannot be used a `ResonateWarning` tells, and the others work without it.
    """
    points = sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name)
    return tuple(load_packs(points))


def load_packs(points: list[metadata.EntryPoint]) -> Iterator[Pack]:
    """Yield our pack and those of some entry points."""
    yield _loaded(_OWN, "resonate_graph")
    for point in points:
        if point.value == _OWN:
            continue
        distribution = point.dist.name if point.dist else "unknown distribution"
        pack = _loaded(point.value, f"pack {point.name!r} of {distribution} ({point.value})")
        if pack.trouble:
            warnings.warn(f"models of {pack.origin}: {pack.trouble}", ResonateWarning, stacklevel=4)
        yield pack


def _loaded(module: str, origin: str) -> Pack:
    try:
        package = importlib.import_module(module)
        folders = tuple(map(Path, package.__path__))
        digests = _digests_of(package)
    except (Exception, SystemExit) as error:  # whatever somebody's package raises
        reason = str(error).splitlines()[0] if str(error) else "no more is known"
        return Pack(origin, trouble=f"cannot be used: {type(error).__name__}: {reason}")
    if not any(folder.is_dir() for folder in folders):
        return Pack(origin, trouble="is no folder of files")
    return Pack(origin, tuple(folder for folder in folders if folder.is_dir()), digests)


def _digests_of(package: Any) -> Mapping[str, str] | None:
    digests = getattr(package, "DIGESTS", None)
    if digests is None:
        return None
    if not isinstance(digests, Mapping):
        raise TypeError("DIGESTS is no dict of file names and digests")
    return {str(name): str(digest) for name, digest in digests.items()}
