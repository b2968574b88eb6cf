"""The stock nodes of resonate_graph. Each is a plain function too.

>>> import numpy as np
>>> from resonate_graph import Audio
>>> from resonate_nodes import gain
>>> gain(Audio(np.ones((2, 4)), 44100), gain_db=-6.0)
Audio(2 ch, 4 frames, 44100 Hz, 0.000 s)
"""

from .azimuth import align_azimuth
from .clicks import declick, decrackle
from .clipping import declip
from .dropouts import remove_dc, repair_dropouts
from .dynamics import compress, expand, gate
from .files import encode_flac, encode_mp3, encode_wav
from .hum import dehum
from .loudness import LoudnessReport, measure_loudness, normalize_loudness
from .matching import match_eq
from .mixing import (
    average_stems,
    blend,
    crossfade,
    difference,
    gain,
    invert,
    mix,
    residual,
)
from .peaks import normalize_peak
from .percussion import HarmonicPercussive, hpss
from .rate import resample
from .repair import denoise
from .saturation import saturate
from .separation import Stems, separate
from .shape import fade, pad, select_channels, to_mono, to_stereo, trim, trim_silence
from .sibilance import deess
from .stereo import (
    MidSide,
    MonoBand,
    MonoReport,
    balance,
    check_mono,
    from_mid_side,
    mid_side,
    width,
)
from .timing import delay
from .tone import Band, eq, highpass, lowpass

__all__ = [
    "Band",
    "HarmonicPercussive",
    "LoudnessReport",
    "MidSide",
    "MonoBand",
    "MonoReport",
    "Stems",
    "align_azimuth",
    "average_stems",
    "balance",
    "blend",
    "check_mono",
    "compress",
    "crossfade",
    "declick",
    "declip",
    "decrackle",
    "deess",
    "dehum",
    "delay",
    "denoise",
    "difference",
    "encode_flac",
    "encode_mp3",
    "encode_wav",
    "eq",
    "expand",
    "fade",
    "from_mid_side",
    "gain",
    "gate",
    "highpass",
    "hpss",
    "invert",
    "lowpass",
    "match_eq",
    "measure_loudness",
    "mid_side",
    "mix",
    "normalize_loudness",
    "normalize_peak",
    "pad",
    "remove_dc",
    "repair_dropouts",
    "resample",
    "residual",
    "saturate",
    "select_channels",
    "separate",
    "to_mono",
    "to_stereo",
    "trim",
    "trim_silence",
    "width",
]
