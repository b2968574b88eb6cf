"""The stock nodes of resonate_graph. Each is a plain function too.

>>> import numpy as np
>>> from resonate_graph import Audio
>>> from resonate_nodes import gain
>>> gain(Audio(np.ones((2, 4)), 44100), gain_db=-6.0)
Audio(2 ch, 4 frames, 44100 Hz, 0.000 s)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what there is; each is imported when it is first asked for
    from .files.encoders import encode_flac, encode_mp3, encode_ogg, encode_wav
    from .loudness.normalising import LoudnessReport, measure_loudness, normalize_loudness
    from .loudness.over_time import LoudnessOverTimeReport, loudness_over_time
    from .loudness.peaks import limit, normalize_peak
    from .measuring.comparison import ComparisonReport, DescriptionReport, compare, describe
    from .measuring.pictures import plot_compare, plot_loudness, plot_spectrogram, plot_waveform
    from .measuring.reports import html_report, json_report
    from .repair.azimuth import align_azimuth
    from .repair.bandwidth import extend_bandwidth
    from .repair.clicks.declick import ClicksReport, declick, decrackle, detect_clicks
    from .repair.clicks.mouth_declick import mouth_declick
    from .repair.clipping.declip import ClippingReport, declip, detect_clipping
    from .repair.dropouts import remove_dc, repair_dropouts
    from .repair.hiss.denoise import NoiseReport, denoise, noise_floor
    from .repair.hiss.noisereduce_gate import spectral_gate
    from .repair.hum.dehum import HumReport, dehum, detect_hum
    from .repair.reverberation import dereverb
    from .repair.sibilance import deess
    from .repair.speech import enhance_speech
    from .separation.percussion import HarmonicPercussive, hpss
    from .separation.separate import Stems, separate
    from .space.mixing import (
        average_stems,
        blend,
        crossfade,
        difference,
        gain,
        invert,
        mix,
        residual,
    )
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

#: Where each name lives: the module is imported when somebody asks for the name, so that a run
#: waits for the nodes of its graph alone. The imports above say the same to type checkers.
_NAMES = {
    ".files.encoders": "encode_flac encode_mp3 encode_ogg encode_wav",
    ".loudness.normalising": "LoudnessReport measure_loudness normalize_loudness",
    ".loudness.over_time": "LoudnessOverTimeReport loudness_over_time",
    ".loudness.peaks": "limit normalize_peak",
    ".measuring.comparison": "ComparisonReport DescriptionReport compare describe",
    ".measuring.pictures": "plot_compare plot_loudness plot_spectrogram plot_waveform",
    ".measuring.reports": "html_report json_report",
    ".repair.azimuth": "align_azimuth",
    ".repair.bandwidth": "extend_bandwidth",
    ".repair.clicks.declick": "ClicksReport declick decrackle detect_clicks",
    ".repair.clipping.declip": "ClippingReport declip detect_clipping",
    ".repair.dropouts": "remove_dc repair_dropouts",
    ".repair.hiss.denoise": "NoiseReport denoise noise_floor",
    ".repair.hum.dehum": "HumReport dehum detect_hum",
    ".repair.clicks.mouth_declick": "mouth_declick",
    ".repair.hiss.noisereduce_gate": "spectral_gate",
    ".repair.reverberation": "dereverb",
    ".repair.sibilance": "deess",
    ".repair.speech": "enhance_speech",
    ".separation.percussion": "HarmonicPercussive hpss",
    ".separation.separate": "Stems separate",
    ".space.mixing": "average_stems blend crossfade difference gain invert mix residual",
    ".space.rate": "resample",
    ".space.shape": "fade pad select_channels to_mono to_stereo trim trim_silence",
    ".space.speed": "change_speed pitch_shift time_stretch",
    ".space.stereo": "MidSide MonoBand MonoReport balance check_mono from_mid_side mid_side width",
    ".space.timing": "delay",
    ".tone.dynamics": "compress expand gate",
    ".tone.filters": "Band eq highpass lowpass",
    ".tone.matching": "match_eq",
    ".tone.saturation": "saturate",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


if not TYPE_CHECKING:  # which would take it for a promise of whatever name there is

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name], __name__), name)
        globals()[name] = value  # which Python finds the next time, without asking here
        return value


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("_"))]
