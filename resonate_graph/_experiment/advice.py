"""What is to be done about a warning, in a sentence, by the code of the warning."""

from __future__ import annotations

#: For each code a sentence; `advice` says nothing of those that are missing.
_ADVICE = {
    "long-input": "Long recordings take time and memory. Cut it into sides, or say --warn-minutes.",
    "tags-lost": "Write another format, or set these tags again in the file that was written.",
    "time-lost": "Write WAV, or set the time reference again in the file that was written.",
    "layout-lost": "Write WAV or FLAC, which say what each channel is.",
    "memory-tight": "Close other programs, or give fewer steps at a time with --threads.",
    "device-fallback": "It was computed elsewhere and only took longer. Free the device's memory "
    "to use it again.",
    "slow-precision": "Leave precision at fp32 on this machine.",
    "disk-nearly-full": "Make room, or let the store be smaller: resonate store gc --limit.",
    "store-damaged": "It was computed again. Look at the disk: resonate store verify.",
    "store-unusable": "Nothing was kept. Name a folder that can be written with --store.",
    "not-plausible": "Listen to that stretch. If it is damaged after all, raise "
    "max_replaced_percent of that node.",
    "no-noise-found": "Nothing was changed. If you hear hiss, give a stretch of it alone as the "
    "noise profile.",
    "profile-silent": "Give a profile in which the noise is heard: the lead-in, or a pause.",
    "profile-is-recording": "Give a stretch with noise alone, not the recording itself.",
    "no-common-sound": "The channels have nothing in common, so there is nothing to line up.",
    "walls-differ": "For a record in stereo leave mono_source off; for two tracks that are apart "
    "in time take align_azimuth first.",
    "target-missed": "The ceiling stands in the way. Lower the target, or raise ceiling_dbtp.",
    "too-short": "Give a longer recording, or leave this step out.",
    "all-silent": "Nothing is in it. Look whether the right file was given.",
    "not-speech": "This node keeps voices alone. For music take denoise.",
    "unfinished-header": "The recorder did not finish the file. Listen to its end.",
    "differs": "The inputs were changed since, or nodes and libraries are others now. Name the "
    "inputs of then with -i.",
    "clipped": "Lower the level before it is encoded: normalize_loudness keeps a ceiling.",
    "beyond-full-scale": "Lower the level before it is encoded, or keep float WAV.",
    "checksum-mismatch": "Compare with another copy of the file, if there is one.",
    "salvaged": "Listen to the places where sound is missing; repair_dropouts fills short ones.",
}


def advice(code: str) -> str:
    """Return what is to be done about a warning; nothing where there is nothing to say.

    Example:
        >>> advice("all-silent")
        'Nothing is in it. Look whether the right file was given.'
    """
    return _ADVICE.get(code, "")
