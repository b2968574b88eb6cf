"""What a run found: what the reports of its steps say, and the places that they list."""

from __future__ import annotations

import json
from typing import Any

from .. import Graph, Report, ResonateError, Settings, pages
from .jobs import Call

#: So many places are marked; nobody looks at more of them one by one.
_MOST_MARKS = 5000


def found_by(graph: Graph, call: Call, settings: Settings) -> dict[str, Any]:
    """Return what the reports in a graph found, after it has run: they are stored by now.

    ``said`` has the sentences of each with what helps, ``marks`` the places as a player takes
    them: where each begins and ends in seconds, and what it is.
    """
    found: dict[str, Any] = {"said": [], "marks": []}
    reports = _reports(graph)
    if not reports:
        return found
    plain = json.loads(graph.to_json()) | {"outputs": reports}
    try:
        asked = Graph.from_json(json.dumps(plain), source=call.name, nodes=call.nodes)
        result = asked.run(call.inputs, call.params, **settings)
    except ResonateError:  # told by the run itself
        return found
    marks = []
    for name, report in result.items():
        if not isinstance(report, Report):
            continue
        found["said"] += [[name, one.text, one.do] for one in report.findings()]
        marks += [
            [round(one.start_s, 4), round(one.end_s, 4), one.text] for one in pages.marks_of(report)
        ]
    found["marks"] = sorted(marks)[:_MOST_MARKS]
    return found


def _reports(graph: Graph) -> dict[str, str]:
    """Return the wires of the graph's own steps that end in reports, by a name for each."""
    found: dict[str, str] = {}
    for name, step in graph.check(outputs=None).steps.items():
        ports = step.type.outputs
        for port in ports if name in graph.document.nodes else ():
            if issubclass(port.type.python, Report):
                called, wire = f"{name}_{port.name}", f"{name}.{port.name}"
                found |= {name: name} if len(ports) == 1 else {called: wire}
    return found
