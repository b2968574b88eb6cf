"""Separation: stems by Demucs' models, in a loop of our own; tones and strikes without a model.

In come a mix and the name of a model; out go its stems, computed segment by segment on whatever
device there is, and only those that somebody needs.

Doors: `separate`, `percussion`. Behind them, from the name to the samples: `models` and `shipped`
(where weights lie), `weights` (read without running code, within `budgets`), `resident` (kept in
memory), `placement` (devices and what to do when they fail), `demucs` (segments of a bag),
`overlap_add`, `random_numbers`; `fast_demucs`, `fast_layers` and `fast_transformer` are quicker
layers.
"""
