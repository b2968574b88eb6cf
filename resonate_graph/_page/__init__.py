"""Pages to hear and see sounds on: one player and one set of parts for all that shows something.

In come sounds, what was found in them, and figures; out goes HTML that loads nothing but the files
it lies beside. Nothing here knows what a sweep, a demo or a run's report is.

Doors: `parts` (the page, its tables, figures, warnings), `terms` (what the words mean), `player`
(the player, `Track` and `Mark`). Behind them: `tracks` (what is heard of a sound), `copies` (the
copies that a browser can play, in pieces), `looks` (waveform and spectrogram), and the files that
go into each page, ``page.css``, ``player.css``, and the scripts ``sound.js``, ``view.js`` and
``player.js``.
"""
