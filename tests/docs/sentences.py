"""What shows that the pages are right: ``python -m tests.docs.sentences [PAGE]...`` tells lacks.

`evidence/` has the sentences of each page word for word, and indented below each what shows it:

- a test, ``tests/engine/sound/test_flac.py::test_name``;
- a command, ``$ python -m tests.benchmarks.reading``, ``$ make torture``, ``$ .ci/wheel``;
- or why it needs neither: ``definition``, ``advice``, ``pointer`` (to where it is said in full and
  shown), ``history`` (what was tried where, and what it took), ``intent`` (only reading tells).

A row of a table is a sentence, and so is what leads to a list. Headings, words that open a
paragraph in bold, pictures and lines of links are none.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.docs.pages import PAGES, ROOT, prose

EVIDENCE = Path(__file__).parent / "evidence"

#: Why a sentence needs no test.
NO_BEHAVIOUR = ("definition", "advice", "pointer", "history", "intent")

#: Not behind an initial.
_END = re.compile(r"((?<!\b[A-Z])[.!?][)*\"]*)\s+(?=[A-Z`\"*\[(0-9])")
_ITEM = re.compile(r"^(?:[-*]|\d+\.) ", re.MULTILINE)
_LABEL = re.compile(r"\s*\*\*[^*]+\.\*\* ")
_LINKS_ALONE = re.compile(r"(?:!?\[[^]]*\]\([^)]*\)|[\s·|-])*")


def sentences(page: Path) -> Iterator[str]:
    """Yield the sentences of a page, each on one line."""
    for part in re.split(r"\n\s*\n", prose(page)):
        if part.lstrip().startswith("|"):
            rows = part.strip().splitlines()
            yield from (" ".join(row.strip("| ").split()) for row in rows[2:])
            continue
        for item in _ITEM.split(part):
            lines = [line for line in item.splitlines() if not line.startswith(("#", "<!--"))]
            text = " ".join(" ".join(lines).split())
            if not _LINKS_ALONE.fullmatch(text):
                yield from _END.sub(r"\1\n", _LABEL.sub("", text)).splitlines()


def evidence_file(page: Path) -> Path:
    """Return where what shows a page's sentences is written down."""
    return EVIDENCE / page.relative_to(ROOT).with_suffix(".txt")


def evidence(page: Path) -> dict[str, list[str]]:
    """Return what is said to show each sentence of a page."""
    path = evidence_file(page)
    found: dict[str, list[str]] = {}
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    said: list[str] = []
    for line in filter(None, lines):
        if line.startswith("  "):
            said.append(line.strip())
        else:
            said = found.setdefault(line, [])
    return found


def trouble(said: str) -> str:
    """Return why something shows nothing; empty where it does."""
    if said in NO_BEHAVIOUR:
        return ""
    if said.startswith("$ "):
        return _trouble_of_command(*said.split()[1:])
    file, _, name = said.partition("::")
    if not (ROOT / file).is_file():
        return "there is no such file"
    return "" if name in _tests(ROOT / file) else "there is no such test"


def _trouble_of_command(program: str, *arguments: str) -> str:
    if program == "make":
        made = (ROOT / "Makefile").read_text(encoding="utf-8")
        return "" if f"\n{arguments[0]}:" in made else "there is no such target"
    if program == "python" and arguments[0].endswith(".py"):
        return _trouble_of_command(arguments[0])
    if program == "python":
        module = ROOT / arguments[1].replace(".", "/")
        there = module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()
        return "" if arguments[0] == "-m" and there else "there is no such module"
    return "" if (ROOT / program).is_file() else "there is no such program"


@cache
def _tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    )


def lacking(page: Path) -> list[str]:
    """Return the sentences of a page of which nothing is said to show them."""
    found = evidence(page)
    return [one for one in sentences(page) if not found.get(one)]


def main() -> int:
    """List what lacks, page by page; 1 if anything does."""
    counts = []
    for page in [Path(name).resolve() for name in sys.argv[1:]] or PAGES:
        name = page.relative_to(ROOT)
        lack = lacking(page)
        for one in lack:
            print(f"{name}:{_line(page, one)}: {one}")
        counts.append((name, len(lack), len(list(sentences(page)))))
    for name, without, count in counts:
        print(f"{name}: {without} of {count} sentences have nothing that shows them")
    return 1 if any(without for _, without, _ in counts) else 0


def _line(page: Path, sentence: str) -> int:
    words = sentence.partition(" |")[0].split()
    found = re.search(r"\s+".join(map(re.escape, words)), page.read_text(encoding="utf-8"))
    return page.read_text(encoding="utf-8").count("\n", 0, found.start()) + 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
