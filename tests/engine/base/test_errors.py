from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from resonate_graph import (
    AudioError,
    BatchError,
    Cancelled,
    GraphError,
    InputError,
    InputsError,
    ManifestError,
    MissingModelError,
    NodeFault,
    OverwriteError,
    ParamError,
    Problem,
    ResonateError,
    RunError,
    StoreError,
)

UNREADABLE = InputError(Path("take.wav"), "it is cut off")
ERRORS = [
    AudioError("1 sample is not finite"),
    BatchError([None, None], {1: UNREADABLE}),
    Cancelled("it was asked to stop"),
    GraphError("repair.json", [Problem("unknown-type", "no node type 'gat'", "/nodes/a/type", 3)]),
    UNREADABLE,
    InputsError({"mix": UNREADABLE, "voice": UNREADABLE}),
    ManifestError("songs.csv", ["line 2: no column 'path'"]),
    MissingModelError("htdemucs", "it is not here", instead=["mini"]),
    NodeFault("gate", ZeroDivisionError("division by zero")),
    OverwriteError.of([Path("a.wav"), Path("b.wav")]),
    ParamError("overlap is 2: it takes a ratio", param="overlap"),
    RunError("level", "gate", ParamError("it is too low"), place="gate.py:3"),
    StoreError("it is read-only"),
]


def facts(error: ResonateError) -> dict[str, str]:
    return {name: repr(value) for name, value in vars(error).items()}


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_another_process_is_the_same(error: ResonateError) -> None:
    """A pool of processes hangs, or breaks, where an error cannot be made again."""
    sent = pickle.loads(pickle.dumps(error))
    assert type(sent) is type(error)
    assert str(sent) == str(error)
    assert facts(sent) == facts(error)
