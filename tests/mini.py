"""What is promised of `mini` on the bundled song, which it never heard: its model card in numbers.

Each is some way below what was measured when the weights were made. The damage is that of the demo.
"""

from __future__ import annotations

#: How much nearer to a stem it comes than the mix is, as SI-SDR in dB.
STEM_GAIN_DB = {"drums": 8.0, "bass": 8.0, "other": 5.0, "vocals": 5.0}

#: The same of all but the vocals, which `instrumental` leaves.
INSTRUMENTAL_GAIN_DB = 5.0

#: The same of the stems of the damaged song, which `song-repair` repairs.
REPAIRED_STEM_GAIN_DB = {"drums": 7.0, "bass": 7.0, "other": 4.0, "vocals": 4.0}

#: How much nearer to the song the stock graphs bring it when it is damaged.
SONG_REPAIR_GAIN_DB = 5.0
STEM_REMASTER_GAIN_DB = 4.0
