"""Sounds as encoded files: WAV, FLAC, Ogg Vorbis, MP3.

In come sounds; out go `File` values, whose suffix names the format.

Doors: `encoders`. Behind them: `info_tag` (what an MP3 says of its delay), `flac`, `ogg`,
and `written` (what came of it).
"""
