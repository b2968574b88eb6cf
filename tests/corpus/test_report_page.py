"""The page of a batch, in a browser: causes, distributions, a table to sort and filter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from resonate_graph import BatchRow
from resonate_graph._corpus.page import Page
from resonate_graph._corpus.sums import Sums
from tests.browser import Browser
from tests.tools import needs

ROWS = "[...document.querySelectorAll('#all tbody th')].map(one => one.textContent)"


def rows(count: int) -> Iterator[BatchRow]:
    """Yield recordings of which the later have more clicks, and two that failed alike."""
    for number in range(count):
        yield BatchRow(
            job=f"{number}",
            recording=f"side <{number}>.wav",
            state="done",
            warnings=[
                {"code": "odd", "message": f"odd: {spans(number)} (frame 1,024, channel 1)"}
                for _ in range(number < 3)
            ],
            seconds=float(number),
            sound_seconds=60.0,
            outputs={"restored": f"side {number}.wav"},
            steps=[
                {"id": "declick", "status": "ran", "did": {"clicks_removed": 10 * number}},
                {"id": "rumble", "status": "ran", "did": {"level_change_db": -(10.0**-number)}},
                {"id": "master", "status": "ran", "did": {"loudness_after_lufs": -16}},
            ],
        )
    for number in range(2):
        path = f"/tapes/bad {number}.wav"
        yield BatchRow(
            job=f"bad{number}",
            recording=f"bad {number}.wav",
            state="failed",
            inputs={"tape": path},
            kind="input",
            error="InputError",
            message=f"{path}: it is cut off: {number} bytes",
        )


def spans(number: int) -> str:
    return ", ".join(f"{one}.5 to {one + 1} s" for one in range(number + 1))


def test_of_very_many_recordings_it_has_20_000_and_all_that_failed(tmp_path: Path) -> None:
    made = Page()
    for row in rows(20_100):
        made.add(row)
    text = made.write(tmp_path, "vinyl", Sums()).read_text(encoding="utf-8")
    assert text.count('"state": "done"') == 20_000
    assert text.count('"state": "failed"') == 2


@needs("chromium")
def test_it_says_what_failed_and_its_table_is_sorted_and_filtered(
    tmp_path: Path, browser: Browser
) -> None:
    sums = Sums(total=402, done=400, failed=2, ended=True)
    made = Page()
    for row in rows(400):
        made.add(row)
    page = browser.open(made.write(tmp_path, "vinyl", sums))
    assert page.faults == []
    assert len(page.asked) == 1  # itself
    text = page.run("document.body.innerText")
    assert "2 recordings: input: it is cut off: … bytes" in text
    assert "0 to 3990, half of them at most 2000 a minute of sound" in text
    assert "−1 to 0, half of them at most 0 dB, 400 recordings" in text
    assert "3 recordings: odd: odd: … to … s (frame …, channel …)" in text
    assert "−16 LUFS in all of 400 recordings" in text  # a level, though it is a whole number
    assert "402 rows" in text
    assert page.run(f"{ROWS}.length") == 300
    page.click("#more")
    assert page.run(f"{ROWS}.length") == 402
    page.click("#all th:has-text('clicks removed') button")
    page.click("#all th:has-text('clicks removed') button")
    assert page.run(f"{ROWS}.slice(0, 2)") == ["side <399>.wav", "side <398>.wav"]
    page.fill("#filter", "cut bad")
    assert page.run(ROWS) == ["bad 0.wav", "bad 1.wav"]
    page.fill("#filter", "<7>")
    assert page.run("document.querySelector('#all a').getAttribute('href')") == "side%207.wav"
