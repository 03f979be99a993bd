"""What dvc.lock records: stages in the order of their notebooks, with their files."""

import pytest

from ddet.errors import InputError
from ddet.report import dvc_lock
from ddet.report.dvc_lock import Entry, Stage

LOCK = """
schema: '2.0'
stages:
  later:
    cmd: python -m ddet.nbrun 30_later
    deps:
    - {path: ddet/seeds.py, hash: md5, md5: d1, size: 12}
    - {path: notebooks/30_later.ipynb, hash: md5, md5: d2, size: 34}
    params: {params.yaml: {herd: {lr: 0.1}, benchmark.render: true}}
    outs:
    - {path: reports/30_later.ipynb, hash: md5, md5: d3, size: 56}
    - {path: reports/tables, hash: md5, md5: d4.dir, size: 78, nfiles: 2}
    - {path: data/runs/later, md5: d5.dir, size: 90}
  first:
    cmd: python -m ddet.nbrun 10_first
    deps:
    - {path: notebooks/10_first.ipynb, md5: e1, size: 1}
  front:
    cmd: python -m ddet.report.page
    outs:
    - {path: reports/index.html, hash: md5}
"""


@pytest.fixture
def stages(tmp_path) -> dict[str, Stage]:
    (tmp_path / "dvc.lock").write_text(LOCK)
    return {stage.name: stage for stage in dvc_lock.read_stages(tmp_path / "dvc.lock")}


def test_stages_come_in_the_order_of_their_notebooks_and_those_without_one_first(stages):
    assert list(stages) == ["front", "first", "later"]
    assert [stage.notebook for stage in stages.values()] == ["", "notebooks/10_first.ipynb", "notebooks/30_later.ipynb"]


def test_files_come_with_hash_and_size_as_recorded(stages):
    later = stages["later"]
    assert later.deps == (Entry("ddet/seeds.py", "d1", 12), Entry("notebooks/30_later.ipynb", "d2", 34))
    assert later.outs[1] == Entry("reports/tables", "d4.dir", 78)
    assert stages["front"].outs == (Entry("reports/index.html", "", 0),) and stages["front"].deps == ()
    assert stages["first"].outs == ()


def test_params_come_as_the_stage_read_them(stages):
    assert stages["later"].params == {"herd": {"lr": 0.1}, "benchmark.render": True}
    assert stages["first"].params == {}


def test_a_notebook_lies_directly_in_notebooks():
    def reads(path: str) -> str:
        return Stage("x", (Entry(path, "", 0),), ()).notebook

    assert reads("notebooks/10_x.ipynb") == "notebooks/10_x.ipynb"
    for path in ("reports/10_x.ipynb", "notebooks/old/10_x.ipynb", "notebooks/10_x.py", "my/notebooks/10_x.ipynb"):
        assert reads(path) == ""


def test_reports_are_files_with_folders_opened_and_data_left_out(stages, tmp_path):
    (tmp_path / "reports/tables/sub").mkdir(parents=True)
    for name in ("tables/b.csv", "tables/a.md", "tables/sub/c.csv", "30_later.ipynb", "another.html"):
        (tmp_path / "reports" / name).touch()
    assert stages["later"].reports(tmp_path) == [
        "reports/30_later.ipynb", "reports/tables/a.md", "reports/tables/b.csv", "reports/tables/sub/c.csv",
    ]  # fmt: skip
    assert stages["front"].reports(tmp_path) == ["reports/index.html"], "also where it is not there"
    assert stages["first"].reports(tmp_path) == []


@pytest.mark.parametrize("text", ["", "schema: '2.0'\n", "stages: {}\n"])
def test_a_lock_of_nothing_has_no_stages(tmp_path, text):
    (tmp_path / "dvc.lock").write_text(text)
    assert dvc_lock.read_stages(tmp_path / "dvc.lock") == []


def test_without_a_lock_the_pipeline_has_not_run(tmp_path):
    with pytest.raises(InputError, match=r"^dvc\.lock: not there; run the pipeline first: make repro$"):
        dvc_lock.read_stages(tmp_path / "dvc.lock")
