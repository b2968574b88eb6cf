"""`Result`: what a run gave, the report of how, and writing it to files."""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from .._base.display import Shown
from .._base.errors import InputError, OutputError, OverwriteError
from .._base.publish import publish
from .._node.values import File, Report, Value, digest, plain_json
from .._sound.audio import Audio
from .._sound.broadcast import Broadcast, read_broadcast, write_broadcast
from .._sound.tags import TAGGED, Tags, common, read_tags, write_tags
from .courses import Course
from .outcome import Outcome
from .provenance import SUFFIX, TAG
from .removed import Removed
from .targets import PLAIN, file_name, holds, require_apart, suffix_of
from .verify import held

#: Beyond this a WAV file is RF64, whose metadata nobody agrees on; the file beside it has it all.
_MAX_TAGGED_BYTES = 4_000_000_000

#: What ends the names of files that have what was taken out.
TAKEN_OUT = ".removed.wav"

#: What FLAC holds, and how much is done to make its files small, from 0 to 1.
_FLAC_CHANNELS, _FLAC_RATE, _FLAC_EFFORT = 8, 655_350, 0.25


class Way(NamedTuple):
    """How an output came from what was bound.

    Attributes:
        main_inputs: the inputs whose sound it mainly is.
        course: where in the one recording it comes from it begins; None where that is not known.
    """

    main_inputs: Sequence[str]
    course: Course | None


