"""Which frames a sampling takes: by hand, always inside, and by time where the rate varies."""

import numpy as np
import pytest
from clips import picture, write_clip
from hypothesis import given
from hypothesis import strategies as st

from ddet import params
from ddet.data import sampling, video
from ddet.errors import InputError


def faces(**changes) -> params.Faces:
    base = dict(sampling="even", fps=1.0, every=10, frames=5, scale=0.5, min_face=40, thresholds=[0.6, 0.7, 0.7])
    return params.Faces(**{**base, "track": "largest", "margin": 0.3, "size": 64, **changes})


def test_sampling_by_hand():
    assert sampling.sample_indices(300, 29.97, faces(sampling="fps")) == [0, 30, 60, 90, 120, 150, 180, 210, 240, 270]
    assert sampling.sample_indices(5, 2.0, faces(sampling="fps", fps=10.0)) == [0, 1, 2, 3, 4]
    assert sampling.sample_indices(95, 25.0, faces(sampling="every", frames=30)) == [
        0,
        10,
        20,
        30,
        40,
        50,
        60,
        70,
        80,
        90,
    ]
    assert len(sampling.sample_indices(1000, 25.0, faces(sampling="every", frames=30))) == 30
    assert sampling.sample_indices(101, 25.0, faces(frames=5)) == [0, 25, 50, 75, 100]
    assert sampling.sample_indices(3, 25.0, faces(frames=5)) == [0, 1, 2]
    assert sampling.sample_indices(9, 25.0, faces(frames=1)) == [0]


@given(st.sampled_from(["fps", "every", "even"]), st.integers(0, 400), st.floats(1, 120), st.integers(1, 60))
def test_sampling_is_ascending_distinct_and_inside(mode, n, fps, k):
    got = sampling.sample_indices(n, fps, faces(sampling=mode, frames=k, every=k, fps=float(k)))
    assert got == sorted(set(got)) and all(0 <= i < n for i in got)
    assert (not got) == (n == 0)
    if mode == "even":
        assert len(got) == min(n, k) and (n < 1 or k < 2 or (got[0], got[-1]) == (0, n - 1))


def test_sampling_by_time_needs_a_rate():
    with pytest.raises(InputError, match="every or even"):
        sampling.sample_indices(10, 0.0, faces(sampling="fps"))


def test_a_still_is_sampled_without_a_rate():
    assert sampling.sample_indices(1, 0.0, faces(sampling="fps")) == [0]


def test_a_variable_rate_is_sampled_by_the_times_of_frames(tmp_path):
    times = [*range(0, 4000, 50), *range(4000, 10000, 1000)]  # 4 s at 20 frames a second, 6 s at one
    path = write_clip(tmp_path / "v.mp4", [picture(i) for i in range(len(times))], times=times)
    info = video.probe(path)
    got = sampling.sample(path, info.frames, info.fps, faces(sampling="fps"))
    assert [times[i] for i in got] == list(range(0, 10000, 1000)), "one a second, early and late alike"
    by_average = sampling.sample_indices(info.frames, info.fps, faces(sampling="fps"))
    assert np.diff([times[i] for i in by_average]).min() < 700, "which the average rate does not give"


def test_a_constant_rate_is_sampled_by_it(tmp_path):
    path = write_clip(tmp_path / "c.mp4", [picture(i) for i in range(60)])
    for rule in (faces(sampling="fps", fps=5.0), faces(sampling="every"), faces()):
        assert sampling.sample(path, 60, 25.0, rule) == sampling.sample_indices(60, 25.0, rule)
