"""The rehearsal's folder, and its way in small: DFDC from clips of 10 s to a trained ASRID of the paper's size."""

from dataclasses import replace

import pandas as pd
import pytest
import safetensors.torch

from ddet import params, paths
from ddet.asrid import arms as asrid_arms
from ddet.asrid import train as asrid_train
from ddet.data import clip_loader, crop_table, faces, index, splits
from ddet.errors import InputError
from ddet.runs import planned
from ddet.synth import layout_dfdc, write
from ddet.tools import miniature, overlay, rehearse
from ddet.training import common, learner

SHAPE = replace(miniature.SHAPES["DFDC"], width=640, height=360)  # as long as a real clip, a ninth of its pixels
RUNTIME = {"threads": 1, "device": "cpu", "isa": "avx2", "jobs": 2, "backend": "loky", "workers": 0, "fits": 1}


@pytest.fixture(scope="module")
def cfg(tmp_path_factory) -> params.Params:
    """The rehearsal's params, with DFDC alone and as few clips as make three splits."""
    folder = tmp_path_factory.mktemp("cfg")
    whole = overlay.lay(paths.ROOT / "profiles/paper.yaml", paths.ROOT / rehearse.OVERLAY, folder / "params.yaml")
    few = {"parts": 1, "originals": 3, "fakes": 3, "two_person": 0.0, "test_clips": 0}
    benchmark = whole.benchmark.model_copy(update={"dfdc": whole.benchmark.dfdc.model_copy(update=few), "unusable": 0})
    data = whole.data.model_copy(
        update={"datasets": ["dfdc"], "root": str(folder / "raw"), "dfdc_parts": ["dfdc_train_part_0"]}
    )
    return whole.model_copy(update={"benchmark": benchmark, "data": data, "runtime": params.Runtime(**RUNTIME)})


def render(root, benchmark: params.Benchmark) -> None:
    """Write the miniature of DFDC alone."""
    whole, rendered = layout_dfdc.plan(benchmark), root.with_name("rendered")
    for name, text in whole.files.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
    for take in whole.takes:
        for row in write._render_take(rendered, benchmark, take):
            miniature.enlarge(rendered / row["path"], root / row["path"], SHAPE)


@pytest.fixture(scope="module")
def prepared(cfg, tmp_path_factory):
    """Render three people and their fakes, enlarge them to DFDC's shape, index, cut, split as 11_faces does."""
    root, out = paths.resolve(cfg.data.root), tmp_path_factory.mktemp("faces")
    render(root, cfg.benchmark)
    clips = index.build_index(cfg.data, cfg.runtime, progress=False)
    crops, rejects = faces.extract_faces(clips, root, out, cfg.faces, cfg.runtime, progress=False)
    clips.to_parquet(out / "clips.parquet")
    splits.make_splits(clips, crops, cfg.splits).to_parquet(out / "splits.parquet")
    return clips, crops, rejects, out


def test_clips_have_dfdc_s_shape_and_give_30_crops_of_380_px(prepared, cfg):
    clips, crops, rejects, _ = prepared
    assert len(clips) == 6 and set(clips["frames"]) == {300} and set(clips["width"]) == {SHAPE.width}
    assert crops.groupby("clip_id").size().tolist() == [30] * 6 and set(crops["size"]) == {380}
    assert crops.loc[crops["label"] == 1, "boxes_from"].eq("original").mean() > 0.9
    assert rejects.empty or not rejects["frame_idx"].eq(-1).any()


def test_asrid_trains_on_dfdc_as_the_paper_profile_says(prepared, cfg, tmp_path):
    rows = crop_table.load(prepared[-1], "dfdc", "identity")
    assert clip_loader.short_clips(rows, cfg.asrid.frames).empty, "no clip is dropped for want of crops"
    assert rows.groupby("split")["label"].nunique().to_dict() == {"train": 2, "valid": 2, "test": 2}
    given = planned.Inputs({"dfdc, identity": rows}, {"dfdc, identity": "x"}, {cfg.asrid.model.backbone: "y"})
    (row,) = asrid_arms.plan(cfg.asrid, {"StaNew + Mix": cfg.asrid.arms["StaNew + Mix"]}, given)
    asrid_train.train(row.phases[0], rows, prepared[-1], None, cfg.runtime, tmp_path)
    scored = pd.read_parquet(tmp_path / common.PREDICTIONS)
    assert len(scored) == 6 and scored["prob_fake"].between(0, 1).all()
    assert (tmp_path / learner.WEIGHTS).stat().st_size > 4 * 9e6, "the paper's network"


def test_weights_at_random_have_timm_s_format(tmp_path):
    whole = params.load(paths.ROOT / "profiles/paper.yaml").start
    start = whole.model_copy(update={"backbones": {"mobilenetv3_small_100": "timm", "x": "none"}, "weights": "here"})
    (path,) = rehearse.random_weights(start, tmp_path)
    held = safetensors.torch.load_file(path)
    assert path.name == "mobilenetv3_small_100.safetensors" and held["classifier.weight"].shape == (1000, 1024)
    assert rehearse.random_weights(start, tmp_path) == [path], "they are kept"
    with pytest.raises(InputError, match=r"start\.weights: names no folder"):
        rehearse.random_weights(whole, tmp_path)


def test_minutes_are_told_by_notebook_in_their_order(tmp_path):
    notes = tmp_path / "data/machine/notebooks"
    notes.mkdir(parents=True)
    for name, seconds in (("41_prle_localisation", 90.0), ("11_faces", 6.0)):
        (notes / f"{name}.json").write_text(f'{{"wall_s": {seconds}, "start_s": 3.0}}')
    assert rehearse.minutes(tmp_path) == "11_faces 0.1, 41_prle_localisation 1.5"


def test_the_room_of_a_folder_is_that_of_its_files_at_all_depths(tmp_path):
    (tmp_path / "there/a").mkdir(parents=True)
    (tmp_path / "there/a/one").write_bytes(bytes(3_000_000))
    (tmp_path / "there/two").write_bytes(bytes(1_000_000))
    (tmp_path / "beside").write_bytes(bytes(5_000_000))
    (tmp_path / "there/linked").symlink_to(tmp_path / "beside")
    (tmp_path / "there/gone").symlink_to(tmp_path / "nothing")
    assert rehearse.size_of(tmp_path / "there") == pytest.approx(0.004, abs=1e-6)
