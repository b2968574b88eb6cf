"""The stock nodes of resonate_graph. Each is a plain function too.

>>> import numpy as np
>>> from resonate_graph import Audio
>>> from resonate_nodes import gain
>>> gain(Audio(np.ones((2, 4)), 44100), gain_db=-6.0)
Audio(2 ch, 4 frames, 44100 Hz, 0.000 s)
"""

from .clicks import ClicksReport, declick, decrackle, detect_clicks
from .clipping import ClippingReport, declip, detect_clipping
from .dropouts import remove_dc, repair_dropouts
from .dynamics import compress, gate, limit
from .files import encode_flac, encode_mp3, encode_ogg, encode_wav
from .hum import HumReport, dehum, detect_hum
from .loudness import LoudnessReport, measure_loudness, normalize_loudness
from .measuring import ComparisonReport, DescriptionReport, compare, describe
from .mixing import average_stems, gain, mix, residual
from .pictures import plot_compare, plot_loudness, plot_spectrogram, plot_waveform
from .rate import resample
from .repair import NoiseReport, denoise, noise_floor
from .reports import html_report, json_report
from .separation import Stems, separate
from .sibilance import deess
from .tone import Band, eq, highpass, lowpass

__all__ = [
    "Band",
    "ClicksReport",
    "ClippingReport",
    "ComparisonReport",
    "DescriptionReport",
    "HumReport",
    "LoudnessReport",
    "NoiseReport",
    "Stems",
    "average_stems",
    "compare",
    "compress",
    "declick",
    "declip",
    "decrackle",
    "deess",
    "dehum",
    "denoise",
    "describe",
    "detect_clicks",
    "detect_clipping",
    "detect_hum",
    "encode_flac",
    "encode_mp3",
    "encode_ogg",
    "encode_wav",
    "eq",
    "gain",
    "gate",
    "highpass",
    "html_report",
    "json_report",
    "limit",
    "lowpass",
    "measure_loudness",
    "mix",
    "noise_floor",
    "normalize_loudness",
    "plot_compare",
    "plot_loudness",
    "plot_spectrogram",
    "plot_waveform",
    "remove_dc",
    "repair_dropouts",
    "resample",
    "residual",
    "separate",
]
