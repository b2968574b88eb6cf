"""What is promised of `mini` on the bundled song, which it never heard: its model card in numbers.

All are SI-SDR in dB, and what is gained over the mix, damaged or not. Each lies half a decibel or
more below what was measured when the weights were made; the damage is that of the demo.
"""

from __future__ import annotations

#: Stems of the song as it is.
STEM_GAIN_DB = {"drums": 9.7, "bass": 9.3, "other": 10.7, "vocals": 10.8}

#: All but the vocals, which `instrumental` leaves.
INSTRUMENTAL_GAIN_DB = 5.6

#: The vocals that `vocal-repair` makes of vocals with hiss, in the first ten seconds.
VOCAL_REPAIR_GAIN_DB = 9.5

#: What `song-repair` makes of the damaged song: the whole, and its stems.
SONG_REPAIR_GAIN_DB = 10.3
REPAIRED_STEM_GAIN_DB = {"drums": 8.3, "bass": 10.2, "other": 11.5, "vocals": 10.4}

#: What `stem-remaster` makes of its first ten seconds.
STEM_REMASTER_GAIN_DB = 4.0
