"""A mix of any length, rate and channel count is separated, by models of every family.

Demucs' own loop fails where the last segment of a mix is shorter than what its model can take. It
is held to it nevertheless: given a model that tells how few frames that is, it gives it as much of
the mix's end as it needs, as it does for all models that tell it a length.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resonate_graph import Audio, Cancelled, Graph, NodeProgress, Store
from resonate_nodes import separate
from resonate_nodes.separation import models
from resonate_nodes.separation.overlap_add import reading
from resonate_nodes.separation.placement import Placement
from resonate_nodes.separation.separator import Separator
from tests.counts import examples
from tests.depth import sampled, thorough
from tests.models import (
    SOURCES,
    save_th,
    separated_by_demucs,
    small_demucs,
    small_hdemucs,
    small_htdemucs,
    small_spectral_hdemucs,
)
from tests.signals import white_noise

RATE = 44_100
SECONDS = Fraction(1, 10)
SEGMENT = 4410
STRIDE = 3307  # at an overlap of 0.25
HALF_A_WINDOW = 512  # of the small models' transform

#: A model of each family, and how few frames it takes, if not one.
FAMILIES: dict[str, tuple[Callable[[], Any], int]] = {
    "htdemucs": (lambda: small_htdemucs(0, segment=SECONDS), 1),
    "hdemucs": (small_hdemucs, 5),  # a layer of one channel, after a stride of four
    "spectra": (lambda: small_spectral_hdemucs(masks=False), HALF_A_WINDOW + 1),
    "masks": (lambda: small_spectral_hdemucs(masks=True), HALF_A_WINDOW + 1),
    "wiener": (lambda: small_spectral_hdemucs(masks=True, wiener_iters=1), HALF_A_WINDOW + 1),
    "demucs": (small_demucs, 1),
}
BAG = ["hdemucs", "masks", "demucs"]
NAMES = [*(f"short_{name}" for name in FAMILIES), "bag"]


def families(name: str) -> list[str]:
    """Return the families of a bag's models."""
    return BAG if name == "bag" else [name.removeprefix("short_")]


