"""Repair: clicks, clipping, dropouts, hum, hiss, reverberation, sibilance, azimuth, noisy speech.

In come damaged sounds; out go sounds with only the damage changed, and reports of what was found.

Doors: `clicks`, `clipping`, `dropouts`, `hum`, `hiss`, `noisereduce_gate`, `reverberation`,
`sibilance`, `azimuth`, `speech`, `bandwidth`. Behind them the methods: `autoregression` (fills
gaps), `stft`, `log_mmse` and `profile_gate` (gains for hiss), `noise_spectrum` (the floor they go
by), `gating` (noisereduce's gains), `noise_frames` (what is noise in a profile), `mains` (hum
found and followed), `plausibility` (too much to be damage), `wpe` (late reverberation),
`deep_filter` (a network for voices).
"""
