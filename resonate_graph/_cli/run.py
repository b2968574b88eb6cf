"""``resonate run``: run a graph on files, each of them a run of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typing_extensions import Unpack

from .. import (
    BatchError,
    Binding,
    Graph,
    InputError,
    OverwriteError,
    ResonateError,
    Result,
    Settings,
    Target,
)
from .call import open_graph, read_params, require_folder, require_one_tone
from .loading import loading
from .options import (
    GraphsOption,
    InputOption,
    JsonOption,
    NodesOption,
    NoProvenanceOption,
    NoTagsOption,
    OnlyOption,
    ParamOption,
    QuietOption,
    VerboseOption,
)
from .output import Printer
from .progress import ProgressDisplay
from .recordings import read_recordings, require_files
from .settings import takes_settings
from .words import spoken

if TYPE_CHECKING:  # what few runs need is imported where it is needed
    from .. import Recipe
    from .again import Again

DEFAULT_FOLDER = Path("out")
DEFAULT_NAME = "{input}.{output}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


@takes_settings
def run(
    context: typer.Context,
    graph: Annotated[
        str | None,
        typer.Argument(metavar="[GRAPH]", help="A graph file, or the name of a stock graph."),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE]...", help="Recordings for its one input of sound: a run for each."
        ),
    ] = None,
    inputs: InputOption = None,
    params: ParamOption = None,
    folder: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the files written.")
    ] = DEFAULT_FOLDER,
    name: Annotated[
        str,
        typer.Option(
            "--name",
            metavar="PATTERN",
            help="What they are called, of {input}, {file} (with its suffix), {folder} (its "
            "folder's name), {output}, {graph}; a slash makes folders.",
        ),
    ] = DEFAULT_NAME,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write over files that hold something else.")
    ] = False,
    only: OnlyOption = None,
    nodes: NodesOption = None,
    graphs: GraphsOption = None,
    from_provenance: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Make this file again, instead of naming a graph."),
    ] = None,
    no_provenance: NoProvenanceOption = False,
    no_tags: NoTagsOption = False,
    removed: Annotated[
        bool,
        typer.Option("--removed", help="Write what was taken out too, as NAME.removed.wav."),
    ] = False,
    report: Annotated[
        bool,
        typer.Option("--report", help="Write report.html too: before and after, what was done."),
    ] = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
    as_json: JsonOption = False,
    **settings: Unpack[Settings],
) -> None:
    """Run a graph: compute what its outputs need and the store does not have.

    Outputs are named after the first file that goes in, such as song.restored.wav. What is there
    already and holds something else is not written over.
    """
    printer = Printer(as_json=as_json, quiet=quiet)
    require_one_tone(quiet=quiet, verbose=verbose)
    require_folder(folder, named=True)
    if (graph is None) == (from_provenance is None):
        raise typer.BadParameter("name a graph, or a file with --from-provenance")
    recipe = None if from_provenance is None else _recipe(from_provenance)
    if recipe is None:
        opened = open_graph(str(graph), nodes, graphs)
    else:
        opened = Graph.from_json(recipe.graph, source=str(from_provenance), nodes=nodes or ())
    given = read_params(opened, params)
    changed = {**(recipe.params if recipe else {}), **given}
    outputs = only or (list(recipe.outputs) if recipe else None)
    again, given_inputs = None, set[str]()
    recordings = read_recordings(opened, inputs, files, changed, outputs)
    if recipe is not None:
        require_files(recipe, recordings[0])
        again, given_inputs = _again(Path(str(from_provenance)), recipe), set(recordings[0])
        recordings = [{**recipe.bindings, **one} for one in recordings]
        for change in recipe.changes(given):
            printer.remark(f"  changed: {change}")
    writing = _Writing(folder, name, overwrite, not no_provenance, not no_tags)
    varied = _varied(recordings)

    def command(recording: Mapping[str, Binding]) -> str:
        from .command_again import command_again

        return command_again(context, (varied, str(recording[varied])) if varied else None)

    work = _Work(opened, changed, outputs, removed, command if report else None, settings)
    with loading():  # the nodes of the graph, when it is checked
        work.require_free(recordings, writing)
    display = ProgressDisplay(quiet=quiet, verbose=verbose, runs=len(recordings))
    with display, printer.alone_on_stdout():
        if len(recordings) == 1:
            result, page = work.run(recordings[0], writing, display)
        else:
            ends = work.run_many(recordings, writing, display)
    if len(recordings) == 1:
        _tell(printer, result, again, page, removed=removed)
        if again is not None and not again.is_as_asked(result, given, given_inputs):
            raise typer.Exit(1)
    else:
        _tell_all(printer, opened.name, ends)


class _Writing(NamedTuple):
    """How files are written."""

    folder: Path
    name: str
    overwrite: bool
    provenance: bool
    tags: bool

    def save(self, result: Result) -> None:
        result.save(
            self.folder,
            name=self.name,
            overwrite=self.overwrite,
            provenance=self.provenance,
            tags=self.tags,
        )


class _End(NamedTuple):
    """What came of one of several recordings."""

    label: str
    result: Result | None
    error: ResonateError | None
    page: Path | None = None

    def document(self) -> dict[str, Any]:
        if self.result is not None and self.error is None:
            return {"recording": self.label, **_document(self.result, self.page)}
        error = {"type": type(self.error).__name__, "message": spoken(str(self.error))}
        return {"recording": self.label, "status": "failed", "error": error}


class _Work(NamedTuple):
    """A graph, and how it is run."""

    graph: Graph
    params: Mapping[str, Any]
    outputs: Sequence[str] | None
    removed: bool
    command: Callable[[Mapping[str, Binding]], str] | None
    settings: Settings

    def require_free(self, recordings: Sequence[Mapping[str, Binding]], writing: _Writing) -> None:
        """Find out before anything runs that something else would be written over."""
        taken: dict[str, tuple[str, str]] = {}
        there: list[Path] = []
        several = len(recordings) > 1
        for label, recording in zip(_labels(recordings), recordings, strict=True):
            targets = self._targets(recording, writing)
            if self.command is not None and targets:
                from .._experiment.run_page import is_of_another

                page = _page_beside(targets[0].path, targets[0].output, several=several)
                if is_of_another(page, self.graph.name, self._files(recording)):
                    there.append(page)
            for target in targets:
                path = os.path.normpath(target.path).casefold()
                other, output = taken.setdefault(path, (label, target.output))
                if other != label:
                    raise OverwriteError(
                        _shared(target.path, other, label, recordings), [target.path]
                    )
                if output == target.output and target.state == "other":
                    there.append(target.path)
        if there and not writing.overwrite:
            raise OverwriteError.of(there)

    def _targets(self, recording: Mapping[str, Binding], writing: _Writing) -> list[Target]:
        try:
            return self.graph.targets(
                recording,
                writing.folder,
                name=writing.name,
                params=self.params,
                outputs=self.outputs,
                overwrite=writing.overwrite,
                **self.settings,
            )
        except InputError:  # told by the run; of several, beside what becomes of the others
            return []

    def _files(self, recording: Mapping[str, Binding]) -> list[Path]:
        """Return the files of a recording's inputs that are needed, in the order of the graph."""
        needed = self.graph.check(params=self.params, outputs=self.outputs).needed_inputs
        specs = self.graph.document.inputs
        return [
            Path(str(recording[name]))
            for name in needed
            if name in recording and specs[name].type == "audio"
        ]

    def run(
        self, recording: Mapping[str, Binding], writing: _Writing, display: ProgressDisplay
    ) -> tuple[Result, Path | None]:
        """Run it on one recording, write the files, and return what came of it and its page."""
        result = self.graph.run(
            recording,
            params=self.params,
            outputs=self.outputs,
            removed=self.removed,
            on_event=display,
            **self.settings,
        )
        told = len(result.report["warnings"])
        writing.save(result)
        for warning in result.report["warnings"][told:]:
            display.say(f"  warning: {spoken(warning['message'])}", style="yellow")
        return result, self._page(result, recording, writing, several=False)

    def _page(
        self,
        result: Result,
        recording: Mapping[str, Binding],
        writing: _Writing,
        *,
        several: bool,
    ) -> Path | None:
        """Write the page of a run beside its outputs, if there is to be one."""
        if self.command is None:
            return None
        output, one = next(iter(result.report["outputs"].items()))
        page = _page_beside(Path(one["path"]), output, several=several)
        return self.graph.report(
            result,
            page.parent,
            command=self.command(recording),
            name=page.name,
            overwrite=writing.overwrite,
            **self.settings,
        )

    def run_many(
        self,
        recordings: Sequence[Mapping[str, Binding]],
        writing: _Writing,
        display: ProgressDisplay,
    ) -> list[_End]:
        """Run each, and write its files as soon as they are there."""
        labels = _labels(recordings)
        ends: dict[int, _End] = {}

        def end(index: int, came: Result | ResonateError) -> None:
            label = labels[index]
            if isinstance(came, Result):
                try:
                    writing.save(came)
                    page = self._page(came, recordings[index], writing, several=True)
                    ends[index] = _End(label, came, None, page)
                    display.tell(f"  {label}: done in {came.report['seconds']:.1f} s")
                    return
                except ResonateError as error:
                    came = error
            ends[index] = _End(label, None, came)
            display.tell(f"  {label}: failed")

        shown = [display.of_run(index, label) for index, label in enumerate(labels)]
        with contextlib.suppress(BatchError):  # each of them was heard of
            self.graph.run_many(
                recordings,
                params=self.params,
                outputs=self.outputs,
                removed=self.removed,
                on_event=lambda index, event: shown[index](event),
                on_result=end,
                **self.settings,
            )
        return [ends[index] for index in range(len(recordings))]


