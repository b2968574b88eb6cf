"""Draw the picture of the README: the demo's song as it was, damaged, and restored.

resonate demo -o out/demo
python docs/picture.py out/demo docs/before-and-after.png
"""

import io
import sys
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from resonate_graph import overview, read_audio
from resonate_nodes import compare, trim

FROM_SECONDS, TO_SECONDS = 4.0, 10.0
LOWEST_DBFS, HIGHEST_DBFS = -85.0, -15.0
COLOURS = 48


def main() -> None:
    """Draw what the demo left in the first folder that is named into the second file."""
    folder, target = map(Path, sys.argv[1:])
    sounds = {
        name: read_audio(folder / f"{name}.wav") for name in ("original", "damaged", "restored")
    }
    near = {
        name: compare(sounds["original"], sounds[name]).si_sdr_db
        for name in ("damaged", "restored")
    }
    titles = {
        "original": "the song as it was",
        "damaged": f"with hum, hiss and clicks: {near['damaged']:.1f} dB SI-SDR",
        "restored": f"restored by song-repair: {near['restored']:.1f} dB SI-SDR",
    }
    figure = Figure((10.8, 3.3), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (name, sound) in zip(panels, sounds.items(), strict=True):
        part = trim(sound, start_seconds=FROM_SECONDS, end_seconds=TO_SECONDS)
        seen = overview(part, columns=400, bands=200, scale="log", window_seconds=0.093)
        levels = 10 * np.log10(np.maximum(seen.power.mean(axis=0), 10 ** (LOWEST_DBFS / 10)))
        axes.pcolormesh(
            FROM_SECONDS + seen.seconds,
            seen.hertz,
            levels,
            cmap="magma",
            vmin=LOWEST_DBFS,
            vmax=HIGHEST_DBFS,
        )
        axes.set_yscale("log")
        axes.set_title(titles[name], fontsize=10.5)
        axes.set_xticks(np.arange(FROM_SECONDS + 1, TO_SECONDS))
        axes.set_xlabel("s")
    panels[0].set_ylabel("Hz")
    panels[0].set_yticks([20, 60, 200, 1000, 5000, 20000], ["20", "60", "200", "1k", "5k", "20k"])
    panels[0].minorticks_off()
    figure.subplots_adjust(left=0.055, right=0.995, top=0.91, bottom=0.135, wspace=0.03)
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    few = Image.open(drawn).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(target, optimize=True)
    print(f"{target}: {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
