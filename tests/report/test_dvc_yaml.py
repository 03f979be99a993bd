"""What dvc.yaml says of its stages: what each runs, who writes a file, how long each took."""

import pytest
from ruamel.yaml import YAML

from ddet import paths
from ddet.report import dvc_yaml

PIPELINE = """stages:
  x:
    desc: one
    cmd: python -m ddet.nbrun 20_x
    deps:
      - reports/tables/of_y.csv
    outs:
      - reports/tables/of_x.html: {cache: false}
      - data/x
  y:
    cmd: python -m ddet.y
    outs:
      - reports/tables/of_y.csv
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    return tmp_path


def test_a_stage_is_named_by_its_notebook_or_its_module(root):
    assert list(dvc_yaml.commands(root).items()) == [("x", "20_x"), ("y", "ddet.y")]


def test_who_writes_a_file_by_hand(root):
    found = {"reports/tables/of_x.html": "20_x", "data/x": "20_x", "reports/tables/of_y.csv": "ddet.y"}
    assert list(dvc_yaml.written(root).items()) == list(found.items()), "to read it is not to write it"


def test_without_a_pipeline_there_is_nothing(tmp_path):
    assert dvc_yaml.commands(tmp_path) == {} == dvc_yaml.measured(tmp_path, "a") == dvc_yaml.written(tmp_path)


def test_what_was_measured_is_read_by_the_stages_names(root):
    (root / "data/measured").mkdir(parents=True)
    lines = ["profile,stage,seconds,machine", "smoke,20_x,3.0,this", "default,20_x,30.0,this", "smoke,ddet.y,1.0,that"]
    (root / "data/measured/stages.csv").write_text("\n".join(lines) + "\n")
    found = {name: (line["seconds"], line["machine"]) for name, line in dvc_yaml.measured(root, "smoke").items()}
    assert found == {"x": ("3.0", "this"), "y": ("1.0", "that")}
    assert {name: line["seconds"] for name, line in dvc_yaml.measured(root, "default").items()} == {"x": "30.0"}
    assert dvc_yaml.measured(root, "paper") == {}


def test_the_pipeline_is_read_as_yaml_reads_it():
    tree = YAML(typ="safe").load((paths.ROOT / "dvc.yaml").read_text())["stages"]
    assert dvc_yaml.commands(paths.ROOT) == {name: stage["cmd"].split()[-1] for name, stage in tree.items()}
    found = dvc_yaml.written(paths.ROOT)
    for stage in tree.values():
        for out in [*stage["outs"], *stage.get("metrics", []), *stage.get("plots", [])]:
            assert found.pop(out if isinstance(out, str) else next(iter(out))) == stage["cmd"].split()[-1]
    assert found == {}
