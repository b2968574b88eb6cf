"""What every node owes for every sound, as tests that any pack of nodes can run.

A plugin of pytest. In a pack's ``tests/conftest.py`` stands ``pytest_plugins =
["resonate_graph.testing"]``, and in a module of tests::

    import tape_nodes
    from resonate_graph.testing import Check, every_node

    @every_node(tape_nodes, neutral={"soften": {"amount_percent": 0}})
    def test_what_a_node_owes(check: Check) -> None:
        check()

Each node of the module is tried: for anything that is valid audio it gives a valid result or one of
this library's own errors; rate, length and channels stay, but of nodes that are meant to change
them; it leaves its input as it was, and gives the same again: called, in a graph, from a store; it
is computed once; nothing moves in time. What else is said of a node is measured: that it changes
nothing at its neutral setting, and how much it may change clean sound.

The stock nodes are tried by the same checks. The fixtures `clean_sound` and `store` come along.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest

from .. import Audio, Node, Store
from .owed import (
    AGAIN,
    STORED,
    again_the_same,
    changes_at_most,
    computed_once,
    nothing_moves,
    require_same,
    require_valid,
    result_is_valid,
    same_in_a_graph,
    valid_with_optional_inputs,
)
from .sounds import SOUNDS, change_db, lag, music
from .subject import Outcome, Subject

__all__ = [
    "AGAIN",
    "SOUNDS",
    "STORED",
    "Check",
    "Outcome",
    "Subject",
    "again_the_same",
    "change_db",
    "changes_at_most",
    "computed_once",
    "every_node",
    "lag",
    "music",
    "nothing_moves",
    "require_same",
    "require_valid",
    "result_is_valid",
    "same_in_a_graph",
    "valid_with_optional_inputs",
]


@dataclass(frozen=True)
class Check:
    """One thing that one node owes; call it."""

    name: str
    body: Callable[[Path], None]

    def __call__(self) -> None:
        """Try it.

        Raises:
            AssertionError: the node does not do it; the message says with which sound.
        """
        with TemporaryDirectory() as folder:
            self.body(Path(folder))

    def __repr__(self) -> str:
        return self.name


def every_node(
    nodes: ModuleType | Iterable[Node[..., Any]],
    *,
    params: Mapping[str, Mapping[str, Any]] | None = None,
    neutral: Mapping[str, Mapping[str, Any]] | None = None,
    harm_db: Mapping[str, float] | None = None,
    makers: Mapping[type, Node[..., Any]] | None = None,
    reshapes: Collection[str] = (),
    delays: Collection[str] = (),
    takes_mono: Collection[str] = (),
) -> pytest.MarkDecorator:
    """Have a test called with all that every node owes, as its argument ``check``.

    Nodes are named as their functions are.

    Args:
        nodes: the module of a pack, or some nodes.
        params: of a node, values of the params that have no default.
        neutral: of a node, params at which it changes nothing.
        harm_db: of a node, how much energy what it changes of clean music may have at its defaults,
            in dB against the music.
        makers: for inputs that take a `Report` or a `File`: nodes that make one of a sound.
        reshapes: nodes that are meant to change the rate, the length or the channels.
        delays: nodes that are meant to move a sound in time.
        takes_mono: nodes whose inputs have one channel.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio, node
        >>> @node(version=1)
        ... def louder(audio: Audio, *, gain_db: float = 6.0) -> Audio:
        ...     return audio.with_samples(audio.samples * 10 ** (gain_db / 20))
        >>> mark = every_node([louder], neutral={"louder": {"gain_db": 0.0}})
        >>> [one.id for one in mark.args[1]][:2]
        ['louder-result_is_valid', 'louder-again_the_same']
    """
    found = _nodes_of(nodes)
    for table in (params, neutral, harm_db, dict.fromkeys((*reshapes, *delays, *takes_mono))):
        unknown = sorted((table or {}).keys() - found.keys())
        assert not unknown, f"there is no node {', '.join(unknown)}; there are: {', '.join(found)}"
    checks = []
    for name, node in found.items():
        subject = Subject(
            node,
            params=(params or {}).get(name, {}),
            makers=makers or {},
            reshapes=name in reshapes,
            takes_mono=name in takes_mono,
        )
        for what, body in _owed(subject, name in delays):
            checks.append(Check(f"{name}-{what}", body))
        if neutral and name in neutral:
            body = partial(_unchanged, subject, -120.0, neutral[name])
            checks.append(Check(f"{name}-neutral_setting", body))
        if harm_db and name in harm_db:
            body = partial(_unchanged, subject, harm_db[name], None)
            checks.append(Check(f"{name}-clean_music_passes", body))
    return pytest.mark.parametrize("check", [pytest.param(one, id=one.name) for one in checks])


def _nodes_of(nodes: ModuleType | Iterable[Node[..., Any]]) -> dict[str, Node[..., Any]]:
    values: Iterable[Any] = nodes
    if isinstance(nodes, ModuleType):  # which may import what it offers when it is asked for
        offered = (getattr(nodes, name) for name in getattr(nodes, "__all__", ()))
        values = [*vars(nodes).values(), *offered]
    return {one.type.name: one for one in values if isinstance(one, Node)}


def _owed(subject: Subject, delays: bool) -> Iterator[tuple[str, Callable[[Path], None]]]:
    yield "result_is_valid", lambda folder: result_is_valid(subject)
    yield "again_the_same", lambda folder: again_the_same(subject)
    yield "same_in_a_graph", lambda folder: same_in_a_graph(subject, folder)
    yield "computed_once", lambda folder: computed_once(subject, music(), Store(folder))
    if any(port.optional for port in subject.node_type.inputs):
        yield "optional_inputs", lambda folder: valid_with_optional_inputs(subject)
    kinds = [
        {port.type.name for port in ports}
        for ports in (subject.node_type.inputs, subject.node_type.outputs)
    ]
    if all("audio" in one for one in kinds) and not (delays or subject.reshapes):
        yield "nothing_moves", lambda folder: nothing_moves(subject, music())


def _unchanged(
    subject: Subject, limit_db: float, params: Mapping[str, Any] | None, folder: Path
) -> None:
    changes_at_most(subject, music(), limit_db, params)


@pytest.fixture(scope="session")
def clean_sound() -> Audio:
    """Two seconds of clean music, made up."""
    return music()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store of the test's own."""
    return Store(tmp_path / "store")
