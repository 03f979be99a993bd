"""The weights that a network starts from are found in a table; what is missing there names its remedy."""

import pytest

from ddet import paths
from ddet.errors import InputError
from ddet.runs import starts

KEY = "012345678901"  # pandas would make it the number 12345678901


@pytest.fixture
def table(tmp_path):
    (tmp_path / "vit.safetensors").write_text("w")
    lines = [
        "backbone,source,key,file",
        "test_resnet,none,,",
        f"test_vit,package,{KEY},{tmp_path / 'vit.safetensors'}",
        f"test_convnext,distilled,{KEY},{tmp_path / 'gone.safetensors'}",
    ]
    (tmp_path / "starts.csv").write_text("\n".join(lines))
    return tmp_path / "starts.csv"


def test_a_backbone_has_its_file_and_its_key(table, tmp_path):
    assert starts.start_of("test_vit", table) == (tmp_path / "vit.safetensors", KEY)


def test_files_are_named_from_the_root_of_the_repository(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/vit.safetensors").write_text("w")
    (tmp_path / "starts.csv").write_text(f"backbone,source,key,file\ntest_vit,package,{KEY},data/vit.safetensors\n")
    assert starts.start_of("test_vit", tmp_path / "starts.csv")[0] == tmp_path / "data/vit.safetensors"


def test_without_a_source_a_network_begins_at_random(table):
    assert starts.start_of("test_resnet", table) == (None, "")


def test_a_table_of_networks_that_all_begin_at_random_is_read(tmp_path):
    (tmp_path / "starts.csv").write_text("backbone,source,key,file\ntest_resnet,none,,\n")
    assert starts.start_of("test_resnet", tmp_path / "starts.csv") == (None, "")


@pytest.mark.parametrize(
    ("backbone", "said"),
    [
        ("vgg11", r"^model\.backbone = 'vgg11': has no start weights; add it to start\.backbones$"),
        ("test_convnext", r"gone\.safetensors: no such start weights; run the notebook 13_start_weights again$"),
    ],
)
def test_a_backbone_or_a_file_that_is_not_there_names_the_remedy(table, backbone, said):
    with pytest.raises(InputError, match=said) as e:
        starts.start_of(backbone, table)
    assert "\n" not in str(e.value)


def test_start_weights_that_were_never_made_name_the_notebook(tmp_path):
    with pytest.raises(InputError, match=r"starts\.csv: no start weights yet; run the notebook 13_start_weights$"):
        starts.start_of("test_convnext", tmp_path / "starts.csv")


def test_a_table_of_an_earlier_version_names_the_notebook(tmp_path):
    (tmp_path / "starts.csv").write_text(f"backbone,key\ntest_vit,{KEY}\n")
    with pytest.raises(InputError, match=r"starts\.csv: is of an earlier version; run the notebook 13_start_weights$"):
        starts.start_of("test_vit", tmp_path / "starts.csv")
