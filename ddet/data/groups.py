"""Connected components of a graph, named by their smallest member: what must stay together in a split."""

from collections.abc import Hashable, Iterable, Mapping


def components(edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Map every node of an undirected graph to the smallest node of its component.

    A node without neighbours is given as an edge to itself. The result does not depend on the edges' order.
    """
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]  # halve the path as we walk it
            node = parent[node]
        return node

    for a, b in edges:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return {node: root(node) for node in parent}


def most_common(counts: Mapping[Hashable, float], order: Iterable[Hashable]) -> Hashable:
    """Return the key with the highest count; the earlier in `order` wins a tie."""
    return max(order, key=lambda key: counts.get(key, 0))
