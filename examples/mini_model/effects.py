"""What each part and each stem is sent through, drawn by chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .score import Part
from .stereo import RATE, Stereo

if TYPE_CHECKING:
    import pedalboard


def placed(sound: Stereo, part: Part, rng: np.random.Generator) -> Stereo:
    """A part's own character, width and place in the stem."""
    import pedalboard as fx

    board: list[fx.Plugin] = []
    driven = part.details.get("family") == "driven guitar"
    if rng.random() < (0.5 if driven else 0.12):
        board.append(fx.Distortion(drive_db=float(rng.uniform(3, 20 if driven else 10))))
        board.append(fx.LowpassFilter(float(rng.uniform(3500, 9000))))
    if part.stem == "other":
        if rng.random() < 0.25:
            board.append(fx.Chorus(rate_hz=float(rng.uniform(0.3, 2)), mix=0.4))
        if rng.random() < 0.07:
            board.append(fx.Phaser(rate_hz=float(rng.uniform(0.1, 1.5)), mix=0.5))
        if rng.random() < 0.4:
            board.append(fx.HighpassFilter(float(rng.uniform(60, 250))))
    if rng.random() < 0.3:
        board.append(
            fx.PeakFilter(
                float(np.exp(rng.uniform(np.log(200), np.log(6000)))),
                float(rng.uniform(-6, 6)),
                float(rng.uniform(0.5, 1.5)),
            )
        )
    sound = _through(board, sound)
    if part.stem == "bass":
        width, pan = 0.2 * rng.random(), 0.0
    elif part.stem == "other":
        width, pan = rng.uniform(0.2, 1.3), rng.uniform(-0.7, 0.7)
    elif part.details.get("behind"):
        width, pan = 1.0, rng.uniform(-0.8, 0.8)
    else:
        width, pan = rng.uniform(0.5, 1.1), rng.normal(0, 0.05)
    level = rng.uniform(-8, 0) if part.stem == "other" else rng.uniform(-3, 0)
    level -= 9 if part.details.get("behind") else 0
    middle, side = sound.mean(axis=1), (sound[:, 0] - sound[:, 1]) / 2 * width
    angle = (np.clip(pan, -1, 1) + 1) * np.pi / 4
    gain = 10 ** (level / 20) * np.sqrt(2)
    left, right = (middle + side) * np.cos(angle), (middle - side) * np.sin(angle)
    return np.asarray(np.stack((left, right), axis=1) * gain, np.float32)


def mixed_down(sound: Stereo, stem: str, rng: np.random.Generator) -> Stereo:
    """A stem's equaliser, compressor, saturation, echo and room."""
    import pedalboard as fx

    board: list[fx.Plugin] = []
    if rng.random() < 0.6:
        board.append(fx.LowShelfFilter(float(rng.uniform(80, 300)), float(rng.uniform(-5, 4))))
    if rng.random() < 0.6:
        board.append(fx.HighShelfFilter(float(rng.uniform(3000, 9000)), float(rng.uniform(-5, 5))))
    if stem == "vocals" and rng.random() < 0.7:
        board.append(fx.HighpassFilter(float(rng.uniform(60, 160))))
    if rng.random() < {"vocals": 0.7, "drums": 0.5, "bass": 0.5}.get(stem, 0.25):
        board.append(
            fx.Compressor(
                float(rng.uniform(-30, -15)), float(rng.uniform(2, 6)),
                float(rng.uniform(1, 20)), float(rng.uniform(40, 250)),
            )
        )  # fmt: skip
    if rng.random() < {"bass": 0.3, "drums": 0.2}.get(stem, 0.1):
        board.append(fx.Distortion(drive_db=float(rng.uniform(2, 12))))
    if rng.random() < {"vocals": 0.3, "other": 0.15}.get(stem, 0):
        board.append(
            fx.Delay(float(rng.uniform(0.1, 0.45)), float(rng.uniform(0.1, 0.4)),
                     float(rng.uniform(0.08, 0.25)))
        )  # fmt: skip
    if rng.random() < {"vocals": 0.8, "drums": 0.6, "other": 0.7}.get(stem, 0.1):
        wet = float(rng.uniform(0.03, 0.25 if stem != "drums" else 0.15))
        room, damping = float(rng.uniform(0.1, 0.9)), float(rng.uniform(0.2, 0.8))
        board.append(fx.Reverb(room, damping, wet_level=wet, dry_level=1 - wet / 2))
    return _through(board, sound)


def _through(board: list[pedalboard.Plugin], sound: Stereo) -> Stereo:
    played = np.ascontiguousarray(sound.T)
    for plugin in board:
        played = plugin.process(played, RATE)
    return np.ascontiguousarray(played.T, dtype=np.float32)
