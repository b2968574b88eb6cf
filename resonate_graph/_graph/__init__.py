"""The document, its check, the bound graph, and the builder.

In come JSON text or calls of the builder, and the catalog. Graphs that a graph uses are spelled out
to plain nodes first; out goes a graph in which every wire, type and param is known to be right, or
every problem at once, each with its place.

Doors: `document`, `positions`, `problems`, `stock`, `library`, `subgraphs`, `check`, `bound`,
`lineage` (what an output is of the inputs), `builder`; for authors `schema`, `layout`, `migration`,
`fixes`, `difference`. Behind them: `places`, `scopes`, `wires`, `param_check`, `offers`, `idle`.
"""
