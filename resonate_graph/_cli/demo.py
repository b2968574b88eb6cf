"""``resonate demo``: the main job on a bundled song, with figures, without network.

The song is damaged in a known way (clicks, mains hum, tape hiss) and restored by the stock graph
``song-repair`` with the model ``mini``. Because its true stems are known, what is gained is
measured. Then one setting is changed, to show what is reused.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import Audio, Cancelled, Result, Store, stock
from .._page.parts import Figure
from .._page.player import Track
from .._run.measure import measure
from .._sound.figures import si_sdr
from .call import require_folder
from .demo_page import Table, write_page
from .demo_song import (
    CLICKS_PER_SECOND,
    HISS_DB,
    HUM_DB,
    HUM_HARMONICS,
    HUM_HZ,
    STEMS,
    Song,
    bundled_song,
)
from .options import JsonOption
from .output import Printer
from .progress import ProgressDisplay

DEFAULT_FOLDER = Path("out/demo")
GRAPH = "song-repair"
MODEL = "mini"

_PARAMS: Mapping[str, Any] = {"model": MODEL, "hum_harmonics": HUM_HARMONICS, "target_lufs": -16.0}
#: What the second run does otherwise.
_CHANGE = {"vocals_db": 3.0}

#: As many steps are named in a table.
_NAMED_STEPS = 4


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the files written.")
    ] = DEFAULT_FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Restore a bundled song that was damaged in a known way, and show the improvement."""
    printer = Printer(as_json=as_json)
    require_folder(folder)
    stock(GRAPH).check(["mix"], params=_PARAMS)  # a damaged model is told before files are written
    try:
        with tempfile.TemporaryDirectory(prefix="resonate-demo-") as place:
            _show(printer, folder, Store(place))
    except KeyboardInterrupt:
        raise Cancelled("a demo's store is its own, the next starts anew") from None


def _show(printer: Printer, folder: Path, store: Store) -> None:
    song = bundled_song()
    files = _written(song, folder)
    printer.line(
        f"A song of {song.mix.duration_seconds:.1f} s whose stems are known, damaged by "
        f"{HUM_HZ:.0f} Hz hum ({HUM_DB:.0f} dB against the song), hiss ({HISS_DB:.0f} dB) and "
        f"{CLICKS_PER_SECOND:.0f} clicks a second. The graph '{GRAPH}', with the model '{MODEL}':"
    )
    first = _run(files["damaged"], store, printer)
    files |= first.save(folder)
    ratios = _ratios(song, first)
    loudness = {
        "original": measure(song.mix, store),
        "damaged": measure(song.damaged, store),
        "restored": measure(_audio(first, "restored"), store),
    }
    for table in (_ratio_table(ratios), _loudness_table(loudness)):
        printer.line()
        printer.table(*table)

    change = ", ".join(f"{name} = {value:g}" for name, value in _CHANGE.items())
    printer.line()
    printer.line(f"Again with {change}, so that the vocals are louder:")
    second = _run(files["damaged"], store, printer, ["restored"], **_CHANGE)
    files["changed"] = second.save(folder / "changed")["restored"]
    runs = {"first": _told(first), change: _told(second)}
    printer.line()
    printer.table(*_run_table(runs))

    printer.line()
    printer.line("Making the page ...")
    sounds = {
        "original": song.mix,
        "damaged": song.damaged,
        **{f"true_{name}": stem for name, stem in song.stems.items()},
        **{name: _audio(first, name) for name in first},
        "changed": _audio(second, "restored"),
    }
    gained = ratios["mix"]["gained"]
    page = write_page(
        folder,
        "A damaged song, and what became of it",
        f"The graph {GRAPH} with the model {MODEL}, {datetime.now():%d %B %Y}. The song is "
        f"{song.mix.duration_seconds:.1f} s long; hum, hiss and clicks were added to it.",
        _gained(ratios, runs.values()),
        {
            heading: [_track(name, label, sounds[name], files[name], folder, stems=stems)
                      for name, label in labels.items()]
            for heading, (labels, stems) in _heard(change).items()
        },
        {
            "How near to the true sound": _ratio_table(ratios),
            "How loud": _loudness_table(loudness),
        },
        {"What was computed": _computed(runs)},
        store,
    )  # fmt: skip
    took, took_again = (one["seconds"] for one in runs.values())
    printer.document(
        {
            "graph": GRAPH,
            "model": MODEL,
            "status": "done",
            "si_sdr_db": ratios,
            "loudness": loudness,
            "change": _CHANGE,
            "seconds": [took, took_again],
            "files": {name: str(path) for name, path in files.items()},
            "report": str(page),
            "runs": [first.report, second.report],
        }
    )
    printer.line(f"The song is {gained:.1f} dB nearer to what it was.")
    printer.line(f"With one setting changed it took {took_again:.1f} s instead of {took:.1f} s.")
    printer.line("To hear and see it:")
    printer.line(f"  {page}")