def _page_beside(file: Path, output: str, *, several: bool) -> Path:
    """Return where the page of a run goes: beside its first output, called after its recording."""
    if not several:
        return file.with_name("report.html")
    named = file.stem.removesuffix(output.removesuffix(file.suffix)).rstrip(" .-_") or file.stem
    return file.with_name(f"{named}.report.html")


def _labels(recordings: Sequence[Mapping[str, Binding]]) -> list[str]:
    """Return what recordings are called in lines: what of their bindings is not the same."""
    if len(recordings) == 1:
        return [""]
    varied = _varied(recordings)
    return [str(one[varied]) for one in recordings]


def _varied(recordings: Sequence[Mapping[str, Binding]]) -> str:
    """Return the input of which several recordings have each its own; nothing for one."""
    if len(recordings) == 1:
        return ""
    first, second, *_ = recordings
    (varied,) = (name for name in first if first[name] != second[name])
    return varied


def _shared(path: Path, one: str, other: str, recordings: Sequence[Mapping[str, Binding]]) -> str:
    """Say that two recordings would go into one file, and how they would not."""
    labels = [Path(label).absolute() for label in _labels(recordings)]
    apart = {"{folder}/{input}.{output}": [(path.parent.name, path.stem) for path in labels]}
    apart["{file}.{output}"] = [(path.name, "") for path in labels]
    apart["{folder}/{file}.{output}"] = [(path.parent.name, path.name) for path in labels]
    free = [name for name, keys in apart.items() if len(set(keys)) == len(keys)]
    hint = f"; take --name '{free[0]}'" if free else "; run them one by one"
    return f"{path}: {one} and {other} would share this file{hint}"


