"""Rows of a dataset under a protocol: clip- and frame-level splits, what is left out, what is refused."""

import pandas as pd
import pytest

from ddet.data import crop_table
from ddet.errors import InputError

A, B, C, OTHER = "celebdf/Celeb-real/-/a", "celebdf/Celeb-synthesis/-/b", "celebdf/Celeb-real/-/c", "ffpp/real/c23/a"


@pytest.fixture
def folder(tmp_path):
    """Write three tables: a has frames 0 and 10 (two tracks), b and the clip of another dataset frame 0, c no face."""
    clips = pd.DataFrame({"clip_id": [A, B, C, OTHER], "dataset": ["celebdf"] * 3 + ["ffpp"]})
    clips = clips.assign(method=["real", "Celeb-synthesis", "real", "real"], group=["g1", "g2", "g1", "g3"])
    clips = clips.assign(original=[A, A, C, OTHER], label=[0, 1, 0, 0], path="p.mp4", width=64, height=48)
    faces = [(B, 0, 0), (A, 10, 1), (A, 10, 0), (A, 0, 0), (OTHER, 0, 0)]
    faces = pd.DataFrame(faces, columns=["clip_id", "frame_idx", "track"])
    faces = faces.assign(label=[1, 0, 0, 0, 0], sha=list("vwxyz"), crop="c.png", size=[8, 9, 8, 7, 6])
    splits = [
        (A, -1, "identity", "train"), (B, -1, "identity", "test"), (C, -1, "identity", "valid"),
        (A, -1, "official", "valid"), (B, -1, "official", "dropped"), (OTHER, -1, "identity", "train"),
        (A, 0, "image", "train"), (A, 10, "image", "test"), (B, 0, "image", "dropped"), (OTHER, 0, "image", "valid"),
        (OTHER, -1, "clip", "train"),
    ]  # fmt: skip
    splits = pd.DataFrame(splits, columns=["clip_id", "frame_idx", "protocol", "split"]).assign(reason="")
    for name, table in {"clips": clips, "faces": faces, "splits": splits}.items():
        table.to_parquet(tmp_path / f"{name}.parquet", index=False)
    return tmp_path


def placed(table: pd.DataFrame) -> list[tuple]:
    return list(table[["clip_id", "frame_idx", "track", "split"]].itertuples(index=False, name=None))


def test_a_clip_level_protocol_gives_all_crops_of_a_clip_its_split(folder):
    found = crop_table.load(folder, "celebdf", "identity")
    assert placed(found) == [(A, 0, 0, "train"), (A, 10, 0, "train"), (A, 10, 1, "train"), (B, 0, 0, "test")]
    assert found["size"].tolist() == [7, 8, 9, 8], "in px, of each crop"
    assert found["sha"].tolist() == list("yxwv") and found.index.tolist() == [0, 1, 2, 3]
    assert found["group"].tolist() == ["g1"] * 3 + ["g2"] and found["original"].tolist() == [A] * 4
    assert found["method"].tolist() == ["real"] * 3 + ["Celeb-synthesis"] and found["label"].tolist() == [0, 0, 0, 1]
    assert "label_x" not in found


@pytest.mark.parametrize(("per_clip", "kept"), [(1, [0]), (2, [0, 4]), (3, [0, 3, 6]), (8, list(range(8))), (9, None)])
def test_valid_and_test_clips_are_thinned_evenly_and_train_is_not(per_clip, kept):
    def clip(name, split, count):
        return pd.DataFrame({"clip_id": name, "frame_idx": range(count), "track": 0, "split": split, "sha": name})

    rows = pd.concat([clip("a", "train", 5), clip("b", "test", 8), clip("c", "valid", 2)], ignore_index=True)
    found = crop_table.thinned(rows, per_clip)
    frames = {name: part["frame_idx"].tolist() for name, part in found.groupby("clip_id")}
    assert frames["a"] == [0, 1, 2, 3, 4] and frames["c"] == ([0] if per_clip == 1 else [0, 1])
    assert frames["b"] == (kept or list(range(8)))
    assert list(found) == list(rows) and found["sha"].tolist() == found["clip_id"].tolist()


def test_every_track_of_a_kept_frame_stays():
    rows = pd.DataFrame({"clip_id": "a", "frame_idx": [0, 0, 1, 1], "track": [0, 1, 0, 1], "split": "test"})
    assert crop_table.thinned(rows, 1)[["frame_idx", "track"]].to_numpy().tolist() == [[0, 0], [0, 1]]


def test_what_a_protocol_drops_is_left_out(folder):
    assert {(c, s) for c, _, _, s in placed(crop_table.load(folder, "celebdf", "official"))} == {(A, "valid")}


def test_a_frame_level_protocol_splits_the_frames_of_a_clip(folder):
    found = crop_table.load(folder, "celebdf", "image")
    assert placed(found) == [(A, 0, 0, "train"), (A, 10, 0, "test"), (A, 10, 1, "test")]


def test_other_datasets_stay_out(folder):
    assert placed(crop_table.load(folder, "ffpp", "identity")) == [(OTHER, 0, 0, "train")]


@pytest.mark.parametrize(
    ("dataset", "protocol", "said"),
    [("dfdc", "identity", "dataset dfdc: is not in the index"), ("celebdf", "clip", "protocol clip: has no split")],
)
def test_an_unknown_dataset_or_protocol_is_one_line(folder, dataset, protocol, said):
    with pytest.raises(InputError, match=said) as e:
        crop_table.load(folder, dataset, protocol)
    assert "\n" not in str(e.value)


def test_a_table_that_is_not_there_names_the_notebook_that_writes_it(folder):
    (folder / "faces.parquet").unlink()
    with pytest.raises(InputError, match=r"faces\.parquet: no such table; run the notebook 11_faces"):
        crop_table.load(folder, "celebdf", "identity")


def test_a_table_of_an_older_release_names_the_notebook_that_writes_it_anew(folder):
    pd.read_parquet(folder / "faces.parquet").drop(columns="size").to_parquet(folder / "faces.parquet")
    with pytest.raises(InputError) as e:
        crop_table.load(folder, "celebdf", "identity")
    assert str(e.value) == f"{folder / 'faces.parquet'}: lacks the column size; run the notebook 11_faces again"


def test_the_fingerprint_covers_which_crops_their_pixels_labels_splits_and_landmarks():
    points = ["lm_x0", "lm_y0", "lm_x1", "lm_y1", "lm_x2", "lm_y2", "lm_x3", "lm_y3", "lm_x4", "lm_y4"]
    plain = ["clip_id", "frame_idx", "track", "sha", "label", "split", "group"]
    assert [*plain, "size", *points] == crop_table.SHAPES_A_RUN
