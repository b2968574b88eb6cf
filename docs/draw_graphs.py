"""Draw the pictures of docs/pictures.md: every stock graph, into docs/graphs/.

python docs/draw_graphs.py
"""

from pathlib import Path

from resonate_graph import stock, stock_graphs

FOLDER = Path(__file__).parent / "graphs"


def main() -> None:
    """Draw them; those of graphs that are gone go, too."""
    names = stock_graphs()
    for path in FOLDER.glob("*.svg"):
        if path.stem not in names:
            path.unlink()
    for name in names:
        print(stock(name).draw().save(FOLDER / f"{name}.svg"))


if __name__ == "__main__":
    main()
