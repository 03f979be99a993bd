"""Lines of params.yaml: the number is that of the line, and what is quoted is the whole arm."""

from ruamel.yaml import YAML

from ddet import paths
from ddet.report import arm_lines

TEXT = """# a file
herd:
  seeds: 3
  arms:
    na: {name: NA}  # 2.3
    long: {name: Long,
      seeds: 1}  # goes on
other: 1
"""


def test_an_arm_over_two_lines_is_quoted_as_one(tmp_path):
    (tmp_path / "p.yaml").write_text(TEXT)
    assert arm_lines.read(tmp_path / "p.yaml") == {
        "herd.arms.na": (5, "na: {name: NA}  # 2.3"),
        "herd.arms.long": (6, "long: {name: Long, seeds: 1}  # goes on"),
    }


def test_what_is_quoted_is_the_arm_that_is_read():
    file = paths.ROOT / "params.yaml"
    tree, lines = YAML(typ="safe").load(file.read_text()), arm_lines.read(file)
    assert len(lines) > 30
    for place, (_, text) in lines.items():
        section, _, key = place.split(".")
        assert YAML(typ="safe").load(text) == {key: tree[section]["arms"][key]}, place
