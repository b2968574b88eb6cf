"""Families beside Demucs, held against the networks of their packages and the loop these have."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from resonate_graph import Audio, Graph, GraphError, ModelError, NodeError, NodeProgress, Store
from resonate_nodes import residual, separate
from resonate_nodes.separation import models, placement
from resonate_nodes.separation.overlap_add import reading
from resonate_nodes.separation.placement import Placement
from resonate_nodes.separation.resident import Residents
from resonate_nodes.separation.separator import Separator
from tests.counts import examples
from tests.depth import sampled, thorough
from tests.processes import end_of, start_python
from tests.roformers import (
    HOP,
    MDX23C_SEGMENT,
    SEGMENT,
    by_its_own_loop,
    config_of,
    network_of,
    passed_whole,
    require_extra,
    save_model,
)
from tests.signals import white_noise

RATE = 44_100
CONFIGS: dict[str, dict[str, Any]] = {
    "bs": config_of("bs"),
    "mel": config_of("mel", target="vocals"),
    "mdx23c": config_of("mdx23c"),
    "scnet": config_of("scnet"),
}
OF_PACKAGES = ["bs", "mel", "mdx23c"]
ANY_LENGTH = ["bs", "mel", "scnet"]
LEAST = {"bs": 96, "mel": 96, "scnet": HOP}  # half a window and one more frame, in whole hops


@pytest.fixture(scope="module")
def networks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """A folder with a model of each family, and the networks."""
    require_extra(request)
    place = tmp_path_factory.mktemp("families")
    made = {name: save_model(place, name, config) for name, config in CONFIGS.items()}
    return place, made


@pytest.fixture(autouse=True)
def _models(networks: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(networks[0]))


def noise(frames: int, *, rate: int = RATE, channels: int = 2, seed: int = 0) -> Audio:
    return white_noise(seconds=frames / rate, rate=rate, channels=channels, seed=seed)


def padded(samples: NDArray[np.float32], frames: int) -> NDArray[np.float32]:
    return np.pad(samples, ((0, 0), (0, frames - samples.shape[1])))


def computed(name: str, mix: Audio, **params: Any) -> NDArray[np.float32]:
    """Return the stems that a model has, in its order."""
    stems = separate(mix, model=name, **params)
    having = ["vocals"] if name == "mel" else ["vocals", "other"]
    return np.stack([getattr(stems, stem).samples for stem in having])


# -- the same as the packages ---------------------------------------------------------------------


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("frames", [1, 96, 1000, SEGMENT - 1, SEGMENT])
@sampled(3)
def test_what_fits_into_a_segment_is_a_pass_over_the_whole(
    name: str, frames: int, networks: tuple[Path, dict[str, Any]]
) -> None:
    """Which takes whole hops, and more than half a window; MDX23C takes whole segments."""
    frames = min(frames, MDX23C_SEGMENT if name == "mdx23c" else SEGMENT)
    mix = noise(frames)
    whole = MDX23C_SEGMENT if name == "mdx23c" else max(LEAST[name], -(-frames // HOP) * HOP)
    expected = passed_whole(networks[1][name], padded(mix.samples, whole))[..., :frames]
    np.testing.assert_allclose(computed(name, mix), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "parts"), [("bs", 2), ("mel", 4), ("mdx23c", 3), ("scnet", 2)])
@sampled(1)
def test_between_its_ends_a_long_mix_is_what_the_loop_of_a_package_gives(
    name: str, parts: int, networks: tuple[Path, dict[str, Any]]
) -> None:
    """At its ends that loop takes a reflection of the mix for what lies outside."""
    mix = noise(4 * SEGMENT + 777)
    found = computed(name, mix, overlap=1 - 1 / parts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = by_its_own_loop(networks[1][name], mix.samples, CONFIGS[name], parts)
    middle = slice(SEGMENT, 2 * SEGMENT)
    np.testing.assert_allclose(found[..., middle], expected[..., middle], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ANY_LENGTH)
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.9])
@sampled(3)
def test_segments_begin_on_the_hops_of_the_whole(
    name: str, overlap: float, networks: tuple[Path, dict[str, Any]]
) -> None:
    """Each frame is a mean of passes over excerpts on the grid: here they are put together anew."""
    mix, network = noise(2 * SEGMENT + 1234, seed=3), networks[1][name]
    stride = max(1, int((1 - overlap) * SEGMENT / HOP + 1e-6)) * HOP
    sums, counts = np.zeros((1, 2, mix.frames)), np.zeros(mix.frames)
    fade = np.maximum(np.linspace(0, 1, SEGMENT // 10), 1e-6)
    window = np.ones(SEGMENT)
    window[: len(fade)], window[-len(fade) :] = fade, fade[::-1]
    for start in range(0, mix.frames, stride):
        last = min(start + SEGMENT, mix.frames)
        whole = -(-(last - start) // HOP) * HOP
        first = max(0, start - (SEGMENT - whole))  # a short end stands in a whole segment
        part = padded(mix.samples[:, first:last], start + whole - first)
        estimate = passed_whole(network, part)[:1, :, start - first :][..., : last - start]
        weights = window[: last - start]
        sums[..., start:last] += estimate * weights
        counts[start:last] += weights
    found = computed(name, mix, overlap=overlap)[:1]
    np.testing.assert_allclose(found, sums / counts, atol=1e-5, rtol=0)


@settings(max_examples=examples(5), deadline=None, derandomize=True)
@given(
    name=st.sampled_from(sorted(CONFIGS)),
    frames=st.integers(1, 2 * SEGMENT),
    rate=st.sampled_from([22_050, 44_100, 48_000]),
    channels=st.integers(1, 3),
)
def test_every_mix_comes_back_with_its_rate_length_and_channels(
    name: str, frames: int, rate: int, channels: int
) -> None:
    mix = noise(frames, rate=rate, channels=channels)
    vocals = separate(mix, model=name).vocals
    assert vocals.sample_rate == rate
    assert vocals.samples.shape == mix.samples.shape
    assert np.isfinite(vocals.samples).all()
    if channels == 3:  # in pairs, the last one alone on both sides
        pair = separate(mix.with_samples(mix.samples[:2]), model=name).vocals
        np.testing.assert_allclose(vocals.samples[:2], pair.samples, atol=1e-6)


def test_a_mix_is_normalised_where_its_config_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, networks: tuple[Path, dict[str, Any]]
) -> None:
    """As Demucs' models have it; the mean is in ``other`` alone."""
    said = config_of("mdx23c")  # which is not linear in level
    said["inference"]["normalize"] = True
    save_model(tmp_path, "normalised", said)
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    plain = noise(MDX23C_SEGMENT)
    mix = plain.with_samples(0.1 * plain.samples + np.float32(0.02))
    mono = mix.samples.mean(0, np.float64)
    mean, deviation = np.float32(mono.mean()), np.float32(mono.std(ddof=1))
    expected = passed_whole(networks[1]["mdx23c"], (mix.samples - mean) / deviation) * deviation
    expected[1] += mean
    np.testing.assert_allclose(computed("normalised", mix), expected, atol=1e-5, rtol=0)


