"""The page of ``resonate demo``: what was gained, and all it made to be heard side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from .. import Store
from .._base.publish import publish
from .._page import parts
from .._page.player import Track, player
from .._page.terms import explained

#: Headings and rows.
Table: TypeAlias = tuple[list[str], list[list[str]]]


def write_page(
    folder: Path,
    title: str,
    lead: str,
    gained: Sequence[parts.Figure],
    players: Mapping[str, Sequence[Track]],
    tables: Mapping[str, Table],
    facts: Mapping[str, Mapping[str, str]],
    store: Store,
) -> Path:
    """Write ``report.html`` into a folder, with what its players load; return the page's path.

    Args:
        folder: where the files of the tracks lie, too.
        title: its heading.
        lead: what this is, in a sentence.
        gained: the figures that say most.
        players: the tracks of each player, by its heading.
        tables: headings and rows of tables, by the heading of each.
        facts: names and what they are, by the heading of each list.
        store: where loudness is kept.
    """
    told: set[str] = set()
    body = explained(parts.figures(gained), told)
    for heading, tracks in players.items():
        body += parts.section(
            heading, player(tracks, folder=folder, label=heading, stems="All stems", store=store)
        )
    for heading, shown in tables.items():
        body += parts.section(heading, explained(parts.table(*shown), told))
    for heading, items in facts.items():
        body += parts.section(heading, parts.facts(items))
    content = parts.document(title, body, lead=lead).encode()
    return publish(folder / "report.html", lambda file: file.write(content))
