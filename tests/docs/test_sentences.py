"""What is said to show the sentences of the pages is there, and so are the sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT
from tests.docs.sentences import EVIDENCE, evidence, evidence_file, lacking, sentences, trouble

#: The pages of which not each sentence has something that shows it.
INCOMPLETE = {
    # it is made of docstrings and signatures; whether these are so is for the tests of each node
    "docs/nodes.md",
}
COMPLETE = sorted({str(page.relative_to(ROOT)) for page in PAGES} - INCOMPLETE)

WITH_EVIDENCE = [page for page in PAGES if evidence_file(page).exists()]


@pytest.mark.parametrize("page", WITH_EVIDENCE, ids=lambda page: str(page.relative_to(ROOT)))
def test_evidence_is_of_what_the_page_says_and_is_there(page: Path) -> None:
    found = evidence(page)
    assert [one for one in found if one not in set(sentences(page))] == []
    shown_by = {said for all_said in found.values() for said in all_said}
    assert {said: why for said in sorted(shown_by) if (why := trouble(said))} == {}


@pytest.mark.parametrize("name", COMPLETE)
def test_each_sentence_has_something_that_shows_it(name: str) -> None:
    page = ROOT / name
    assert lacking(page) == [], f"say in {evidence_file(page).relative_to(ROOT)} what shows it"


def test_all_evidence_is_of_a_page() -> None:
    assert set(EVIDENCE.rglob("*.txt")) == {evidence_file(page) for page in WITH_EVIDENCE}


def test_what_is_not_there_shows_nothing() -> None:
    assert trouble("definition") == ""
    assert trouble("$ make torture") == ""
    assert trouble("$ python -m tests.fuzz 30") == ""
    assert "test" in trouble("tests/docs/test_sentences.py::test_of_another_name")
    assert "file" in trouble("tests/docs/test_sentence.py::test_of_another_name")
    assert "target" in trouble("$ make coffee")
    assert "module" in trouble("$ python -m tests.benchmarks.coffee")
