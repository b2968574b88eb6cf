"""Weights files: knowing a model without loading it, and loading it safely.

Demucs' describe themselves; those of other families have a config beside them (`configs`). A
``.th`` and a ``.safetensors`` file can name code to run when they are opened the usual way; here a
``.th`` file is read with an unpickler that knows a handful of harmless names, and only Demucs' own
classes are ever made.
"""

from __future__ import annotations

import importlib
import json
import math
import pickle
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from resonate_graph import ModelError

from . import configs
from .budgets import (
    HEADER_BYTES,
    Archive,
    Clock,
    OverBudgetError,
    read_pickle,
    require_file,
    require_small,
)
from .families import FAMILIES, Description
from .shapes import IMPOSSIBLE, LARGEST, require_numbers, require_shapes

_BLOCK_BYTES = 1 << 22
#: What safetensors holds: floating-point numbers as NumPy calls them, and the bits of each kind.
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8,
    "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8, "C64": 64,
}  # fmt: skip
_CLASSES = tuple(name for name, family in FAMILIES.items() if not family.configured)


def read_description(path: Path) -> Description:
    """Return what a weights file, or the config beside it, says of its model, without torch.

    Raises:
        ModelError: the file is damaged, or names code that is not Demucs', or its config says
            nothing that is known.
    """
    if config := configs.config_of(path):
        return configs.read_config(path, config)
    if path.suffix in configs.SUFFIXES:
        other = path.with_suffix(".yaml")
        raise ModelError(
            path.stem,
            f"{path}: there is no config beside it, which says what its network is: it is called "
            f"{other.name}{', and the file of that name is none' * other.is_file()}",
        )
    try:
        require_file(path)
        raw = _read_safetensors(path) if path.suffix == ".safetensors" else _read_th(path)
        class_name, args, kwargs = raw
        require_small([args, kwargs])
        if class_name not in _CLASSES:
            raise _untrusted(path, class_name)
        description = Description(class_name, tuple(args), dict(kwargs))
        if not all(isinstance(stem, str) for stem in description.stems):
            raise _damaged(path, "its stems are no names")
    except ModelError:
        raise
    except OverBudgetError as error:
        raise _damaged(path, str(error)) from error
    except Exception as error:  # whatever a damaged archive or pickle leads to
        raise _damaged(path, f"{type(error).__name__}: {str(error)[:200]}") from error
    return description


#: With these, Demucs' networks work on no numbers while they are built. Without memory there are
#: none, and to do so torch imports all of its compiler: more than a second of work.
_NO_NUMBERS = {"emb_smooth": False, "rescale": 0}


def load(path: Path) -> Any:
    """Return the model of a weights file, ready to evaluate, on the CPU.

    Raises:
        ModelError: the file is damaged, its checksum is not the one in its name, its weights are
            no numbers, or it names code that is not Demucs'.
    """
    description = read_description(path)
    description.family.require_installed(path.stem)
    try:
        if description.family.configured:
            return configs.load(path, description)
        state = _state(path)
        require_shapes(lambda: _built(description, **_NO_NUMBERS), state)
        require_numbers(state)
        model = _built(description)
        model.load_state_dict(state)
    except ModelError:
        raise
    except OverBudgetError as error:
        raise _unusable(path, description, str(error)) from error
    except Exception as error:  # whatever sizes and types that do not fit lead to
        reason = (str(error).splitlines() or ["it says no more"])[0]
        raise _unusable(path, description, f"{type(error).__name__}: {reason}") from error
    model.eval()
    return model


def _built(description: Description, **changed: object) -> Any:
    """Return a network as a description says, with other settings where it knows them."""
    import inspect

    module, _, name = description.class_name.rpartition(".")
    model_class = getattr(importlib.import_module(module), name)
    known = inspect.signature(model_class).parameters
    kwargs = {key: value for key, value in description.kwargs.items() if key in known}
    given = inspect.signature(model_class).bind(*description.args, **kwargs)
    given.arguments.update({key: value for key, value in changed.items() if key in known})
    return model_class(*given.args, **given.kwargs)


