"""The player: one transport for several sounds, which are switched between without a gap.

    >>> import numpy as np
    >>> from resonate_graph import Audio
    >>> tone = Audio(np.sin(np.arange(24000) / 10) / 4, 48000)
    >>> fragment = player([Track("in", "As it was", sound=tone)], folder=None)
    >>> "As it was" in fragment
    True

A fragment goes into a page made by `parts.document`, which has the styles and scripts it needs.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import html
import json
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from .._base.errors import ResonateError
from .._base.publish import publish
from .._sound.audio import Audio
from .._sound.known_files import file_digest
from .._store.folder import Store
from . import copies, made
from .made import VERSION
from .terms import TERMS
from .tracks import Mark, Track, lying, opened

__all__ = ["FILES", "SOUNDS", "Mark", "Ready", "Track", "forget", "link", "player", "ready"]

#: Files that can be heard.
SOUNDS = (".wav", ".flac", ".mp3", ".ogg")
#: The folder beside a page for what its players load, as browsers name it when they save a page.
FILES = "report_files"

_SUMMARY, _PICTURE = "sound.json", "spectrum.png"
_IDENTITY = re.compile(r"[0-9a-f]{20}-[0-9]+")
_TOO_QUIET_LUFS = -70.0


@dataclass(frozen=True)
class Ready:
    """A track with all that the page needs of it: it can be shown again without its samples.

    Attributes:
        track: the track, without its samples.
        data: what the script is told of it.
        inside: the pieces of its copy, where they are part of the page.
    """

    track: Track
    data: Mapping[str, Any]
    inside: tuple[bytes, ...] = ()

    def picture(self, folder: Path, files: str = FILES) -> Path:
        """Return where its spectrogram lies, for a page in a folder."""
        return folder / files / str(self.data["id"]) / _PICTURE


def player(
    tracks: Sequence[Track | Ready],
    *,
    folder: Path | None,
    stems: str = "Stems",
    label: str = "Player",
    files: str = FILES,
    store: Store | None = None,
) -> str:
    """Return a player as HTML, and write what it loads.

    One track plays at a time; those of a group play together. They begin at the same sample and
    are equally loud, unless the listener wants them as they are.

    Args:
        tracks: what can be heard, at least one.
        folder: where the page will lie; None for a page that is one file and has all in it.
        stems: what the tracks of a group are called together; with several groups, the name of
            each is added.
        label: what this player is called, for those who do not see it.
        files: the folder in `folder` for what the player loads, when it is needed.
        store: where loudness and what is made of the sounds are looked up and kept; None to make
            both each time.

    Raises:
        InputError: the file of a track cannot be read.
        OutputError: a file cannot be written.
        ValueError: no tracks, or two of one name.
    """
    names = [one.track.name if isinstance(one, Ready) else one.name for one in tracks]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"a player has tracks of different names, not {names}")
    prepared = [
        one if isinstance(one, Ready) else ready(one, folder, files=files, store=store)
        for one in tracks
    ]
    voices = _voices(tracks, prepared, folder, stems, store)
    gains = _gains(voices, prepared)
    document = {
        "label": label,
        "terms": {term: TERMS[term] for term in ("LUFS", "dBTP")},
        "tracks": [
            {**one.data, "gain_db": gains.get(one.track.name), "marks": _marks(one.track)}
            for one in prepared
        ],
        "voices": [{"label": one.label, "tracks": list(one.tracks)} for one in voices],
    }
    inside = "".join(
        f'<script type="text/plain" data-piece="{one.data["id"]}/{index}">'
        f"{base64.b64encode(piece).decode()}</script>\n"
        for one in prepared
        for index, piece in enumerate(one.inside)
    )
    return (
        f'<div class="rg-player" role="group" aria-label="{html.escape(label, quote=True)}">\n'
        f"{_without_script(prepared)}"
        f'<script type="application/json">{_json(document)}</script>\n{inside}</div>\n'
    )


def ready(
    track: Track, folder: Path | None, *, files: str = FILES, store: Store | None = None
) -> Ready:
    """Look at a sound, measure and copy it for a player.

    What was made of the same sound before is used again, for the same folder or in the same store.

    Raises:
        InputError: its file cannot be read.
        OutputError: a file cannot be written.
    """
    sound = _digest(track, folder)
    identity = f"{sound[:20]}-{VERSION}"
    place = None if folder is None else folder / files / identity
    url = "" if place is None else f"{quote(files)}/{identity}"
    found = None if place is None else _summary(place)
    is_new = found is None
    minutes = copies.LOSSLESS_MINUTES_INSIDE if place is None else copies.LOSSLESS_MINUTES
    key = made.key(sound, minutes)
    inside: tuple[bytes, ...] = ()
    if found is None and store is not None and (earlier := made.kept(store, key)) is not None:
        found, inside = _laid_out(earlier, identity, place, url)
    if found is None or (track.lufs is None and not found["measured"]):
        with opened(track, folder) as audio:
            if found is None:
                one = (
                    made.make(audio, minutes)
                    if store is None
                    else made.keeping(store, key, audio, minutes)
                )
                found, inside = _laid_out(one, identity, place, url)
            if track.lufs is None and not found["measured"]:
                found |= _measured(audio, store)
                is_new = True
    if place is not None and is_new:
        _write(place / _SUMMARY, json.dumps(found).encode())
    data = {
        **found,
        "name": track.name,
        "label": track.label,
        "note": track.note,
        "file": quote(os.fsencode(track.place)),
    }
    if track.lufs is not None:
        data["lufs"] = track.lufs
    if track.true_peak_dbtp is not None:
        data["true_peak_dbtp"] = track.true_peak_dbtp
    return Ready(dataclasses.replace(track, sound=None), data, inside)


def link(path: Path, folder: Path) -> str:
    """Return the relative URL of a file, as seen from a page in a folder.

    Raises:
        ValueError: they lie on different drives.
    """
    return quote(os.fsencode(Path(os.path.relpath(path, folder)).as_posix()))


def forget(folder: Path, identities: Collection[str], files: str = FILES) -> None:
    """Remove what was made of sounds that no page in a folder has any more, and nothing else.

    Args:
        folder: where the page lies.
        identities: the sounds, by the ``id`` of `Ready.data`; what is none is left alone.
        files: the folder in `folder` for what players load.
    """
    for identity in filter(_IDENTITY.fullmatch, identities):
        place = folder / files / identity
        with contextlib.suppress(OSError):
            if place.is_symlink():
                continue
            for path in place.iterdir():
                if path.name in (_SUMMARY, _PICTURE) or re.fullmatch(r"[0-9]+\.js", path.name):
                    path.unlink()
            place.rmdir()


@dataclass(frozen=True)
class _Voice:
    """What sounds at a time: a track, or all of a group."""

    label: str
    tracks: tuple[str, ...]
    lufs: float | None
    peak_dbtp: float | None
    level_as: str | None


def _voices(
    tracks: Sequence[Track | Ready],
    prepared: Sequence[Ready],
    folder: Path | None,
    stems: str,
    store: Store | None,
) -> list[_Voice]:
    grouped: dict[str, list[int]] = {}
    for index, one in enumerate(prepared):
        grouped.setdefault(_voice_of(one.track), []).append(index)
    several = len({one.track.group for one in prepared} - {None}) > 1
    voices = []
    for indices in grouped.values():
        first = prepared[indices[0]]
        if first.track.group is None:
            voices.append(
                _Voice(
                    first.track.label,
                    (first.track.name,),
                    first.data["lufs"],
                    first.data["true_peak_dbtp"],
                    first.track.level_as,
                )
            )
            continue
        label = f"{stems}: {first.track.group}" if several else stems
        levels = _sum_levels([tracks[index] for index in indices], folder, store)
        names = tuple(prepared[index].track.name for index in indices)
        voices.append(_Voice(label, names, *levels, first.track.level_as))
    return voices


def _voice_of(track: Track) -> str:
    return f"track {track.name}" if track.group is None else f"group {track.group}"


def _sum_levels(
    members: Sequence[Track | Ready], folder: Path | None, store: Store | None
) -> tuple[float | None, float | None]:
    """Return loudness and true peak of the sum of stems, where they can be summed."""
    if any(isinstance(one, Ready) for one in members):
        return None, None
    with contextlib.ExitStack() as stack:
        sounds = [stack.enter_context(opened(one, folder)) for one in members
                  if isinstance(one, Track)]  # fmt: skip
        if len({(one.samples.shape, one.sample_rate) for one in sounds}) > 1:
            return None, None
        found = _measured(sounds[0].with_samples(_sum(sounds)), store)
    return found["lufs"], found["true_peak_dbtp"]


def _sum(sounds: Sequence[Audio]) -> NDArray[np.float32]:
    total = np.array(sounds[0].samples)
    for one in sounds[1:]:
        total += one.samples
    total.flags.writeable = False
    return total


def _gains(voices: Sequence[_Voice], prepared: Sequence[Ready]) -> dict[str, float | None]:
    """Return the gain in dB that makes each track as loud as the others; None where unknown.

    All come to the loudness of the loudest, or to what the true peaks of the others have room for
    below full scale, if that is less.
    """
    known = {
        one.label: (one.lufs, one.peak_dbtp if one.peak_dbtp is not None else 0.0)
        for one in voices
        if one.lufs is not None and one.lufs > _TOO_QUIET_LUFS and one.level_as is None
    }
    if not known:
        return {}
    loudest = max(lufs for lufs, _ in known.values())
    target = min(loudest, *(lufs - peak for lufs, peak in known.values()))
    gains: dict[str, float | None] = {}
    for one in voices:
        gain = round(target - known[one.label][0], 2) if one.label in known else None
        gains |= dict.fromkeys(one.tracks, gain)
    for track in (one.track for one in prepared):
        if track.level_as is not None:
            gains[track.name] = gains.get(track.level_as)
    return gains


def _laid_out(
    one: made.Made, identity: str, place: Path | None, url: str
) -> tuple[dict[str, Any], tuple[bytes, ...]]:
    """Put what was made of a sound where the page finds it.

    Returns:
        What the script is told, and the pieces that are not files of their own.
    """
    found: dict[str, Any] = {
        **one.told,
        "id": identity,
        "url": url,
        "lufs": None,
        "true_peak_dbtp": None,
        "measured": False,
    }
    if place is None:
        inside = f"data:image/png;base64,{base64.b64encode(one.picture).decode()}"
        found["spectrum"] = {**one.told["spectrum"], "src": inside}
        return found, tuple(one.pieces)
    _write(place / _PICTURE, one.picture)
    found["spectrum"] = {**one.told["spectrum"], "src": f"{url}/{_PICTURE}"}
    for index, piece in enumerate(one.pieces):
        text = f'resonatePlayer.piece("{identity}",{index},"'.encode()
        _write(place / f"{index}.js", text + base64.b64encode(piece) + b'")\n')
    return found, ()


def _measured(audio: Audio, store: Store | None) -> dict[str, Any]:
    """Return loudness and true peak; nothing where no pack measures, or not such a sound."""
    from .._run.measure import measure  # with all that runs need

    try:
        found = measure(audio, store)
    except ResonateError:
        found = {"integrated_lufs": None, "true_peak_dbtp": None}
    return {
        "lufs": found["integrated_lufs"],
        "true_peak_dbtp": found["true_peak_dbtp"],
        "measured": True,
    }


def _digest(track: Track, folder: Path | None) -> str:
    if track.sound is not None:
        return track.sound.digest
    if isinstance(track.file, bytes):
        return blake3(track.file).hexdigest()
    return file_digest(lying(track.file, folder))


def _summary(place: Path) -> dict[str, Any] | None:
    """Return what was found out of a sound before, if all of it is there."""
    try:
        found: dict[str, Any] = json.loads((place / _SUMMARY).read_bytes())
        pieces = found["copy"]["count"] if found["copy"] else 0
        whole = all((place / f"{index}.js").is_file() for index in range(pieces))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if whole else None


def _write(path: Path, content: bytes) -> None:
    # made again from the sound itself if a power cut damages it
    publish(path, lambda file: file.write(content), durable=False)


def _marks(track: Track) -> list[list[Any]]:
    marks = sorted(track.marks, key=lambda one: one.start_s)
    return [[round(one.start_s, 4), round(one.end_s, 4), one.text] for one in marks]


def _json(document: Mapping[str, Any]) -> str:
    """Return a document as it can stand in a script element."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _without_script(prepared: Sequence[Ready]) -> str:
    """Return what is there for a browser that runs no scripts: the files themselves."""
    lines = "".join(
        f'<li>{html.escape(one.track.label)}: <audio controls preload="none" '
        f'src="{html.escape(one.data["file"], quote=True)}"></audio></li>\n'
        for one in prepared
        if one.data["file"]
    )
    return f"<noscript><ul>\n{lines}</ul></noscript>\n" if lines else ""
