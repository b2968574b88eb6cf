"""What a person sees: pictures of graphs, and how values show themselves in notebooks.

In come bound graphs, forecasts, results and sounds; out go SVG, PNG, HTML and text.

Doors: `drawing` (pictures of graphs). Behind it: `graph_view` (what is shown of a graph),
`graph_layout` (where), `graph_svg`, `graph_png` and `graph_text` (how).
"""
