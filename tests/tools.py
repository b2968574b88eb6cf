"""Programs that tests compare with.

A test that needs one says ``@needs("ffmpeg")``. On a user's machine it is skipped where that is not
installed, and one line at the end says what to install. With ``--all-tools``, as in CI, it fails.
"""

from __future__ import annotations

import shutil

import pytest

#: What to install for each program: so it is called in Debian, and mostly elsewhere.
PACKAGES = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "flac": "flac", "sox": "sox"}


def needs(program: str) -> pytest.MarkDecorator:
    """Mark a test that starts another program."""
    assert program in PACKAGES, f"say in PACKAGES what brings {program}"
    return pytest.mark.needs(program)


def look_for_what_it_needs(item: pytest.Item) -> None:
    """Skip a test whose program is missing, or let it fail where all of them are to be there."""
    needed = (mark.args[0] for mark in item.iter_markers("needs"))
    if all(shutil.which(program) for program in needed):
        return
    absent = {package for program, package in PACKAGES.items() if not shutil.which(program)}
    # the same words for every test, so that pytest tells of them in one line
    reason = f"to compare with other programs, install {', '.join(sorted(absent))}"
    if item.config.getoption("--all-tools"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
