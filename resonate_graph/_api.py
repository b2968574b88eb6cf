"""The Python face: `Graph`, which is built, read, checked, planned and run."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from ._base.errors import BatchError, ResonateError
from ._base.publish import publish, require_writable
from ._experiment.measure import measure
from ._experiment.rows import Row
from ._experiment.sweep import first_that_works, sweep
from ._experiment.why import Explainer, Reason
from ._graph.bound import BoundGraph
from ._graph.builder import Builder
from ._graph.check import Call, check
from ._graph.document import parse
from ._graph.problems import Located
from ._run.bindings import Binding, Bindings
from ._run.bookkeeping import Run, Shared
from ._run.estimates import Experience
from ._run.events import Event
from ._run.execute import execute
from ._run.forecast import Forecast, forecast, status
from ._run.plan import Plan
from ._run.provenance import describe
from ._run.results import Result
from ._run.settings import Settings, chosen
from ._sound.decode import Limits
from ._store.folder import Store


class Graph(Builder):
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

    @classmethod
    def from_json(cls, text: str, *, source: str = "graph", nodes: Collection[str] = ()) -> Graph:
        """Read a graph from JSON text.

        Args:
            text: the JSON document.
            source: what messages call it.
            nodes: modules or ``.py`` files with nodes of your own.

        Raises:
            GraphError: the text is no graph document; with every problem of form.
            CatalogError: a module of `nodes` cannot be used.
        """
        document = parse(text, source)
        graph = cls(document.name)
        graph._document = document
        graph._text = text
        graph._source = source
        for module in nodes:
            graph._catalog = graph._catalog.with_module(module)
        return graph

    def to_json(self) -> str:
        """Return the graph as a JSON document."""
        return self._document.to_json()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the graph to a file; `load` gives an equal graph.

        Raises:
            OutputError: the file cannot be written.
        """
        text = self.to_json()
        return publish(Path(path), lambda file: file.write(text.encode()))

    def check(
        self,
        inputs: Collection[str] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        outputs: Collection[str] | None = None,
        models: str | os.PathLike[str] | None = None,
    ) -> BoundGraph:
        """Find everything that is wrong with the graph, without running it.

        Args:
            inputs: names of the inputs that will be bound; None to leave that open.
            params: graph params by name, node params as ``node.param``.
            outputs: the outputs that are wanted; None for all.
            models: the folder of model weights.

        Raises:
            GraphError: with every problem at once, each with its place.
        """
        call = Call(
            params=params or {},
            inputs=inputs,
            outputs=outputs,
            models=Path(models) if models is not None else None,
        )
        return check(self._document, self._catalog, call, Located(self._source, self._text))

    def plan(
        self,
        inputs: Mapping[str, Binding] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        outputs: Collection[str] | None = None,
        store: Store | str | os.PathLike[str] | Literal[False] | None = None,
        models: str | os.PathLike[str] | None = None,
        max_minutes: float = Limits.max_minutes,
        device: str = "auto",
        threads: int | None = None,
    ) -> Forecast:
        """Say what a run would compute, where and when, and what it would take from the store.

        Without a store the inputs are read, since nothing else knows how long they are. Args and
        errors are those of `run`.

        Returns:
            A sequence of `PlannedStep`, with what they take together.
        """
        settings = chosen(store, device, models, threads)
        run, plan = self._planned(inputs, params, outputs, settings, max_minutes)
        return forecast(run, plan, settings.machine)

    def why(
        self,
        inputs: Mapping[str, Binding] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        outputs: Collection[str] | None = None,
        store: Store | str | os.PathLike[str] | None = None,
        models: str | os.PathLike[str] | None = None,
        max_minutes: float = Limits.max_minutes,
    ) -> list[Reason]:
        """Say for every node that would run what changed since it was computed last.

        Args and errors are those of `run`.
        """
        settings = chosen(store, models=models)
        assert settings.store is not None
        run, plan = self._planned(inputs, params, outputs, settings, max_minutes)
        explainer = Explainer(run.graph, plan, run.stored.keys, settings.store)
        reasons = []
        for name, step in run.graph.steps.items():
            found = status(plan, name)
            why = explainer.reasons(name) if found in ("run", "open") else ()
            reasons.append(Reason(name, step.type.id, found, why))
        return reasons

    def sweep(
        self,
        inputs: Mapping[str, Binding],
        grid: Mapping[str, Sequence[Any]],
        folder: str | os.PathLike[str],
        *,
        params: Mapping[str, Any] | None = None,
        reference: str | os.PathLike[str] | None = None,
        store: Store | str | os.PathLike[str] | None = None,
        jobs: int = 1,
        on_row: Callable[[Row], None] | None = None,
        **settings: Any,
    ) -> list[Row]:
        """Run the graph with every combination of a grid of params, and compare the results.

        What combinations share is computed once. One that fails does not stop the others. A
        sweep that was interrupted goes on where it stopped when it is called again.

        Args:
            inputs: as for `run`.
            grid: the values to try, by param: ``{"gate.threshold_db": [-60, -50, -40]}``.
            folder: gets a folder per combination, ``results.json`` and ``report.html``.
            params: params that are the same in all combinations.
            reference: a file; SI-SDR against it is given for audio outputs of its shape.
            store: as for `run`.
            jobs: how many combinations run at a time.
            on_row: told of each combination when it is done.
            settings: the other arguments of `run`.

        Returns:
            A row per combination; the first param of the grid changes slowest.

        Raises:
            GraphError: no combination can work; what is wrong with the last of them.
            InputError: an input or the reference cannot be read (`InputsError` where several inputs
                cannot); nothing was run.
        """
        own = chosen(store)
        fixed = params or {}
        require_writable(Path(folder))
        outputs, models = settings.get("outputs"), settings.get("models")

        def check(combo: Mapping[str, Any]) -> BoundGraph:
            given = {**fixed, **combo}
            return self.check(list(inputs), params=given, outputs=outputs, models=models)

        bound = first_that_works(grid, check)
        limits = Limits(max_minutes=settings.get("max_minutes", Limits.max_minutes))
        bindings = self._bindings(bound, inputs, limits, own)

        def know(name: str) -> None:
            bindings.digest(name)
            bindings.release(name)

        bindings.every(know)
        asked: Callable[[], bool] = settings.pop("cancelled", None) or (lambda: False)

        def run(combo: Mapping[str, Any], *, cancelled: Callable[[], bool]) -> Result:
            return self.run(
                inputs,
                params={**fixed, **combo},
                store=own.store,
                cancelled=lambda: cancelled() or asked(),
                **settings,
            )

        return sweep(
            self.name,
            run,
            grid,
            Path(folder),
            measure=lambda audio: measure(audio, own.store),
            inputs=bindings.sounds,
            reference=Path(reference) if reference is not None else None,
            limits=limits,
            jobs=jobs,
            on_row=on_row or (lambda row: None),
        )

    def _planned(
        self,
        inputs: Mapping[str, Binding] | None,
        params: Mapping[str, Any] | None,
        outputs: Collection[str] | None,
        settings: Settings,
        max_minutes: float,
    ) -> tuple[Run, Plan]:
        inputs = inputs or {}
        bound = self.check(list(inputs), params=params, outputs=outputs, models=settings.models)
        limits = Limits(max_minutes=max_minutes)
        run = Run(bound, self._bindings(bound, inputs, limits, settings), settings)
        return run, run.plan(fetch=False)

    def run(
        self,
        inputs: Mapping[str, Binding] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        outputs: Collection[str] | None = None,
        device: str = "auto",
        store: Store | str | os.PathLike[str] | Literal[False] | None = None,
        models: str | os.PathLike[str] | None = None,
        reuse: Literal["content", "exact"] = "content",
        warn_minutes: float = Limits.warn_minutes,
        max_minutes: float = Limits.max_minutes,
        threads: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> Result:
        """Run the graph: compute what its outputs need and the store does not have.

        Steps that do not need each other run at the same time, as far as threads, accelerators
        and memory go round.

        Args:
            inputs: a file, an `Audio` or a value for each input.
            params: graph params by name, node params as ``node.param``.
            outputs: the outputs that are wanted; None for all.
            device: where accelerated nodes compute: ``auto``, ``mps``, ``cuda``, ``cpu``, or a
                certain card such as ``cuda:1``.
            store: where results are kept; None for the usual place (see `default_store`), False
                to keep and reuse nothing.
            models: the folder of model weights; None for the usual places.
            reuse: ``exact`` to reuse only what was computed on the same kind of device.
            warn_minutes: warn about inputs longer than this.
            max_minutes: refuse inputs longer than this.
            threads: how many threads of the CPU its steps may keep busy together; None for as
                many as this process may use, 1 for one step after another.
            on_event: told what happens while it runs, in the thread that called.
            cancelled: asked now and then whether to stop, in the thread that called.

        Raises:
            GraphError: the graph or the call is wrong; with every problem at once.
            InputError: a file cannot be read; an `InputsError` where several cannot.
            ModelError: the weights of a model are not to be had.
            DeviceError: the device is not there, or `threads` is below one.
            RunError: a node failed.
            Cancelled: `cancelled` returned True.
        """
        inputs = inputs or {}
        bound = self.check(list(inputs), params=params, outputs=outputs, models=models)
        settings = replace(
            chosen(store, device, models, threads),
            exact_reuse=reuse == "exact",
            on_event=on_event or (lambda event: None),
            cancelled=cancelled or (lambda: False),
        )
        bindings = self._bindings(bound, inputs, Limits(warn_minutes, max_minutes), settings)
        run = Run(bound, bindings, settings)
        execute([run], settings)
        if run.error is not None:
            raise run.error
        return self._made(run, bindings, params or {})

    def run_many(
        self,
        inputs: Iterable[Mapping[str, Binding]],
        *,
        params: Mapping[str, Any] | None = None,
        outputs: Collection[str] | None = None,
        device: str = "auto",
        store: Store | str | os.PathLike[str] | Literal[False] | None = None,
        models: str | os.PathLike[str] | None = None,
        reuse: Literal["content", "exact"] = "content",
        warn_minutes: float = Limits.warn_minutes,
        max_minutes: float = Limits.max_minutes,
        threads: int | None = None,
        on_event: Callable[[int, Event], None] | None = None,
        on_result: Callable[[int, Result | ResonateError], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Result]:
        """Run the graph on several inputs at the same time, in this process.

        Their steps share the lanes: while an accelerator separates one, the CPU reads the next
        and finishes the one before. One that fails does not stop the others. With a store,
        results are handed out as they lie there, so that many take no memory; without one all
        of them are held.

        Args:
            inputs: for each run what `run` takes, such as ``[{"mix": "a.wav"}, {"mix": "b.wav"}]``.
            params: as for `run`, the same for all; so are the others.
            outputs: as for `run`.
            device: as for `run`.
            store: as for `run`.
            models: as for `run`.
            reuse: as for `run`.
            warn_minutes: as for `run`.
            max_minutes: as for `run`.
            threads: as for `run`; all of them share these.
            on_event: told what happens, with the index of the input, in the thread that called.
            on_result: told of each input when it is done, with its result or what went wrong, in
                the order in which they end: the place to save results as they come.
            cancelled: asked now and then whether to stop all of them.

        Returns:
            The results, in the order of the inputs.

        Raises:
            GraphError: the graph or the call is wrong for one of them; nothing was run.
            BatchError: some failed, told when all are done; it has the results of the others.
            Cancelled: `cancelled` returned True.
        """
        settings = replace(
            chosen(store, device, models, threads),
            exact_reuse=reuse == "exact",
            map_results=True,
            cancelled=cancelled or (lambda: False),
        )
        tell = on_event or (lambda index, event: None)
        limits = Limits(warn_minutes, max_minutes)
        shared = Shared(Experience(settings.store))
        checked: dict[tuple[str, ...], BoundGraph] = {}
        bindings: list[Bindings] = []
        runs: list[Run] = []
        for index, given in enumerate(inputs):
            names = tuple(sorted(given))
            if names not in checked:
                checked[names] = self.check(names, params=params, outputs=outputs, models=models)
            own = replace(settings, on_event=partial(tell, index))
            bindings.append(self._bindings(checked[names], given, limits, own))
            runs.append(Run(checked[names], bindings[-1], own, shared, index))
        ends: dict[int, Result | ResonateError] = {}

        def on_end(run: Run) -> None:
            end = ends[run.index] = self._end(run, bindings[run.index], params or {})
            if on_result is not None:
                on_result(run.index, end)

        execute(runs, settings, on_end=on_end)
        results = [end if isinstance(end := ends[run.index], Result) else None for run in runs]
        errors = {i: end for i, end in sorted(ends.items()) if isinstance(end, ResonateError)}
        if errors:
            raise BatchError(results, errors)
        return [result for result in results if result is not None]

    def _end(
        self, run: Run, bindings: Bindings, params: Mapping[str, Any]
    ) -> Result | ResonateError:
        """Return what came of a run, or what went wrong."""
        if isinstance(run.error, ResonateError):
            return run.error
        try:
            return self._made(run, bindings, params)
        except ResonateError as error:  # an input is gone by now
            return error

    def _made(self, run: Run, bindings: Bindings, params: Mapping[str, Any]) -> Result:
        assert run.outcome is not None
        story = describe(self._document, params, run.graph, bindings, run.outcome)
        main_inputs = {name: run.graph.main_inputs(name) for name in run.graph.outputs}
        return Result(self.name, run.outcome, bindings.paths, main_inputs, story)

    def _bindings(
        self,
        bound: BoundGraph,
        inputs: Mapping[str, Binding],
        limits: Limits,
        settings: Settings,
    ) -> Bindings:
        return Bindings(
            graph=self._source,
            inputs={name: bound.inputs[name] for name in bound.needed_inputs},
            given={name: inputs[name] for name in bound.needed_inputs},
            limits=limits,
            store=settings.store,
        )