def verify(path: Path) -> None:
    """Compare a weights file with all that is known of it.

    That is the checksum in its name, if there is one: of ``SIG-CHECKSUM.th``, and of a file in the
    local copy of the hub, which is called by its SHA-256; and those inside a ``.th`` archive. A
    ``.safetensors`` file of another place has none: that its tensors fill it, and that each weight
    is one that a network can have, is all that can be known.

    Raises:
        ModelError: something does not match.
    """
    read_description(path)
    verify_checksum(path)
    try:
        if path.suffix != ".safetensors":
            with Archive(path) as archive:
                if (name := archive.damaged()) is not None:
                    raise _damaged(path, f"the checksum of {name} in it does not match")
        else:
            _require_plausible(path)
    except ModelError:
        raise
    except OverBudgetError as error:
        raise _damaged(path, str(error)) from error
    except Exception as error:  # whatever a damaged header or archive leads to
        raise _damaged(path, f"{type(error).__name__}: {str(error)[:200]}") from error


def _require_plausible(path: Path) -> None:
    """Refuse a ``.safetensors`` file whose tensors do not fill it, or with impossible weights.

    Raises:
        ModelError: it is such a file.
        OverBudgetError: comparing it takes too long.
    """
    start, header = _header(path)
    header.pop("__metadata__", None)
    clock, end = Clock(), 0
    with path.open("rb") as file:
        for name, said in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            first, last = said["data_offsets"]
            values = math.prod(said["shape"])
            if first != end or last - first != values * _BITS.get(said["dtype"], 0) // 8:
                raise _damaged(path, f"{name} is not as long as it says")
            end = last
            file.seek(start + first)
            while first < last:
                block = file.read(min(last - first, _BLOCK_BYTES))
                first += len(block)
                clock.check()
                if not block:
                    raise _damaged(path, "it is cut off")
                if not _largest(block, said["dtype"]) <= LARGEST:
                    raise _damaged(path, IMPOSSIBLE.format(name))


def _largest(block: bytes, kind: str) -> float:
    """Return the largest magnitude of some numbers; NaN where one is none."""
    import numpy as np

    if kind not in _FLOATS:
        return 0.0
    numbers = np.frombuffer(block, _FLOATS[kind])
    if kind == "BF16":
        numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(all="ignore"):
        return float(np.abs(numbers).max())


def state_of(path: Path) -> tuple[Any, ...]:
    """Return what tells the files of a model from what they were before they were written anew."""
    files = filter(None, (path, configs.config_of(path)))
    return tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files)


def verify_checksum(path: Path) -> None:
    """Compare a file with the SHA-256 in its name, or the start of it as in ``SIG-CHECKSUM.th``.

    Raises:
        ModelError: it does not match.
    """
    signature, dash, checksum = path.stem.rpartition("-")
    stored = path.resolve().name
    if re.fullmatch("[0-9a-f]{64}", stored):
        checksum = stored
    elif path.suffix != ".th" or not dash or not signature:
        return
    hasher, clock = sha256(), Clock()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                hasher.update(block)
                clock.check()
    except OverBudgetError as error:
        raise _damaged(path, str(error)) from error
    if not hasher.hexdigest().startswith(checksum):
        raise _damaged(path, f"its checksum is {hasher.hexdigest()[: len(checksum)]}")


class _Inert:
    """Stands in for whatever a pickle builds that is not looked at: tensors and storages."""

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class _State(dict[str, Any]):
    """Stands in for an OrderedDict; unlike a dict, it takes the ``_metadata`` of a state.

    It is filled after it was made, as pickles do: each copy of another would take time.
    """

    def __init__(self) -> None:
        super().__init__()


class _ClassName(str):
    """The name of a model class, where a pickle holds the class."""

    __slots__ = ()


