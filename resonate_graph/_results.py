"""`Result`: what a run gave, the report of how, and writing it to files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from ._audio import Audio
from ._errors import OutputError
from ._provenance import SUFFIX, TAGGED, write_tag
from ._publish import publish
from ._settings import Outcome
from ._values import File, Report, Value, digest, plain_json

#: Beyond this a WAV file is RF64, whose metadata nobody agrees on; the file beside it has it all.
_MAX_TAGGED_BYTES = 4_000_000_000


class Result(Mapping[str, Value]):
    """The outputs of a run by name, and how they came about.

    Audio that came from the store is memory-mapped: nothing is read until it is used.

    Attributes:
        report: the same document as ``resonate run --json`` prints.
        provenance: what it takes to make the outputs again; `save` writes it beside each file.
    """

    def __init__(
        self,
        graph: str,
        outcome: Outcome,
        sources: Mapping[str, Path],
        provenance: Mapping[str, Any],
    ) -> None:
        self._values = outcome.values
        self._sources = dict(sources)
        self.provenance = dict(provenance)
        self.report: dict[str, Any] = {
            "graph": graph,
            "status": "done",
            "seconds": round(outcome.seconds, 6),
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

    def save(self, folder: str | Path, *, provenance: bool = True) -> dict[str, Path]:
        """Write every output into a folder; each file is there whole or not at all.

        Audio becomes 32-bit-float WAV, bit-exact; encoded files keep their format; reports and
        scalars become JSON. Beside each file lies its provenance, which WAV, FLAC and MP3 files
        also carry in their metadata.

        Args:
            folder: where the files go.
            provenance: False to write the outputs alone.

        Returns:
            The files by output name.

        Raises:
            OutputError: a file cannot be written, or would overwrite an input of this run or
                another of its outputs.
        """
        folder = Path(folder)
        targets = {name: folder / _file_name(name, value) for name, value in self.items()}
        taken: dict[str, str] = {}
        for name, path in targets.items():
            other = taken.setdefault(path.name.casefold(), name)  # as on a Mac's filesystem
            if other != name:
                raise OutputError(f"{path}: the outputs {other!r} and {name!r} share this file")
            self._spare_the_inputs(path)
        for name, path in targets.items():
            text = json.dumps(self.provenance, ensure_ascii=False) if provenance else None
            _save(self[name], path, text)
            self.report["outputs"][name]["path"] = str(path)
        return targets

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

    def _spare_the_inputs(self, path: Path) -> None:
        for name, source in self._sources.items():
            if path.exists() and source.exists() and path.samefile(source):
                raise OutputError(
                    f"{path}: this file is the input {name!r}; write into another folder"
                )


def _file_name(name: str, value: Value) -> str:
    if isinstance(value, File):
        return name if name.endswith(value.suffix) else f"{name}{value.suffix}"
    return f"{name}.wav" if isinstance(value, Audio) else f"{name}.json"


def _save(value: Value, path: Path, provenance: str | None) -> None:
    def write(file: IO[bytes]) -> None:
        if isinstance(value, Audio):
            value.write_wav(file)
        elif isinstance(value, File):
            file.write(value.content)
        else:
            plain = plain_json(value) if isinstance(value, Report) else value
            file.write((json.dumps(plain, indent=2, ensure_ascii=False) + "\n").encode())
        if provenance is not None and path.suffix in TAGGED and file.tell() < _MAX_TAGGED_BYTES:
            write_tag(file, path.suffix, provenance)

    publish(path, write)
    if provenance is not None:
        text = json.dumps(json.loads(provenance), indent=2, ensure_ascii=False) + "\n"
        beside = path.with_name(path.name + SUFFIX)
        publish(beside, lambda file: file.write(text.encode()))
