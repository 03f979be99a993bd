"""What property tests draw: the same cases in the suite, more and other ones in the long run."""

import pytest
from drawn import SAME, examples
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(params=["same", "long"])
def profile(request):
    before = settings.get_current_profile_name()
    settings.load_profile(request.param)
    yield request.param
    settings.load_profile(before)


def drawn(count):
    """Run a property test of `count` cases, and return the numbers that it was given."""
    seen = []

    @examples(count)
    @given(st.integers(0, 2**60))
    def holds(x):
        seen.append(x)

    holds()
    return seen


def test_the_suite_draws_the_same_cases_each_time_and_the_long_run_more_and_others(profile):
    first, second = drawn(20), drawn(20)
    if profile == "same":
        assert first == second and len(first) == 20
    else:
        assert len(first) == len(second) == 400 and set(first[50:]) != set(second[50:])


def test_a_test_that_names_no_number_draws_as_many_as_the_factor_is_of():
    assert settings.get_profile("same").max_examples == SAME
