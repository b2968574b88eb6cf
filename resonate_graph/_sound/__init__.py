"""Samples, and the files they come from and go to.

In come the bytes of files; out go `Audio`, what its tags said, an overview to draw, figures of
two sounds, and the files in which a step keeps what it has so far.

Doors: `audio`, `layouts`, `decode`, `limits`, `wav`, `tags`, `broadcast`, `workspace`, `overview`,
`figures`. Behind them: `containers` (is the file all there, and of which `parts`?) with a module
for each family, `flac` with `flac_mask`, `ogg`, `mpeg` with those whose names begin so, and, for
`pcm`, `riff`, `w64`, `aiff`, `caf` and `au`; `foreign` for what is not read; and `id3`.
"""
