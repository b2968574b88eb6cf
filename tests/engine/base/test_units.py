from __future__ import annotations

import pytest

from resonate_graph import Audio, Catalog, Report, node, unit_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("threshold_db", ("threshold", "dB")),
        ("slope_db_per_octave", ("slope", "dB/octave")),
        ("clicks_per_minute", ("clicks", "per minute")),
        ("true_peak_dbtp", ("true peak", "dBTP")),
        ("ratio", ("ratio", "")),
        ("samples", ("samples", "")),
        ("db", ("db", "")),
        ("", ("", "")),
    ],
)
def test_the_end_of_a_name_is_its_unit(name: str, expected: tuple[str, str]) -> None:
    assert unit_of(name) == expected


class Level(Report):
    """A level.

    Attributes:
        peak_dbfs: the highest sample,
            of all channels.
    """

    peak_dbfs: float
    rms_dbfs: float | None = None


@node()
def level(audio: Audio, *, window_ms: float = 3.0, other: bool = False) -> Level:
    """Measure.

    Args:
        audio: the sound.
        window_ms: how long it looks: at
            least one sample.
    """
    return Level(peak_dbfs=0.0)


def test_what_a_docstring_says_is_in_the_schema() -> None:
    fields = Level.model_json_schema()["properties"]
    assert fields["peak_dbfs"]["description"] == "the highest sample, of all channels."
    assert "description" not in fields["rms_dbfs"]
    params = level.type.params.model_json_schema()["properties"]
    assert params["window_ms"]["description"] == "how long it looks: at least one sample."
    assert params["window_ms"]["default"] == 3.0
    assert "description" not in params["other"]


def test_what_is_said_of_a_param_decides_nothing() -> None:
    @node()
    def silent(audio: Audio, *, window_ms: float = 3.0, other: bool = False) -> Level:
        return Level(peak_dbfs=0.0)

    assert silent.type.check_params({}) == silent.type.check_params({"window_ms": 3})
    one, other = (each.type.check_params({}).model_dump() for each in (silent, level))
    assert one == other
    assert Catalog.installed().broken == ()
