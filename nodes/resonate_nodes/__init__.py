"""The stock nodes of resonate_graph. Each is a plain function too.

>>> import numpy as np
>>> from resonate_graph import Audio
>>> from resonate_nodes import gain
>>> gain(Audio(np.ones((2, 4)), 44100), gain_db=-6.0)
Audio(2 ch, 4 frames, 44100 Hz, 0.000 s)
"""

from .clicks import declick, decrackle
from .clipping import declip
from .dropouts import remove_dc, repair_dropouts
from .dynamics import compress, gate
from .files import encode_flac, encode_mp3, encode_wav
from .hum import dehum
from .loudness import LoudnessReport, measure_loudness, normalize_loudness
from .mixing import average_stems, gain, mix, residual
from .rate import resample
from .repair import denoise
from .reverberation import dereverb
from .separation import Stems, separate
from .sibilance import deess
from .tone import Band, eq, highpass, lowpass

__all__ = [
    "Band",
    "LoudnessReport",
    "Stems",
    "average_stems",
    "compress",
    "declick",
    "declip",
    "decrackle",
    "deess",
    "dehum",
    "denoise",
    "dereverb",
    "encode_flac",
    "encode_mp3",
    "encode_wav",
    "eq",
    "gain",
    "gate",
    "highpass",
    "lowpass",
    "measure_loudness",
    "mix",
    "normalize_loudness",
    "remove_dc",
    "repair_dropouts",
    "resample",
    "residual",
    "separate",
]
