"""Units: the end of a name says them, as in ``threshold_db`` or ``duration_seconds``."""

from __future__ import annotations

#: By the last words of a name; the longest that fits counts.
_UNITS = {
    "bit": "bit",
    "bpm": "BPM",
    "bytes": "bytes",
    "cents": "cents",
    "db": "dB",
    "db_per_octave": "dB/octave",
    "dbfs": "dBFS",
    "dbtp": "dBTP",
    "degrees": "°",
    "frames": "frames",
    "hz": "Hz",
    "kbps": "kbit/s",
    "khz": "kHz",
    "lu": "LU",
    "lufs": "LUFS",
    "minutes": "min",
    "ms": "ms",
    "octaves": "octaves",
    "per_minute": "per minute",
    "per_second": "per second",
    "percent": "%",
    "samples": "samples",
    "seconds": "s",
    "semitones": "semitones",
    "sigma": "σ",
    "std": "σ",
    "us": "µs",
}


def unit_of(name: str) -> tuple[str, str]:
    """Return a name in words without its unit, and the unit: empty where it has none.

    Args:
        name: the name of a param, a port, or a field of a report.

    Example:
        >>> unit_of("slope_db_per_octave"), unit_of("integrated_lufs"), unit_of("ratio")
        (('slope', 'dB/octave'), ('integrated', 'LUFS'), ('ratio', ''))
    """
    words = name.split("_")
    for first in range(len(words)):
        unit = _UNITS.get("_".join(words[first:]))
        if unit is not None:
            # a name that is all unit, such as `samples`, keeps it as its word
            return " ".join(words[:first] or words), unit if first else ""
    return " ".join(words), ""
