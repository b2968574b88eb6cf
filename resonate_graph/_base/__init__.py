"""What knows nothing of sound: errors, names, units, docstrings, keywords, orders, files, locks.

In come facts and paths; out go exceptions of one tree, and files that are there whole or not at
all. Nothing here imports from another wing.

Doors: `errors`, `near_names` (what was meant), `units`, `docstrings`, `keywords`, `dag`
(what comes after what), `publish`, `paths` (as people write them), `key_lock`, `display` (how
values show themselves), `version`, `installed` (versions of libraries, entry points), `libraries`
(importing them in several threads).
"""
