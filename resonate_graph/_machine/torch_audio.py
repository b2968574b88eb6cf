"""torchaudio where its compiled part does not fit the torch beside it.

Its Linux wheels are linked against CUDA, so that beside a torch for the CPU the import fails. What
is of use here, resampling and spectra, is written in Python and needs none of it.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

_lock = threading.Lock()
_NAME = "torchaudio"
_EXTENSION = f"{_NAME}._extension"
_said: list[str] = []


def torchaudio() -> ModuleType:
    """Import torchaudio, without its compiled part where that cannot be loaded.

    What needs the compiled part (`forced_align`, and quick `lfilter`) is not there then, or slow;
    `functional.resample` and the spectra of `transforms` work. `resonate devices` says what was
    done.

    Raises:
        ImportError: torch or torchaudio is not installed.

    Example:
        >>> import torch
        >>> sound = torch.zeros(2, 48000)
        >>> torchaudio().functional.resample(sound, 48000, 44100).shape
        torch.Size([2, 44100])
    """
    with _lock:
        try:
            return importlib.import_module(_NAME)
        except OSError as error:  # a library it is linked against is not there
            reason = str(error.__cause__ or error).strip().splitlines()[0]
        for name in [name for name in sys.modules if name.partition(".")[0] == _NAME]:
            del sys.modules[name]
        sys.modules[_EXTENSION] = _WithoutExtension(_EXTENSION)
        module = importlib.import_module(_NAME)
        if "cannot open shared object file" in reason:
            reason = f"it wants {reason.partition(':')[0]}"
        _said.append(f"its compiled part, which no stock node needs, is left out ({reason})")
        return module


def torchaudio_state() -> str:
    """Say which torchaudio there is, and what was done to import it."""
    try:
        version = str(torchaudio().__version__)
    except ImportError as error:
        return f"torchaudio cannot be used: {error}"
    return "; ".join([f"torchaudio {version}", *_said])


class _WithoutExtension(ModuleType):
    """Stands for what torchaudio asks of its compiled part: it says that nothing is there."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.startswith("_IS_"):
            return False
        if name.startswith("fail_"):
            return _failing
        return lambda *args, **kwargs: False


def _failing(function: Callable[..., Any]) -> Callable[..., Any]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"{function.__name__} needs torchaudio's compiled part")

    return fail
