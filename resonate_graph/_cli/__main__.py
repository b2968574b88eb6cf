"""``python -m resonate_graph._cli`` is ``resonate``."""

from ._main import main

main()
