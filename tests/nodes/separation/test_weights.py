"""Models on disk: found where they are, loaded only where they can be trusted."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from resonate_graph import Audio, Graph, GraphError, MissingModelError, ModelError
from resonate_nodes import separate
from resonate_nodes.separation import models
from tests.models import SOURCES, save_th, small_htdemucs
from tests.signals import white_noise

SOUND = white_noise(seconds=0.2, rate=44_100, channels=2)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty models folder that `separate` looks into."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("RESONATE_MODELS", str(folder))
    return folder


def separated(model: str) -> list[Audio]:
    return list(separate(SOUND, model=model)[:4])


def refused(model: str) -> str:
    """Return what is said about a model that cannot be used."""
    with pytest.raises(ModelError) as caught:
        separate(SOUND, model=model)
    text = str(caught.value)
    assert "\n" not in text
    return text


def save_safetensors(model: Any, path: Path, **changes: str) -> Path:
    """Write a model as demucs' own hub holds it; see demucs/hf.py, which reads it."""
    from safetensors.torch import save_file

    def plain(value: Any) -> Any:
        if isinstance(value, Fraction):
            parts = {"numerator": value.numerator, "denominator": value.denominator}
            return {"_type": "fraction", **parts}
        return value

    args, kwargs = model._init_args_kwargs
    metadata = {
        "klass": f"{type(model).__module__}.{type(model).__qualname__}",
        "args": json.dumps([plain(value) for value in args]),
        "kwargs": json.dumps({key: plain(value) for key, value in kwargs.items()}),
        **changes,
    }
    state = {key: tensor.contiguous().clone() for key, tensor in model.state_dict().items()}
    save_file(state, str(path), metadata)
    return path


# -- files as demucs writes them ------------------------------------------------------------------


def test_a_th_file_is_found_with_and_without_its_checksum(folder: Path) -> None:
    plain = save_th(small_htdemucs(1), folder / "plain.th")
    checksum = hashlib.sha256(plain.read_bytes()).hexdigest()[:8]
    (folder / f"checked-{checksum}.th").write_bytes(plain.read_bytes())
    assert separated("checked") == separated("plain")


def test_a_wrong_checksum_is_refused(folder: Path) -> None:
    save_th(small_htdemucs(1), folder / "checked-00c0ffee.th")
    told = refused("checked")
    assert "checked-00c0ffee.th" in told
    assert "damaged: its checksum is " in told


def test_safetensors_as_on_the_hub_give_the_same_bits_as_th(folder: Path) -> None:
    from demucs.hf import load_safetensors_model

    model = small_htdemucs(1)
    save_th(model, folder / "old.th")
    path = save_safetensors(model, folder / "new.safetensors")
    theirs = load_safetensors_model(path)  # demucs itself takes this file
    assert theirs.segment == model.segment
    (folder / "bag.yaml").write_text("models: ['new']\n")
    assert separated("new") == separated("old")
    assert separated("bag") == separated("old")


def test_half_precision_weights_are_read_as_the_hub_has_them(folder: Path) -> None:
    import torch

    model = small_htdemucs(1)
    state = {key: tensor.half() for key, tensor in model.state_dict().items()}
    args, kwargs = model._init_args_kwargs
    package = {"klass": type(model), "args": args, "kwargs": kwargs, "state": state}
    torch.save(package, folder / "half.th")
    model.load_state_dict(state)
    save_th(model, folder / "whole.th")
    assert separated("half") == separated("whole")


def test_settings_a_newer_demucs_knows_are_dropped_as_demucs_drops_them(folder: Path) -> None:
    model = small_htdemucs(1)
    save_th(model, folder / "plain.th")
    model._init_args_kwargs[1]["from_the_future"] = 3
    save_th(model, folder / "newer.th")
    assert separated("newer") == separated("plain")


# -- where a model is looked for ------------------------------------------------------------------


def bass_graph(model: str) -> Graph:
    graph = Graph("bass")
    stems = graph.add(separate)(graph.input("mix", Audio), model=model)
    graph.output("bass", stems.bass)
    return graph


def bass_of(model: str, folder: Path | None) -> object:
    return bass_graph(model).run({"mix": SOUND}, store=False, models=folder)["bass"]


