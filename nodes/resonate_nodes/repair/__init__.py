"""Repair: clicks, clipping, dropouts, hum, hiss, reverberation, sibilance, azimuth, noisy speech.

In come damaged sounds; out go sounds with only the damage changed, and reports of what was found.

Doors: `clicks`, `mouth_clicks`, `clipping`, `dropouts`, `hum`, `hiss`, `noisereduce_gate`,
`reverberation`, `sibilance`, `azimuth`, `speech`, `bandwidth`. Behind them the methods:
`autoregression` (fills gaps), `prediction`, `click_search`, `click_shapes` and `click_candidates`
(what may be a click), `click_traits`, `click_judge`, `click_weights`, `click_evidence` and
`click_extents` (what is one, and how far it goes), `crackle_evidence` (what is crackle),
`click_tails`, `ringing` and `ringing_fit` (what rings after one), `groove_walls` (one wall of a
mono groove for the other), `clipping_levels`, `dc_blocker`, `bending` (what was cut off, and bent),
`wrapping` (integer overflow), `sparse_declipping` (peaks by their spectrum), `stft`, `log_mmse` and
`noise_gains` (gains for hiss), `gating` (noisereduce's gains), `noise_frames`, `noise_spectrum`,
`noise_in_pauses` and `noise_profile` (what is noise, in a sound and in a profile), `mains` (a hum
as it was found, and the sound without it), `hum_knots`, `hum_evidence`, `hum_or_music`, `hum_track`
and `hum_times` (whether it hums, at which frequency, when), `plausibility` (too much to be damage),
`wpe` (late reverberation), `deep_filter` (a network for voices), `s_sounds` (what is an s-sound).
"""