def _written(song: Song, folder: Path) -> dict[str, Path]:
    """Write the song as it was and as it is damaged; return the files by name."""
    files = {
        "original": song.mix.save(folder / "original.wav"),
        "damaged": song.damaged.save(folder / "damaged.wav"),
    }
    for name, stem in song.stems.items():
        files[f"true_{name}"] = stem.save(folder / "true" / f"{name}.wav")
    return files


def _heard(change: str) -> dict[str, tuple[dict[str, str], bool]]:
    """Return what each player of the page has, what it is called, and whether stems are in it."""
    song = {
        "damaged": "damaged",
        "restored": "restored",
        "original": "original, before it was damaged",
        "changed": f"restored with {change}",
    }
    pairs: dict[str, str] = {}
    for name in STEMS:
        pairs |= {f"true_{name}": f"{name}, true", name: f"{name}, restored"}
    return {
        "The song": ({**song, **{name: name for name in STEMS}}, True),
        "The stems, beside the true ones": (pairs, False),
    }


def _track(name: str, label: str, sound: Audio, file: Path, folder: Path, *, stems: bool) -> Track:
    group = "restored" if stems and name in STEMS else None
    return Track(name, label, file.relative_to(folder), sound, group)


def _gained(
    ratios: Mapping[str, Mapping[str, float]], runs: Iterable[Mapping[str, Any]]
) -> list[Figure]:
    """Return the figures that say most of the demo."""
    took, took_again = (one["seconds"] for one in runs)
    mix = ratios["mix"]
    stems = [ratios[name]["gained"] for name in STEMS]
    return [
        Figure(f"{mix['gained']:+.1f}", "dB", "SI-SDR of the song",
         f"from {mix['before']:.1f} to {mix['after']:.1f}: nearer to what it was"),
        Figure(f"{sum(stems) / len(stems):+.1f}", "dB", "SI-SDR of the four stems",
         "on average, against the mix itself"),
        Figure(f"{took_again:.1f}", "s", "with one setting changed",
         f"instead of {took:.1f} s: the rest was stored"),
    ]  # fmt: skip


def _run(
    damaged: Path,
    store: Store,
    printer: Printer,
    outputs: list[str] | None = None,
    **params: float,
) -> Result:
    with ProgressDisplay() as display, printer.alone_on_stdout():
        return stock(GRAPH).run(
            {"mix": damaged},
            params={**_PARAMS, **params},
            outputs=outputs,
            store=store,
            on_event=display,
        )


def _audio(result: Result, name: str) -> Audio:
    audio = result[name]
    assert isinstance(audio, Audio)
    return audio


def _ratios(song: Song, result: Result) -> dict[str, dict[str, float]]:
    """Return the SI-SDR of mix and stems; before the run the damaged mix stands for each stem."""
    pairs = {"mix": (song.mix, _audio(result, "restored"))}
    pairs |= {name: (song.stems[name], _audio(result, name)) for name in STEMS}
    found = {}
    for name, (truth, restored) in pairs.items():
        before, after = si_sdr(truth, song.damaged), si_sdr(truth, restored)
        found[name] = {"before": before, "after": after, "gained": after - before}
    return found


def _told(result: Result) -> dict[str, Any]:
    """Return what a run computed, and what it took from the store or had no need of."""
    nodes = result.report["nodes"]
    return {
        "seconds": result.report["seconds"],
        "ran": [node["id"] for node in nodes if node["status"] == "ran"],
        "reused": [node["id"] for node in nodes if node["status"] != "ran"],
    }


def _named(steps: Sequence[str]) -> str:
    """Return a few steps by their names, or how many they are."""
    return ", ".join(steps) if len(steps) <= _NAMED_STEPS else f"{len(steps)} steps"


def _ratio_table(ratios: Mapping[str, Mapping[str, float]]) -> Table:
    cells = [
        [name, *(f"{one[key]:{sign}.1f} dB" for key, sign in _RATIO_COLUMNS.items())]
        for name, one in ratios.items()
    ]
    return ["SI-SDR", *_RATIO_COLUMNS], cells


#: Columns of the table of ratios, and whether they have a sign.
_RATIO_COLUMNS = {"before": "", "after": "", "gained": "+"}


def _loudness_table(loudness: Mapping[str, Mapping[str, float | None]]) -> Table:
    cells = [
        [name, f"{one['integrated_lufs']:.1f} LUFS", f"{one['true_peak_dbtp']:.1f} dBTP"]
        for name, one in loudness.items()
    ]
    return ["", "loudness", "true peak"], cells


def _computed(runs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what each run computed, in words."""
    return {
        name: f"{one['seconds']:.1f} s: {', '.join(one['ran'])}; "
        f"{len(one['reused']) or 'none'} reused"
        for name, one in runs.items()
    }


def _run_table(runs: Mapping[str, Mapping[str, Any]]) -> Table:
    cells = [
        [name, f"{one['seconds']:.1f} s", _named(one["ran"]), _named(one["reused"])]
        for name, one in runs.items()
    ]
    return ["run", "took", "computed", "reused"], cells
