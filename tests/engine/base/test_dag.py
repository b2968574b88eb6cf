"""Orders, beside those of networkx."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from resonate_graph._base.dag import Dag

_EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14)


@given(st.permutations(range(8)), _EDGES)
def test_names_come_in_the_order_of_networkx(
    names: list[int], edges: list[tuple[int, int]]
) -> None:
    dag = Dag(names, edges)
    reference: nx.DiGraph[int] = nx.DiGraph(edges)
    reference.add_nodes_from(names)
    assert {*dag.edges} == {*reference.edges}
    assert len(dag) == len(reference)
    if nx.is_directed_acyclic_graph(reference):
        order = nx.lexicographical_topological_sort(reference, key=names.index)
        assert dag.in_order() == [*order]
    else:
        circles = {one for some in nx.simple_cycles(reference) for one in some}
        behind = {one for name in circles for one in nx.descendants(reference, name)}
        assert {*dag.in_order()} == {*names} - circles - behind


@given(_EDGES, st.sets(st.integers(0, 7), max_size=3))
def test_ancestors_are_those_of_networkx(edges: list[tuple[int, int]], some: set[int]) -> None:
    reference: nx.DiGraph[int] = nx.DiGraph(edges)
    reference.add_nodes_from(range(8))
    # its own ancestors are without the name itself, also where that is in a circle
    before = {one for name in some for after in [name, *nx.ancestors(reference, name)]
              for one in reference.predecessors(after)}  # fmt: skip
    assert Dag(range(8), edges).ancestors(*some) == before
