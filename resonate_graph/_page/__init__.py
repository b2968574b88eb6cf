"""What a person sees and hears: pages with a player, pictures of graphs.

In come sounds, what was found in them, and figures, bound graphs and what became of their steps;
out go HTML that loads nothing but the files it lies beside, SVG, PNG and text. Nothing here knows
what a sweep, a demo or a run's report is.

Doors: `parts` (the page, its tables, figures, warnings), `terms` (what the words mean), `player`
(the player, with tracks and marks), `marks` (what reports list, as marks), `pages` (all of these,
for nodes of one's own), `drawing` (pictures of graphs), `notebook` (how values show themselves) and
`progress` (of runs in notebooks). Behind them: `tracks` (what is heard of a sound), `made` (what is
made of it, and kept in a store), `copies` (the copies that a browser can play, in pieces), `looks`
(waveform and spectrogram), and the files that go into each page, ``page.css``, ``player.css``, and
the scripts ``sound.js``, ``view.js``, ``lists.js``, ``pointers.js`` and ``player.js``; `graph_view`
(what is shown of a graph), `graph_layout` (where), `graph_svg`, `graph_png`, `graph_page` and
`graph_text` (how).
"""
