"""The stock nodes of resonate_graph. Each is a plain function too.

>>> import numpy as np
>>> from resonate_graph import Audio
>>> from resonate_nodes import gain
>>> gain(Audio(np.ones((2, 4)), 44100), gain_db=-6.0)
Audio(2 ch, 4 frames, 44100 Hz, 0.000 s)
"""

from .files.encoders import encode_flac, encode_mp3, encode_ogg, encode_wav
from .loudness.normalising import LoudnessReport, measure_loudness, normalize_loudness
from .loudness.over_time import LoudnessOverTimeReport, loudness_over_time
from .loudness.peaks import limit, normalize_peak
from .measuring.comparison import ComparisonReport, DescriptionReport, compare, describe
from .measuring.pictures import plot_compare, plot_loudness, plot_spectrogram, plot_waveform
from .measuring.reports import html_report, json_report
from .repair.azimuth import align_azimuth
from .repair.bandwidth import extend_bandwidth
from .repair.clicks import ClicksReport, declick, decrackle, detect_clicks
from .repair.clipping import ClippingReport, declip, detect_clipping
from .repair.dropouts import remove_dc, repair_dropouts
from .repair.hiss import NoiseReport, denoise, noise_floor
from .repair.hum import HumReport, dehum, detect_hum
from .repair.mouth_clicks import mouth_declick
from .repair.noisereduce_gate import spectral_gate
from .repair.reverberation import dereverb
from .repair.sibilance import deess
from .repair.speech import enhance_speech
from .separation.percussion import HarmonicPercussive, hpss
from .separation.separate import Stems, separate
from .space.mixing import average_stems, blend, crossfade, difference, gain, invert, mix, residual
from .space.rate import resample
from .space.shape import fade, pad, select_channels, to_mono, to_stereo, trim, trim_silence
from .space.speed import change_speed, pitch_shift, time_stretch
from .space.stereo import (
    MidSide,
    MonoBand,
    MonoReport,
    balance,
    check_mono,
    from_mid_side,
    mid_side,
    width,
)
from .space.timing import delay
from .tone.dynamics import compress, expand, gate
from .tone.filters import Band, eq, highpass, lowpass
from .tone.matching import match_eq
from .tone.saturation import saturate

__all__ = [
    "Band",
    "ClicksReport",
    "ClippingReport",
    "ComparisonReport",
    "DescriptionReport",
    "HarmonicPercussive",
    "HumReport",
    "LoudnessOverTimeReport",
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
    "change_speed",
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
    "enhance_speech",
    "eq",
    "expand",
    "extend_bandwidth",
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
    "loudness_over_time",
    "lowpass",
    "match_eq",
    "measure_loudness",
    "mid_side",
    "mix",
    "mouth_declick",
    "noise_floor",
    "normalize_loudness",
    "normalize_peak",
    "pad",
    "pitch_shift",
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
    "spectral_gate",
    "time_stretch",
    "to_mono",
    "to_stereo",
    "trim",
    "trim_silence",
    "width",
]
