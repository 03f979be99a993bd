"""What a profile needs, printed before anything starts; a disk that is too small is an error."""

import shutil
from collections import namedtuple

import pandas as pd
import pytest

from ddet import params, paths
from ddet.tools import plan

SMOKE = paths.ROOT / "profiles/smoke.yaml"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(scope="module")
def table():
    return plan.estimate(params.load(SMOKE), 1.0)


def test_each_need_has_a_line(table):
    told = " ".join(table["what"])
    assert all(
        word in told for word in ("clips of dfdc", "crops of ffpp", "runs of prle", "maps of PRLE", "start weights")
    )
    assert (table["download_gb"] == 0).all(), "the smoke profile renders its clips and ships its weights"
    assert table["disk_gb"].sum() < 5 and table["gpu_hours"].sum() > 0


def test_a_faster_gpu_takes_less_time(table):
    faster = plan.estimate(params.load(SMOKE), 2.0)
    assert faster["gpu_hours"].sum() == pytest.approx(table["gpu_hours"].sum() / 2)


def test_a_line_by_hand(monkeypatch):
    """At 2e12 operations a second 3.6e16 take five hours; fits follow each other, so the largest one needs memory."""
    told = {"paper": ["herd", "herd", "prle"], "backbone": "b", "bytes": 1_500_000_000, "memory": [3e9, 5e9, 4e9]}
    told["operations"] = [1.2e16, 2.4e16, 0.0]
    monkeypatch.setattr(plan.plan_fits, "fits", lambda cfg, crops: pd.DataFrame(told))
    lines = plan.estimate(params.load(SMOKE), 2.0).set_index("what")
    needs = ["count", "disk_gb", "gpu_hours", "memory_gb"]
    assert lines.loc["runs of herd", needs].tolist() == pytest.approx([2, 3.0, 5.0, 5.0])
    assert lines.loc["runs of prle", needs].tolist() == pytest.approx([1, 1.5, 0.0, 4.0])
    assert lines.loc["start weights", ["count", "disk_gb"]].tolist() == pytest.approx([1, 1.5])


@pytest.mark.parametrize(("free", "code"), [(1e12, 0), (1e6, 1)])
def test_a_disk_that_is_too_small_is_said(table, monkeypatch, capsys, free, code):
    monkeypatch.setattr(plan, "estimate", lambda cfg, tflops: table)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(1e13, 0, free))
    assert plan._main([str(SMOKE)]) == code
    out, err = capsys.readouterr()
    assert "GPU-hours" in out and ("GB too few; link data/ to a larger disk" in err) == bool(code)


def test_a_file_that_is_not_there_is_one_line(capsys):
    assert plan._main(["nowhere.yaml"]) == 2 and "no such params file" in capsys.readouterr().err
