"""Programs that tests compare with.

A test that needs one says ``@needs("ffmpeg")``. On a user's machine it is skipped where that is not
installed, and one line at the end says what to install. With ``--all-tools``, as in CI, it fails.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from functools import cache
from pathlib import Path

import platformdirs
import pytest

#: What to install for each program: so it is called in Debian, and mostly elsewhere.
PACKAGES = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "flac": "flac", "sox": "sox",
            "chromium": "chromium"}  # fmt: skip
#: Packages of Python that are an extra of ours, likewise.
EXTRAS = {"streamlit": "resonate-graph[app]"}


def needs(program: str) -> pytest.MarkDecorator:
    """Mark a test that starts another program, or takes a package that not everybody has."""
    assert {program} & {*PACKAGES, *EXTRAS}, f"say in PACKAGES what brings {program}"
    return pytest.mark.needs(program)


def place_of(program: str) -> str | None:
    """Return where a program is: on PATH, or a browser where Playwright has put it."""
    if program in EXTRAS:
        found = importlib.util.find_spec(program)
        return None if found is None else found.origin
    return shutil.which(program) or (_playwrights_own() if program == "chromium" else None)


@cache
def _playwrights_own() -> str | None:
    folder = os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or platformdirs.user_cache_path(
        "ms-playwright", appauthor=False
    )
    patterns = ("chrome-linux*/chrome", "chrome-mac*/*/Contents/MacOS/*", "chrome-win*/chrome.exe")
    found = (path for one in patterns for path in Path(folder).glob(f"chromium-*/{one}"))
    return next(map(str, found), None)


def look_for_what_it_needs(item: pytest.Item) -> None:
    """Skip a test whose program is missing, or let it fail where all of them are to be there."""
    needed = (mark.args[0] for mark in item.iter_markers("needs"))
    if all(map(place_of, needed)):
        return
    known = {**PACKAGES, **EXTRAS}
    absent = {package for program, package in known.items() if not place_of(program)}
    # the same words for every test, so that pytest tells of them in one line
    reason = f"to compare with other programs, install {', '.join(sorted(absent))}"
    if item.config.getoption("--all-tools"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
