"""resonate_graph."""

__version__ = "0.1.0"
