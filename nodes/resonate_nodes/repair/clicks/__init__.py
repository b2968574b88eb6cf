"""Clicks and crackle: what was never played, told from what was, and filled in.

Doors: `declick` (also `decrackle` and `detect_clicks`) and `mouth_declick`. In come channels, out
go channels with the clicks filled in, and where they were.

`prediction` has the errors that all else looks at: what the sound before and after does not say.
`search` finds what stands out of them, `shapes` smooth clicks by matched filters, and `candidates`
are what may be one. `traits` are measured of each, `judge` weighs them (`weights` is what it was
fitted to), `evidence` decides by all of it, and `extents` says how far one goes. `tails` looks for
what rings after one (`ringing`, `ringing_fit`). `crackle` is what is one of many small ones;
`groove_walls` takes one wall of a mono groove for the other, `wall_noise` asks whether they are
walls.
"""
