"""``resonate demo``: the main job on a bundled recording, with figures, without network.

The recording is damaged in a known way (mains hum, tape hiss), restored by the stock graph
``tape``, and compared with what it was. Then one setting is changed, to show what is reused.
"""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from .._audio import Audio
from .._decode import read_audio
from .._figures import si_sdr
from .._loading import stock
from .._measure import measure
from .._results import Result
from .._store import Store
from ._call import JsonOption
from ._output import Printer
from ._progress import ProgressDisplay

DEFAULT_FOLDER = Path("out/demo")

_HUM_HZ = 60.0
_HUM_DBFS = -20.0
_HUM_HARMONICS = 6
_HISS_DBFS = -30.0
_NOISE_SECONDS = 2.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the files written.")
    ] = DEFAULT_FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Restore a bundled recording that was damaged in a known way, and show the improvement."""
    printer = Printer(as_json=as_json)
    original = bundled_recording()
    damage = Damage(original)
    files = {
        "original": original.save(folder / "original.wav"),
        "degraded": damage.degraded.save(folder / "degraded.wav"),
        "noise": damage.noise.save(folder / "noise.wav"),
    }
    printer.line(
        f"A recording of {original.duration_seconds:.1f} s, with {_HUM_HZ:.0f} Hz hum at "
        f"{_HUM_DBFS:.0f} dBFS and hiss at {_HISS_DBFS:.0f} dBFS added, goes through the graph "
        "'tape':"
    )
    with tempfile.TemporaryDirectory(prefix="resonate-demo-") as place:
        store = Store(place)
        restored = _restore(files, store, folder)
        files["restored"] = folder / "restored.wav"
        rows = {
            name: _measured(original, audio, store)
            for name, audio in (
                ("original", original),
                ("degraded", damage.degraded),
                ("restored", _audio(restored)),
            )
        }
        printer.line()
        printer.table(
            ("", "SI-SDR", "loudness", "true peak"),
            [(name, *_cells(row)) for name, row in rows.items()],
        )
        printer.line()
        printer.line("Again with target_lufs -20; what the change does not touch is reused:")
        again = _restore(files, store, folder / "again", target_lufs=-20.0)
    gained = rows["restored"]["si_sdr_db"] - rows["degraded"]["si_sdr_db"]
    printer.document(
        {
            "graph": "tape",
            "status": "done",
            "measured": rows,
            "improvement_db": gained,
            "files": {name: str(path) for name, path in files.items()},
            "runs": [restored.report, again.report],
        }
    )
    printer.line()
    printer.line(f"SI-SDR against the original rose by {gained:.1f} dB. The files to listen to:")
    for path in (*files.values(), folder / "again" / "restored.wav"):
        printer.line(f"  {path}")


def bundled_recording() -> Audio:
    """Return the recording that comes with the library (see its CREDITS.md)."""
    recording = resources.files("resonate_graph") / "recordings" / "groove.ogg"
    with resources.as_file(recording) as path:
        return read_audio(path)


class Damage:
    """A recording with hum and hiss, and a stretch of that noise alone."""

    def __init__(self, original: Audio) -> None:
        random = np.random.default_rng(1930)
        lead_in = (original.channels, int(_NOISE_SECONDS * original.sample_rate))
        noise = _noise(random, lead_in, original.sample_rate)
        self.noise = original.with_samples(noise)
        added = _noise(random, original.samples.shape, original.sample_rate)
        self.degraded = original.with_samples(original.samples + added)


def _noise(
    random: np.random.Generator, shape: tuple[int, ...], sample_rate: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    seconds = np.arange(shape[1]) / sample_rate
    hum = sum(
        10 ** ((_HUM_DBFS - 6 * k) / 20) * np.sin(2 * np.pi * _HUM_HZ * (k + 1) * seconds + k)
        for k in range(_HUM_HARMONICS)
    )
    hiss: np.ndarray[Any, np.dtype[np.float64]] = random.standard_normal(shape)
    return hum + hiss * 10 ** (_HISS_DBFS / 20)


def _restore(files: dict[str, Path], store: Store, folder: Path, **params: float) -> Result:
    with ProgressDisplay() as display:
        result = stock("tape").run(
            {"recording": files["degraded"], "noise": files["noise"]},
            params={"hum_hz": _HUM_HZ, "hum_harmonics": _HUM_HARMONICS, **params},
            store=store,
            on_event=display,
        )
    result.save(folder)
    return result


def _audio(result: Result) -> Audio:
    restored = result["restored"]
    assert isinstance(restored, Audio)
    return restored


def _measured(original: Audio, audio: Audio, store: Store) -> dict[str, float]:
    figures = measure(audio, store)
    if audio is not original:
        figures["si_sdr_db"] = si_sdr(original, audio)
    return {name: value for name, value in figures.items() if value is not None}


def _cells(row: dict[str, float]) -> tuple[str, str, str]:
    ratio = f"{row['si_sdr_db']:.1f} dB" if "si_sdr_db" in row else ""
    loudness, peak = row["integrated_lufs"], row["true_peak_dbtp"]
    return ratio, f"{loudness:.1f} LUFS", f"{peak:.1f} dBTP"
