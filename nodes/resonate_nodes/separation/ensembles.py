"""Ensembles in a line: which model gives which stem, and how much it counts.

``vocals:bs_roformer+drums,bass,other:htdemucs_ft`` takes vocals from one model and the rest from
another; ``vocals:3*bs_roformer+vocals:htdemucs_ft`` averages two estimates of one stem, of which
the first counts three times as much. A model without stems before it counts for all it has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from resonate_graph import ParamError

#: What a model may be called.
MODEL = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"

_STEMS = r"[a-z][a-z0-9_]*(?:,[a-z][a-z0-9_]*)*"
_WEIGHT = r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
_TERM = rf"(?:{_STEMS}:)?(?:{_WEIGHT}\*)?{MODEL}"

_ENSEMBLE = rf"{_TERM}(?:\+{_TERM})*"

#: What the param of a model may hold; `terms` says more of what is none.
PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.,:*+-]*$"

#: In which order the stems of several models stand; those of other names come after them.
_ORDER = ("drums", "bass", "other", "vocals", "guitar", "piano")


@dataclass(frozen=True)
class Term:
    """A model of an ensemble.

    Attributes:
        model: its name.
        stems: the stems it counts for; all it has where none is named.
        weight: how much it counts, beside others of the same stem.
    """

    model: str
    stems: tuple[str, ...] = ()
    weight: float = 1.0


def terms(text: str) -> tuple[Term, ...]:
    """Return the models of an ensemble; a plain name is an ensemble of one.

    Raises:
        ParamError: it is neither.
    """
    if not re.fullmatch(_ENSEMBLE, text):
        raise ParamError(
            f"{text!r} names no model and no ensemble; one is written like "
            "'vocals:NAME+drums,bass:OTHER'",
            param="model",
        )
    return tuple(map(_term, text.split("+")))


def _term(text: str) -> Term:
    stems, _, rest = text.rpartition(":")
    weight, _, model = rest.rpartition("*")
    return Term(model, tuple(stems.split(",")) if stems else (), float(weight or 1))


def in_order(stems: Sequence[str]) -> tuple[str, ...]:
    """Return stems once each, in the order in which models have them."""
    known = [stem for stem in _ORDER if stem in stems]
    return (*known, *dict.fromkeys(stem for stem in stems if stem not in _ORDER))
