"""The page of ``resonate demo``: its figures, and what it made to hear and see side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from .. import Audio
from .._base.publish import publish
from .._experiment import page
from .._experiment.pictures import picture

#: Headings and rows.
Table: TypeAlias = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class Shown:
    """A sound on the page.

    Attributes:
        label: what it is called.
        sound: the sound.
        file: where it lies.
    """

    label: str
    sound: Audio
    file: Path


def write_page(
    folder: Path, title: str, tables: Sequence[Table], groups: Mapping[str, Sequence[Shown]]
) -> Path:
    """Write ``report.html`` into a folder, and a picture of each sound; return the page's path."""
    body = "\n".join(page.table(*one) for one in tables)
    for heading, sounds in groups.items():
        body += "\n" + page.section(heading, [_card(one, folder) for one in sounds])
    content = page.document(title, body).encode()
    return publish(folder / "report.html", lambda file: file.write(content))


def _card(shown: Shown, folder: Path) -> str:
    drawn = picture(shown.sound, shown.label)
    name = f"{shown.file.relative_to(folder).with_suffix('').as_posix().replace('/', '-')}.png"
    path = publish(folder / "pictures" / name, lambda file: file.write(drawn))
    return page.card(page.player(shown.label, shown.label, shown.file, str(path), folder))
