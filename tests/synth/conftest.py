"""A benchmark that several modules look at, rendered once."""

from pathlib import Path

import pandas as pd
import pytest
from rendering import benchmark, runtime

from ddet.synth import write


@pytest.fixture(scope="session")
def rendered(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """Render a benchmark of a few tiny clips, for tests that only look at it; return its folder and its table."""
    out = tmp_path_factory.mktemp("bench") / "synthetic"
    return out, write.render_benchmark(out, benchmark(), runtime(1, "sequential"))
