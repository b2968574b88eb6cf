"""Files of weights, and bags, that would take minutes or gigabytes are refused, and at once.

None of them holds anything harmful: each only says that it is large, or deep, or without end.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from demucs.htdemucs import HTDemucs

from resonate_graph import ModelError
from resonate_nodes.separation import budgets, models, weights
from tests.models import save_th, small_htdemucs
from tests.nodes.separation.test_weights import save_safetensors


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(ModelError) as caught:
        read()
    return str(caught.value)


@pytest.fixture(scope="module")
def model() -> Any:
    return small_htdemucs(1)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"args": '[{"_type": "fraction", "numerator": "1e999999999", "denominator": 1}]'}, "frac"),
        ({"args": "[" * 5000 + "]" * 5000}, "recursion"),
        ({"args": "[" * 20 + "]" * 20}, "too large"),
        ({"args": json.dumps([["drums"] * 20_000])}, "too large"),
        ({"kwargs": json.dumps({"channels": 10**10})}, "beyond 1,000,000,000"),
        ({"kwargs": '{"growth": 1e300}'}, "beyond 1,000,000,000"),
    ],
)
def test_a_header_that_says_too_much_is_refused(
    model: Any, changes: dict[str, str], told: str, tmp_path: Path
) -> None:
    path = save_safetensors(model, tmp_path / "large.safetensors", **changes)
    assert told in refused(lambda: weights.read_description(path))


@pytest.mark.parametrize("more", [{"depth": 10**6}, {"t_layers": 10**6}, {"channels": 10**6}])
def test_a_network_larger_than_its_weights_is_not_built(
    model: Any, more: dict[str, int], tmp_path: Path
) -> None:
    _, kwargs = model._init_args_kwargs
    plain = {name: one for name, one in kwargs.items() if not hasattr(one, "numerator")}
    said = json.dumps({**plain, **more})
    path = save_safetensors(model, tmp_path / "large.safetensors", kwargs=said)
    weights.read_description(path)
    assert "damaged" in refused(lambda: weights.load(path))


def test_shapes_that_do_not_fit_are_named(model: Any, tmp_path: Path) -> None:
    _, kwargs = model._init_args_kwargs
    plain = {name: one for name, one in kwargs.items() if not hasattr(one, "numerator")}
    said = json.dumps({**plain, "channels": 2 * kwargs["channels"]})
    path = save_safetensors(model, tmp_path / "other.safetensors", kwargs=said)
    assert "the shape should be" in refused(lambda: weights.load(path))


def nested(levels: int) -> Any:
    """Return a structure that is small, and endless when it is spelled out."""
    value: Any = ["x"]
    for _ in range(levels):
        value = [value, value]
    return value


def save_pickle(path: Path, content: bytes, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.pkl", content)
    return path


def package(**changes: Any) -> bytes:
    plain = {"klass": HTDemucs, "args": (["drums"],), "kwargs": {}, "state": {}}
    return pickle.dumps({**plain, **changes}, protocol=2)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (package(args=nested(60)), "too large"),
        (package(kwargs={"sources": nested(60)}), "too large"),
        (package(klass=nested(60)), "no name"),
        (package(kwargs={"segment": 10**40}), "beyond"),
        (b"\x80\x02]r\xff\xff\xff\x7f.", "beyond its own length"),
        (b"no pickle at all", "damaged"),
    ],
)
def test_a_pickle_that_says_too_much_is_refused(content: bytes, told: str, tmp_path: Path) -> None:
    path = save_pickle(tmp_path / "large.th", content)
    assert told in refused(lambda: weights.read_description(path))


#: Tuples that each hold the one before twice: as a key they are hashed as if spelled out.
TWICE = b"K\x01" + b"2\x86" * 60


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02}" + TWICE + b"K\x01s.",
        b"\x80\x02}(" + TWICE + b"K\x01K\x02K\x03u.",
        b"\x80\x02(" + TWICE + b"K\x01d.",
        b"\x80\x04\x8f(" + TWICE + b"\x90.",
        b"\x80\x04(" + TWICE + b"\x91.",
        b"\x80\x02}K\x01" + b"q\x010h\x01h\x01\x86" * 60 + b"K\x01s.",
        b"\x80\x02}" + TWICE + b"NbK\x01s.",
        b"\x80\x02}K\x01" + b"q\x010(h\x01h\x01t" * 60 + b"K\x01s.",
    ],
    ids=["key", "keys", "dict", "set", "frozenset", "from memory", "given a state", "to a mark"],
)
def test_a_pickle_whose_keys_would_be_hashed_for_ever_is_refused(
    content: bytes, tmp_path: Path
) -> None:
    path = save_pickle(tmp_path / "keys.th", content)
    assert "too large" in refused(lambda: weights.read_description(path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
@pytest.mark.parametrize("suffix", [".th", ".safetensors"])
def test_a_pipe_is_refused_and_not_waited_for(suffix: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")
    assert "no file" in refused(lambda: models.find("pipe", tmp_path, fetch=False))


def test_a_file_of_a_size_no_model_has_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "vast.safetensors"
    with path.open("wb") as file:
        file.truncate(budgets.WEIGHTS_BYTES + 1)
    assert "larger than 8,589,934,592 bytes" in refused(lambda: weights.read_description(path))


def test_a_table_of_contents_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "table.th"
    size = budgets.HEADER_BYTES + 1
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size)
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0))
    assert "too large" in refused(lambda: weights.read_description(path))


def test_a_folder_of_very_many_files_is_no_models_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "FILES", 3)
    for name in "abcd":
        (tmp_path / name).touch()
    assert "more than 3 files" in refused(lambda: models.find("one", tmp_path, fetch=False))


def test_what_takes_too_long_is_given_up(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = save_th(model, tmp_path / "slow.th")
    named = plain.rename(tmp_path / f"slow-{sha256(plain.read_bytes()).hexdigest()[:8]}.th")
    weights.verify(named)
    monkeypatch.setattr(budgets, "SECONDS", -1)
    assert "longer than -1 s" in refused(lambda: weights.verify(named))
    assert "longer than -1 s" in refused(lambda: weights.load(named))
    assert "longer than -1 s" in refused(lambda: weights.verify(named.rename(plain)))


def test_an_archive_that_unpacks_to_more_than_it_is_is_refused(tmp_path: Path, model: Any) -> None:
    packed = save_pickle(tmp_path / "packed.th", bytes(3_000_000), zipfile.ZIP_DEFLATED)
    assert "unpack to 3,000,000 bytes" in refused(lambda: weights.read_description(packed))
    assert "unpack to" in refused(lambda: weights.verify(packed))
    whole = save_th(model, tmp_path / "whole.th")
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/9999", bytes(whole.stat().st_size * 3 + 3_000_000))
    assert "unpack to" in refused(lambda: weights.load(whole))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nmodels: [*b, *b]", "refers to itself"),
        ("models: " + "[" * 3000 + "]" * 3000, "nested too deep"),
        ("models: [one]\nsegment: " + "9" * 400, "inf seconds"),
        ("models: [one]\nsegment: 0x", "0x"),
        ("models: [one]\nsegment: 1:1:1:1:1", "1:1"),
        ("models: [one]\nweights: [[1e400, 1, 1, 1]]", "finite"),
        ("models: [[one]]", "no list of names"),
        (f"models: [{'one, ' * 33}]", "more than 32 models"),
        ("models: 7", "no list of names"),
        ("[]", "no bag of models"),
        ("models: []\n#" + "x" * budgets.BAG_BYTES, "larger than 65,536 bytes"),
    ],
)
def test_a_bag_that_says_too_much_is_refused(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "bag.yaml").write_text(text)
    assert told in refused(lambda: models.find("bag", tmp_path, fetch=False))


def test_an_assertion_without_words_is_damage(
    model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_th(model, tmp_path / "odd.th")

    def fails(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(HTDemucs, "__init__", fails)
    assert "damaged: AssertionError: it says no more" in refused(lambda: weights.load(path))
