"""What several wings of the pack share.

Names of channels and levels, delays by parts of a sample, stretches of a sound, digital silence,
rounding, small matrices, versions of libraries.

Doors: `channels`, `fractional_delay`, `rounding`, `runs`, `silence`, `single_threaded`, `versions`.
"""
