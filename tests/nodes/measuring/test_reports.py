"""Reports joined: nothing is lost, nothing is loaded, nothing is run."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from resonate_graph import Audio, File, NodeError, ParamError, Report
from resonate_nodes import (
    describe,
    detect_clicks,
    detect_clipping,
    html_report,
    json_report,
    measure_loudness,
    plot_waveform,
)
from tests import degradations
from tests.signals import place_in
from tests.tools import needs

if TYPE_CHECKING:
    from tests.browser import Browser

VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """A page as a browser reads it: its elements, its text, and whether all of them are closed."""

    def __init__(self, file: File) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.cells: list[list[str]] = []
        self.feed(file.content.decode())
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


class Part(Report):
    """A part.

    Attributes:
        name: its name.
        level_db: its ``level``; None for silence.
    """

    name: str
    level_db: float | None


class OddHTTPReport(Report):
    """What is <b>odd</b> & "quoted". None of it runs.

    Attributes:
        text: <script>alert(1)</script>
        count: how many.
        ratio: a ratio.
        good: whether it is good.
        parts: few parts.
        many: many parts.
        places_seconds: places.
        inner: one more.
    """

    text: str
    count: int
    ratio: float
    good: bool
    parts: tuple[Part, ...]
    many: tuple[Part, ...]
    places_seconds: tuple[float, ...]
    inner: Part


ODD = OddHTTPReport(
    text="<script>alert('x')</script>",
    count=-1234567,
    ratio=-0.00001234,
    good=True,
    parts=(Part(name="a<b>", level_db=-3.04), Part(name="b", level_db=None)),
    many=tuple(Part(name=f"p{index}", level_db=-0.001) for index in range(20)),
    places_seconds=(1.0, 2.5),
    inner=Part(name="in", level_db=0.0),
)


def test_all_figures_are_in_the_json_file(excerpt: Audio) -> None:
    reports = [measure_loudness(excerpt), detect_clicks(excerpt), describe(excerpt)]
    file = json_report(reports)
    assert file.suffix == ".json"
    document = json.loads(file.content)
    assert list(document) == ["loudness", "clicks", "description"]
    for report, plain in zip(reports, document.values(), strict=True):
        assert type(report).model_validate_json(json.dumps(plain)) == report


def test_several_of_a_kind_are_told_apart(excerpt: Audio) -> None:
    twice = [detect_clipping(excerpt), measure_loudness(excerpt), detect_clipping(excerpt)]
    assert list(json.loads(json_report(twice).content)) == ["clipping_1", "loudness", "clipping_2"]
    names = ["before", "loud", "after"]
    assert list(json.loads(json_report(twice, names=names).content)) == names
    for wrong in (["a", "b"], ["a", "b", "a"]):
        for node in (json_report, html_report):
            with pytest.raises(ParamError, match="name"):
                node(twice, names=wrong)
    assert list(json.loads(json_report([ODD]).content)) == ["odd_http"]
    assert json.loads(json_report([]).content) == {}


def test_figures_stand_beside_their_units_and_meaning() -> None:
    page = Page(html_report([ODD], title="A & <b>"))
    rows = {row[0]: row for row in page.cells if row}
    assert rows["text"][1:] == ["<script>alert('x')</script>", "<script>alert(1)</script>"]
    assert rows["count"][1] == "−1,234,567"
    assert rows["ratio"][1] == "−1.23e−05"
    assert rows["good"][1] == "yes"
    assert ["level", "−3.0dB", "–", "its level; a dash for silence."] in page.cells
    assert ["p7", "0.0dB"] in page.cells
    assert ["1.000s"] in page.cells
    headings = re.findall("<h[123]>(.*?)</h[123]>", html_report([ODD]).content.decode())
    assert headings == ["Report", "Odd http", "parts", "places", "inner"]
    (folded,) = re.findall("<summary>(.*?)</summary>", html_report([ODD]).content.decode())
    assert folded == "many: 20 rows"


def test_nothing_in_the_page_is_loaded_or_run(excerpt: Audio) -> None:
    picture = plot_waveform(excerpt)
    evil = '"><script>alert(1)</script><img src="https://example.org/x.png'
    file = html_report(
        [ODD, measure_loudness(excerpt)],
        [picture],
        title=evil,
        names=[evil, "it's"],
        captions=[evil],
    )
    page = Page(file)
    assert not page.all("script")
    (image,) = page.all("img")
    kind, _, data = (image["src"] or "").partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data) == picture.content
    assert (image["alt"], image["width"]) == (evil, "1300")
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "link", "title", "style", "body", "header", "main", "h1", "h2"),
        *("h3", "p", "div", "a", "b", "span", "section", "figure", "figcaption", "img", "table"),
        *("thead", "tbody", "tr", "th", "td", "details", "summary", "dl", "dt", "dd"),
    }
    links = [one["href"] or "" for one in page.all("a")]
    assert all(link.startswith("#") for link in links)
    assert {link[1:] for link in links} == {one["id"] for one in page.all("section")}
    assert not [key for _, attributes in page.elements for key in attributes if key[:2] == "on"]
    policy = next(one for one in page.all("meta") if one.get("http-equiv"))
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert "url(" not in file.content.decode()
    assert "@import" not in file.content.decode()


def test_a_page_of_real_reports(excerpt: Audio) -> None:
    record = degradations.with_clicks(excerpt)
    reports: list[Any] = [detect_clicks(record), measure_loudness(record)]
    page = Page(html_report(reports))
    rows = {row[0]: row for row in page.cells if row}
    integrated = reports[1].integrated_lufs
    assert rows["integrated"][1] == f"{integrated:.1f}LUFS".replace("-", "−")
    assert rows["channel"][:3] == ["channel", "left", "right"]
    # each of the loudest is in a table, folded away
    assert sum(row[1:2] in (["left"], ["right"]) for row in page.cells) >= len(reports[0].loudest)
    assert len(page.all("details")) == 1


def test_sounds_are_heard_and_what_was_found_is_said_and_marked(excerpt: Audio) -> None:
    record = degradations.with_clicks(excerpt)
    clicks = detect_clicks(record)
    text = html_report([clicks], None, [record, excerpt], labels=["it", "before"]).content.decode()
    assert f"{clicks.clicks} clicks, " in text
    assert "The node declick removes them" in text
    (document,) = re.findall('<script type="application/json">(.*?)</script>', text, re.DOTALL)
    first, second = json.loads(document)["tracks"]
    assert [first["label"], second["label"], second["marks"]] == ["it", "before", []]
    starts = [start for start, _, _ in first["marks"]]
    assert starts == sorted(starts)
    assert {round(one.time_seconds, 4) for one in clicks.loudest} >= set(starts)
    assert all(words.startswith("click, ") for _, _, words in first["marks"])
    assert first["lufs"] == measure_loudness(record).integrated_lufs
    with pytest.raises(ParamError, match="1 sounds need 1 labels, 2 were given"):
        html_report([], None, [excerpt], labels=["a", "b"])


@needs("chromium")
def test_the_page_plays_from_one_file(excerpt: Audio, browser: Browser, tmp_path: Path) -> None:
    reports = [detect_clicks(excerpt), measure_loudness(excerpt), describe(excerpt)]
    page = tmp_path / "page.html"
    page.write_bytes(html_report(reports, [plot_waveform(excerpt)], [excerpt]).content)
    opened = browser.open(page, width=390)
    assert opened.run("document.documentElement.scrollWidth") == 390
    opened.run("window.one = document.querySelector('.rg-player').player, null")
    heard = opened.played(excerpt.sample_rate, each_seconds=0.3)
    assert place_in(excerpt, heard[:, 1000:5000])[1] > 0.999
    assert [one for one in opened.asked if not one.startswith("data:")] == [page.as_uri()]
    assert not opened.faults
    opened.close()


def test_what_is_no_picture_is_refused(excerpt: Audio) -> None:
    with pytest.raises(NodeError, match=r"a \.wav file is no picture"):
        html_report([], [File(b"RIFF", ".wav")])
    with pytest.raises(ParamError, match="1 pictures need 1 captions, 2 were given"):
        html_report([], [plot_waveform(excerpt)], captions=["a", "b"])
    assert Page(html_report([])).all("h1")
