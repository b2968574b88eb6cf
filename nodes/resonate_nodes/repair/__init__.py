"""Repair: clicks, clipping, dropouts, hum, hiss, reverberation, sibilance, azimuth, noisy speech.

In come damaged sounds; out go sounds with only the damage changed, and reports of what was found.

Rooms of their own have `clicks`, `clipping`, `hum` and `hiss`, each with its doors. Doors here:
`dropouts`, `reverberation`, `sibilance`, `azimuth`, `speech`, `bandwidth`. Behind them, and shared
with the rooms: `autoregression` (fills gaps), `plausibility` (too much to be damage), `stft`, `wpe`
(late reverberation), `deep_filter` (a network for voices), `s_sounds` (what is an s-sound).
"""
