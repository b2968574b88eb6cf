"""Models that installed packages bring, and whether they are still what was packed.

A package with models registers under the entry point group ``resonate_graph.models`` a package
that holds them, in the layout of any models folder. Where that has a dict ``DIGESTS`` (file name
to blake3), the files of a model are compared with it before they are used.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
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
        """Compare a file of a model with what was packed.

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
            if model in ((stem := Path(name).stem), stem.rpartition("-")[0]):
                raise ModelError(model, f"{self.origin} has lost its file {name}; {_REMEDY}")


_REMEDY = "install it again, or name a folder that has the model with `models=...`"


def packs() -> Iterator[Pack]:
    """Yield the packages with models, ours first, and import each only when it is asked for.

    Of one that cannot be used a `ResonateWarning` tells, once; the others work without it.
    """
    yield _loaded(_OWN, "resonate_graph")
    for module, origin in _installed():
        yield _loaded(module, origin)


@lru_cache(maxsize=1)
def _installed() -> tuple[tuple[str, str], ...]:
    """Return the packages of others: module, and where it came from."""
    points = sorted(metadata.entry_points(group=GROUP), key=lambda point: point.name)
    found = []
    for point in points:
        distribution = point.dist.name if point.dist else "unknown distribution"
        found.append((point.value, f"pack {point.name!r} of {distribution} ({point.value})"))
    return tuple(one for one in found if one[0] != _OWN)


@cache
def _loaded(module: str, origin: str) -> Pack:
    try:
        package = importlib.import_module(module)
        folders = tuple(path for path in map(Path, package.__path__) if path.is_dir())
        if not folders:
            raise NotADirectoryError("it is no folder of files")
        return Pack(origin, folders, _digests_of(package))
    except (Exception, SystemExit) as error:  # whatever somebody's package raises
        reason = (str(error).splitlines() or [""])[0]
        trouble = f"cannot be used: {type(error).__name__}: {reason}"
    warnings.warn(f"models of {origin}: {trouble}", ResonateWarning, stacklevel=4)
    return Pack(origin, trouble=trouble)


def _digests_of(package: Any) -> Mapping[str, str] | None:
    digests = getattr(package, "DIGESTS", None)
    if digests is None:
        return None
    if not isinstance(digests, Mapping):
        raise TypeError("DIGESTS is no dict of file names and digests")
    return {str(name): str(digest) for name, digest in digests.items()}
