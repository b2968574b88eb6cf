"""Progress: what is said of steps, how much of all is done, and how long the rest will take."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from resonate_graph import (
    Event,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    PictureMade,
    RunFinished,
    RunPlanned,
    RunStarted,
    Warned,
)
from resonate_graph._cli.progress import ProgressDisplay
from resonate_graph._cli.work import Work, time_left


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def planned(total: float, **seconds: float) -> RunPlanned:
    return RunPlanned(seconds, total)


def test_what_is_left_goes_from_what_is_expected_to_what_is_seen() -> None:
    clock = Clock()
    work = Work(1, clock)
    assert (work.ratio(), work.seconds_left()) == (0.0, None)
    work.planned(0, planned(10.0, a=4.0, b=6.0))
    assert (work.ratio(), work.seconds_left(), work.steps()) == (0.0, 10.0, (0, 2))
    work.started(0, "a")
    clock.now += 8  # twice as slow as expected
    work.finished(0, "a")
    assert (work.ratio(), work.steps()) == (0.4, (1, 2))
    assert work.seconds_left() == pytest.approx((1.0 * 0.6 + 2.0 * 0.4) * 6)
    work.started(0, "b")
    work.progressed(0, "b", 0.5)
    assert work.ratio() == pytest.approx(0.7)
    work.finished(0, "b")
    work.ended(0)
    assert (work.ratio(), work.seconds_left(), work.is_done) == (1.0, 0.0, True)


def test_a_step_that_reports_nothing_moves_by_the_clock_but_is_never_believed_done() -> None:
    clock = Clock()
    work = Work(1, clock)
    work.planned(0, planned(10.0, a=10.0))
    work.started(0, "a")
    clock.now += 5
    assert work.ratio() == pytest.approx(0.5)
    clock.now += 500
    assert work.ratio() == pytest.approx(0.9)


def test_what_runs_at_the_same_time_is_not_counted_twice() -> None:
    work = Work(1, Clock())
    work.planned(0, planned(5.0, a=5.0, b=5.0))
    assert work.seconds_left() == 5.0


def test_runs_of_which_nothing_is_known_count_as_the_others() -> None:
    work = Work(4, Clock())
    work.planned(0, planned(10.0, a=10.0))
    work.planned(1, planned(20.0, a=20.0))
    assert work.seconds_left() == pytest.approx(60.0)
    work.ended(0)
    work.ended(1)
    assert work.ratio() == pytest.approx(0.5)
    assert work.ended_runs == 2


def test_a_run_of_which_all_is_stored_is_done_at_once() -> None:
    work = Work(1, Clock())
    work.planned(0, planned(0.0))
    work.ended(0)
    assert (work.ratio(), work.seconds_left(), work.is_done) == (0.0, None, True)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1.9, ""), (12.4, "about 12 s left"), (100, "about 2 min left"), (9000, "about 2.5 h left")],
)
def test_time_is_told_as_roughly_as_it_is_known(seconds: float, said: str) -> None:
    assert time_left(seconds) == said


EVENTS: list[Event] = [
    RunStarted("g", ("a", "b", "c")),
    NodeFinished("a", "gain", "cached", 0.0, {"clicks_removed": 3}),
    NodeFinished("b", "gain", "cached", 0.0),
    planned(30.0, c=30.0),
    NodeStarted("c", "declick", "cpu"),
    NodeProgress("c", 1, 4),
    Warned("careful", "raise `max_minutes=...`", "c"),
    NodeFinished("c", "declick", "ran", 1.25, {"clicks_removed": 84}),
    NodeWaiting("d", "gain"),
    NodeFinished("d", "gain", "cached", 0.0),
    RunFinished("done", 1.5),
]


def shown(*, terminal: bool = False, **how: bool) -> str:
    text = io.StringIO()
    console = Console(
        file=text, force_terminal=terminal, width=80, highlight=False, soft_wrap=True,
        color_system=None, legacy_windows=False,
    )  # fmt: skip
    with ProgressDisplay(console=console, **how) as display:
        for event in EVENTS:
            display(event)
    return text.getvalue()


def test_steps_that_are_reused_come_first_and_are_folded() -> None:
    assert shown().splitlines() == [
        "  2 reused",
        "  warning: c: raise --max-minutes MINUTES",
        "  c                ran 1.2 s  84 clicks removed",
        "  d                waits: another process computes the same",
        "  1 reused",
    ]


def test_verbose_says_each_of_them() -> None:
    assert shown(verbose=True).splitlines()[:2] == [
        "  a                reused     3 clicks removed",
        "  b                reused     gain",
    ]


def test_quiet_says_what_is_warned_of() -> None:
    assert shown(quiet=True) == "  warning: c: raise --max-minutes MINUTES\n"
    assert shown(quiet=True, terminal=True) == "  warning: c: raise --max-minutes MINUTES\n"


def test_on_a_terminal_there_is_a_bar_for_each_and_one_for_all() -> None:
    each, whole = bars_after(EVENTS[:6])
    assert each.split()[0] == "c"
    assert "25 %" in each
    assert whole.startswith("  0 of 1 steps")
    assert "25 %" in whole
    assert "left" in whole


def test_the_bar_for_all_is_one_where_a_page_is_made_after_the_runs() -> None:
    pictures, whole = bars_after([*EVENTS, PictureMade(1, 4)])
    assert pictures.startswith("  pictures 1 of 4")
    assert whole.startswith("  1 of 1 steps")


def bars_after(events: Sequence[Event]) -> list[str]:
    """Return the bars on a terminal as they are after some events."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    drawn = io.StringIO()
    with ProgressDisplay(console=console) as display:
        for event in events:
            display(event)
        Console(file=drawn, width=80).print(*display.bars())
    return drawn.getvalue().rstrip().splitlines()


def test_names_stand_in_a_column_as_wide_as_the_longest_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ProgressDisplay() as display:
        display(planned(2.0, short=1.0, a_name_that_is_longer=1.0))
        for name in ("short", "a_name_that_is_longer"):
            display(NodeFinished(name, "gain", "ran", 1.0))
    assert capsys.readouterr().err.splitlines() == [
        "  short                 ran 1.0 s  gain",
        "  a_name_that_is_longer ran 1.0 s  gain",
    ]
