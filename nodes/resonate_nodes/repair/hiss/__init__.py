"""Hiss and other steady noise, taken out of the spectrum.

Doors: `denoise` (also `noise_floor`) and `noisereduce_gate` (`spectral_gate`). `log_mmse` goes
through a sound, with the gains of `noise_gains`, above a floor that is sought in it
(`noise_spectrum`; in its pauses, `noise_in_pauses`), in frames that can tell it (`noise_frames`),
or taken from a `noise_profile`. `gating` has noisereduce's gains.
"""