def test_silence_gives_silence() -> None:
    mix = Audio(np.zeros((2, 5000), np.float32), RATE)
    assert not separate(mix, model="bs").vocals.samples.any()


# -- what people have -----------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth"])
def test_weights_may_lie_there_in_other_files(suffix: str, tmp_path: Path) -> None:
    save_model(tmp_path, "a.model-v1.5", CONFIGS["bs"], suffix=suffix)
    graph = Graph("vocals")
    split = graph.add(separate)(graph.input("mix", Audio), model="a.model-v1.5")
    graph.output("vocals", split.vocals)
    found = graph.run({"mix": noise(1000)}, store=False, models=tmp_path)["vocals"]
    assert isinstance(found, Audio)
    np.testing.assert_array_equal(found.samples, computed("bs", noise(1000))[0])


@pytest.mark.parametrize("held", ["state_dict", "model_state_dict", "module.", "half"])
def test_checkpoints_may_hold_their_weights_in_other_ways(
    held: str, tmp_path: Path, networks: tuple[Path, dict[str, Any]], monkeypatch: Any
) -> None:
    import torch

    state = networks[1]["bs"].state_dict()
    if held == "module.":
        written: Any = {f"module.{key}": one for key, one in state.items()}
    elif held == "half":
        written = {key: one.half() for key, one in state.items()}
    else:
        written = {held: state, "epoch": 7}
    save_model(tmp_path, "other", CONFIGS["bs"])
    torch.save(written, tmp_path / "other.ckpt")
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    found, expected = computed("other", noise(1000)), computed_in(networks[0], "bs", monkeypatch)
    np.testing.assert_allclose(found, expected, atol=1e-2 if held == "half" else 0)


def computed_in(folder: Path, name: str, monkeypatch: Any) -> NDArray[np.float32]:
    monkeypatch.setenv("RESONATE_MODELS", str(folder))
    return computed(name, noise(1000))


# -- only what is wanted, never twice -------------------------------------------------------------