# -- what is said at the end ----------------------------------------------------------------------


def _recipe(path: Path) -> Recipe:
    from .. import read_provenance

    return read_provenance(path)


def _again(path: Path, recipe: Recipe) -> Again:
    from .again import Again

    return Again.of(path, recipe)


def _tell(
    printer: Printer, result: Result, again: Again | None, page: Path | None, *, removed: bool
) -> None:
    report = result.report
    differences = again.differences(result) if again else []
    document = _document(result, page)
    printer.document({**document, "differences": differences} if again else document)
    printer.line(f"{report['graph']}: {_counted(report)} in {report['seconds']:.1f} s")
    for difference in differences:
        printer.line(f"  differs: {difference}")
    if again and again.is_same(result):
        printer.line(f"  {again.conclusion}")
    for line in _written(report):
        printer.line(f"  {line}")
    if page is not None:
        printer.line(f"  to hear and see: {page}")
    if removed and not result.removed and not printer.is_quiet:
        printer.remark("  nothing to subtract: no output is the sound of an input, of its shape")


def _tell_all(printer: Printer, graph: str, ends: Sequence[_End]) -> None:
    """Print a table of all, what failed last, and end with 1 if anything did."""
    done = [end for end in ends if end.result is not None]
    failed = [end for end in ends if end.result is None]
    printer.document(
        {
            "graph": graph,
            "status": "failed" if failed else "done",
            "runs": [end.document() for end in ends],
        }
    )
    printer.line()
    rows = []
    for end in done:
        assert end.result is not None
        report = end.result.report
        paths = [str(output["path"]) for output in report["outputs"].values()]
        paths += [str(end.page)] if end.page else []
        rows.append((end.label, f"{report['seconds']:.1f} s", _counted(report), ", ".join(paths)))
    rows += [(end.label, "", "failed", "") for end in failed]
    printer.table(("recording", "took", "steps", "written"), rows)
    printer.line()
    printer.line(f"{graph}: {len(done)} of {len(ends)} done")
    for end in failed:
        assert end.error is not None
        printer.trouble(f"{end.label}: {_without(str(end.error), end.label)}")
    if failed:
        raise typer.Exit(1)


def _document(result: Result, page: Path | None) -> dict[str, Any]:
    """Return the report of a run, and where its page is."""
    return {**result.report, "page": str(page)} if page else result.report


def _without(message: str, label: str) -> str:
    return message.removeprefix(f"{label}: ")


def _counted(report: Mapping[str, Any]) -> str:
    words = {"ran": "ran", "cached": "reused", "skipped": "not needed"}
    counts = {
        word: sum(one["status"] == status for one in report["nodes"])
        for status, word in words.items()
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)


def _written(report: Mapping[str, Any]) -> Iterator[str]:
    for name, output in report["outputs"].items():
        yield f"{name}: {output['path']}"
        if difference := output.get("removed"):
            gain = difference["gain_db"]
            how = f" (the gain of {gain:.1f} dB taken back)" if gain else ""
            yield f"{name}, removed: {difference['path']}{how}"
