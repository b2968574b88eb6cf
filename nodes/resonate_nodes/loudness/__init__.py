"""How loud a sound is: measuring by ITU-R BS.1770, limiting, bringing to a loudness or a peak.

In come sounds; out go figures in LUFS, LU and dBTP, and sounds at the level asked for.

Doors: `bs1770`, `normalising`, `over_time`, `peaks`. Behind them: `limiter`.
"""