def test_only_the_masks_of_wanted_stems_are_computed(
    networks: tuple[Path, dict[str, Any]],
) -> None:
    from bs_roformer.bs_roformer import MaskEstimator
    from torch.nn.modules.module import register_module_forward_pre_hook

    masks: list[Any] = []

    def note(module: Any, arguments: Any) -> None:
        if isinstance(module, MaskEstimator):
            masks.append(module)

    files, parts = models.find("bs", networks[0], fetch=False), list[Any]()
    separator = Separator(
        files, ["other"], overlap=0, shifts=0, seed=0, placement=Placement("cpu"), threads=1
    )
    mix = noise(SEGMENT)
    with register_module_forward_pre_hook(note):
        separator.separate(reading(mix.samples), mix.frames, parts.append, lambda: None)
    assert len(masks) == 1
    np.testing.assert_allclose(np.concatenate(parts, -1)[0], computed("bs", mix)[1], atol=1e-6)


DIES = """
import os, signal, sys
from resonate_graph import NodeProgress, Store, load
def die(event):
    if isinstance(event, NodeProgress) and event.done == 3:
        os.kill(os.getpid(), signal.SIGKILL)
load(sys.argv[1]).run({"mix": sys.argv[2]}, store=Store(sys.argv[3]), on_event=die)
"""


def split_graph(model: str, *stems: str) -> Graph:
    graph = Graph("split")
    mix = graph.input("mix", Audio)
    split = graph.add(separate, "split")(mix, model=model)
    found = [getattr(split, stem) for stem in stems]
    for stem, sound in zip(stems, found, strict=True):
        graph.output(stem, sound)
    graph.output("rest", graph.add(residual, "rest")(mix, found))
    return graph


@thorough
def test_a_killed_separation_goes_on_at_its_segment(tmp_path: Path, monkeypatch: Any) -> None:
    mix = noise(6 * SEGMENT)
    graph = split_graph("bs", "vocals", "other")
    document, store = graph.save(tmp_path / "split.json"), Store(tmp_path / "store")
    recording = mix.save(tmp_path / "mix.wav")
    dead = end_of(start_python(DIES, document, recording, store.path))
    assert dead.code == -signal.SIGKILL, dead.err
    whole: Any = graph.run({"mix": mix}, store=False)
    counted, run = list[Any](), Placement.run

    def count(*given: Any) -> Any:
        counted.append(given)
        return run(*given)

    monkeypatch.setattr(Placement, "run", count)
    found: Any = graph.run({"mix": recording}, store=store)
    assert len(counted) == 8 - 3
    for name in whole:
        np.testing.assert_array_equal(found[name].samples, whole[name].samples)
    stems = sum(found[name].samples.astype(np.float64) for name in ("vocals", "other"))
    np.testing.assert_array_equal(found["rest"].samples, np.float32(mix.samples - stems))


#: Larger segments than elsewhere, so that a minute has few of them, of networks that are small.
LONG_SEGMENT, LONG_HOP, LONG_WINDOW = 65_024, 512, 1024


def long_config_of(name: str) -> dict[str, Any]:
    """Return the config of a model of long segments: 127 hops."""
    said = config_of(name)
    said["inference"]["chunk_size"] = LONG_SEGMENT
    said["audio"] |= {"n_fft": LONG_WINDOW, "hop_length": LONG_HOP, "dim_t": 128}
    said["model"] |= {
        "bs": {"stft_n_fft": LONG_WINDOW, "stft_hop_length": LONG_HOP, "depth": 1,
               "stft_win_length": LONG_WINDOW, "freqs_per_bands": [57] * 9},
        "mel": {"stft_n_fft": LONG_WINDOW, "stft_hop_length": LONG_HOP, "depth": 1,
                "stft_win_length": LONG_WINDOW},
        "mdx23c": {},
        "scnet": {"nfft": LONG_WINDOW, "hop_size": LONG_HOP, "win_size": LONG_WINDOW},
    }[name]  # fmt: skip
    return said


