"""Links between pages lead somewhere, every page can be found, a fact stands in one place."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, anchors, links, prose

LINKED = [
    *PAGES,
    ROOT / "examples/mini_model/README.md",
    ROOT / "nodes/resonate_nodes/models/mini.md",
]


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_is_in_the_contents() -> None:
    contents = ROOT / "docs" / "README.md"
    listed = {(contents.parent / link).resolve() for link in links(contents)}
    assert {page for page in PAGES if page.name != "README.md"} <= listed


def test_a_newcomer_reads_the_readme_in_five_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 1200


def test_a_sentence_stands_in_one_place() -> None:
    """Docstrings may say alike what nodes have in common, so their page is left out."""
    sentences: Counter[str] = Counter()
    for page in PAGES:
        if page.name != "nodes.md":
            flat = " ".join(prose(page).split())
            sentences.update(one for one in re.split(r"(?<=[.:;|]) ", flat) if len(one) > 40)
    assert [one for one, count in sentences.items() if count > 1] == []
