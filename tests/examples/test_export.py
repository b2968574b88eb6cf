"""A checkpoint becomes the file that is installed: the same bytes each time, or a refusal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

from examples.mini_model.export import ExportError, export
from resonate_nodes import separate
from tests.depth import thorough
from tests.models import SOURCES, save_th, small_spectral_hdemucs
from tests.processes import end_of, start_python
from tests.signals import white_noise

pytestmark = thorough

ROOT = Path(__file__).parents[2]


def checkpoint(path: Path, **changes: Any) -> Path:
    import torch

    model = small_spectral_hdemucs(masks=False)
    args, kwargs = model._init_args_kwargs
    torch.save({"args": args, "kwargs": kwargs, "state": model.state_dict(), **changes}, path)
    return path


def state_with(weight: float) -> dict[str, Any]:
    """Return the state of a model, one weight of which is given."""
    state: dict[str, Any] = small_spectral_hdemucs(masks=False).state_dict()
    next(iter(state.values())).view(-1)[3] = weight
    return state


def test_what_was_exported_is_loaded_as_any_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    model = small_spectral_hdemucs(masks=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half())
    save_th(model, tmp_path / "whole.th")
    digest = export(checkpoint(tmp_path / "last.pt"), tmp_path / "half.safetensors")
    content = (tmp_path / "half.safetensors").read_bytes()
    assert digest == blake3(content).hexdigest()
    assert len(content) < 0.6 * (tmp_path / "whole.th").stat().st_size
    monkeypatch.setenv("RESONATE_MODELS", str(tmp_path))
    sound = white_noise(seconds=0.2, rate=44_100, channels=2)
    pairs = zip(separate(sound, model="half")[:4], separate(sound, model="whole")[:4], strict=True)
    for half, whole in pairs:
        np.testing.assert_array_equal(half.samples, whole.samples)


def test_the_command_gives_the_same_bytes_in_every_process_and_pins_them(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "last.pt")
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text(
        '"""Models."""\n\nDIGESTS: dict[str, str] = {\n    "other.th": "1",\n}\nMORE = 2\n'
    )
    script = "import sys; from examples.mini_model.export import main; main()"
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"  # not that of this process
    process = start_python(
        script, path, "--to", package / "mini.safetensors",
        PYTHONHASHSEED=seed, PYTHONPATH=":".join([str(ROOT), *filter(None, sys.path)]),
    )  # fmt: skip
    ended = end_of(process)
    assert ended.code == 0, ended.err
    content = (package / "mini.safetensors").read_bytes()
    digest = blake3(content).hexdigest()
    assert f"blake3 {digest}" in ended.out
    pinned: dict[str, Any] = {}
    exec((package / "__init__.py").read_text(), pinned)
    assert pinned["DIGESTS"] == {"other.th": "1", "mini.safetensors": digest}
    assert pinned["MORE"] == 2
    assert sorted(one.name for one in package.iterdir()) == ["__init__.py", "mini.safetensors"]
    export(path, tmp_path / "here.safetensors")
    assert (tmp_path / "here.safetensors").read_bytes() == content


def test_a_segment_that_is_a_fraction_stays_one(tmp_path: Path) -> None:
    from demucs.hf import load_safetensors_model

    kwargs = small_spectral_hdemucs(masks=False)._init_args_kwargs[1]
    path = checkpoint(tmp_path / "last.pt", kwargs={**kwargs, "segment": Fraction(39, 5)})
    export(path, tmp_path / "mini.safetensors")
    assert load_safetensors_model(tmp_path / "mini.safetensors").segment == Fraction(39, 5)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (lambda: {"state": state_with(np.nan)}, "not finite as float16"),
        (lambda: {"state": state_with(7e4)}, "not finite as float16"),
        (lambda: {"state": {}}, "this is no state of that HDemucs"),
        (lambda: {"kwargs": {"unknown": 1}}, "this is no state of that HDemucs"),
    ],
)
def test_what_cannot_be_shipped_is_refused_and_nothing_is_written(
    changes: Callable[[], dict[str, Any]], told: str, tmp_path: Path
) -> None:
    path, target = checkpoint(tmp_path / "last.pt", **changes()), tmp_path / "mini.safetensors"
    with pytest.raises(ExportError, match=told):
        export(path, target)
    assert not target.exists()


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    torn = checkpoint(tmp_path / "torn.pt")
    torn.write_bytes(torn.read_bytes()[:5000])
    for path in (tmp_path / "missing.pt", Path(__file__), torn):
        with pytest.raises(ExportError, match="this is no checkpoint: "):
            export(path, tmp_path / "mini.safetensors")
    assert [one.name for one in tmp_path.iterdir()] == ["torn.pt"]


def test_a_package_with_no_place_for_the_digest_is_left_as_it_is(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    with pytest.raises(ExportError, match="has no DIGESTS"):
        export(checkpoint(tmp_path / "last.pt"), package / "mini.safetensors")
    assert [one.name for one in package.iterdir()] == ["__init__.py"]


def test_a_model_of_more_than_8_megabytes_is_refused(tmp_path: Path) -> None:
    from demucs.hdemucs import HDemucs

    kwargs = {"channels": 24, "hybrid": False, "depth": 5}
    state = HDemucs(SOURCES, **kwargs).state_dict()
    path = checkpoint(tmp_path / "last.pt", args=[SOURCES], kwargs=kwargs, state=state)
    with pytest.raises(ExportError, match="at most 8,000,000 are shipped"):
        export(path, tmp_path / "mini.safetensors")
