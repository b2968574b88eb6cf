"""``python -m resonate_graph._cli`` is ``resonate``."""

from .main import main

main()
