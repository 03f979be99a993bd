"""Components of a graph: named by their smallest member, whatever the order."""

from ddet.data.groups import components


def test_components_are_named_by_their_smallest_member():
    assert components([("c", "b"), ("d", "d"), ("b", "a")]) == {"a": "a", "b": "a", "c": "a", "d": "d"}
