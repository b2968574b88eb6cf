"""docs/licences.md names every package it installs whose licence binds those who pass it on."""

from __future__ import annotations

import re
from importlib import metadata

from tests.docs.pages import ROOT


def licence(distribution: str) -> str:
    """Return what a package says of its licence, in the three places where packages do."""
    said = metadata.metadata(distribution).json
    words = [said.get("license_expression"), str(said.get("license"))[:100], said.get("classifier")]
    return " ".join(map(str, words))


def test_copyleft_licences_are_named() -> None:
    required = [one for one in metadata.requires("resonate-graph") or [] if "extra ==" not in one]
    names = [found[0] for one in required if (found := re.match(r"[\w-]+", one))]
    copyleft = {name for name in names if re.search(r"GPL|GNU", licence(name))}
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert (
        {"pedalboard", "mutagen", "lameenc"}
        <= copyleft
        <= set(re.findall(r"^\| (\S+)", page, re.M))
    )
