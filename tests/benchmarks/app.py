"""What the page costs: ``python -m tests.benchmarks.app [PART ...]``.

A server as ``resonate app`` starts it, and Chromium: a first page, a knob until what would run is
said anew, a zoom until all that is shown is drawn anew, opening an hour and a minute, memory. All
of it is in the clock's seconds as a person sees it, from the key or the address on; beside them
stand the processor's seconds of the server and of the browser, which are to be believed on a
machine that does other things too, and what a page of Streamlit with one slider and one line of
text takes for the same, in the same run. Best and median of several.

Parts: ``first``, ``knob``, ``zoom``, ``memory``; all of them where none is named.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import psutil

from resonate_graph import Audio, Graph
from resonate_graph._app.jobs import Call, Job, State
from resonate_graph._app.views import make_views
from resonate_graph._cli.demo_song import bundled_song
from resonate_nodes import gain
from tests.app.serving import Server, page_server, served
from tests.app.test_memory import shown_run
from tests.app.test_memory import zoomed as zoomed_to
from tests.browser import Browser, Opened

ROUNDS = 7
RUNS, RUN_MINUTES = 11, 5
HOUR_MINUTES = 60
MODEL = "input[aria-label=model]"
RUN = ".st-key-run button"

_BARE = """
import streamlit as st
level = st.slider("level", -12, 12, 0)
st.markdown(f"at {level} dB")
"""
#: From the first key or click on, until a condition holds.
_STOPWATCH = """
window.stopwatch = (start, condition) => {
  let begun = start ? undefined : 0;
  const begin = () => { begun = performance.now(); };
  if (start) addEventListener(start, begin, { capture: true, once: true });
  window.took = new Promise(done => {
    const look = () => {
      if (begun !== undefined && condition()) done(performance.now() - begun);
      else setTimeout(look, 4);
    };
    look();
  });
};
0
"""
ROW = "  {:<46}{:>9}{:>9}{:>10}{:>10}"


def paragraph(pattern: str) -> str:
    """Return what finds the text of the first paragraph that a pattern fits."""
    every = "[...document.querySelectorAll('.stMain p')].map(one => one.textContent)"
    return f"{every}.find(one => /{pattern}/.test(one))"


_SAID = paragraph("would run|(are|is) stored")


@dataclass
class Taken:
    """What several rounds of one thing took, in seconds."""

    clock: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)
    browser: list[float] = field(default_factory=list)

    def row(self, what: str) -> str:
        """Return them as a row of the table."""
        told = [min(self.clock), *map(statistics.median, (self.clock, self.server, self.browser))]
        return ROW.format(what, *(f"{one:.2f}" for one in told))


def main(*parts: str) -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in parts or PARTS:
            place = folder / part
            place.mkdir()
            browser = Browser()
            try:
                PARTS[part](place, browser)
            finally:
                browser.close()


def heading(what: str) -> None:
    """Print what a table is about, and its columns."""
    print(what)
    print(ROW.format("seconds of", "clock", "", "server", "browser"))
    print(ROW.format("", "best", "median", "median", "median"), flush=True)


# -- the parts ---------------------------------------------------------------------------------


def first(folder: Path, browser: Browser) -> None:
    """Print how long the first page takes, and a later one."""
    heading("a page, until what one can do with it is there")
    bare, own, later = Taken(), Taken(), Taken()
    for number in range(3):
        with bare_server(folder) as server:
            opening(server, browser, bare, ".stMain p:has-text('at 0 dB')")
        with page_server(folder / str(number)) as server:
            opening(server, browser, own, MODEL)
            for _ in range(3):
                opening(server, browser, later, MODEL)
    print(bare.row("Streamlit, a slider and a line: the first"))
    print(own.row("resonate app: the first"))
    print(later.row("resonate app: later ones"), flush=True)


def opening(server: Server, browser: Browser, taken: Taken, seen: str) -> None:
    """Open a page in a browser that has not seen it, and close it."""
    with measured(server, taken):
        start = time.perf_counter()
        page = browser.open(server.address)
        page.see(seen)
        taken.clock.append(time.perf_counter() - start)
    page.close()


def knob(folder: Path, browser: Browser) -> None:
    """Print how long it takes from a key on a knob until what would run is said anew."""
    song = bundled_song().damaged
    heading("a knob, until what would run is said anew")
    with bare_server(folder) as server:
        page = browser.open(server.address)
        page.see(".stMain p:has-text('at 0 dB')")
        slider = "input[type=range]"
        print(
            turned(server, page, slider, paragraph("^at")).row("Streamlit, a slider and a line"),
            flush=True,
        )
        page.close()
    repaired = song.with_samples(song.samples[:, : 5 * song.sample_rate])
    count = RUN_MINUTES * 60 * song.sample_rate
    long = song.with_samples(np.tile(song.samples, (1, -(-count // song.frames)))[:, :count])
    for graph, name, take, slider, more in (
        ("song-repair", "mix", repaired, "vocals, dB", ["-p", "model=mini"]),
        ("deliver", "master", long, "target, LUFS", []),
    ):  # fmt: skip
        path = take.save(folder / f"{name}.wav")
        with page_server(folder, graph, "-i", f"{name}={path}", *more) as server:
            page = browser.open(server.address)
            page.see("text=steps would run")
            page.click(RUN)
            while not page.sees(".rg-plots[data-fetched]", seconds=5):
                pass
            page.until(f"/(are|is) stored/.test({_SAID})")
            taken = turned(server, page, f"input[type=range][aria-label='{slider}']", _SAID)
            print(taken.row(f"{graph}, {take.frames / take.sample_rate:g} s of stereo"), flush=True)
            page.close()


def turned(server: Server, page: Opened, slider: str, said: str) -> Taken:
    """Turn a knob up and down again; return how long it takes until it is said."""
    taken = Taken()
    page.run(_STOPWATCH)
    page.focus(slider)
    for number in range(2 * ROUNDS):
        with measured(server, taken):
            page.run(f"window.before = {said}")
            condition = f"() => {{ const now = {said}; return now && now !== before; }}"
            page.run(f"stopwatch('keydown', {condition})")
            page.press("ArrowLeft" if number % 2 else "ArrowRight")
            taken.clock.append(page.run("took") / 1000)
        server.rest()
    return taken


def zoom(folder: Path, browser: Browser) -> None:
    """Print how long an hour and a minute take to open, and to zoom into."""
    heading("before, after and difference in stereo, waveforms and spectrograms")
    with page_server(folder) as server:
        for minutes in (1, HOUR_MINUTES):
            job = ended_run(server, minutes)
            what = "an hour" if minutes == HOUR_MINUTES else f"{minutes} minute"
            opened = Taken()
            for _ in range(3):
                start = time.perf_counter()
                with measured(server, opened):
                    page = browser.open(f"{server.address}/?run={job}")
                    page.see(".rg-plots[data-fetched]")
                    opened.clock.append(time.perf_counter() - start)
                page.close()
            print(opened.row(f"{what}: opened in a new tab"), flush=True)
            page = browser.open(f"{server.address}/?run={job}")
            page.see(".rg-plots[data-fetched]")
            for width in (0.5, 20, 60 * minutes / 3):
                taken = zoomed(server, page, 60 * minutes, width)
                print(taken.row(f"{what}: a zoom to {width:g} s"), flush=True)
            page.close()


def zoomed(server: Server, page: Opened, seconds: float, width: float) -> Taken:
    """Show parts of a width here and there; return how long it takes until they are drawn."""
    taken = Taken()
    page.run(_STOPWATCH)
    plots = "document.querySelector('.rg-plots')"
    for number in range(ROUNDS):
        server.rest()
        start = (seconds - width) * ((number * 0.37) % 1)
        before = int(page.run(f"{plots}.dataset.fetched"))
        with measured(server, taken):
            page.run(f"stopwatch(null, () => {plots}.dataset.fetched > {before})")
            page.run(
                "window.begun = performance.now(); "
                "Plotly.relayout(document.querySelector('.js-plotly-plot'),"
                f" {{'xaxis.range': [{start}, {start + width}]}}); 0"
            )
            taken.clock.append(page.run("took.then(end => end - begun)") / 1000)
    return taken


def ended_run(server: Server, minutes: int) -> str:
    """Put a run that ended into a server's folder; return its name.

    Of an hour no run could be asked for on the page, which takes recordings of 30 minutes at most.
    """
    rate = 44_100
    random = np.random.default_rng(0)
    noise = (0.1 * random.standard_normal((2, 60 * rate))).astype(np.float32)
    graph = Graph("level")
    level = graph.param("level_db", float, default=-6.0, minimum=-24, maximum=0)
    graph.output("out", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=level))
    result = graph.run({"mix": Audio(np.tile(noise, minutes), rate)}, removed=True, store=False)
    (work,) = (server.folder / "cache" / "resonate_graph" / "app").iterdir()
    job = Job(work / f"{minutes:016x}")
    result.save(job.out)
    (job.out / "report.html").write_text("")
    make_views(result, job.views)
    call = Call(str(server.folder / "level.json"), graph.to_json(), {})
    (server.folder / "level.json").write_text(graph.to_json())
    now = time.time()
    state = State("done", created=now, started=now, ended=now)
    end = {"status": "done", "report": result.report, "page": "report.html", "removed": ["out"]}
    for name, document in (("call", asdict(call)), ("end", end), ("state", asdict(state))):
        (job.folder / f"{name}.json").write_text(json.dumps(document))  # the last makes it a run
    return job.id


def memory(folder: Path, browser: Browser) -> None:
    """Print what the server holds after each of several runs that were looked at."""
    song = bundled_song().damaged
    count = RUN_MINUTES * 60 * song.sample_rate
    samples = np.tile(song.samples, (1, -(-count // song.frames)))[:, :count]
    path = song.with_samples(samples).save(folder / "take.wav")
    graph = Graph("level")
    level = graph.param("level_db", float, default=-6.0, minimum=-24, maximum=0)
    graph.output("out", graph.add(gain, "level")(graph.input("mix", Audio), gain_db=level))
    graph.save(folder / "level.json")
    print(f"the server's memory, after runs of {RUN_MINUTES} minutes that were looked at")
    print(ROW.format("", "resident", "private", "", ""))
    with page_server(folder, folder / "level.json", "-i", f"mix={path}") as server:

        def tell(what: str) -> None:
            server.rest()
            held = server.process.memory_full_info()
            print(
                ROW.format(what, f"{held.rss / 1e6:.0f} MB", f"{held.uss / 1e6:.0f} MB", "", ""),
                flush=True,
            )

        tell("no page yet")
        page = browser.open(server.address)
        page.see("text=1 of 1 steps would run")
        tell("a page")
        slider = "input[type=range][aria-label='level, dB']"
        for number in range(1, RUNS + 1):
            page.click(RUN)
            shown = shown_run(page, number)
            for start in (10, 100, 200):
                zoomed_to(page, shown, start)
            tell(f"run {number}")
            page.focus(slider)
            page.press("ArrowRight")
            page.see("text=1 of 1 steps would run")
        page.close()


PARTS: dict[str, Callable[[Path, Browser], None]] = {
    "first": first, "knob": knob, "zoom": zoom, "memory": memory,
}  # fmt: skip


# -- what they need ----------------------------------------------------------------------------


@contextmanager
def measured(server: Server, taken: Taken) -> Iterator[None]:
    """Note the processor's seconds of what is done meanwhile."""
    before = server.processor_seconds, browser_seconds()
    yield
    taken.server.append(server.processor_seconds - before[0])
    taken.browser.append(browser_seconds() - before[1])


def browser_seconds() -> float:
    """Return the processor's seconds of the browser."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                times = process.cpu_times()
                total += times.user + times.system
        except psutil.Error:
            continue
    return total


@contextmanager
def bare_server(folder: Path) -> Iterator[Server]:
    """Serve a page of Streamlit with next to nothing on it."""
    script = folder / "bare.py"
    script.write_text(_BARE)
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true",
               "--server.address", "127.0.0.1", "--browser.gatherUsageStats", "false",
               "--server.fileWatcherType", "none", "--server.port"]  # fmt: skip
    with served(command, folder) as server:
        yield server


if __name__ == "__main__":
    main(*sys.argv[1:])
