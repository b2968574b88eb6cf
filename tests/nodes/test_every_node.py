"""What every node owes for every sound. A new node joins these tests by being in the catalog.

What that is stands in `resonate_graph.testing`, by which any pack tries its own; what each stock
node is given is in `catalog`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from resonate_graph import Audio, Store, testing
from tests.depth import sampled
from tests.nodes.catalog import DRAWING, NODES, SUBJECTS, WITH_OPTIONAL_INPUTS

every_node = pytest.mark.parametrize("name", NODES)
pytestmark = pytest.mark.filterwarnings("ignore::resonate_graph.ResonateWarning")

#: What takes long to draw is tried with these sounds; `measuring/test_pictures` has more.
DRAWN = ("0 samples", "far beyond full scale", "8000 Hz")


def sounds(name: str, among: Iterable[str] = testing.SOUNDS, *, torture: bool) -> list[str]:
    """Return the sounds that a node is tried with."""
    return [one for one in among if torture or name not in DRAWING or one in DRAWN]


@pytest.fixture(autouse=True)
def _models(tiny_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(tiny_models))


@every_node
def test_the_input_untouched_and_a_valid_result_or_an_error_of_ours(
    name: str, torture: bool
) -> None:
    testing.result_is_valid(SUBJECTS[name], sounds(name, torture=torture))


@every_node
@sampled(20)
def test_again_the_same(name: str, torture: bool) -> None:
    testing.again_the_same(SUBJECTS[name], sounds(name, testing.AGAIN, torture=torture))


@every_node
@sampled(16)
def test_the_same_in_a_graph_and_from_a_store(name: str, tmp_path: Path, torture: bool) -> None:
    tried = sounds(name, testing.STORED, torture=torture)
    testing.same_in_a_graph(SUBJECTS[name], tmp_path, tried)


@every_node
@sampled(20)
def test_an_ordinary_sound_is_no_error_and_is_computed_once(
    name: str, excerpt: Audio, store: Store
) -> None:
    second = excerpt.with_samples(excerpt.samples[:, : excerpt.sample_rate])
    testing.computed_once(SUBJECTS[name], second, store)


@pytest.mark.parametrize("name", WITH_OPTIONAL_INPUTS)
def test_with_its_optional_inputs_connected(name: str, torture: bool) -> None:
    tried = sounds(name, (*testing.STORED, *testing.AGAIN), torture=torture)
    testing.valid_with_optional_inputs(SUBJECTS[name], tried)
