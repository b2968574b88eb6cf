"""``python -m resonate_graph`` is ``resonate``."""

from ._cli import main

main()