class Result(Shown, Mapping[str, Value]):
    """The outputs of a run by name, and how they came about.

    Audio that came from the store is memory-mapped: nothing is read until it is used.

    Attributes:
        inputs: the sounds that were bound: as files, or as they were given.
        removed: what was taken out, by output, where the run was asked for it: the difference
            between the input and each output that is the sound of it as a whole, at the level of
            the input. It is made when it is asked for, from the files that were bound.
    """

    def __init__(
        self,
        graph: str,
        outcome: Outcome,
        sources: Mapping[str, Path],
        provenance: Callable[[], Mapping[str, Any]],
        way: Callable[[str], Way],
        removed: Removed | None = None,
        inputs: Mapping[str, Path | Audio] | None = None,
    ) -> None:
        self._graph = graph
        self._outcome = outcome
        self._values = outcome.values
        self._sources = dict(sources)
        self._provenance = provenance
        self._way = cache(way)
        self.inputs: Mapping[str, Path | Audio] = dict(inputs or {})
        self.removed: Mapping[str, Audio] = removed if removed is not None else {}

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What it takes to make the outputs again; `save` writes it beside each file."""
        return dict(self._provenance())

    @cached_property
    def report(self) -> dict[str, Any]:
        """The same document as ``resonate run --json`` prints."""
        outcome, removed = self._outcome, self.removed
        report: dict[str, Any] = {
            "graph": self._graph,
            "status": "done",
            "seconds": round(outcome.seconds, 6),
            "inputs": {
                name: {"path": one["file"], "gaps_seconds": one.get("gaps_seconds", [])}
                for name, one in self.provenance["inputs"].items()
                if "file" in one
            },
            "nodes": [asdict(step) for step in outcome.steps],
            "outputs": {
                name: {"path": None, "digest": digest(value)}
                for name, value in outcome.values.items()
            },
            "warnings": [
                {"code": one.code, "message": one.message, "node": one.node}
                for one in outcome.warnings
            ],
        }
        if isinstance(removed, Removed):
            for name, output in report["outputs"].items():
                found = removed.differences.get(name)
                output["removed"] = {"path": None, **asdict(found)} if found else None
        return report

    def save(
        self,
        folder: str | Path,
        *,
        name: str = PLAIN,
        overwrite: bool = True,
        provenance: bool = True,
        tags: bool = True,
    ) -> dict[str, Path]:
        """Write every output into a folder; each file is there whole or not at all.

        Audio becomes 32-bit-float WAV, bit-exact; encoded files keep their format; reports and
        scalars become JSON. Beside each file lies its provenance, which sound files also carry in
        their metadata.

        Sound files carry the tags and the cover art of the file they were made from as well: the
        one that is bound to the first input of each step on the way to them. Of a sum of several
        files they carry what all of these say. What was measured of the samples (ReplayGain,
        fingerprints) or tells of the encoder is left out. Tags that cannot be read, or written,
        are left out with a warning in the report.

        What a broadcast WAV file says of its time (``bext``, ``iXML``, cues) goes into WAV files
        that are made of it alone: shifted where `trim` or `pad` moved the beginning, counted at
        the rate of the output. Where it would not be true, it is left out with a warning.

        What was taken out lies beside its output as ``NAME.removed.wav`` (see `removed`). Where
        this run was not asked for it, what an earlier one took out of other samples is gone.

        Args:
            folder: where the files go.
            name: what they are called, without suffix: text, ``{output}``, ``{input}`` (the name of
                the first input's file, without suffix), ``{file}`` (with it), ``{folder}`` (the one
                it lies in), ``{graph}``; a slash makes folders.
            overwrite: False to write over no file that holds something else: other samples, other
                figures. Nothing is written then.
            provenance: False to write the outputs alone.
            tags: False to carry no tags.

        Returns:
            The files by output name.

        Raises:
            InputError: an input was changed or is gone, and what was taken out of it was asked for.
            OutputError: a file cannot be written, or would overwrite an input of this run or
                another of its outputs.
            OverwriteError: `overwrite` is False, and files hold something else.
            ParamError: `name` is no such pattern.
        """
        targets = self._files(Path(folder), name)
        taken_out = {one: targets[one].with_suffix(TAKEN_OUT) for one in self.removed}
        every = [*targets.items(), *taken_out.items()]
        require_apart([(repr(output), path) for output, path in every])
        for _, path in every:
            self._spare_the_inputs(path)
        stale = list(self._stale(targets))
        if not overwrite:
            there = [
                path
                for files, values in ((targets, self), (taken_out, self.removed))
                for output, path in files.items()
                if path.exists() and not holds(path, values[output])
            ]
            if there or stale:
                raise OverwriteError.of([*there, *stale])
        read = {name: self._tags(name) for name in self._sources} if tags else {}
        told = _Told(self.provenance) if provenance else None
        for output, path in targets.items():
            from_files = [read.get(one, Tags()) for one in self._way(output).main_inputs]
            broadcast = self._broadcast(output, path) if tags else None
            trouble, untimed = _save(
                output, self[output], path, common(from_files), told, broadcast
            )
            if trouble:
                self._warn("tags-lost", f"{path}: {trouble}")
            if untimed:
                self._warn("time-lost", f"{path}: {untimed}")
            self.report["outputs"][output]["path"] = str(path)
        for output, path in taken_out.items():
            _save(output, self.removed[output], path, Tags(), told, None, beside=False)
            self.report["outputs"][output]["removed"]["path"] = str(path)
        for path in stale:
            path.unlink(missing_ok=True)
        return targets

    def _stale(self, targets: Mapping[str, Path]) -> Iterator[Path]:
        """Yield what an earlier run took out of other samples than are written now."""
        for output, path in targets.items():
            beside = path.with_suffix(TAKEN_OUT)
            if output in self.removed or not beside.exists():
                continue
            from .recipe import read_provenance

            with contextlib.suppress(InputError):  # it is somebody's own
                made = read_provenance(beside).outputs.get(output)
                if made != self.provenance["outputs"][output]:
                    yield beside

    def _files(self, folder: Path, name: str) -> dict[str, Path]:
        graph, sources = self.report["graph"], self._sources
        return {
            output: folder
            / file_name(name, output=output, suffix=suffix_of(value), graph=graph, sources=sources)
            for output, value in self.items()
        }

    def for_listening(self) -> Result:
        """Return the same with sounds as FLAC files of 24 bits, where full scale holds them."""
        heard = copy.copy(self)
        heard.report = self.report  # what is saved of either is told by both
        heard._values = {
            name: compressed(value) if isinstance(value, Audio) else value
            for name, value in self._values.items()
        }
        return heard

    def __getitem__(self, name: str) -> Value:
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(self._values)
            raise KeyError(f"no output {name!r}; this run gave: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Result({dict(self._values)!r})"

    def _ipython_key_completions_(self) -> list[str]:
        return list(self._values)

    def _tags(self, name: str) -> Tags:
        """Return what may be carried of the tags of an input's file."""
        try:
            tags = read_tags(self._sources[name])
        except InputError as error:
            self._warn("tags-lost", f"{error}; the outputs carry none of them")
            return Tags()
        if tags.damage:
            what = f"its tags are damaged in part ({tags.damage}); the outputs carry the rest"
            self._warn("tags-lost", f"{self._sources[name]}: {what}")
        return tags.carried

    def _broadcast(self, name: str, path: Path) -> Broadcast | None:
        """Return what of the times of a recording is true of an output made of it."""
        if path.suffix not in TAGGED:
            return None
        way = self._way(name)
        course, sources = way.course, way.main_inputs
        for source in sources:
            file = self._sources.get(source)
            found = None
            with contextlib.suppress(InputError):  # told when its tags were read
                found = read_broadcast(file, course.recording if course else None) if file else None
            if found is None:
                continue
            if course is None:
                several = "it is made of several recordings"
                unknown = "where in the recording it begins is not known"
                why = several if len(sources) > 1 else unknown
                self._warn("time-lost", f"{path}: {found.names} of {file} are left out: {why}")
                continue
            moved, lost = found.moved(course.start_seconds, course.sound)
            for reason in lost:
                self._warn(
                    "time-lost", f"{path}: a part of what {file} says of time is left out: {reason}"
                )
            return moved
        return None

    def _warn(self, code: str, message: str) -> None:
        warning = {"code": code, "message": message, "node": None}
        if warning not in self.report["warnings"]:
            self.report["warnings"].append(warning)

    def _spare_the_inputs(self, path: Path) -> None:
        for name, source in self._sources.items():
            if path.exists() and source.exists() and path.samefile(source):
                raise OutputError(
                    f"{path}: this file is the input {name!r}; write into another folder"
                )


