"""The Python face: `Graph`, which is built, read, checked, planned and run."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from ._base.display import Bundle, Shown, shows
from ._base.errors import BatchError, GraphError, ParamError, Problem, ResonateError
from ._base.keywords import spelled_out
from ._base.near_names import instead
from ._base.publish import publish, require_writable
from ._graph.bound import BoundGraph
from ._graph.builder import Builder, Kept
from ._graph.check import Call, check, parse_checked
from ._graph.document import GraphDocument
from ._graph.library import Library, complete, is_use
from ._graph.lineage import wholes
from ._graph.positions import join
from ._graph.problems import Located
from ._graph.subgraphs import Flat, flatten
from ._machine.schedule import CPU
from ._node.catalog import Catalog
from ._node.values import Value
from ._page.progress import rows_listener, run_listener, runs_listener
from ._run.bindings import Binding, Bindings
from ._run.bookkeeping import Run, Shared
from ._run.courses import course
from ._run.estimates import Experience
from ._run.events import Event, PictureMade
from ._run.execute import execute
from ._run.plan import AnyPlan
from ._run.provenance import describe, describe_inputs
from ._run.rates import misfits
from ._run.removed import removed as taken_out
from ._run.results import Result, Way
from ._run.settings import Settings, Setup, nobody_listens, understood
from ._run.targets import PLAIN, Target, targets
from ._sound.limits import Limits

if TYPE_CHECKING:  # what few runs need is imported where it is needed
    from ._experiment.rows import Row, Rows
    from ._experiment.why import Reason
    from ._graph.difference import Difference
    from ._page.drawing import Drawing
    from ._run.forecast import Forecast

#: How many nodes a graph's repr names.
_NAMED = 8

#: The results of so many checks are remembered by a graph; then it begins anew.
_REMEMBERED = 32


class Graph(Shown, Builder):
    """A restoration graph: built here, or read from a file by `load`.

    Args:
        name: the graph's name: letters, digits, ``_`` and ``-``.
        description: what it is for.

    Example:
        >>> import numpy as np
        >>> from resonate_graph import Audio, Graph
        >>> from resonate_nodes import gain
        >>> graph = Graph("quieter")
        >>> mix = graph.input("mix", Audio)
        >>> graph.output("quiet", graph.add(gain)(mix, gain_db=-20.0))
        >>> result = graph.run({"mix": Audio(np.ones((2, 4)), 44100)}, store=False)
        >>> float(result["quiet"].samples[0, 0])
        0.10000000149011612
    """

    def __init__(self, name: str, *, description: str | None = None) -> None:
        super().__init__(name, description=description)
        self._found: dict[object, BoundGraph] = {}  # what checks of this graph came to

    @classmethod
    def from_json(
        cls,
        text: str,
        *,
        source: str = "graph",
        nodes: Collection[str] = (),
        library: Library | None = None,
    ) -> Graph:
        """Read a graph from JSON text.

        Args:
            text: the JSON document.
            source: what messages call it.
            nodes: modules or ``.py`` files with nodes of your own.
            library: where the graphs are found that this one uses; stock graphs only, if None.

        Raises:
            GraphError: the text is no graph document; with every problem of form, and all others
                that can be seen beside them.
            CatalogError: a module of `nodes` cannot be used.
        """
        catalog = Catalog.installed()
        for module in nodes:
            catalog = catalog.with_module(module)
        library = library or Library()
        document = parse_checked(text, source, catalog, library)
        graph = cls(document.name)
        graph._document = document
        graph._catalog = catalog
        graph._text = text
        graph._source = source
        graph._library = library
        return graph

    def to_json(self) -> str:
        """Return the graph as a JSON document.

        Graphs in files that it uses are copied in, since the text may come to lie elsewhere.

        Raises:
            GraphError: one of them cannot be read.
        """
        return complete(self._kept().document, self._library, stock=False).to_json()

    def differences(self, other: Graph) -> list[Difference]:
        """Return what differs in meaning between this graph and another: nodes, params, wires.

        What they use is spelled out first. Descriptions, layout and names of graphs are no
        difference, nor is a default that is written out.

        Raises:
            GraphError: a graph that one of them uses cannot be used.

        Example:
            >>> import resonate_graph as rg
            >>> before, after = rg.stock("deliver"), rg.stock("deliver")
            >>> after.document == before.document
            True
            >>> before.differences(after)
            []
        """
        from ._graph.difference import differences

        flat = [one._flat() for one in (self, other)]
        for one in flat:
            if one.problems:
                raise GraphError(one.located.source, one.problems)
        catalog = self._catalog.joined(other._catalog)
        return list(differences(flat[0].document, flat[1].document, catalog))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the graph to a file; `load` gives an equal graph.

        Raises:
            OutputError: the file cannot be written.
        """
        text = self.to_json()
        return publish(Path(path), lambda file: file.write(text.encode()))

    def check(
        self,
        inputs: Mapping[str, Binding] | Collection[str] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        outputs: Collection[str] | None = None,
        models: str | os.PathLike[str] | None = None,
        limits: Limits | None = None,
    ) -> BoundGraph:
        """Find everything that is wrong with the graph, without running it.

        Args:
            inputs: names of the inputs that will be bound; or, as `run` takes it, what will be
                bound: then its files are read, and the weights of models are compared with all
                that is known of them. None to leave that open.
            params: graph params by name, node params as ``node.param``.
            outputs: the outputs that are wanted; None for all.
            models: the folder of model weights.
            limits: how files are read; None for the usual way.

        Raises:
            GraphError: with every problem at once, each with its place.
            InputError: a file cannot be read; an `InputsError` where several cannot.
        """
        given = inputs if isinstance(inputs, Mapping) else None
        call = Call(
            params=params or {},
            inputs=inputs,
            outputs=outputs,
            models=Path(models) if models is not None else None,
            verify=given is not None,
        )
        bound = self._checked(self._kept(), call)
        if given is None:
            return bound
        setup = replace(Setup(), limits=limits or Limits())
        bindings = self._bindings(bound, given, setup)
        said: list[Problem] = []

        def read(name: str) -> None:
            where = f"inputs[{name!r}]"
            bindings.warn = lambda code, text: said.append(Problem(code, text, argument=where))
            bindings.value(name)
            bindings.release(name)

        bindings.every(read)
        self._require_rates(bound, bindings)
        return replace(bound, warnings=(*bound.warnings, *said))

    @spelled_out(Settings)
    def run(
        self,
        inputs: Mapping[str, Binding] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        outputs: Collection[str] | None = None,
        removed: bool = False,
        on_event: Callable[[Event], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        **settings: Unpack[Settings],
    ) -> Result:
        """Run the graph: compute what its outputs need and the store does not have.

        Steps that do not need each other run at the same time, as far as threads, accelerators
        and memory go round.

        Args:
            inputs: a file, an `Audio` or a value for each input.
            params: graph params by name, node params as ``node.param``.
            outputs: the outputs that are wanted; None for all.
            removed: whether `Result.removed` has what was taken out, for `Result.save` to write.
            on_event: told what happens while it runs, in the thread that called; None for a line
                of progress in a notebook, and nothing elsewhere.
            cancelled: asked now and then whether to stop, in the thread that called.
            settings: how it is done: ``device``, ``threads``, ``store`` and the others of
                `Settings`.

        Raises:
            GraphError: the graph or the call is wrong; with every problem at once.
            ParamError: there is no such setting, or it cannot have this value.
            InputError: a file cannot be read; an `InputsError` where several cannot.
            ModelError: the weights of a model are not to be had.
            DeviceError: the device is not there, or `threads` is below one.
            RunError: a node failed.
            Cancelled: `cancelled` returned True.
        """
        setup = replace(
            understood(settings),
            on_event=on_event or run_listener(),
            cancelled=cancelled or (lambda: False),
        )
        inputs = inputs or {}
        kept = self._kept()
        bound = self._checked(kept, Call(params or {}, list(inputs), outputs, setup.models))
        given = deepcopy(dict(params or {}))  # what of it is changed later was not run
        bindings = self._bindings(bound, inputs, setup)
        run = Run(bound, bindings, setup)
        execute([run], setup)
        if run.error is not None:
            raise run.error
        return self._made(run, kept.document, bindings, given, setup if removed else None)

    @spelled_out(Settings)
    def run_many(
        self,
        inputs: Iterable[Mapping[str, Binding]],
        params: Mapping[str, Any] | None = None,
        *,
        outputs: Collection[str] | None = None,
        removed: bool = False,
        on_event: Callable[[int, Event], None] | None = None,
        on_result: Callable[[int, Result | ResonateError], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        **settings: Unpack[Settings],
    ) -> list[Result]:
        """Run the graph on several inputs at the same time, in this process.

        Their steps share the lanes: while an accelerator separates one, the CPU reads the next
        and finishes the one before. One that fails does not stop the others. With a store,
        results are handed out as they lie there, so that many take no memory; without one all
        of them are held.

        Args:
            inputs: for each run what `run` takes, such as ``[{"mix": "a.wav"}, {"mix": "b.wav"}]``.
            params: as for `run`, the same for all.
            outputs: as for `run`, the same for all.
            removed: as for `run`.
            on_event: told what happens, with the index of the input, in the thread that called.
            on_result: told of each input when it is done, with its result or what went wrong, in
                the order in which they end: the place to save results as they come.
            cancelled: asked now and then whether to stop all of them.
            settings: how they are done, as for `run`; all of them share the threads.

        Returns:
            The results, in the order of the inputs.

        Raises:
            GraphError: the graph or the call is wrong for one of them; nothing was run.
            ParamError: there is no such setting, or it cannot have this value.
            BatchError: some failed, told when all are done; it has the results of the others.
            Cancelled: `cancelled` returned True.
        """
        setup = replace(
            understood(settings), map_results=True, cancelled=cancelled or (lambda: False)
        )
        tell = on_event or runs_listener()
        shared = Shared(Experience(setup.store))
        kept = self._kept()
        checked: dict[tuple[str, ...], BoundGraph] = {}
        bindings: list[Bindings] = []
        runs: list[Run] = []
        for index, bound_to in enumerate(inputs):
            names = tuple(sorted(bound_to))
            if names not in checked:
                call = Call(params or {}, names, outputs, setup.models)
                checked[names] = self._checked(kept, call)
            own = replace(setup, on_event=partial(tell, index))
            bindings.append(self._bindings(checked[names], bound_to, own))
            runs.append(Run(checked[names], bindings[-1], own, shared, index))
        ends: dict[int, Result | ResonateError] = {}
        given = deepcopy(dict(params or {})) if checked else {}

        def on_end(run: Run) -> None:
            subtracting = setup if removed else None
            end = self._end(run, kept.document, bindings[run.index], given, subtracting)
            ends[run.index] = end
            if on_result is not None:
                on_result(run.index, end)

        execute(runs, setup, on_end=on_end)
        results = [end if isinstance(end := ends[run.index], Result) else None for run in runs]
        errors = {i: end for i, end in sorted(ends.items()) if isinstance(end, ResonateError)}
        if errors:
            raise BatchError(results, errors)
        return [result for result in results if result is not None]

    @spelled_out(Settings)
    def plan(
        self,
        inputs: Mapping[str, Binding] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        outputs: Collection[str] | None = None,
        **settings: Unpack[Settings],
    ) -> Forecast:
        """Say what a run would compute, where and when, and what it would take from the store.

        Without a store the inputs are read, since nothing else knows how long they are. Errors are
        those of `run`.

        Args:
            inputs: as for `run`.
            params: as for `run`.
            outputs: as for `run`.
            settings: as for `run`.

        Returns:
            A sequence of `PlannedStep`, with what they take together.
        """
        setup = understood(settings)
        run, plan = self._planned(inputs or {}, params, outputs, setup)
        from ._run.forecast import forecast

        run.require_able()
        return forecast(run, plan, setup.machine)

    @spelled_out(Settings)
    def targets(
        self,
        inputs: Mapping[str, Binding] | None,
        folder: str | os.PathLike[str],
        *,
        name: str = PLAIN,
        params: Mapping[str, Any] | None = None,
        outputs: Collection[str] | None = None,
        overwrite: bool = False,
        **settings: Unpack[Settings],
    ) -> list[Target]:
        """Say which files `Result.save` would write after a run, and what stands there already.

        Without a run it is not always known whether a file holds the same: one that was made by the
        same steps of the same inputs is ``likely`` the same, one that was made otherwise is
        ``other``. An output whose suffix only a run tells is left out. Errors are those of `plan`.

        Args:
            inputs: as for `run`.
            folder: as for `Result.save`.
            name: as for `Result.save`.
            params: as for `run`.
            outputs: as for `run`.
            overwrite: True for a `Result.save` that writes over whatever there is: files that are
                there are not looked into, and count as ``other``.
            settings: as for `run`.
        """
        setup = understood(settings)
        given = inputs or {}
        bound = self.check(list(given), params=params, outputs=outputs, models=setup.models)
        bindings = self._bindings(bound, given, setup)

        def plan() -> Callable[[str], Value | None]:
            run = Run(bound, bindings, setup)
            run.plan(fetch=False)
            return run.stored_output

        return list(targets(bound, bindings, Path(folder), name, None if overwrite else plan))

    @spelled_out(Settings)
    def draw(
        self,
        inputs: Mapping[str, Binding] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        outputs: Collection[str] | None = None,
        result: Result | None = None,
        depth: int | None = None,
        **settings: Unpack[Settings],
    ) -> Drawing:
        """Draw the graph: its steps in layers, their ports and wires, and the params that are set.

        With inputs, it shows what a run would do, as `plan` says it: which steps would run, which
        are stored, which nobody needs. With a result of this graph, it shows what became of each.

        Args:
            inputs: as for `run`; None to leave open what a run would do.
            params: as for `run`.
            outputs: as for `run`.
            result: what a run of this graph gave.
            depth: how many graphs inside each other are open; 0 folds all of them, None opens all.
            settings: as for `run`; they count where inputs are given.

        Raises:
            GraphError: the graph or the call is wrong.
            ParamError: there is no such setting, or the depth is below 0.

        Example:
            >>> from resonate_graph import stock
            >>> stock("deliver").draw()
            <Drawing of deliver: 3 steps>
        """
        from ._page.drawing import draw, forecast_standings, report_standings
        from ._run.forecast import forecast

        description = self._document.description or ""
        if inputs is None or result is not None:
            names = None if inputs is None else list(inputs)
            bound = self.check(names, params, outputs=outputs, models=settings.get("models"))
            standings = report_standings(result.report["nodes"]) if result is not None else None
            return draw(bound, standings, description=description, depth=depth)
        setup = understood(settings)
        run, plan = self._planned(inputs, params, outputs, setup)
        standings = forecast_standings(forecast(run, plan, setup.machine))
        return draw(run.graph, standings, description=description, depth=depth)

    @spelled_out(Settings)
    def report(
        self,
        result: Result,
        folder: str | os.PathLike[str],
        *,
        command: str = "",
        name: str = "report.html",
        overwrite: bool = True,
        **settings: Unpack[Settings],
    ) -> Path:
        """Write the page of a run: before and after to be heard, what each step did, warnings.

        Args:
            result: what a run of this graph gave; save it first, so that its files are linked.
            folder: gets the page and what its player loads.
            command: what the run was started with, to be shown.
            name: what the page is called.
            overwrite: False to write over nothing but a page of this graph and the same files.
            settings: as for `run`; of these ``store`` and ``models`` count.

        Returns:
            The page; ``run-report.html`` where an output has its name.

        Raises:
            OutputError: it cannot be written.
            OverwriteError: `overwrite` is False, and something else is there.
        """
        from ._experiment.run_page import write_run_page

        setup = understood(settings)
        bound = self.check(
            params=result.provenance["params"], outputs=list(result), models=setup.models
        )
        return write_run_page(
            result,
            bound,
            Path(folder),
            description=self._document.description or "",
            command=command,
            name=name,
            overwrite=overwrite,
            store=setup.store,
            models=setup.models,
        )

    @spelled_out(Settings)
    def why(
        self,
        inputs: Mapping[str, Binding] | None = None,
        params: Mapping[str, Any] | None = None,
        *,
        outputs: Collection[str] | None = None,
        **settings: Unpack[Settings],
    ) -> list[Reason]:
        """Say for every node that would run what changed since it was computed last.

        Other errors are those of `run`.

        Args:
            inputs: as for `run`.
            params: as for `run`.
            outputs: as for `run`.
            settings: as for `run`.

        Raises:
            ParamError: `store` is False: there is nothing to compare with.
        """
        from ._experiment.why import reasons

        setup = understood(settings)
        if setup.store is None:
            raise ParamError("store is False: why compares with what a store has", param="store")
        run, plan = self._planned(inputs or {}, params, outputs, setup)
        return reasons(run.graph, plan, run.stored.keys, setup.store)

    @spelled_out(Settings)
    def sweep(
        self,
        inputs: Mapping[str, Binding],
        grid: Mapping[str, Sequence[Any]],
        folder: str | os.PathLike[str],
        *,
        params: Mapping[str, Any] | None = None,
        outputs: Collection[str] | None = None,
        reference: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]] | None = None,
        pictures: Collection[str] | None = None,
        jobs: int = 1,
        on_row: Callable[[Row], None] | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        **settings: Unpack[Settings],
    ) -> Rows:
        """Run the graph with every combination of a grid of params, and compare the results.

        Every value is checked before the first run. What combinations share is computed once. One
        that fails does not stop the others, nor do values that are wrong only together. A sweep
        that was interrupted goes on where it stopped when it is called again.

        Args:
            inputs: as for `run`.
            grid: the values to try, by param: ``{"gate.threshold_db": [-60, -50, -40]}``.
            folder: gets a folder per combination, ``results.json`` and ``report.html``.
            params: params that are the same in all combinations.
            outputs: as for `run`.
            reference: what an input should have been, as a file: SI-SDR against it is given for
                the outputs of its shape that are the sound of that input as a whole, so for no
                stem of it. Or a file for each output that is named: ``{"vocals": "clean.wav"}``.
            pictures: the outputs that the report shows and lets hear; None for those that are the
                sound of an input as a whole, or all where none is. It links the others.
            jobs: how many combinations run at a time.
            on_row: told of each combination when it is done.
            on_event: told what happens while one runs, in its thread.
            cancelled: asked now and then whether to stop, in the thread of each.
            settings: how they are done, as for `run`.

        Returns:
            A row per combination; the first param of the grid changes slowest.

        Raises:
            GraphError: a value cannot be right whatever it is combined with; with what is wrong
                of every such value. Nothing was run.
            ParamError: there is no such setting, or no such output to compare or to show. Nothing
                was run.
            InputError: an input or the reference cannot be read. Nothing was run.
        """
        from ._experiment.grid import trials
        from ._experiment.reference import Reference
        from ._experiment.sweep import sweep

        setup = understood(settings)
        fixed = params or {}
        require_writable(Path(folder))

        def check(combo: Mapping[str, Any]) -> BoundGraph:
            given = {**fixed, **combo}
            return self.check(list(inputs), params=given, outputs=outputs, models=setup.models)

        found = trials(grid, check)
        bound = next(one.graph for one in found if one.graph is not None)
        bindings = self._bindings(bound, inputs, setup)

        def know(name: str) -> None:
            bindings.digest(name)
            bindings.release(name)

        bindings.every(know)
        asked = cancelled or (lambda: False)
        tell = on_event or nobody_listens
        settings["store"] = setup.store or False  # opened once for all of them

        def run(combo: Mapping[str, Any], *, cancelled: Callable[[], bool]) -> Result:
            return self.run(
                inputs,
                params={**fixed, **combo},
                outputs=outputs,
                on_event=tell,
                cancelled=lambda: cancelled() or asked(),
                **settings,
            )

        from ._run.measure import measure

        return sweep(
            self.name,
            run,
            found,
            Path(folder),
            measure=lambda audio: measure(audio, setup.store),
            inputs=bindings.sounds,
            reference=Reference.read(reference, bound, setup.limits, setup.models),
            pictured=_pictured(bound, pictures, setup.models),
            store=setup.store,
            jobs=jobs,
            on_row=on_row or rows_listener(len(found)),
            on_picture=lambda done, total: tell(PictureMade(done, total)),
        )

    def _checked(self, kept: Kept, call: Call) -> BoundGraph:
        """Check the graph; where nothing but it and the call can matter, as it was found before."""
        document, edition, located = kept
        told_apart = call.key
        key = None if told_apart is None else (edition, told_apart)
        if (known := self._found.get(key)) is not None:
            return known
        bound = check(flatten(document, located, self._library), self._catalog, call)
        alone = not any(is_use(spec) for spec in document.nodes.values())
        asked = any(step.type.prepare for step in bound.steps.values())
        if key is not None and alone and not asked:
            if len(self._found) >= _REMEMBERED:  # other threads may be at it: nothing is looked for
                self._found.clear()
            self._found[key] = bound
        return bound

    def _require_rates(self, bound: BoundGraph, bindings: Bindings) -> None:
        located = Located(self._source, self._text)
        spans = {name: bindings.span(name) for name in bound.needed_inputs}
        rates = {name: span.sample_rate for name, span in spans.items() if span is not None}
        problems = [
            located.problem("impossible", pointer if step.id in self._document.nodes else "", text)
            for step, error in misfits(bound, rates.get, lambda name: CPU)
            for pointer, text in [(join("/nodes", step.id), f"{step.id}: {error}")]
        ]
        if problems:
            raise GraphError(self._source, problems)

    def _flat(self) -> Flat:
        document, _, located = self._kept()
        return flatten(document, located, self._library)

    def _planned(
        self,
        inputs: Mapping[str, Binding],
        params: Mapping[str, Any] | None,
        outputs: Collection[str] | None,
        setup: Setup,
    ) -> tuple[Run, AnyPlan]:
        bound = self.check(list(inputs), params=params, outputs=outputs, models=setup.models)
        bindings = self._bindings(bound, inputs, setup)
        bindings.only_look = True
        run = Run(bound, bindings, setup)
        return run, run.plan(fetch=False)

    def _end(
        self,
        run: Run,
        document: GraphDocument,
        bindings: Bindings,
        params: Mapping[str, Any],
        subtracting: Setup | None,
    ) -> Result | ResonateError:
        """Return what came of a run, or what went wrong."""
        if isinstance(run.error, ResonateError):
            return run.error
        try:
            return self._made(run, document, bindings, params, subtracting)
        except ResonateError as error:  # an input is gone by now
            return error

    def _made(
        self,
        run: Run,
        document: GraphDocument,
        bindings: Bindings,
        params: Mapping[str, Any],
        subtracting: Setup | None,
    ) -> Result:
        """Return the result of a run; `subtracting` where it is to have what was taken out."""
        assert run.outcome is not None
        graph, outcome = run.graph, run.outcome
        whole = complete(document, self._library)
        inputs = describe_inputs(graph, bindings)
        difference = None
        if subtracting is not None:
            difference = taken_out(graph, bindings, outcome, subtracting.models)
        return Result(
            self.name,
            outcome,
            bindings.paths,
            lambda: describe(whole, params, graph, inputs, outcome),
            lambda output: Way(graph.main_inputs(output), course(graph, output, run.span)),
            difference,
            bindings.sounds,
        )

    def _bindings(
        self,
        bound: BoundGraph,
        inputs: Mapping[str, Binding],
        setup: Setup,
    ) -> Bindings:
        return Bindings(
            graph=self._source,
            inputs={name: bound.inputs[name] for name in bound.needed_inputs},
            given={name: inputs[name] for name in bound.needed_inputs},
            limits=setup.limits,
            store=setup.store,
        )

    def __repr__(self) -> str:
        document = self._kept().document
        inputs = ", ".join(f"{name} ({one.type})" for name, one in document.inputs.items())
        names = list(document.nodes)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        nodes = f"{len(names)} {'node' if len(names) == 1 else 'nodes'}"
        return (
            f"<Graph {self.name}: inputs {inputs or 'none'}; "
            f"{nodes}{': ' * bool(names)}{', '.join(names[:_NAMED])}{more}; "
            f"outputs {', '.join(document.outputs) or 'none'}>"
        )


@shows(Graph)
def _shown(graph: Graph) -> Bundle:
    """Return a graph as a notebook shows it; one that is not finished says what it lacks."""
    from ._page import notebook

    try:
        drawing, trouble = graph.draw(), ""
    except ResonateError as error:
        drawing, trouble = None, str(error)
    return notebook.graph(graph.document, drawing, trouble)


def _pictured(
    bound: BoundGraph, pictures: Collection[str] | None, models: Path | None
) -> Collection[str]:
    """Return the outputs that the report of a sweep shows."""
    if pictures is None:
        return wholes(bound, models) or bound.outputs
    for name in pictures:
        if name not in bound.outputs:
            hint = instead(name, bound.outputs)
            raise ParamError(f"pictures: the graph has no output {name!r}{hint}", param="pictures")
    return set(pictures)
