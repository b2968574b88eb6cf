"""What is known of published checkpoints: what their configs say, and how large the files are.

The networks are those of the configs in ``configs/`` of ZFTurbo/Music-Source-Separation-Training,
in ``mdx_model_data/`` of TRvlvr/application_data and in ``configs_backup/`` of SUC-DriverOld/
MSST-WebUI; bytes are what programs compare that download them, mebibytes what MSST lists. Weights
are 4 bytes a number: so files tell how many numbers a network has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_MIB = 1 << 20
_FOUR = ("drums", "bass", "other", "vocals")


@dataclass(frozen=True)
class Published:
    """A checkpoint that people have.

    Attributes:
        file: its name.
        model: what its config says of the network, but for what all of its family have.
        size: of the file, in bytes.
        stems: which it gives, as its config calls them.
        target: the one it gives of these; None for all.
        audio: what its config says of sound.
        tensors: how many there are in the file, where that is known.
    """

    file: str
    model: Mapping[str, Any]
    size: float
    stems: Sequence[str] = ("vocals", "other")
    target: str | None = "vocals"
    audio: Mapping[str, Any] = field(default_factory=dict)
    tensors: int | None = None

    @property
    def text(self) -> str:
        """The config, as trainers write it."""
        lines = ["audio:", *_lines({**_AUDIO, **self.audio}), "", "model:", *_lines(self.model)]
        lines += ["", "training:", "  batch_size: 2", "  grad_clip: null", "  lr: 1.0e-05"]
        lines += [f"  instruments: [{', '.join(map(repr, self.stems))}]"]
        lines += [f"  target_instrument: {self.target or 'null'}"]
        lines += ["  use_amp: true # it is usually true", "", "augmentations:", "  mixup_probs:"]
        lines += ["    !!python/tuple # of the same type", "    - 0.2", "    - 0.02", ""]
        return "\n".join(
            [*lines, "inference:", "  batch_size: 1", "  dim_t: 256", "  num_overlap: 2"]
        )


def _lines(said: Mapping[str, Any]) -> list[str]:
    found = []
    for key, value in said.items():
        if isinstance(value, tuple):
            found += [f"  {key}: !!python/tuple", *(f"  - {one}" for one in value)]
        else:
            found.append(f"  {key}: {'null' if value is None else value}")
    return found


_AUDIO = {
    "chunk_size": 352_800, "dim_f": 1024, "dim_t": "801 # don't work (use in model)",
    "hop_length": 441, "n_fft": 2048, "num_channels": 2, "sample_rate": 44_100,
    "min_mean_abs": "0.000",
}  # fmt: skip
_ROFORMER = {
    "stereo": "true", "num_stems": 1, "time_transformer_depth": 1, "freq_transformer_depth": 1,
    "linear_transformer_depth": 0, "dim_head": 64, "heads": 8, "attn_dropout": 0.1,
    "ff_dropout": 0.1, "flash_attn": "True", "dim_freqs_in": 1025, "stft_n_fft": 2048,
    "stft_hop_length": 441, "stft_win_length": 2048, "stft_normalized": "False",
    "mask_estimator_depth": 2, "multi_stft_resolution_loss_weight": 1.0,
    "multi_stft_resolutions_window_sizes": (4096, 2048, 1024, 512, 256),
    "multi_stft_hop_size": 147, "multi_stft_normalized": "False",
}  # fmt: skip
_LATER = {"use_torch_checkpoint": "False", "skip_connection": "False"}
_BANDS = (2,) * 24 + (4,) * 12 + (12,) * 8 + (24,) * 8 + (48,) * 8 + (128, 129)
_BS = {**_ROFORMER, "freqs_per_bands": _BANDS}
_MEL = {**_ROFORMER, "num_bands": 60, "sample_rate": 44_100}
_KIM = {**_MEL, "dim": 384, "depth": 6}
_MDX23C = {
    "act": "gelu", "bottleneck_factor": 4, "growth": 128, "norm": "InstanceNorm",
    "num_blocks_per_scale": 2, "num_channels": 128, "num_scales": 5, "num_subbands": 4,
    "scale": "[2, 2]",
}  # fmt: skip
_8192 = {"chunk_size": 261_120, "dim_f": 4096, "dim_t": 256, "hop_length": 1024, "n_fft": 8192}
_2048 = {"chunk_size": 130_560, "dim_f": 1024, "dim_t": 256, "hop_length": 512, "n_fft": 2048}
_SCNET = {
    "sources": f"[{', '.join(_FOUR)}]", "audio_channels": 2, "nfft": 4096, "hop_size": 1024,
    "win_size": 4096, "normalized": "True", "compress": 4, "conv_kernel": 3, "expand": 1,
}  # fmt: skip

PUBLISHED = [
    Published("MelBandRoformer.ckpt", _KIM, 913_106_900, tensors=684),
    Published("kimmel_unwa_ft.ckpt", _KIM, 870.8 * _MIB),
    Published("denoise_mel_band_roformer_aufr33_sdr_27.9959.ckpt", _KIM, 870.8 * _MIB,
              ("dry", "other"), "dry"),
    Published("big_beta5e.ckpt", {**_KIM, "mask_estimator_depth": 3}, 1411.2 * _MIB,
              audio={"chunk_size": 485_100}),
    Published("melband_roformer_inst_v2.ckpt", {**_KIM, "depth": 12, "mask_estimator_depth": 3},
              1501.54 * _MIB, ("Instrumental", "Vocals"), "Instrumental"),
    Published("melband_roformer_instvox_duality_v2.ckpt", {**_KIM, "num_stems": 2},
              1639.48 * _MIB, ("Vocals", "Instrumental"), None),
    Published("model_mel_band_roformer_ep_3005_sdr_11.4360.ckpt", {**_KIM, "depth": 12},
              961.13 * _MIB),
    Published("dereverb_echo_mbr_fused_0.5_v2_0.25_big_0.25_super.ckpt",
              {**_MEL, "dim": 256, "depth": 8}, 434.66 * _MIB, ("dry", "other"), "dry"),
    Published("model_vocals_mel_band_roformer_sdr_8.42.ckpt",
              {**_MEL, **_LATER, "dim": 192, "depth": 8, "stft_hop_length": 512,
               "mlp_expansion_factor": 4,
               "mask_estimator_depth": 1,  # its config says 2, as of a BS-RoFormer
               }, 128.67 * _MIB, audio={"chunk_size": 131_584}),
    Published("model_bs_roformer_ep_317_sdr_12.9755.ckpt", {**_BS, "dim": 512, "depth": 12},
              639_331_213),
    Published("BS-Roformer_LargeV1.ckpt", {**_BS, "dim": 512, "depth": 16}, 705.97 * _MIB),
    Published("bs_roformer_male_female_by_aufr33_sdr_7.2889.ckpt",
              {**_BS, "dim": 384, "depth": 8, "num_stems": 2}, 502.7 * _MIB, ("male", "female"),
              None),
    Published("model_bs_roformer_ep_17_sdr_9.6568.ckpt",
              {**_BS, **_LATER, "dim": 384, "depth": 8, "num_stems": 4, "mlp_expansion_factor": 2,
               "sage_attention": "True"}, 527_385_512, _FOUR, None, {"chunk_size": 485_100}, 1355),
    Published("BS-Rofo-SW-Fixed.ckpt",
              {**_BS, **_LATER, "dim": 256, "depth": 12, "num_stems": 6, "stft_hop_length": 512,
               "mlp_expansion_factor": 4}, 699_412_152,
              ("bass", "drums", "other", "vocals", "guitar", "piano"), None,
              {"chunk_size": 588_800}),
    Published("MDX23C-8KFFT-InstVoc_HQ.ckpt", _MDX23C, 448_101_203, ("Vocals", "Instrumental"),
              None, _8192),
    Published("model_mdx23c_ep_271_l1_freq_72.2383.ckpt", _MDX23C, 417.34 * _MIB,
              ("Similarity", "Difference"), "Similarity", _2048),
    Published("model_scnet_ep_36_sdr_10.0891.ckpt",
              {**_SCNET, "dims": "[4, 64, 128, 256]", "band_SR": "[.230, .370, .400]",
               "band_stride": "[1, 4, 4]", "band_kernel": "[3, 4, 4]", "conv_depths": "[3, 3, 3]",
               "num_dplayer": 8}, 214_063_778, _FOUR, None, {"chunk_size": 485_100}),
]  # fmt: skip