def compressed(audio: Audio) -> Audio | File:
    """Return a sound as a FLAC file of 24 bits; itself where FLAC cannot hold it."""
    import soundfile

    peak = float(np.abs(audio.samples).max(initial=0.0))
    if peak > 1.0 or audio.channels > _FLAC_CHANNELS or audio.sample_rate > _FLAC_RATE:
        return audio
    content = io.BytesIO()
    soundfile.write(
        content,
        audio.samples.T,
        audio.sample_rate,
        "PCM_24",
        format="FLAC",
        compression_level=_FLAC_EFFORT,
    )
    return File(content.getvalue(), ".flac")


@dataclass(frozen=True)
class _Told:
    """The provenance of a run as its files have it: the same in all of them but at its end.

    Spelled once for all of them: Python writes JSON in lines slowly.
    """

    provenance: Mapping[str, Any]

    def line(self, file: Mapping[str, Any]) -> str:
        """Return what a file carries, in a line: the run, then what is said of the file."""
        return json.dumps({**self.provenance, "file": file}, ensure_ascii=False)

    def text(self, file: Mapping[str, Any]) -> str:
        """Return the same in lines, as it stands beside the file."""
        end = json.dumps({"file": file}, indent=2, ensure_ascii=False)
        return f"{self._lines.removesuffix(_CLOSING)},{end.removeprefix('{')}\n"

    @cached_property
    def _lines(self) -> str:
        return json.dumps(self.provenance, indent=2, ensure_ascii=False)


#: How an object ends that is written in lines.
_CLOSING = "\n}"


def _save(
    output: str,
    value: Value,
    path: Path,
    tags: Tags,
    provenance: _Told | None,
    broadcast: Broadcast | None,
    *,
    beside: bool = True,
) -> tuple[str, str]:
    """Write a file and its provenance; say which tags and times it does not carry, and why.

    Provenance stands in the file where it holds tags, and beside it unless that is not wanted.
    """
    fitting = tags.fitting(path.suffix)
    trouble, untimed = tags.lost_in(path.suffix), ""
    told: dict[str, Any] = {}

    def made() -> Tags:
        return Tags({TAG: [provenance.line(told)]} if provenance is not None else {})

    def tag(file: IO[bytes], written: Tags) -> None:
        if written != Tags() and path.suffix in TAGGED and file.tell() < _MAX_TAGGED_BYTES:
            write_tags(file, path.suffix, written)

    def time(file: IO[bytes]) -> None:
        nonlocal untimed
        if broadcast is None or not broadcast.chunks:
            return
        if file.seek(0, 2) > _MAX_TAGGED_BYTES or not write_broadcast(file, broadcast):
            untimed = f"{broadcast.names} are left out: only WAV files below 4 GB hold them"

    def write(file: IO[bytes]) -> None:
        nonlocal trouble, told
        _write_value(file, value)
        if provenance is not None:
            told = {"output": output, **held(value, file)}
            file.seek(0, 2)
        every = {**fitting.fields, **made().fields}
        for written, left in (
            (Tags(every, fitting.pictures), "its pictures"),
            (Tags(every), "its tags"),
            (made(), ""),
        ):
            try:
                tag(file, written)
                break
            except OSError:
                raise
            except Exception as error:  # whatever strange tags make of their writer
                if isinstance(error.__context__, OSError):  # mutagen's own name for a full disk
                    raise error.__context__ from error
                if not left:
                    raise
                trouble = f"{left} could not be written: {str(error) or type(error).__name__}"
                file.seek(0)
                file.truncate()
                _write_value(file, value)
        time(file)

    publish(path, write)
    if provenance is not None and beside:
        text = provenance.text(told)
        publish(path.with_name(path.name + SUFFIX), lambda file: file.write(text.encode()))
    return trouble, untimed


def _write_value(file: IO[bytes], value: Value) -> None:
    if isinstance(value, Audio):
        value.write_wav(file)
    elif isinstance(value, File):
        file.write(value.content)
    else:
        plain = plain_json(value) if isinstance(value, Report) else value
        file.write((json.dumps(plain, indent=2, ensure_ascii=False) + "\n").encode())
