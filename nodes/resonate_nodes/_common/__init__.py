"""What several wings of the pack share.

Names of channels and levels, delays by parts of a sample, stretches of a sound, digital silence,
rounding, float32 on devices, versions of libraries.

Doors: `channels`, `exactness`, `fractional_delay`, `rounding`, `runs`, `silence`, `versions`.
"""
