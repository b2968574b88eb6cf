"""Which examples a property is tried with: few, always the same; with ``--torture`` many more."""

from __future__ import annotations

from hypothesis import settings

_FEW, _MANY = 25, 1000


def load_profile(*, torture: bool) -> None:
    """Say how many examples there are where a test does not say it itself, and which.

    What decides whether a change lands says the same of it each time; to look further, at random,
    is for the full counts. How long an example takes says more about the machine than about the
    code, so none has a deadline.
    """
    name = "torture" if torture else "resonate"
    settings.register_profile(
        name,
        deadline=None,
        derandomize=not torture,
        max_examples=_MANY if torture else _FEW,
    )
    settings.load_profile(name)


def examples(few: int) -> int:
    """Return how many examples there are of a property that takes long."""
    profile = settings.default
    assert profile is not None
    return few * profile.max_examples // _FEW