def lengths(name: str) -> set[int]:
    """Return lengths around a stride, a segment, and the least that the models take."""
    leasts = {FAMILIES[family][1] for family in families(name)}
    around = {start + least + more for start in (0, STRIDE) for least in leasts for more in (-1, 0)}
    whole = {STRIDE + 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * STRIDE + 1, 2 * SEGMENT + 2}
    return {1, 2} | whole | around - {0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bags of one model, which shorten its segments to a tenth of a second, and a bag of three."""
    place = tmp_path_factory.mktemp("families")
    for name, (make, _) in FAMILIES.items():
        save_th(make(), place / f"{name}.th")
        bag: dict[str, Any] = {"models": [name], "segment": float(SECONDS)}
        (place / f"short_{name}.yaml").write_text(yaml.safe_dump(bag))
    (place / "bag.yaml").write_text(yaml.safe_dump({"models": BAG, "segment": float(SECONDS)}))
    return place


@pytest.fixture(autouse=True)
def _models(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(folder))


@cache
def by_itself(name: str, folder: Path) -> Any:
    from demucs.pretrained import get_model

    return get_model(name, repo=folder)


@cache
def told_its_least(name: str, folder: Path) -> Any:
    """Return what Demucs' loop takes, with the frames that each model needs."""
    found = by_itself.__wrapped__(name, folder)
    for model, family in zip(found.models, families(name), strict=True):
        need(model, FAMILIES[family][1])
    return found


def need(model: Any, least: int) -> None:
    valid = getattr(model, "valid_length", int)
    model.valid_length = lambda frames: valid(max(frames, least))


def works_by_itself(name: str, frames: int) -> bool:
    """Whether Demucs does not fail: its last segment is long enough for every model."""
    last = frames - (frames - 1) // STRIDE * STRIDE
    return all(last >= FAMILIES[family][1] for family in families(name))


def noise(frames: int, *, rate: int = RATE, channels: int = 2) -> Audio:
    sound = white_noise(seconds=frames / rate, rate=rate, channels=channels, seed=frames)
    assert sound.frames == frames
    return sound


def assert_equals(stems: Any, expected: Any) -> None:
    """Up to rounding: where a mask's spectrum is all but nothing, its phase is rounding too."""
    for name, wanted in zip(SOURCES, expected, strict=True):
        np.testing.assert_allclose(
            getattr(stems, name).samples, wanted, atol=1e-5, rtol=0, err_msg=name
        )


@pytest.mark.parametrize("name", NAMES)
@sampled(1)
def test_every_length_gives_what_demucs_gives(name: str, folder: Path) -> None:
    every = 2 if name == "bag" else 1  # each of its models is tried with all of them too
    for frames in sorted(lengths(name))[::every]:
        mix = noise(frames)
        stems = separate(mix, model=name)
        for stem in stems[:4]:
            assert stem.samples.shape == mix.samples.shape
            assert np.isfinite(stem.samples).all()
        if frames == 1:
            continue  # Demucs divides by the deviation of a single number, which is none
        model = by_itself(name, folder)
        if not works_by_itself(name, frames):
            with pytest.raises((RuntimeError, ValueError)):
                separated_by_demucs(model, mix.samples)
            model = told_its_least(name, folder)
        assert_equals(stems, separated_by_demucs(model, mix.samples))


@thorough
@settings(max_examples=examples(6), derandomize=True)
@given(
    name=st.sampled_from(NAMES),
    frames=st.integers(1, 2 * SEGMENT + 2),
    rate=st.sampled_from([8000, 22_050, 44_100, 48_000]),
    channels=st.integers(1, 3),
    stopped=st.booleans(),
)
@example(name="short_masks", frames=1, rate=48_000, channels=3, stopped=True)
@example(name="bag", frames=2 * STRIDE + 1, rate=44_100, channels=2, stopped=True)
def test_every_mix_comes_back_as_it_was_called_or_run(
    name: str, frames: int, rate: int, channels: int, stopped: bool
) -> None:
    """As a function; and in a graph, written as it comes, also after it was stopped once."""
    mix = noise(frames, rate=rate, channels=channels)
    stems = separate(mix, model=name)
    graph = Graph("split")
    split = graph.add(separate)(graph.input("mix", Audio), model=name)
    for stem in SOURCES:
        graph.output(stem, getattr(split, stem))
        found = getattr(stems, stem)
        assert found.sample_rate == rate
        assert found.samples.shape == mix.samples.shape
        assert np.isfinite(found.samples).all()
    with TemporaryDirectory() as place:
        store, done = Store(place), list[object]()
        if stopped:

            def hear(event: object) -> None:
                if isinstance(event, NodeProgress) and event.done:
                    done.append(event)

            try:
                graph.run({"mix": mix}, store=store, on_event=hear, cancelled=lambda: bool(done))
            except Cancelled:
                assert done
        again = graph.run({"mix": mix}, store=store)
        for stem in SOURCES:
            assert again[stem] == getattr(stems, stem)


@pytest.mark.parametrize("family", ["masks", "htdemucs"])
def test_batches_keep_their_shape(family: str, folder: Path) -> None:
    """``cpu:0`` stands for an accelerator; short ends have shapes of their own."""
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs
    from torch.nn.modules.module import register_module_forward_pre_hook

    mix, parts, shapes = noise(4 * STRIDE + 1), list[Any](), list[tuple[int, ...]]()
    files_of = models.find(f"short_{family}", folder, fetch=False)
    placement = Placement("cpu:0")
    placement.batch_size = 3
    separator = Separator(
        files_of, SOURCES, overlap=0.25, shifts=0, seed=0, placement=placement, threads=1
    )

    def note(module: Any, arguments: Any) -> None:
        if isinstance(module, HDemucs | HTDemucs):
            shapes.append(tuple(arguments[0].shape))

    with register_module_forward_pre_hook(note):
        separator.separate(reading(mix.samples), mix.frames, parts.append, lambda: None)
    model = told_its_least(f"short_{family}", folder)
    expected = separated_by_demucs(model, mix.samples)
    np.testing.assert_allclose(np.concatenate(parts, axis=-1), expected, atol=1e-5, rtol=0)
    ends = [(2, 2, SEGMENT)]
    if family == "masks":
        ends = [(1, 2, STRIDE + 1), (1, 2, HALF_A_WINDOW + 1)]
    assert shapes == [(3, 2, SEGMENT), *ends]


@pytest.mark.parametrize("frames", [1, 2, 2048, 2049, 6 * RATE + 100])
@sampled(1)
def test_the_model_that_is_installed_takes_every_length(frames: int) -> None:
    """Its segments are eight seconds long, and the window of its transform has 4,096 samples."""
    mix = noise(frames)
    stems = separate(mix, model="mini")
    if frames > 1:
        assert_equals(stems, separated_by_demucs(installed(), mix.samples))
    for stem in stems[:4]:
        assert stem.samples.shape == mix.samples.shape
        assert np.isfinite(stem.samples).all()


@cache
def installed() -> Any:
    from demucs.hf import load_safetensors_model

    with as_file(files("resonate_nodes") / "models" / "mini.safetensors") as path:
        model = load_safetensors_model(path).eval()
    need(model, 2049)
    return model
