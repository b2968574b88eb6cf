"""``resonate models``: what nodes know of models, at the width of a terminal."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from resonate_graph import Catalog, KnownModel, node
from resonate_graph._cli import main

Printed = Callable[..., str]

LONG_URL = f"https://example.org/{90 * 'l'}.ckpt"

KNOWN = [
    KnownModel("mini", "HDemucs", ("drums", "vocals"), here="/models", licence="MIT"),
    KnownModel(
        "large", "BS-RoFormer", ("vocals",), source=LONG_URL,
        files=(
            {"name": "large.ckpt", "sha256": 64 * "a", "url": LONG_URL},
            {"name": "large.yaml"},
        ),
        sdr_db={"vocals": 10.9}, sdr_from="songs that nobody has, as its author says",
        note="By somebody, who said a good deal about it and how it should be used, and when.",
    ),
]  # fmt: skip


def known(folder: Path | None) -> list[KnownModel]:
    return KNOWN if folder is None else KNOWN[:1]


@node(models=known)
def take_apart(*, model: str = "mini") -> float:
    """Take nothing apart."""
    return float(len(model))


@pytest.fixture
def printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Printed]:
    """What ``resonate models`` prints, and whether it ends well."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(Catalog, "installed", lambda: [take_apart.type])

    def call(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["models", *arguments])
        assert ended.value.code == code
        told = capsys.readouterr()
        return told.out or told.err

    yield call
    signal.signal(signal.SIGTERM, before)


def test_models_are_listed_with_what_is_here_and_their_licence(printed: Printed) -> None:
    lines = printed().splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[:2] for line in lines[1:]] == [["mini", "yes"], ["large", "no"]]
    assert lines[2].endswith("no licence known")
    assert len(printed("--models", "here").splitlines()) == 2


def test_one_is_shown_in_full(printed: Printed) -> None:
    text = printed("show", "large")
    assert max(len(line) for line in text.splitlines() if "https" not in line) <= 80
    for label in ("source", "from  "):  # an address that is broken cannot be copied
        assert f"\n  {label}    {LONG_URL}\n" in text
    words = " ".join(text.split())
    assert f"SHA-256 {64 * 'a'} file large.yaml SHA-256 not known" in words
    assert "here no: put its files into your folder of models; what has no digest is not" in words
    assert "no licence known: that is no permission to use it" in words
    assert "vocals 10.9 dB (songs that nobody has, as its author says)" in words


def test_the_same_as_a_document(printed: Printed) -> None:
    found: dict[str, Any] = json.loads(printed("--json"))
    assert [one["name"] for one in found["models"]] == ["mini", "large"]
    large = json.loads(printed("show", "large", "--json"))
    assert large == found["models"][1]
    assert (large["licence"], large["here"], large["node"]) == (None, None, "take_apart")


def test_another_name_is_told_the_nearest(printed: Printed) -> None:
    assert "did you mean 'large'" in printed("show", "larg", code=2).replace("\n", " ")
