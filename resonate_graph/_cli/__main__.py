"""``python -m resonate_graph._cli`` is ``resonate``."""

from . import main

main()
