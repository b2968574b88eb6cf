"""``python -m resonate_graph`` is ``resonate``."""

from ._cli import main

if __name__ == "__main__":  # what looks through all modules imports this one too
    main()
