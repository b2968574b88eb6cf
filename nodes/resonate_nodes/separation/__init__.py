"""Separation: stems by models, in a loop of our own; tones and strikes without a model.

In come a mix and the name of a model, or of several; out go its stems, computed segment by segment
on whatever device there is, and only those that somebody needs.

Doors: `separate`, `percussion`. Behind them, from the name to the samples: `ensembles` (a line that
names several), `models`, `bags`, `cards` and `shipped` (where weights lie, and what is known of
them), `weights`, `configs` and `shapes` (read without running code, within `budgets`), `families`
(what the loop has to know of a network), `resident` (kept in memory), `placement` (devices and what
to do when they fail), `numerics` (what products are taken in), `separator` (segments of one or
several models), `overlap_add`, `random_numbers`; `fast_demucs`, `fast_layers`, `fast_convolutions`,
`fast_inverse` and `fast_transformer` are quicker parts of Demucs, `roformer` and `mdx23c` take the
networks of the extra ``models``, `scnet` is one itself, and `hops` is what these have in common.
"""
