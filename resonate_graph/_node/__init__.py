"""A function's signature becomes a node type; the catalog holds all that are installed.

In come functions with `@node`, and the packages that bring them; out go node types with typed
ports and params, and the context that a running node is given.

Doors: `values`, `ports`, `params`, `declaration`, `decorator`, `context`, `notes`,
`known_models`, `catalog`. Behind them:
`signature` (reads it) and `fingerprint` (of the source of a node without a version).
"""
