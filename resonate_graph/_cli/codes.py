"""What each code of a problem means, with an example of wrong and right; read from ``codes.md``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

_EXAMPLE = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Explanation:
    """What is to be said of a code.

    Attributes:
        code: the code.
        text: what it means and what to do, in Markdown.
        wrong: lines of a graph, a call, or Python that bring it.
        right: how they would be right.
    """

    code: str
    text: str
    wrong: str
    right: str

    @property
    def summary(self) -> str:
        """Its first sentence."""
        return self.text.partition(". ")[0].rstrip(".").replace("`", "") + "."

    @property
    def markdown(self) -> str:
        """All of it, in Markdown."""
        return (
            f"{self.text}\n\nWrong:\n\n```\n{self.wrong}\n```\n\nRight:\n\n```\n{self.right}\n```\n"
        )

    @property
    def plain(self) -> str:
        """All of it, as a terminal shows it."""
        return f"{self.text.replace('`', '')}\n\nWrong:\n\n{self.wrong}\n\nRight:\n\n{self.right}\n"


def page() -> str:
    """Return the page of all codes, in Markdown."""
    return files(__package__).joinpath("codes.md").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def explanations() -> Mapping[str, Explanation]:
    """Return what is to be said of each code, by code."""
    _, *sections = page().split("\n## ")
    found = {}
    for section in sections:
        code, _, rest = section.partition("\n")
        text = " ".join(rest.partition("\nWrong:")[0].split())
        wrong, right = (one.rstrip() for one in _EXAMPLE.findall(rest))
        found[code] = Explanation(code, text, wrong, right)
    return found


def example() -> str:
    """Return the graph of which the examples are lines."""
    return str(_EXAMPLE.findall(page())[0])
