"""The stock nodes of resonate_graph. Each is a plain function too.

>>> import numpy as np
>>> from resonate_graph import Audio
>>> from resonate_nodes import gain
>>> gain(Audio(np.ones((2, 4)), 44100), gain_db=-6.0)
Audio(2 ch, 4 frames, 44100 Hz, 0.000 s)
"""

from .azimuth import align_azimuth
from .clicks import ClicksReport, declick, decrackle, detect_clicks
from .clipping import ClippingReport, declip, detect_clipping
from .dropouts import remove_dc, repair_dropouts
from .dynamics import compress, expand, gate
from .files import encode_flac, encode_mp3, encode_ogg, encode_wav
from .hum import HumReport, dehum, detect_hum
from .loudness import LoudnessReport, measure_loudness, normalize_loudness
from .matching import match_eq
from .measuring import ComparisonReport, DescriptionReport, compare, describe
from .mixing import average_stems, blend, crossfade, difference, gain, invert, mix, residual
from .peaks import limit, normalize_peak
from .percussion import HarmonicPercussive, hpss
from .pictures import plot_compare, plot_loudness, plot_spectrogram, plot_waveform
from .rate import resample
from .repair import NoiseReport, denoise, noise_floor
from .reports import html_report, json_report
from .reverberation import dereverb
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
    "ClicksReport",
    "ClippingReport",
    "ComparisonReport",
    "DescriptionReport",
    "HarmonicPercussive",
    "HumReport",
    "LoudnessReport",
    "MidSide",
    "MonoBand",
    "MonoReport",
    "NoiseReport",
    "Stems",
    "align_azimuth",
    "average_stems",
    "balance",
    "blend",
    "check_mono",
    "compare",
    "compress",
    "crossfade",
    "declick",
    "declip",
    "decrackle",
    "deess",
    "dehum",
    "delay",
    "denoise",
    "dereverb",
    "describe",
    "detect_clicks",
    "detect_clipping",
    "detect_hum",
    "difference",
    "encode_flac",
    "encode_mp3",
    "encode_ogg",
    "encode_wav",
    "eq",
    "expand",
    "fade",
    "from_mid_side",
    "gain",
    "gate",
    "highpass",
    "hpss",
    "html_report",
    "invert",
    "json_report",
    "limit",
    "lowpass",
    "match_eq",
    "measure_loudness",
    "mid_side",
    "mix",
    "noise_floor",
    "normalize_loudness",
    "normalize_peak",
    "pad",
    "plot_compare",
    "plot_loudness",
    "plot_spectrogram",
    "plot_waveform",
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