@pytest.mark.parametrize("name", CONFIGS)
@sampled(1)
def test_a_longer_mix_takes_no_more_memory(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stems of 22 seconds more would be 15 MB, were they held until they are whole."""
    save_model(tmp_path, "long", long_config_of(name))
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    graph, process, sizes = split_graph("long", "vocals", "other"), psutil.Process(), list[int]()

    def look(event: object) -> None:
        if isinstance(event, NodeProgress):
            sizes.append(process.memory_info().rss)

    for seconds in (5, 40):  # the first time, to have all there that comes once
        mix, store = {"mix": noise(seconds * RATE)}, Store(tmp_path / str(seconds))
        graph.run(mix, outputs=["vocals", "other"], store=store, on_event=look)
    assert len(sizes) > 36
    assert max(sizes[-5:]) - max(sizes[-25:-20]) < 5e6


# -- devices --------------------------------------------------------------------------------------


@pytest.fixture
def _forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "_refused", set())
    monkeypatch.setattr(placement, "_residents", Residents())


@pytest.mark.usefixtures("_forgetful")
@pytest.mark.parametrize("name", OF_PACKAGES)
@sampled(1)
def test_no_64_bit_float_and_no_complex_number_reaches_mps(
    name: str, networks: tuple[Path, dict[str, Any]]
) -> None:
    from tests.pretended import pretended_mps

    mix, told = noise(2 * SEGMENT), list[str]()

    def on(device: str) -> Any:
        files, parts = models.find(name, networks[0], fetch=False), list[Any]()
        place = Placement(device, fell=told.append)
        separator = Separator(
            files, ["vocals"], overlap=0.25, shifts=0, seed=0, placement=place, threads=1
        )
        separator.separate(reading(mix.samples), mix.frames, parts.append, lambda: None)
        return np.concatenate(parts, -1)

    with pretended_mps() as operations:
        found = on("mps")
    assert told == []
    assert len(operations) > 50
    np.testing.assert_allclose(found, on("cpu"), atol=1e-6)


@pytest.mark.usefixtures("_forgetful")
def test_batches_are_the_same_as_segments(networks: tuple[Path, dict[str, Any]]) -> None:
    """``cpu:0`` stands for an accelerator."""
    mix = noise(5 * SEGMENT + 100)

    def on(device: str, size: int) -> Any:
        files, parts = models.find("bs", networks[0], fetch=False), list[Any]()
        place = Placement(device)
        place.batch_size = size
        separator = Separator(
            files, ["vocals"], overlap=0.25, shifts=1, seed=0, placement=place, threads=2
        )
        separator.separate(reading(mix.samples), mix.frames, parts.append, lambda: None)
        return np.concatenate(parts, -1)

    np.testing.assert_allclose(on("cpu:0", 4), on("cpu", 1), atol=1e-6)


@pytest.mark.usefixtures("_forgetful")
def test_what_is_no_number_is_not_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Placement.run
    monkeypatch.setattr(Placement, "run", lambda *given: run(*given) * np.float32(np.nan))
    with pytest.raises(NodeError, match=r"bs gave what is no number between 0 and 1\d\d\d frames"):
        computed("bs", noise(1000))


# -- what is refused ------------------------------------------------------------------------------

SCNET, MDX23C = config_of("scnet")["model"], config_of("mdx23c")["model"]
REFUSED: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda said: said["model"].update(linear_transformer_depth=1), "has linear_transformer_dep"),
    (lambda said: said["model"].update(time_conformer_depth=1), "has time_conformer_depth, which"),
    (lambda said: said["model"].update(mlp_expansion_factor=3), "the shape should be"),
    (
        lambda said: said["model"].update(mlp_expansion_factor=1 << 17),
        "its mlp_expansion_factor is",
    ),
    (lambda said: said["model"].update(dim=1 << 17), "its dim is 131072"),
    (lambda said: said["model"].update(dim=32), "the shape should be"),
    (lambda said: said["model"].update(depth=500), "more weights than there are"),
    (lambda said: said["model"].update(num_stems=3), "it names 2 stems, and its network gives 3"),
    (lambda said: said["model"].update(stereo=False), "the shape should be"),
    (
        lambda said: said.update(model=config_of("mel")["model"] | {"num_bands": 5000}),
        "more than 1024 bands",
    ),
    (
        lambda said: said.update(model={"band_SR": 1}, model_type="scnet_masked"),
        "called scnet_masked",
    ),
    (lambda said: said.update(model=SCNET | {"dims": [2, 8, 12]}), "not with two numbers for a"),
    (lambda said: said.update(model=SCNET | {"hop_size": 0}), "its hop_size is 0, where"),
    (lambda said: said.update(model=SCNET | {"band_stride": [1, 2, 8]}), "strides of bands are"),
    (lambda said: said.update(model=SCNET | {"num_dplayer": 3}), "num_dplayer is even"),
    (lambda said: said.update(model=SCNET | {"nfft": 129}), "which is in its even nfft"),
    (lambda said: said.update(model=SCNET | {"hop_size": 1.5}), "its hop_size is 1.5, where"),
    (lambda said: said.update(model=SCNET | {"band_SR": ["a"]}), r"its band_SR is \('a',\), where"),
    (lambda said: said.update(model=SCNET | {"band_SR": [0.5]}), "are not of as many bands"),
    (lambda said: said.update(model=SCNET | {"band_SR": [0.9, 0.4, 0.4]}), "band 3 of 3 is -20 of"),
    (lambda said: said.update(model=SCNET | {"band_kernel": [3, 2, 40]}), "a kernel of 40 at a"),
    (lambda said: said.update(model=SCNET | {"compress": 9}), "its compress, 9, leaves no channel"),
    (lambda said: said.update(model=SCNET | {"tran_depth": 1}), "has tran_depth, which SCNet does"),
    (
        lambda said: said.update(model=MDX23C | {"attention": 1}),
        "has attention, which mdxnet-infer",
    ),
    (lambda said: said.update(model={"layers": 4}), "of no family that is known"),
    (lambda said: said["training"].clear(), "no config of a model"),
    (lambda said: said["training"].update(instruments=["a", "A"]), "names a stem twice"),
    (lambda said: said["audio"].update(sample_rate=3), "its sample rate is 3 Hz"),
    (lambda said: said["inference"].update(chunk_size=10**9), "no chunk_size in frames"),
]


@pytest.mark.parametrize(("change", "told"), REFUSED, ids=[told for _, told in REFUSED])
def test_a_config_that_does_not_fit_is_refused(
    change: Callable[[dict[str, Any]], object], told: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import yaml

    save_model(tmp_path, "odd", CONFIGS["bs"])
    said = config_of("bs")
    change(said)
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(said))
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match=told):
        separate(noise(1000), model="odd")


class Code:
    def __reduce__(self) -> Any:
        return (print, ("it ran",))


def test_a_checkpoint_that_holds_more_than_tensors_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    save_model(tmp_path, "evil", CONFIGS["bs"])
    torch.save({"state_dict": {}, "evil": Code()}, tmp_path / "evil.ckpt")
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="it holds more than tensors"):
        separate(noise(1000), model="evil")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", OF_PACKAGES)
def test_a_family_whose_package_is_missing_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import metadata

    found = metadata.distribution

    def missing(distribution: str) -> metadata.Distribution:
        if distribution.endswith("-infer"):
            raise metadata.PackageNotFoundError(distribution)
        return found(distribution)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(GraphError, match=r"pip install 'resonate-graph\[models\]'"):
        split_graph(name, "vocals").check()


def test_a_package_that_another_was_written_over_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import metadata

    (tmp_path / "bs_roformer").mkdir()
    module = tmp_path / "bs_roformer" / "__init__.py"
    module.write_text("its own\n")
    info = tmp_path / "bs_roformer_infer-0.1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: bs-roformer-infer\nVersion: 0.1.5\n")
    (info / "RECORD").write_text(f"bs_roformer/__init__.py,,{module.stat().st_size}\n")
    here, found = metadata.Distribution.at(info), metadata.distribution
    monkeypatch.setattr(
        metadata, "distribution", lambda name: here if name == "bs-roformer-infer" else found(name)
    )
    split_graph("bs", "vocals").check()
    module.write_text("that of another package\n")
    with pytest.raises(GraphError, match="another package was written over it"):
        split_graph("bs", "vocals").check()
    module.unlink()
    with pytest.raises(GraphError, match="--force-reinstall --no-deps bs-roformer-infer"):
        split_graph("bs", "vocals").check()


def test_weights_and_configs_without_each_other_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    torch.save(network_of(CONFIGS["bs"]).state_dict(), tmp_path / "alone.ckpt")
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="there is no config beside it"):
        separate(noise(1000), model="alone")
    (tmp_path / "alone.yaml").write_text("audio: {chunk_size: 4096}")
    with pytest.raises(ModelError, match=r"called alone\.yaml, and the file of that name is none"):
        separate(noise(1000), model="alone")
    config = tmp_path / "lonely.yaml"
    config.write_text(yaml.safe_dump(CONFIGS["mel"]))
    with pytest.raises(ModelError, match=r"its weights are not beside it: lonely\.ckpt, \.pt"):
        separate(noise(1000), model="lonely")
    config.rename(tmp_path / "alone.yaml")  # of another network
    with pytest.raises(ModelError, match=r"do not fit their config .*alone\.yaml"):
        separate(noise(1000), model="alone")


def test_progress_counts_segments() -> None:
    seen: list[tuple[float, float]] = []

    def hear(event: object) -> None:
        if isinstance(event, NodeProgress):
            seen.append((event.done, event.total))

    split_graph("bs", "vocals").run({"mix": noise(3 * SEGMENT)}, store=False, on_event=hear)
    assert (4.0, 4.0) in seen
