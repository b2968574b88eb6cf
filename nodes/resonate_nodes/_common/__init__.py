"""What several wings of the pack share.

Names of channels and levels, delays by parts of a sample, the largest of what is around each
sample, runs of samples, stretches of a long sound, digital silence, rounding, low quantiles,
levels beyond the squares of float32, float32 on devices, small matrices, notes, versions.

Doors: `channels`, `exactness`, `fractional_delay`, `notes`, `quantiles`, `reach`, `rounding`,
`running`, `runs`, `silence`, `single_threaded`, `stretches`, `versions`.
"""
