"""`RunContext`: what the engine hands to a node that asks for it by a first parameter `ctx`."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from .._base.errors import Cancelled, NodeError, ResonateWarning
from .._machine.capacity import this_machine
from .._sound.workspace import Workspace
from .notes import Note, checked_note

Outputs = TypeVar("Outputs", bound=tuple[Any, ...])

#: How a node computes that says nothing else: in 32-bit floats, alike on every device.
FP32: Final = "fp32"


class NotComputed:
    """Stands in a node's result for an output port that nobody wanted."""

    def __init__(self, port: str, why: str) -> None:
        self._port = port
        self._why = why

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self.error()

    def error(self) -> NodeError:
        """Return the error that says why the port is empty."""
        return NodeError(f"output {self._port!r} was not computed: {self._why}")

    def __repr__(self) -> str:
        return f"<not computed: {self._port}>"


def _ignore_progress(done: float, total: float) -> None:
    pass


def _warn_the_caller(code: str, message: str) -> None:
    warnings.warn(f"{code}: {message}", ResonateWarning, stacklevel=4)


def _never() -> bool:
    return False


@dataclass
class RunContext:
    """The node's side of a run.

    Attributes:
        device: where to compute: ``cpu``, ``mps`` or ``cuda:N``.
        wanted: the output ports somebody needs; the others need not be computed.
        besides: output ports that nobody needs now and that are kept for later, where the node
            said that they come out of the same work (`node`'s ``besides``).
        models: the folder that was named for model weights, None for the usual places.
        numerics: how it is to compute, where that depends on the device: what its `numerics` hook
            said, and the key of its result has.
        threads: how many threads of the CPU the node may keep busy; others may be at work on the
            rest. One on an accelerator.
        on_progress: called with (done, total), in any unit.
        on_warning: called with (code, message).
        cancelled: whether the run was asked to stop.
        workspace: where long results are written as they come, for a next run to go on with
            should this one be killed.
        did: what the node noted that it did.
    """

    device: str = "cpu"
    wanted: frozenset[str] = frozenset()
    besides: frozenset[str] = frozenset()
    models: Path | None = None
    numerics: str = FP32
    threads: int = field(default_factory=lambda: this_machine().threads)
    on_progress: Callable[[float, float], None] = _ignore_progress
    on_warning: Callable[[str, str], None] = _warn_the_caller
    cancelled: Callable[[], bool] = _never
    workspace: Workspace = field(default_factory=lambda: Workspace(None), repr=False)
    did: dict[str, Note] = field(default_factory=dict, repr=False)
    _scratch: tempfile.TemporaryDirectory[str] | None = field(default=None, repr=False)

    def progress(self, done: float, total: float) -> None:
        """Report progress, and stop here if the run was asked to.

        Raises:
            Cancelled: the run was asked to stop.
        """
        self.check_cancelled()
        self.on_progress(done, total)

    def check_cancelled(self) -> None:
        """Stop here if the run was asked to.

        Raises:
            Cancelled: the run was asked to stop.
        """
        if self.cancelled():
            raise Cancelled("the run was cancelled")

    def warn(self, code: str, message: str) -> None:
        """Say something that the person who reads the result has to know."""
        self.on_warning(code, message)

    def note(self, **figures: int | float | bool | str | Sequence[int | float | str]) -> None:
        """Say what the node did, in figures; what several calls say is joined.

        Notes are kept in the record beside the outputs, so that a step that was computed before
        tells them too. They stand in the report, in the events and in the provenance, and
        `did_in_words` makes words of them. They are part of no key.

        Args:
            figures: numbers, texts, truths, or lists of these, by a name in snake_case that ends
                in its unit: ``clicks_removed=84, gain_db=-3.5``. ``summary`` is a sentence that
                people read in place of the others.

        Raises:
            NodeError: a name is not in snake_case, or JSON cannot hold a value, such as infinity.

        Example:
            >>> from resonate_graph import did_in_words
            >>> ctx = RunContext()
            >>> ctx.note(clicks_removed=84, samples_replaced_percent=0.02)
            >>> ctx.did
            {'clicks_removed': 84, 'samples_replaced_percent': 0.02}
            >>> did_in_words(ctx.did)
            '84 clicks removed, 0.02 % of samples replaced'
        """
        for name, value in figures.items():
            self.did[name] = checked_note(name, value)

    @property
    def scratch(self) -> Path:
        """A folder for temporary files; it is gone once the node returns."""
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="resonate-")
        return Path(self._scratch.name)

    def close(self) -> None:
        """Remove the scratch folder, and let go of the files in the workspace."""
        self.workspace.close()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def outputs(
        self,
        kind: type[Outputs],
        values: Mapping[str, object],
        *,
        why: str = "it was not asked for",
    ) -> Outputs:
        """Return the node's outputs where only some were computed.

        Args:
            kind: the NamedTuple that declares the outputs.
            values: the outputs that were computed, by port.
            why: what somebody is told who touches one of the others.
        """
        fields: Final[tuple[str, ...]] = kind._fields  # type: ignore[attr-defined]
        missing: dict[str, object] = {
            name: NotComputed(name, why) for name in fields if name not in values
        }
        return kind(**values, **missing)
