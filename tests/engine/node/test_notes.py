"""Notes: which a node may take, and how people read them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph import Audio, NodeError, RunContext, did_in_words, node

FIGURES = (
    st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
NAMES = st.from_regex(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", fullmatch=True).filter(lambda s: s != "self")


def noted(**figures: Any) -> dict[str, Any]:
    ctx = RunContext()
    ctx.note(**figures)
    return ctx.did


# -- what may be noted ----------------------------------------------------------------------------


@given(st.dictionaries(NAMES, FIGURES | st.lists(FIGURES, max_size=3), max_size=4))
def test_what_json_holds_may_be_noted_and_is_what_json_gives_back(figures: dict[str, Any]) -> None:
    did = noted(**figures)
    assert did == figures
    assert list(did) == list(figures)
    again = json.loads(json.dumps(did))
    assert did_in_words(again) == did_in_words(did)
    assert [type(one) for one in again.values()] == [type(one) for one in did.values()]


def test_several_notes_are_joined_in_order() -> None:
    ctx = RunContext()
    ctx.note(clicks_removed=1, level_db=-3.0)
    ctx.note(level_db=-4.0, channels=2)
    assert list(ctx.did.items()) == [("clicks_removed", 1), ("level_db", -4), ("channels", 2)]


def test_figures_of_numpy_become_plain_ones() -> None:
    did = noted(count=np.int64(3), level_db=np.float32(-0.5), found=np.bool_(True), a_hz=(1, 2))
    assert did == {"count": 3, "level_db": -0.5, "found": True, "a_hz": [1, 2]}
    assert [type(one) for one in did.values()] == [int, float, bool, list]


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"level_db": math.inf}, r"'level_db' is inf, which JSON cannot hold"),
        ({"level_db": math.nan}, r"'level_db' is nan, which JSON cannot hold"),
        ({"count": 2**53}, r"'count' is 9007199254740992, which JSON cannot hold"),
        ({"name": "\ud800"}, r"'name' is .*, which JSON cannot hold"),
        ({"places_seconds": [0.5, -math.inf]}, r"'places_seconds' is \[0.5, -inf\], which JSON"),
        ({"mask": np.zeros(3)}, r"'mask' is array.*: a note is a number, a text, a truth, or a"),
        ({"what": None}, r"'what' is None: a note is a number"),
        ({"what": {"a": 1}}, r"'what' is \{'a': 1\}: a note is a number"),
        ({"what": [[1]]}, r"'what' is \[\[1\]\]: a note is a number"),
        ({"levelDb": 1}, r"a note is called 'levelDb': names are in snake_case"),
        ({"level__db": 1}, r"a note is called 'level__db': names are in snake_case"),
    ],
)
def test_what_may_not_be_noted_is_said_of_the_note(figures: Any, message: str) -> None:
    with pytest.raises(NodeError, match=message):
        noted(**figures)


def test_a_plain_call_notes_for_whoever_gives_a_context() -> None:
    @node()
    def halve(ctx: RunContext, audio: Audio) -> Audio:
        ctx.note(gain_db=-6.0206)
        return audio.with_samples(audio.samples / 2)

    sound = Audio(np.ones((1, 4)), 8000)
    ctx = RunContext()
    assert halve.type.call(ctx, sound) == halve(sound)
    assert did_in_words(ctx.did) == "gain -6.0 dB"


# -- in words -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({}, ""),
        (
            {"clicks_removed": 84, "samples_replaced_percent": 0.02},
            "84 clicks removed, 0.02 % of samples replaced",
        ),
        ({"clicks_removed": 1}, "1 click removed"),
        ({"clicks_removed": 0}, "no clicks removed"),
        ({"clicks_removed": 12345}, "12,345 clicks removed"),
        ({"notches": 1, "passes": 1, "frequencies": 1}, "1 notch, 1 pass, 1 frequency"),
        ({"ratio": 2.0, "loss": 3}, "ratio 2, loss 3"),
        ({"ratio": 1.23456}, "ratio 1.23"),
        ({"gain_db": 3.0, "integrated_lufs": -14}, "gain 3.0 dB, integrated -14.0 LUFS"),
        ({"gain_db": 0.02, "drop_db": -0.001}, "gain 0.02 dB, drop 0.00 dB"),
        ({"peak_dbtp": -0.999}, "peak -1.0 dBTP"),
        ({"filled_percent": 12.34, "left_percent": 100.0}, "12 % of filled, 100 % of left"),
        ({"cut_percent": 0.00021}, "0.00021 % of cut"),
        ({"delay_us": -12.345, "rate_hz": 44100}, "delay -12.3 µs, rate 44,100 Hz"),
        ({"phase_degrees": 90}, "phase 90°"),
        ({"model": "htdemucs", "resumed": True}, "model htdemucs, resumed"),
        ({"hum_found": False}, "no hum found"),
        ({"frequencies_hz": [50, 100.0, 150]}, "frequencies 50, 100 and 150 Hz"),
        ({"frequencies_hz": [59.94]}, "frequencies 59.9 Hz"),
        ({"frequencies_hz": []}, "no frequencies"),
        ({"places_seconds": [1, 2, 3, 4, 5, 6]}, "places 1, 2, 3, 4 s and 2 more"),
        (
            {"rate_before_hz": 44100, "rate_after_hz": 48000, "steps_before": 1, "steps_after": 2},
            "rate 44,100 to 48,000 Hz, steps 1 to 2",
        ),
        ({"peak_before_dbfs": -1.0}, "peak before -1.0 dBFS"),
        ({"hums_found": 0, "summary": "no hum found"}, "no hum found"),
    ],
)
def test_names_and_units_make_the_words(figures: dict[str, Any], words: str) -> None:
    assert did_in_words(noted(**figures)) == words


@given(st.floats(-1e6, 1e6), st.sampled_from(["x_db", "x_percent", "x_hz", "x_seconds", "x"]))
def test_rounded_figures_are_near_the_figures(value: float, name: str) -> None:
    words = did_in_words({name: value}).replace(",", "")
    said = float(next(word for word in words.split() if word[0].isdigit() or word[0] == "-"))
    # one decimal of levels, else two or three digits that count
    assert said == pytest.approx(value, rel=0.051, abs=0.051 if name == "x_db" else 0)
