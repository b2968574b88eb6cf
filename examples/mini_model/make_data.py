"""Write the songs that the model learns from: ``python -m examples.mini_model.make_data DATA``.

Each song is a folder ``DATA/SPLIT/NUMBER`` with drums, bass, other and vocals as FLAC (16 bit,
stereo, 44.1 kHz, of equal length) and ``song.json`` that says what plays. A song depends on its
split, its number, the options (length, ``--free``, ``--loops``) and the installed sources only, so
songs are made in any order and any number of processes. Complete songs of that length, free or not
as asked for, are skipped: interrupt and start again at will.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import rich.progress
import soundfile

from . import sources
from .composition import compose
from .rendering import render
from .score import SPLITS, Song
from .tracks import RATE_HZ as RATE


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Write songs of four stems to learn from.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="folder to write into")
    parser.add_argument("--train", type=int, default=640, help="songs to learn from")
    parser.add_argument("--valid", type=int, default=16, help="songs to choose by")
    parser.add_argument("--test", type=int, default=24, help="songs to measure with")
    parser.add_argument("--first", type=int, default=0, help="number of each split's first song")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a song")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--loops", type=Path, help="folder of samples to prefer, as NAME.flac")
    parser.add_argument("--free", action="store_true", help="play MIT and CC0 sources only")
    given = parser.parse_args()
    counts = {split: int(getattr(given, split)) for split in SPLITS}
    if min(given.first, *counts.values()) < 0 or given.jobs < 1 or given.seconds < 1:
        parser.error("songs are counted from 0, take 1 second or more, and 1 process or more")
    _require((split for split in SPLITS if counts[split]), given.free)
    wanted = [
        (split, number)
        for split in ("valid", "train", "test")
        for number in range(given.first, given.first + counts[split])
        if not is_written(song_folder(given.data, split, number), given.seconds, given.free)
    ]
    with (
        rich.progress.Progress(
            *rich.progress.Progress.get_default_columns(), rich.progress.MofNCompleteColumn()
        ) as bar,
        ProcessPoolExecutor(given.jobs) as pool,
    ):
        task = bar.add_task("songs", total=len(wanted))
        futures = [
            pool.submit(
                write_song, given.data, split, number, given.seconds, given.loops, given.free
            )
            for split, number in wanted
        ]
        try:
            for future in as_completed(futures):
                future.result()
                bar.advance(task)
        except KeyboardInterrupt:
            sys.exit("interrupted: the same command goes on from here")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def song_folder(data: Path, split: str, number: int) -> Path:
    """Where a song lies."""
    return data / split / f"{number:05d}"


def is_written(folder: Path, seconds: float, free: bool) -> bool:
    """Whether a folder holds a complete song of that length, made with those sources."""
    facts = folder / "song.json"
    if not facts.exists():
        return False
    told = json.loads(facts.read_text(encoding="utf-8"))
    return bool(told["seconds"] == seconds and told.get("free", False) == free)


def write_song(
    data: Path,
    split: str,
    number: int,
    seconds: float = 30.0,
    loops: Path | None = None,
    free: bool = False,
) -> Path:
    """Compose, render and write one song; it appears complete or not at all."""
    song = compose(split, number, seconds, free)
    folder = song_folder(data, split, number)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True, exist_ok=True)
    try:
        for stem, sound in render(song, loops).items():
            soundfile.write(unfinished / f"{stem}.flac", sound, RATE, subtype="PCM_16")
        (unfinished / "song.json").write_text(json.dumps(described(song, free), indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def described(song: Song, free: bool) -> dict[str, object]:
    """What `song.json` says."""
    facts = ("split", "number", "seconds", "tempo", "meter", "mode", "tonic", "groove")
    return {
        **{fact: getattr(song, fact) for fact in facts},
        "free": free,
        "parts": [
            {
                "stem": part.stem,
                "player": part.player,
                "instrument": part.instrument,
                "notes": len(part.notes),
            }
            for part in song.parts
        ],
    }


def _require(splits: Iterator[str], free: bool) -> None:
    """End with a word on how to install what is missing."""
    lacking = {source.package for split in splits for source in sources.missing(split, free)}
    lacking |= {tool for tool in ("fluidsynth", "ffmpeg") if not shutil.which(tool)}
    if lacking:
        names = " ".join(sorted(lacking))
        sys.exit(f"missing: {names}\ninstall them: apt-get install --no-install-recommends {names}")


if __name__ == "__main__":
    main()
