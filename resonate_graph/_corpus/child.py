"""The process in which jobs run: ``python -m resonate_graph._corpus.child``.

It reads lines of JSON from stdin: what all jobs share first, then a job at a time. It writes lines
of JSON to what was its stdout: that it is ready, and for each job what it has read, which step is
at work, and how it ended. What nodes print goes to stderr. Whatever a job does to this process
happens to nothing else; models that a job loaded are there for the next one.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Literal, cast

from .. import (
    Cancelled,
    Event,
    Graph,
    InputError,
    ModelError,
    NodeStarted,
    OutputError,
    Record,
    ResonateError,
    Result,
    RunError,
    Settings,
    Store,
)
from .jobs import End, digest_of, file_digest, identity, stamp

#: So many records tell how long steps take; a run alone looks at more of them.
_LATEST = 24

Say = Callable[[Mapping[str, Any]], None]


class _Store(Store):
    """A store whose latest records are looked for once, not before each of many jobs."""

    @functools.lru_cache(maxsize=1)  # noqa: B019 - there is one for all of the process
    def latest_records(self, count: int) -> list[Record]:
        return super().latest_records(min(count, _LATEST))


def main() -> int:
    """Do jobs until there are no more."""
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def say(message: Mapping[str, Any]) -> None:
        with lock:
            told.write(json.dumps(message) + "\n")
            told.flush()

    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started it ends it
    setup = json.loads(sys.stdin.readline() or "{}")
    if not setup:
        return 0
    _end_with(setup["parent"])
    try:
        work = _Work(setup, say)
        about = work.about()
    except ResonateError as error:
        say({"refused": {"error": type(error).__name__, "message": str(error)}})
        return 0
    _limit(setup["max_memory_bytes"])
    say({"ready": os.getpid(), "about": about})
    for line in _lines(sys.stdin):
        say({"end": work.end(json.loads(line)).plain()})
    return 0


class _Work:
    """The graph, and how it is run."""

    def __init__(self, setup: Mapping[str, Any], say: Say) -> None:
        self.setup = setup
        self.say = say
        self.graph = Graph.from_json(setup["graph"], source=setup["source"], nodes=setup["nodes"])
        self.folder = Path(setup["folder"])
        self.settings = cast(Settings, {**setup["settings"], "store": _opened(setup["store"])})
        self.place = ""

    def about(self) -> dict[str, Any] | None:
        """Return what decides results here, where somebody wants to compare it."""
        probe = self.setup["probe"]
        if probe is None:
            return None
        models = self.settings.get("models")
        graph = self.graph.check(
            probe["inputs"], probe["params"], outputs=self.setup["outputs"], models=models
        )
        return identity(graph, Path(models) if models else None, probe["settings"])

    def end(self, given: Mapping[str, Any]) -> End:
        """Do a job and return how it ended."""
        began = time.perf_counter()
        read: dict[str, Any] = {"inputs": {}, "content": ""}
        self.place = ""
        try:
            with contextlib.ExitStack() as stack:
                return self._done(given, read, began, stack)
        except (KeyboardInterrupt, Cancelled):
            raise
        except Exception as error:  # whatever it is, it is this job's
            kind, shown, place = _blamed(error)
            message = str(error) or type(error).__name__
            return End(
                "died" if kind == "memory" else "failed",
                seconds=time.perf_counter() - began,
                content=read["content"],
                inputs=read["inputs"],
                kind=kind,
                error=shown,
                place=place or self.place,
                message=message,
            )

    def _done(
        self,
        given: Mapping[str, Any],
        read: dict[str, Any],
        began: float,
        stack: contextlib.ExitStack,
    ) -> End:
        inputs, sources = self._inputs(given, stack)
        read["inputs"] = _stamped(inputs, sources)
        digests = {name: one["digest"] for name, one in read["inputs"].items()}
        values = {name: value for name, value in inputs.items() if name not in digests}
        read["content"] = digest_of([digests, values, given["identity"]])
        self.say({"read": read})
        if read["content"] in given["held"]:
            return End("quarantined", content=read["content"], inputs=read["inputs"])
        result = self.graph.run(
            inputs,
            given["params"],
            outputs=self.setup["outputs"],
            on_event=self._heard,
            **self.settings,
        )
        with self._target(stack) as (folder, publish):
            paths = result.save(
                folder,
                name=given["name"],
                provenance=self.setup["provenance"],
                tags=self.setup["tags"],
            )
            page = self._page(result, given, folder, paths)
            outputs = {
                name: publish(path, result.report["outputs"][name]["digest"])
                for name, path in paths.items()
            }
        report = result.report
        devices = {one["device"] for one in report["nodes"] if one["device"]}
        return End(
            "done",
            seconds=time.perf_counter() - began,
            device=next((one for one in sorted(devices) if one != "cpu"), "cpu"),
            content=read["content"],
            inputs=read["inputs"],
            outputs=outputs,
            steps=[one for one in report["nodes"] if one["status"] != "skipped"],
            warnings=report["warnings"],
            sound_seconds=max(map(_seconds, (inputs[name] for name in digests)), default=0.0),
            page=page,
        )

    def _inputs(
        self, given: Mapping[str, Any], stack: contextlib.ExitStack
    ) -> tuple[dict[str, Any], dict[str, str]]:
        """Return what is bound, with files that lie elsewhere brought here, and where from."""
        specs = self.graph.document.inputs
        inputs, sources = dict(given["inputs"]), {}
        for name, value in inputs.items():
            if name in specs and specs[name].type == "audio":
                sources[name] = str(value)
                if "://" in str(value):
                    from .remote import fetched

                    inputs[name] = str(stack.enter_context(fetched(str(value))))
        return inputs, sources

    @contextlib.contextmanager
    def _target(
        self, stack: contextlib.ExitStack
    ) -> Iterator[tuple[Path, Callable[[Path, str], dict[str, Any]]]]:
        """Give the folder that outputs are written into, and what says where one came to lie."""
        remote = self.setup["remote"]
        if remote:
            from .remote import outbox

            yield stack.enter_context(outbox(remote))
            return

        def there(path: Path, digest: str) -> dict[str, Any]:
            name = str(path.relative_to(self.folder))
            return {"path": name, **stamp(path), "digest": digest, "file": file_digest(path)}

        yield self.folder, there

    def _page(
        self, result: Result, given: Mapping[str, Any], folder: Path, paths: Mapping[str, Path]
    ) -> str:
        if not self.setup["pages"]:
            return ""
        first = next(iter(paths.values()))
        name = f"{first.name.removesuffix(first.suffix)}.report.html"
        page = self.graph.report(result, first.parent, name=name, **self.settings)
        return str(page.relative_to(folder))

    def _heard(self, event: Event) -> None:
        if isinstance(event, NodeStarted):
            self.place = event.node
            self.say({"at": event.node})


def _opened(given: Any) -> Store | Literal[False]:
    if given is False:
        return False
    if isinstance(given, Mapping):
        from .shared_store import SharedStore

        return SharedStore(given["path"], given["shared"])
    return _Store(given)


def _stamped(inputs: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, source in sources.items():
        path = Path(str(inputs[name]))
        try:
            if not path.is_file():
                what = "this is a folder, not a file" if path.is_dir() else "there is no such file"
                raise InputError(Path(source), what)
            found[name] = {"path": source, **stamp(path), "digest": file_digest(path)}
        except OSError as error:
            raise InputError(Path(source), error.strerror or str(error)) from error
    return found


def _seconds(path: str) -> float:
    """Return how long a file sounds, roughly; 0 where its header does not say it."""
    import soundfile

    try:
        found = soundfile.info(path)
    except (OSError, RuntimeError):
        return 0.0
    return float(found.frames / found.samplerate)


def _blamed(error: BaseException) -> tuple[str, str, str]:
    """Return why something failed in a word, the class of the error, and the node where it was."""
    chain: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in chain:
        chain.append(one)
        one = one.__cause__
    place = next((one.node for one in chain if isinstance(one, RunError)), "")
    shown = next((one for one in chain if not isinstance(one, RunError)), error)
    if any(isinstance(one, MemoryError) for one in chain):
        return "memory", "MemoryError", place
    kinds = ((InputError, "input"), (ModelError, "model"), (RunError, "node"),
             (OutputError, "output"))  # fmt: skip
    kind = next((word for cls, word in kinds if isinstance(error, cls)), "other")
    return kind, type(shown).__name__, place


def _lines(stream: IO[str]) -> Iterator[str]:
    while line := stream.readline():
        yield line


def _limit(max_memory_bytes: int | None) -> None:
    """Let this process have no more memory than that, where the system can be told so."""
    if max_memory_bytes is None or not sys.platform.startswith("linux"):
        return
    import resource

    # what is written to, not what is mapped: CUDA takes a lot of address space, which costs nothing
    resource.setrlimit(resource.RLIMIT_DATA, (max_memory_bytes, max_memory_bytes))
    with contextlib.suppress(OSError):  # should memory run out all the same, this one goes first
        Path("/proc/self/oom_score_adj").write_text("500")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with(parent: int) -> None:
    """End this process when the one is gone that started it, whatever it does then."""
    if sys.platform.startswith("linux"):
        import ctypes

        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
