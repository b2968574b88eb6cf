"""Hum of the mains: whether it is there, at which frequency, when, and the sound without it.

Door: `dehum` (also `detect_hum`). `knots` are amplitudes over time at frequencies that a mains may
have, `evidence` how far they stand out, `track` and `times` which frequency it has and when,
`or_music` whether it is a note after all; `mains` is a hum as it was found, and takes it out.
"""
