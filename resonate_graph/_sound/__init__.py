"""Samples, and the files they come from and go to.

In come the bytes of files; out go `Audio`, what its tags said, an overview to draw, figures of
two sounds, and the files in which a step keeps what it has so far.

Doors: `audio`, `layouts`, `known_files`, `decode`, `content`, `limits`, `wav`, `tags`, `broadcast`,
`workspace`, `overview`, `figures`. Behind them: `containers` (is the file all there, and of which
`parts`?) with modules for each family: `flac` (`flac_frames`, `flac_crc`, `flac_mask`,
`flac_salvage`), `ogg` (`ogg_pages`, `ogg_salvage`), `mpeg` (`mpeg_frames`, `mpeg_walk`,
`mpeg_decodable`, `mpeg_salvage`) and, for `pcm`, `riff`, `w64`, `aiff`, `caf` and `au`; `foreign`
for what is not read; `decoding`, which puts together what libsndfile makes of the parts; and, for
tags, `id3` and `vorbis_comments`.
"""
