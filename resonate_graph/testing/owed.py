"""What every node owes, one function for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import Audio, AudioError, File, NodeFault, Report, ResonateError, Store
from .sounds import SOUNDS, change_db, frame_by_frame, lag
from .subject import Outcome, Subject

#: Sounds that say something of graphs and stores: what is in them is the node's affair.
STORED = ("0 samples", "silence", "6 channels", "an odd rate")
#: Sounds with which a node is called twice. For the ones above, a graph is the second call.
AGAIN = ("100 samples", "full-scale square", "one silent channel", "9 channels", "8000 Hz")


def require_valid(outcome: Outcome) -> None:
    """Check that a node gave sound numbers, or an error that it meant."""
    if isinstance(outcome, ResonateError):
        assert str(outcome)
        assert not isinstance(outcome, NodeFault | AudioError), outcome
        return
    assert outcome
    for value in outcome.values():
        if isinstance(value, Audio):
            assert np.isfinite(value.samples).all()
        elif isinstance(value, Report):
            numbers = [one for one in value.model_dump().values() if isinstance(one, float)]
            assert np.isfinite(numbers).all()
        elif isinstance(value, File):
            assert value.content
        else:
            assert not isinstance(value, float) or np.isfinite(value)


def require_same(one: Outcome, other: Outcome) -> None:
    """Check that two outcomes are the same to the sample, or the same error."""
    if isinstance(one, ResonateError):
        assert type(one) is type(other)
        assert str(one) == str(other)
    else:
        assert one == other


def wrong(check: Callable[[str], None], sounds: Iterable[str]) -> list[str]:
    """Return what a check finds wrong, at each of some sounds."""
    found = []
    for sound in sounds:
        try:
            check(sound)
        except Exception as error:
            found.append(f"{sound}: {type(error).__name__}: {error}")
    return found


def _require_none(found: list[str]) -> None:
    assert not found, "\n".join(found)


def result_is_valid(subject: Subject, sounds: Iterable[str] = SOUNDS) -> None:
    """The input is untouched; the result is valid, of the input's shape, or an error of ours.

    An error for everything would pass; so most sounds have a result.
    """
    tried = list(sounds)

    def check(sound: str) -> None:
        audio, outcome = subject.given(SOUNDS[sound]()), subject.expected(sound)
        require_valid(outcome)
        if not subject.reshapes and not isinstance(outcome, ResonateError):
            for value in outcome.values():
                if isinstance(value, Audio):
                    assert value.sample_rate == audio.sample_rate
                    assert value.samples.shape == audio.samples.shape

    _require_none(wrong(check, tried))
    done = [not isinstance(subject.expected(sound), ResonateError) for sound in tried]
    assert sum(done) > len(done) / 2, "it refuses most sounds"


def again_the_same(subject: Subject, sounds: Iterable[str] = AGAIN) -> None:
    """Called twice, the node gives the same, to the sample, however the sound lies in memory.

    What a node is given comes out of another with one channel after the other, and out of a store
    frame by frame; numpy's sums go by that, and so does their rounding.
    """

    def check(sound: str) -> None:
        outcome = subject.called(frame_by_frame(subject.given(SOUNDS[sound]())))
        require_same(outcome, subject.expected(sound))

    _require_none(wrong(check, sounds))


def same_in_a_graph(subject: Subject, folder: Path, sounds: Iterable[str] = STORED) -> None:
    """A graph gives what the call gives, computed and from the store."""

    def check(sound: str) -> None:
        store = Store(folder / sound)
        audio, outcome = subject.given(SOUNDS[sound]()), subject.expected(sound)
        declared = [port.name for port in subject.node_type.outputs]
        ports = declared if isinstance(outcome, ResonateError) else list(outcome)
        alone = outcome if isinstance(outcome, ResonateError) else {ports[0]: outcome[ports[0]]}
        require_same(subject.in_a_graph(audio, ports[:1], False), alone)
        require_same(subject.in_a_graph(audio, ports, store), outcome)
        require_same(subject.in_a_graph(audio, ports, store), outcome)

    _require_none(wrong(check, sounds))


def computed_once(subject: Subject, sound: Audio, store: Store) -> None:
    """An ordinary sound is no error, and the second run takes all from the store."""
    sound = subject.given(sound)
    outcome = subject.called(sound)
    assert not isinstance(outcome, ResonateError), outcome
    runs = [subject.run(sound, list(outcome), store) for _ in range(2)]
    statuses = [{step["id"]: step["status"] for step in one.report["nodes"]} for one in runs]
    assert [one["it"] for one in statuses] == ["ran", "cached"]
    assert set(statuses[1].values()) <= {"cached", "skipped"}


def valid_with_optional_inputs(subject: Subject, sounds: Iterable[str] = (*STORED, *AGAIN)) -> None:
    """With its optional inputs connected the result is valid too, and the same again."""

    def check(sound: str) -> None:
        audio = subject.given(SOUNDS[sound]())
        outcome = subject.called(audio, optional=True)
        require_valid(outcome)
        require_same(subject.called(audio, optional=True), outcome)

    _require_none(wrong(check, sounds))


def changes_at_most(
    subject: Subject, sound: Audio, limit_db: float, params: Mapping[str, Any] | None = None
) -> None:
    """What the node changes of a sound has at most so much energy, in dB against the sound."""
    sound = subject.given(sound)
    outcome = subject.called(sound, params=params)
    assert not isinstance(outcome, ResonateError), outcome
    sounds = {port: one for port, one in outcome.items() if isinstance(one, Audio)}
    changed = {port: change_db(one, sound) for port, one in sounds.items()}
    assert changed
    assert {port: one for port, one in changed.items() if one > limit_db} == {}


def nothing_moves(subject: Subject, sound: Audio) -> None:
    """What is loud in the result stands where it stood."""
    sound = subject.given(sound)
    outcome = subject.called(sound)
    assert not isinstance(outcome, ResonateError), outcome
    sounds = {port: one for port, one in outcome.items() if isinstance(one, Audio)}
    loud = {port: one for port, one in sounds.items() if np.abs(one.samples).max() > 1e-3}
    assert {port: lag(one, sound) for port, one in loud.items()} == dict.fromkeys(loud, 0)
