"""Values in notebooks: what each shows of itself, and what it does not drag in."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from resonate_graph import Audio, File, Graph, GraphError, Report, Row, Store
from resonate_graph._base.display import Shown
from resonate_graph._experiment.tables import in_one
from resonate_graph._page.progress import Progress, in_notebook
from resonate_graph._run.events import (
    Event,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    RunFinished,
    RunStarted,
    Warned,
)
from tests import toy_nodes
from tests.toy_nodes import count, peak, scale, store_as

TONE = Audio(np.sin(np.arange(4000) / 9).reshape(1, -1) / 3, 8000)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


def bundle(value: Shown) -> dict[str, str]:
    shown = value._repr_mimebundle_()
    assert shown["text/plain"] == repr(value)
    return shown


def page(value: Shown) -> str:
    return bundle(value)["text/html"]


def tracks(shown: str) -> list[str]:
    """The labels of what can be heard."""
    found = re.findall(r'<script type="application/json">(.*?)</script>', shown, re.DOTALL)
    return [one["label"] for data in found for one in json.loads(data)["tracks"]]


def text(shown: str) -> str:
    """What a person reads."""
    without = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", shown, flags=re.DOTALL)
    return " ".join(html.unescape(without).split())


def levels() -> Graph:
    graph = Graph("levels", description="Louder & <louder>.")
    mix = graph.input("mix", Audio)
    made = graph.add(scale, "louder")(mix, factor=graph.param("factor", float, default=2.0))
    graph.output("loud", made)
    graph.output("peak", graph.add(peak)(made))
    graph.output("frames", graph.add(count)(made))
    graph.output("copy", graph.add(store_as)(made, suffix=".bin"))
    return graph


# -- values ----------------------------------------------------------------------------------------


def test_a_sound_shows_a_player() -> None:
    shown = page(TONE)
    assert tracks(shown) == ["mono, 8,000 Hz, 0.500 s"]
    assert "resonatePlayer" in shown
    assert not re.search(r'(src|href)="(?!data:)', shown)


def pieces(sound: Audio) -> list[bytes]:
    """What the player of a sound plays."""
    found = re.findall(r'data-piece="[^"]+">([^<]+)<', page(sound))
    return [base64.b64decode(one) for one in found]


def test_sounds_lie_in_it_as_flac_of_16_bits_and_long_ones_as_mp3_of_96_kbit_a_channel() -> None:
    (short,) = pieces(TONE)
    assert soundfile.info(io.BytesIO(short)).subtype == "PCM_16"
    assert soundfile.info(io.BytesIO(short)).format == "FLAC"
    noise = np.random.default_rng(1).normal(0, 0.1, 44_100 * 121)
    long = pieces(Audio(noise, 44_100))
    assert {soundfile.info(io.BytesIO(one)).format for one in long} == {"MP3"}
    # pieces have a little of their neighbours
    assert 8 * sum(map(len, long)) / 121 == pytest.approx(96_000, rel=0.05)


def test_a_sound_without_samples_is_a_line_of_text() -> None:
    assert bundle(Audio(np.zeros((2, 0)), 8000)).keys() == {"text/plain"}


def test_a_sound_that_is_too_long_for_a_notebook_is_not_in_it() -> None:
    shown = page(Audio(np.zeros((1, 100 * 660)), 100))
    assert tracks(shown) == []
    assert "Too long for a notebook: mono, 100 Hz, 660.000 s." in text(shown)
    assert "audio[60.0:90.0]" in text(shown)


def test_a_picture_shows_itself() -> None:
    shown = bundle(File(PNG, ".png"))
    assert base64.b64decode(shown["image/png"]) == PNG
    assert bundle(File(b"<svg/>", ".svg"))["image/svg+xml"] == "<svg/>"


def test_other_files_show_what_is_in_them(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "tone.flac", TONE.samples.T, 8000)
    assert tracks(page(File((tmp_path / "tone.flac").read_bytes(), ".flac"))) != []
    web = page(File(b'<p title="a">Hi</p>', ".html"))
    assert 'sandbox="allow-scripts" srcdoc="&lt;p title=&quot;a&quot;&gt;Hi&lt;/p&gt;"' in web
    assert "a,b <1>" in text(page(File(b"a,b <1>", ".csv")))
    assert bundle(File(b"\0", ".bin")).keys() == {"text/plain"}


class Band(Report):
    """A band.

    Attributes:
        centre_hz: its middle.
    """

    centre_hz: float
    level_db: float | None


class Found(Report):
    """What was found.

    Attributes:
        loudness_lufs: how loud it is <overall>.
        bands: each band.
    """

    loudness_lufs: float
    clipped: bool
    ends_seconds: list[float]
    bands: list[Band]


def test_a_report_is_a_table_with_units_and_meanings() -> None:
    report = Found(
        loudness_lufs=-20.04,
        clipped=False,
        ends_seconds=[0.5, 1.25],
        bands=[Band(centre_hz=1000.0, level_db=-3.25), Band(centre_hz=2.5, level_db=None)],
    )
    shown = text(page(report))
    assert "loudness -20.0 LUFS how loud it is <overall>." in shown
    assert "clipped no" in shown
    assert "ends [0.5, 1.25] s" in shown
    assert "bands: 2 centre, Hz level, dB 1,000 −3.25 2.5 –" in shown
    assert "loudness as people hear it" in shown  # the term is explained


def test_a_result_shows_what_went_in_and_came_out_and_what_was_done(store: Store) -> None:
    result = levels().run({"mix": TONE}, {"factor": 0.5}, store=store)
    shown = page(result)
    assert tracks(shown) == ["mix (input)", "loud"]
    said = text(shown)
    assert "frames 4000" in said
    assert "peak peak 0.1667" in said
    assert "copy: File(16000 bytes, '.bin')" in said
    assert re.search(r"4 ran, in \d+\.\d s .* louder scale ran \d+\.\d cpu", said)
    assert result._ipython_key_completions_() == ["loud", "peak", "frames", "copy"]


def test_a_result_whose_input_is_gone_shows_the_rest(tmp_path: Path) -> None:
    path = TONE.save(tmp_path / "mix.wav")
    result = levels().run({"mix": path}, outputs=["loud"], store=False)
    assert tracks(page(result)) == ["mix (input)", "loud"]
    path.unlink()
    assert tracks(page(result)) == ["loud"]


def test_a_result_shows_what_was_taken_out() -> None:
    graph = Graph("half")
    graph.output("out", graph.add(scale)(graph.input("mix", Audio), factor=0.25))
    result = graph.run({"mix": TONE}, store=False, removed=True)
    assert tracks(page(result)) == ["mix (input)", "out", "out: what was taken out"]


def test_a_plan_is_a_table(store: Store) -> None:
    shown = text(page(levels().plan({"mix": TONE}, store=store)))
    assert "louder scale to run cpu" in shown
    assert re.search(r"about \d+\.\d s on \d+ threads; \d+ of \d+ MB at most", shown)


def test_a_graph_shows_its_picture_and_its_params() -> None:
    shown = page(levels())
    assert "<svg" in shown
    assert "Louder & <louder>." in text(shown)
    assert "1 params param type default what it does factor number 2" in text(shown)
    assert repr(levels()) == (
        "<Graph levels: inputs mix (audio); 4 nodes: louder, peak, count, store_as; "
        "outputs loud, peak, frames, copy>"
    )


def test_a_graph_that_is_not_finished_says_what_it_lacks() -> None:
    graph = Graph("open")
    assert repr(graph) == "<Graph open: inputs none; 0 nodes; outputs none>"
    assert "<svg" in page(graph)
    graph.add(toy_nodes.label)()  # type: ignore[call-arg]
    with pytest.raises(GraphError) as caught:
        graph.check()
    assert " ".join(str(caught.value).split()) in text(page(graph))


def test_rows_of_a_sweep_are_a_table_and_players(tmp_path: Path, store: Store) -> None:
    rows = levels().sweep(
        {"mix": TONE}, {"factor": [0.5, 1.0]}, tmp_path, outputs=["loud", "frames"], store=store
    )
    shown = page(rows)
    assert tracks(shown) == ["01", "02"]
    table = in_one(rows)
    for words in (table.headings, *table.cells):
        assert " ".join(filter(None, words)).replace(" -", " −") in text(shown)
    assert tracks(page(rows[1])) == ["02"]
    assert isinstance(rows, list)
    Path(rows[0].files["loud"]).unlink()
    assert tracks(page(rows)) == ["02"]
    failed = Row("03", {"factor": 9}, "failed", "it <broke>")
    assert "it <broke>" in text(page(failed))


def test_importing_the_library_imports_nothing_that_shows() -> None:
    code = (
        "import sys, resonate_graph; "
        "print([name for name in sys.modules if name.startswith(('resonate_graph._page.notebook', "
        "'resonate_graph._page.graph', 'resonate_graph._experiment.shown', 'IPython', "
        "'matplotlib', 'torch', 'scipy', 'librosa', 'graphlay'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# -- how it is called ------------------------------------------------------------------------------


def test_params_may_stand_second() -> None:
    graph = levels()
    settings: dict[str, Any] = {"outputs": ["frames"], "store": False}
    by_place = graph.run({"mix": TONE}, {"factor": 4}, **settings)
    assert (
        by_place.report["outputs"]
        == graph.run({"mix": TONE}, params={"factor": 4}, **settings).report["outputs"]
    )
    assert graph.plan({"mix": TONE}, {"factor": 4}, **settings)
    assert graph.check(["mix"], {"factor": 4}).steps["louder"].plain_params["factor"] == 4
    assert graph.run_many([{"mix": TONE}], {"factor": 4}, **settings)
    with pytest.raises(TypeError, match="positional"):
        graph.run({"mix": TONE}, {"factor": 4}, ["frames"])  # type: ignore[call-arg]


def test_wires_are_no_sounds_yet() -> None:
    graph = Graph("wires")
    mix = graph.input("mix", Audio)
    attempts: list[Callable[[], object]] = [
        lambda: mix + mix, lambda: 0.5 * mix, lambda: mix[1.0:2.0], lambda: -mix
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(GraphError, match=r"\$mix is a wire: .* Add a node"):
            attempt()


# -- progress --------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_progress_says_where_a_run_is_and_what_was_done() -> None:
    shown: list[str] = []
    clock = Clock()
    tell = Progress(shown.append, clock)
    told: list[tuple[float, Event]] = [
        (0.0, RunStarted("g", ("a", "b", "c"))),
        (0.1, NodeFinished("a", "gain", "cached", 0.0)),
        (0.2, NodeStarted("b", "denoise", "cpu")),
        (1.0, NodeProgress("b", 1.0, 4.0)),
        (1.1, NodeProgress("b", 2.0, 4.0)),
        (2.0, Warned("odd", "it is <odd>", "b")),
        (3.0, NodeFinished("b", "denoise", "ran", 2.8)),
        (4.0, NodeFinished("c", "gain", "ran", 1.0)),
        (4.2, RunFinished("done", 4.2)),
    ]
    for now, event in told:
        clock.now = now
        tell(0, event)
    assert [text(one) for one in shown] == [
        "1 of 3 steps, 1 s: b on cpu: 25 %",
        "1 of 3 steps, 2 s: b on cpu: 50 % warning: b: it is <odd>",
        "2 of 3 steps, 3 s: reading warning: b: it is <odd>",
        "3 of 3 steps, 4 s: reading warning: b: it is <odd>",
        "2 steps ran, 1 reused, in 4.2 s warning: b: it is <odd>",
    ]
    assert 'max="3" value="1"' in shown[0]


def test_progress_of_several_runs_ends_when_all_have_ended() -> None:
    shown: list[str] = []
    clock = Clock()
    tell = Progress(shown.append, clock)
    for index in (0, 1):
        tell(index, RunStarted("g", ("a",)))
    clock.now = 1.0
    tell(1, NodeStarted("a", "gain", "cpu"))
    clock.now = 2.0
    tell(1, RunFinished("failed", 1.0))
    clock.now = 3.0
    tell(0, NodeFinished("a", "gain", "ran", 1.0))
    tell(0, RunFinished("done", 3.0))
    assert text(shown[0]) == "0 of 2 steps, 1 s: a on cpu"
    assert text(shown[-1]) == "failed: 1 step ran, 0 reused, in 3.0 s"


def test_a_run_that_is_soon_over_shows_nothing() -> None:
    shown: list[str] = []
    tell = Progress(shown.append, Clock())
    for event in (RunStarted("g", ("a",)), NodeFinished("a", "gain", "ran", 0.1),
                  RunFinished("done", 0.1)):  # fmt: skip
        tell(0, event)
    assert shown == []


def test_without_a_notebook_there_is_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    assert not in_notebook()
    levels().run({"mix": TONE}, outputs=["loud"], store=False)
    assert capsys.readouterr() == ("", "")
