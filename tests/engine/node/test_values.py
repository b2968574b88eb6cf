from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from resonate_graph import Audio, File, Report
from resonate_graph._node.ports import PortType
from resonate_graph._node.values import digest


class Level(Report):
    peak_db: float
    channels: int = 2


class DetailedLevel(Level):
    note: str = ""


class Loudness(Report):
    peak_db: float
    channels: int = 2


# -- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["", "wav", ".", ".tar.gz", "./evil", ".w v", "..wav"])
def test_a_suffix_is_a_dot_and_a_word(suffix: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        File(b"", suffix)


def test_a_file_does_not_print_its_bytes() -> None:
    assert repr(File(b"0123456789", ".mp3")) == "File(10 bytes, '.mp3')"


def test_a_files_digest_covers_bytes_and_suffix() -> None:
    files = [File(b"a", ".wav"), File(b"b", ".wav"), File(b"a", ".flac"), File(b"", ".wav")]
    assert len({digest(file) for file in files}) == 4
    assert digest(File(b"a", ".wav")) == digest(File(b"a", ".wav"))


# -- reports -----------------------------------------------------------------------------------


def test_reports_are_frozen_and_strict() -> None:
    level = Level(peak_db=-1.0)
    with pytest.raises(ValidationError, match="frozen"):
        level.peak_db = 0.0
    with pytest.raises(ValidationError, match="valid number"):
        Level.model_validate({"peak_db": "-1.0"})
    with pytest.raises(ValidationError, match="Extra inputs"):
        Level.model_validate({"peak_db": -1.0, "peek": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_reports_hold_finite_numbers_only(value: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Level(peak_db=value)


def test_a_reports_digest_covers_its_type_and_all_fields() -> None:
    values = [Level(peak_db=-1), Level(peak_db=-2), Level(peak_db=-1, channels=1),
              Loudness(peak_db=-1)]  # fmt: skip
    assert len({digest(value) for value in values}) == 4
    assert digest(Level(peak_db=-1)) == digest(Level(channels=2, peak_db=-1.0))


# -- scalars -----------------------------------------------------------------------------------


def test_scalars_that_python_calls_equal_have_different_digests() -> None:
    assert len({digest(True), digest(1), digest(1.0), digest("1"), digest("True")}) == 5


@given(st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(codec="utf-8")))
def test_equal_scalars_have_equal_digests(value: float | str) -> None:
    assert digest(value) == digest(type(value)(value))


# -- what may travel where ---------------------------------------------------------------------

TYPES = [Audio, File, Level, DetailedLevel, Loudness, float, int, str, bool]
FITS = {(one, one) for one in TYPES} | {(float, int), (Level, DetailedLevel)}


def test_a_port_accepts_its_own_type_its_subclasses_and_integers_as_numbers() -> None:
    fits = {
        (port, value)
        for port, value in product(TYPES, repeat=2)
        if PortType(port).accepts(PortType(value))
    }
    assert fits == FITS


def test_a_port_of_the_base_report_accepts_every_report() -> None:
    assert PortType(Report).accepts(PortType(Level))
    assert not PortType(Report).accepts(PortType(File))


def test_true_is_no_number_and_one_is_no_boolean() -> None:
    assert not PortType(int).holds(True)
    assert not PortType(float).holds(True)
    assert not PortType(bool).holds(1)
    assert PortType(float).holds(1)
    assert not PortType(int).holds(1.0)
