"""What all tests share: a store and models of their own, the bundled recording, no network."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from collections.abc import Generator, Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Threads that wait for each other burn the processors they wait for. Those of numpy, of which each
# worker would have as many as there are processors, multiplied what small matrices take by ten.
# They are made when numpy and torch are loaded: by what follows.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest

from resonate_graph import Audio, Store, read_audio
from tests.counts import load_profile
from tests.depth import leave_out_what_is_deeper
from tests.engine.commands import Command
from tests.models import write_models
from tests.tools import look_for_what_it_needs

if TYPE_CHECKING:
    from tests.browser import Browser

#: Stores that nobody names: a number each, since looking for a free name takes longer than a test.
_default_stores = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Leave out ``fsync``, which only a loss of power tells from none. Other processes do it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def _own_surroundings(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keep tests, and the processes they start, away from the user's store and models."""
    own = tmp_path_factory.getbasetemp() / "default-stores" / str(next(_default_stores))
    monkeypatch.setenv("RESONATE_STORE", str(own))
    monkeypatch.delenv("RESONATE_MODELS", raising=False)
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest-xdist says 80 to its workers
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path_factory.getbasetemp() / "hugging-face"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.getbasetemp() / "torch"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-tools", action="store_true", help="let tests fail, not skip, for a missing program"
    )
    parser.addoption("--thorough", action="store_true", help="all cases, as CI runs them")
    parser.addoption("--torture", action="store_true", help="the full counts, an hour or more")


def pytest_configure(config: pytest.Config) -> None:
    load_profile(torture=config.getoption("--torture"))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # as where a shell starts it with `&`: processes of tests would not hear Ctrl-C either
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what separates, so that the other tests of the engine can run without torch."""
    leave_out_what_is_deeper(config, items)
    for item in items:
        if {"models_dir", "forwards"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker("torch")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the collector of garbage what is here to stay: the tests, and what they import.

    It would look through these hundreds of thousands of objects time and again.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    look_for_what_it_needs(item)


@pytest.fixture(scope="session")
def torture(request: pytest.FixtureRequest) -> bool:
    """Whether the full counts were asked for, instead of small ones."""
    return bool(request.config.getoption("--torture"))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests of a session, in whatever process."""
    place = tmp_path_factory.getbasetemp()
    return place.parent if "PYTEST_XDIST_WORKER" in os.environ else place


@pytest.fixture(scope="session")
def shared_store(shared_folder: Path) -> Store:
    """One store for all tests of a session: for what takes long to compute."""
    return Store(shared_folder / "shared-store")


@pytest.fixture(scope="session")
def groove_path() -> Iterator[Path]:
    """The bundled recording: 15.2 s, 44.1 kHz, stereo."""
    recording = resources.files("resonate_graph") / "recordings" / "groove.ogg"
    with resources.as_file(recording) as path:
        yield path


@pytest.fixture(scope="session")
def groove(groove_path: Path) -> Audio:
    """The bundled recording."""
    return read_audio(groove_path)


@pytest.fixture(scope="session")
def excerpt(groove: Audio) -> Audio:
    """Three seconds of the bundled recording."""
    return groove.with_samples(groove.samples[:, 4 * 44100 : 7 * 44100])


@pytest.fixture(scope="session")
def speech() -> Audio:
    """A reader's voice: 7.1 s, 16 kHz, mono."""
    return read_audio(Path(__file__).parent / "recordings" / "speech.flac")


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `htdemucs` and the bag `htdemucs_ft`, small and random."""
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser. What uses it says ``@needs("chromium")``."""
    from tests.browser import Browser

    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture
def forwards() -> Iterator[list[Any]]:
    """The model of every forward pass that was made, in order."""
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs
    from torch.nn.modules.module import register_module_forward_hook

    calls: list[Any] = []

    def count(module: Any, arguments: Any, output: Any) -> None:
        if isinstance(module, (Demucs, HDemucs, HTDemucs)):
            calls.append(module)

    handle = register_module_forward_hook(count)
    yield calls
    handle.remove()


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Calls `resonate` in this process."""
    before = signal.getsignal(signal.SIGTERM)
    yield Command(capsys)
    signal.signal(signal.SIGTERM, before)
