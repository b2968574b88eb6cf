"""Peaks that were cut off, bent or wrapped around: found by their plateaus, and rebuilt.

Door: `declip` (also `detect_clipping`). `levels` says where and at which level peaks were cut off,
`bending` what was bent on the way there and is no clip, `dc_blocker` what went into a filter
against DC after it, `wrapping` where integers overflowed; `sparse` rebuilds peaks from the spectrum
around them.
"""
