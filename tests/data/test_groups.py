"""Components of a graph: named by their smallest member, whatever the order."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ddet.data.groups import components, most_common


def test_components_are_named_by_their_smallest_member():
    assert components([("c", "b"), ("d", "d"), ("b", "a")]) == {"a": "a", "b": "a", "c": "a", "d": "d"}


NODES = st.sampled_from("abcdefgh")
EDGES = st.lists(st.tuples(NODES, NODES), max_size=12)


@given(EDGES, st.randoms(use_true_random=False))
def test_components_are_those_of_following_edges_whatever_their_order(edges, random):
    found = components(edges)
    assert set(found) == {node for edge in edges for node in edge}
    for node in found:
        reached = {node}
        for _ in edges:
            reached |= {b for edge in edges for a, b in (edge, edge[::-1]) if a in reached}
        assert found[node] == min(reached)
    turned = [edge[:: random.choice((1, -1))] for edge in random.sample(edges, len(edges))]
    assert components(turned) == found


def test_a_long_chain_is_one_component():
    chain = [(f"{i:04d}", f"{i + 1:04d}") for i in range(3000)]
    assert set(components(reversed(chain)).values()) == {"0000"}
    assert components([]) == {}


def test_the_most_common_wins_and_the_order_decides_a_tie():
    order = ("test", "valid", "train")
    assert most_common({"train": 3, "test": 2}, order) == "train"
    assert most_common({"train": 2, "valid": 2}, order) == "valid"
    assert most_common({}, order) == "test"
    assert most_common(Counter({"elsewhere": 9, "train": 0.5}), order) == "train", "only what is asked for"