def test_the_folder_that_is_named_comes_before_the_environments(
    folder: Path, tmp_path: Path
) -> None:
    save_th(small_htdemucs(1), folder / "mini.th")
    save_th(small_htdemucs(1), folder / "only_here.th")
    other = tmp_path / "other"
    other.mkdir()
    save_th(small_htdemucs(2), other / "mini.th")
    assert bass_of("mini", None) != bass_of("mini", other)
    assert bass_of("only_here", other) == bass_of("mini", None)


def test_what_is_nowhere_is_one_line_with_all_that_was_tried(folder: Path) -> None:
    (folder / "other.yaml").write_text("models: [a]\n")
    told = refused("htdemucs")
    assert told.startswith("no weights of model 'htdemucs'; tried `models` (not given), ")
    assert f"RESONATE_MODELS {folder} (has other)" in told
    assert "Hugging Face hub" in told
    assert "old Demucs host" in told
    assert told.endswith(
        "put the model's files into a folder and name it with `models=...`, "
        "or use a model that is here: mini, other"
    )


def test_models_are_suggested_by_the_names_they_are_asked_for_as(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``htdemucs`` in the local copy of the host that Demucs used before its hub."""
    names = ("one.safetensors", "two-00c0ffee.th", "cannot be named.safetensors", "bag.yaml")
    for name in names:
        (folder / name).touch()
    downloaded = tmp_path / "torch" / "hub" / "checkpoints" / "955717e8-8726e21a.th"
    downloaded.parent.mkdir(parents=True)
    downloaded.touch()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    told = refused("mdx")
    assert told.endswith("or use a model that is here: bag, htdemucs, mini, one, two")


def test_a_model_the_hub_does_not_have_is_not_looked_for_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RESONATE_MODELS", raising=False)
    told = refused("my_own")
    assert "RESONATE_MODELS (not set)" in told
    assert "Demucs' hub (has htdemucs, htdemucs_ft, " in told


def test_offline_nothing_reaches_for_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    # proxies that do not exist: whatever reached out would say so, instead of "none"
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    told = refused("htdemucs_ft")
    assert "local copy of the Hugging Face hub (none; HF_HUB_OFFLINE is set)" in told
    assert "local copy of the old Demucs host (none; HF_HUB_OFFLINE is set)" in told


def test_the_local_copy_of_the_hub_is_used(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    cache = tmp_path / "hub"
    repository = cache / "models--adefossez--HTDemucs"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    (snapshot / "htdemucs.yaml").write_text("models: ['abc']\n")
    save_safetensors(small_htdemucs(1), snapshot / "abc.safetensors")
    save_th(small_htdemucs(1), folder / "same.th")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    assert separated("htdemucs") == separated("same")


def test_the_local_copy_of_the_old_host_is_checked_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    checkpoints = tmp_path / "hub" / "checkpoints"
    checkpoints.mkdir(parents=True)
    save_th(small_htdemucs(1), checkpoints / "955717e8-8726e21a.th")  # the released htdemucs
    assert "damaged: its checksum is" in refused("htdemucs")


def test_a_models_folder_that_is_none_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path / "nowhere"))
    assert f"the models folder {tmp_path / 'nowhere'} (RESONATE_MODELS) is no folder" in refused(
        "htdemucs"
    )
    with pytest.raises(ModelError, match=r"nowhere \(RESONATE_MODELS\) is no folder"):
        models.known(None)


# -- bags -----------------------------------------------------------------------------------------


def write_bag(folder: Path, text: str) -> None:
    for index in range(2):
        save_th(small_htdemucs(index), folder / f"m{index}.th")
    (folder / "bag.yaml").write_text(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: [m0, m7, m8]", "names m7, m8, which"),
        ("models: [m0, m1]\nweights: [[1, 1, 1, 1]]", "2 models do not fit the weights"),
        ("models: [m0, m1]\nweights: [[1, 1, 1], [1, 1, 1]]", "3 weights per model for 4 stems"),
        (
            "models: [m0, m1]\nweights: [[1, 1, 0, 1], [1, 1, 0, 1]]",
            "no model of the bag 'bag' counts for 'other'",
        ),
        ("models: []", "0 models do not fit"),
        ("models: m0", "this is no bag of models"),
        ("weights: [[1]]", "this is no bag of models"),
        ("[m0, m1]", "this is no bag of models"),
        ("models: [m0", "this is no bag of models"),
        ("models: [m0]\nsegment: long", "this is no bag of models"),
        ("models: [m0]\nsegment: 0", "its segments are 0 seconds long"),
        ("models: [m0]\nsegment: -7.8", "its segments are -7.8 seconds long"),
        ("models: [m0]\nsegment: .inf", "its segments are inf seconds long"),
        ("models: [m0]\nweights: [[1, .nan, 1, 1]]", "not all of its weights are finite"),
        ("models: [m0]\nweights: [[a, b, c, d]]", "this is no bag of models"),
        ("models: [/m0]", "names /m0, which"),
        ("models: ['*']", r"names \*, which"),
        ("\x00", "this is no bag of models"),
    ],
)
def test_a_bag_that_does_not_hold_together_is_refused(folder: Path, text: str, told: str) -> None:
    write_bag(folder, text)
    with pytest.raises(ModelError, match=told):
        separate(SOUND, model="bag")


def test_a_bag_of_models_with_other_stems_is_refused(folder: Path) -> None:
    save_th(small_htdemucs(0), folder / "four.th")
    save_th(small_htdemucs(1, sources=SOURCES[::-1]), folder / "reversed.th")
    (folder / "mixed.yaml").write_text("models: [four, reversed]\n")
    told = refused("mixed")
    assert "reversed.th gives vocals, other, bass, drums, but" in told
    assert "four.th gives drums, bass, other, vocals" in told


def test_a_bag_of_models_at_other_rates_is_refused(folder: Path) -> None:
    save_th(small_htdemucs(0), folder / "cd.th")
    save_th(small_htdemucs(1, samplerate=22_050), folder / "half.th")
    (folder / "mixed.yaml").write_text("models: [cd, half]\n")
    told = "half.th: the model works at 22050 Hz, others beside it at 44100 Hz"
    assert told in refused("mixed")


def test_a_signature_that_is_there_twice_is_refused(folder: Path) -> None:
    path = save_th(small_htdemucs(0), folder / "twin.th")
    path.with_name("twin-12345678.th").write_bytes(path.read_bytes())
    assert "has twin more than once: twin-12345678.th, twin.th" in refused("twin")


def test_another_model_whose_name_begins_alike_is_not_taken_for_it(folder: Path) -> None:
    save_th(small_htdemucs(0), folder / "twin_brother.th")
    save_th(small_htdemucs(1), folder / "twin-elder-12345678.th")
    assert "no weights of model 'twin'" in refused("twin")


def test_a_model_that_is_not_stereo_is_refused(folder: Path) -> None:
    save_th(small_htdemucs(0, audio_channels=1), folder / "mono.th")
    assert "the model takes 1 channels, not 2" in refused("mono")


# -- files that would run code --------------------------------------------------------------------


class Payload:
    """Pickles into a call of `os.system`."""

    def __init__(self, target: Path) -> None:
        self.command = f"touch {target}"

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


class TorchPayload(Payload):
    """Pickles into a call of a function of torch that writes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        import torch

        return torch.save, (self.command, self.command.removeprefix("touch "))


def package(**changes: Any) -> dict[str, Any]:
    from demucs.htdemucs import HTDemucs

    model = small_htdemucs(0)
    args, kwargs = model._init_args_kwargs
    state = model.state_dict()
    return {"klass": HTDemucs, "args": args, "kwargs": kwargs, "state": state, **changes}


def zipped(pickled: bytes) -> bytes:
    """Return a pickle in the container torch writes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


@pytest.mark.parametrize("place", ["klass", "args", "kwargs", "state", "training_args"])
@pytest.mark.parametrize("kind", [Payload, TorchPayload])
def test_a_pickle_that_would_run_code_is_refused_and_does_not_run(
    place: str, kind: type[Payload], folder: Path, tmp_path: Path
) -> None:
    import torch

    trace = tmp_path / "it-ran"
    torch.save(package(**{place: kind(trace)}), folder / "evil.th")
    told = refused("evil")
    assert "evil.th" in told
    if kind is Payload:
        assert f"not loaded: it names {os.system.__module__}.system" in told
    assert not trace.exists()


class HugeNumber:
    """Pickles into a fraction of a billion digits, which nobody could wait for."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Fraction, ("1e999999999",)


def test_a_number_without_end_is_damage(folder: Path) -> None:
    (folder / "endless.th").write_bytes(zipped(pickle.dumps({"kwargs": HugeNumber()})))
    assert "'1e999999999' is no fraction" in refused("endless")


@pytest.mark.parametrize("wrap", [bytes, zipped])
def test_a_bare_pickle_does_not_run_either(
    wrap: Callable[[bytes], bytes], folder: Path, tmp_path: Path
) -> None:
    trace = tmp_path / "it-ran"
    (folder / "evil.th").write_bytes(wrap(pickle.dumps(Payload(trace))))
    refused("evil")
    assert not trace.exists()


def test_a_graph_refuses_it_too(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "it-ran"
    (folder / "evil.th").write_bytes(zipped(pickle.dumps({"klass": Payload(trace)})))
    assert_told_by_all("evil", folder, f"not loaded: it names {os.system.__module__}.system, which")
    assert not trace.exists()


def assert_told_by_all(model: str, folder: Path, words: str) -> None:
    """Assert that a graph with this model is refused, whether it is run or only looked at."""
    graph = bass_graph(model)
    asks: list[Callable[[], object]] = [
        lambda: graph.check(models=folder),
        lambda: graph.plan({"mix": SOUND}, store=False, models=folder),
        lambda: graph.run({"mix": SOUND}, store=False, models=folder),
    ]
    for ask in asks:
        with pytest.raises(GraphError) as caught:
            ask()
        (problem,) = caught.value.problems
        assert (problem.code, problem.pointer) == ("bad-model", "/nodes/separate")
        assert words in problem.message


def test_only_weights_that_are_not_here_are_no_fault_of_the_graph(folder: Path) -> None:
    for name in ("htdemucs", "my_own"):
        bass_graph(name).check(models=folder)
        (step,) = bass_graph(name).plan({"mix": SOUND}, store=False, models=folder)
        assert step.status == "run"
        with pytest.raises(MissingModelError, match=f"no weights of model '{name}'"):
            bass_of(name, folder)
    (folder / "noise.th").write_bytes(np.random.default_rng(0).bytes(5000))
    assert_told_by_all("noise", folder, "noise.th: the weights are damaged")
    cut = save_th(small_htdemucs(0), folder / "cut.th")
    cut.write_bytes(cut.read_bytes()[:-2000])
    assert_told_by_all("cut", folder, "cut.th: the weights are damaged")
    (folder / "torn.yaml").write_text("models: [noise")
    assert_told_by_all("torn", folder, "torn.yaml: this is no bag of models")
    (folder / "part.yaml").write_text("models: [gone]")
    assert_told_by_all("part", folder, "part.yaml names gone, which")
    assert_told_by_all("noise", folder / "nowhere", "nowhere (`models`) is no folder")


@pytest.mark.parametrize(
    "klass", ["os.system", "demucs.solver.Solver", "builtins.eval", "demucs.htdemucs.HTDemucs.x"]
)
def test_safetensors_that_name_another_class_are_refused(klass: str, folder: Path) -> None:
    save_safetensors(small_htdemucs(0), folder / "evil.safetensors", klass=klass)
    assert f"not loaded: it names {klass}, which is no class of Demucs" in refused("evil")


# -- damaged files --------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0.0, 0.01, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".th", ".safetensors"])
def test_a_file_that_is_cut_off_is_damaged(kept: float, suffix: str, folder: Path) -> None:
    save = save_th if suffix == ".th" else save_safetensors
    path = save(small_htdemucs(0), folder / f"cut{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert "the weights are damaged" in refused("cut")


def test_a_full_check_compares_weights_with_what_is_known_of_them(
    folder: Path, tmp_path: Path
) -> None:
    graph, bound = bass_graph("one"), {"mix": SOUND}

    def told(path: Path, at: int) -> str:
        """Flip a bit, and return what a full check says; a check of names alone says nothing."""
        content = bytearray(path.read_bytes())
        content[at] ^= 1
        path.write_bytes(content)
        graph.check(["mix"], models=folder)
        with pytest.raises(GraphError) as caught:
            graph.check(bound, models=folder)
        path.unlink()
        return caught.value.problems[0].message

    whole = save_th(small_htdemucs(0), folder / "one.th")
    graph.check(bound, models=folder)
    middle = whole.stat().st_size // 2
    assert "the weights are damaged: the checksum of" in told(whole, middle)
    named = save_th(small_htdemucs(0), tmp_path / "one.th")
    checksum = hashlib.sha256(named.read_bytes()).hexdigest()
    named = named.rename(folder / f"one-{checksum[:8]}.th")
    graph.check(bound, models=folder)
    assert "the weights are damaged: its checksum is" in told(named, middle)
    # as the local copy of the hub has it: a link to a file that is called by its SHA-256
    stored = save_safetensors(small_htdemucs(0), tmp_path / "blob")
    stored = stored.rename(tmp_path / hashlib.sha256(stored.read_bytes()).hexdigest())
    (folder / "one.safetensors").symlink_to(stored)
    graph.check(bound, models=folder)
    assert "the weights are damaged: its checksum is" in told(stored, middle)


def test_safetensors_that_are_cut_off_are_found_without_loading_them(folder: Path) -> None:
    path = save_safetensors(small_htdemucs(0), folder / "cut.safetensors")
    bass_graph("cut").check(models=folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(GraphError, match="the weights are damaged: it is cut off"):
        bass_graph("cut").check(models=folder)


@pytest.mark.parametrize("value", [np.nan, -np.inf, 3e38])
def test_weights_that_no_network_can_have_are_damage(value: float, folder: Path) -> None:
    model = small_htdemucs(0)
    name, weights = next(iter(model.state_dict().items()))
    weights.view(-1)[-1] = value
    said = f"the weights are damaged: of {name}, weights are no numbers, or beyond 1,000,000"
    path = save_safetensors(model, folder / "odd.safetensors")
    bass_graph("odd").check(models=folder)
    with pytest.raises(GraphError, match=said):
        bass_graph("odd").check({"mix": SOUND}, models=folder)
    assert said in refused("odd")
    path.unlink()
    save_th(model, folder / "odd.th")
    assert said in refused("odd")


def test_of_another_flipped_bit_in_safetensors_nothing_tells(folder: Path) -> None:
    path = save_safetensors(small_htdemucs(0), folder / "one.safetensors")
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    bass_graph("one").check({"mix": SOUND}, models=folder)


@pytest.mark.parametrize("change", [{"shape": [3]}, {"data_offsets": [1, 9]}, {"dtype": "F9"}])
def test_safetensors_whose_tensors_do_not_fill_it_are_damaged(
    change: dict[str, Any], folder: Path
) -> None:
    path = save_safetensors(small_htdemucs(0), folder / "one.safetensors")
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    first = min((one for one in header if one != "__metadata__"),
                key=lambda one: header[one]["data_offsets"])  # fmt: skip
    header[first] |= change
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(GraphError, match=f"{first} is not as long as it says"):
        bass_graph("one").check({"mix": SOUND}, models=folder)


@pytest.mark.parametrize("suffix", [".th", ".safetensors"])
def test_noise_is_damaged(suffix: str, folder: Path) -> None:
    noise = np.random.default_rng(0).bytes(5000)
    (folder / f"noise{suffix}").write_bytes(noise)
    assert "the weights are damaged" in refused("noise")


@pytest.mark.parametrize(
    "changes",
    [
        {"state": {}},
        {"args": (), "kwargs": {}},
        {"args": (7,), "kwargs": {}},
        {"args": ([1, 2, 3, 4],), "kwargs": {}},
        {"kwargs": {"sources": SOURCES, "channels": 16}},
        {"kwargs": {"sources": SOURCES, "depth": "many"}},
        {"kwargs": None},
    ],
)
def test_a_package_whose_parts_do_not_fit_is_damaged(changes: dict[str, Any], folder: Path) -> None:
    import torch

    torch.save(package(**changes), folder / "odd.th")
    assert "the weights are damaged" in refused("odd")


def test_a_package_without_a_part_is_damaged(folder: Path) -> None:
    import torch

    for part in ("klass", "args", "kwargs", "state"):
        whole = package()
        del whole[part]
        torch.save(whole, folder / "odd.th")
        assert "the weights are damaged" in refused("odd")
    torch.save([1, 2, 3], folder / "odd.th")
    assert "the weights are damaged" in refused("odd")


def test_quantised_weights_are_refused_by_name(folder: Path) -> None:
    import torch

    torch.save(package(state={"__quantized": True}), folder / "small.th")
    assert "quantised (diffq) weights are not supported" in refused("small")
    save_safetensors(small_htdemucs(0), folder / "hub.safetensors", structure="{}")
    assert "quantised (diffq) weights are not supported" in refused("hub")