def _fraction(numerator: int | str, denominator: int = 1) -> Fraction:
    """Return a fraction as pickles hold it: 39 and 5, before Python 3.11 "39/5".

    Fraction itself also reads "1e999999999", and fills the memory.
    """
    if isinstance(numerator, str) and not re.fullmatch(r"-?\d{1,9}(/\d{1,9})?", numerator):
        raise ValueError(f"{numerator[:30]!r} is no fraction")
    if isinstance(numerator, str):
        return Fraction(numerator)
    require_small([numerator, denominator])
    return Fraction(int(numerator), int(denominator))


class _Reader(pickle.Unpickler):
    """Reads a torch package's structure. It can make nothing but plain values and stand-ins."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        super().__init__(file)
        self._path = path

    def find_class(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        if full in _CLASSES:
            return _ClassName(full)
        if full == "fractions.Fraction":
            return _fraction
        if full == "collections.OrderedDict":
            return _State
        if module == "torch" or module.startswith("torch."):
            return _Inert
        raise _untrusted(self._path, full)

    def persistent_load(self, pid: Any) -> Any:
        return _Inert()


def _read_th(path: Path) -> tuple[str, Sequence[Any], Mapping[str, Any]]:
    with Archive(path) as archive:
        package = _Reader(read_pickle(archive), path).load()
    if not isinstance(package["klass"], str):
        raise ValueError("its class is no name")
    if isinstance(package["state"], dict) and package["state"].get("__quantized"):
        raise _quantized(path)
    return str(package["klass"]), package["args"], package["kwargs"]


def _read_safetensors(path: Path) -> tuple[str, Sequence[Any], Mapping[str, Any]]:
    start, header = _header(path)
    metadata = header.pop("__metadata__")
    ends = [one["data_offsets"][1] for one in header.values()]
    if start + max(ends, default=0) != path.stat().st_size:
        raise _damaged(path, "it is cut off, or something was appended")
    if "structure" in metadata:
        raise _quantized(path)
    return (
        metadata["klass"],
        _with_fractions(json.loads(metadata["args"])),
        _with_fractions(json.loads(metadata["kwargs"])),
    )


def _header(path: Path) -> tuple[int, dict[str, Any]]:
    """Return where the data of a ``.safetensors`` file begin, and what it says of them."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > path.stat().st_size:
            raise _damaged(path, "its header is longer than the file")
        if length > HEADER_BYTES:
            raise _damaged(path, "what describes it is too large")
        return 8 + length, json.loads(file.read(length))


def _with_fractions(value: Any) -> Any:
    if isinstance(value, dict) and value.get("_type") == "fraction":
        return _fraction(value["numerator"], value["denominator"])
    if isinstance(value, dict):
        return {key: _with_fractions(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_fractions(item) for item in value]
    return value


def _state(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return dict(load_file(path))
    import torch
    from demucs.demucs import Demucs
    from demucs.hdemucs import HDemucs
    from demucs.htdemucs import HTDemucs

    verify_checksum(path)
    with torch.serialization.safe_globals([Demucs, HDemucs, HTDemucs, Fraction]):
        package = torch.load(path, map_location="cpu", weights_only=True)
    state: Mapping[str, Any] = package["state"]
    return state


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(path.stem, f"{path}: the weights are damaged: {why}")


def _unusable(path: Path, description: Description, why: str) -> ModelError:
    if not description.family.configured:
        return _damaged(path, why)
    config = configs.config_of(path)
    return ModelError(
        path.stem, f"{path}: the weights are damaged, or do not fit their config {config}: {why}"
    )


def _untrusted(path: Path, name: str) -> ModelError:
    return ModelError(
        path.stem,
        f"{path}: not loaded: it names {name}, which is no class of Demucs; opening it the usual "
        "way could run code",
    )


def _quantized(path: Path) -> ModelError:
    return ModelError(
        path.stem, f"{path}: quantised (diffq) weights are not supported; use the full model"
    )
