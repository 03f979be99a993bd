"""How many cases a property test draws.

The suite draws the same cases each time, so that a commit never fails by luck. Under the profile `long` they are other
ones at every run, and many more: make test-random.
"""

from typing import Any

from hypothesis import settings

settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("long", derandomize=False, database=None, deadline=None, max_examples=2000)
SAME = 100  # cases of a test that names no number, under the profile `same`


def examples(count: int, **others: Any) -> settings:
    """Draw `count` cases, and under the profile `long` as many times more as it draws where no number is named."""
    return settings(max_examples=count * settings.default.max_examples // SAME, **others)
