"""The rendered trees: official names and lists, pairing, unusable clips, determinism, refusal of foreign folders."""

import shutil
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from rendering import benchmark, decode, runtime

from ddet import params
from ddet.errors import InputError
from ddet.synth import layout_ffpp, write
from ddet.synth.encode import read_truth
from ddet.synth.plan import Plan
from ddet.synth.scene import film


def test_every_row_is_a_file_and_every_clip_is_a_row(rendered):
    root, table = rendered
    files = {p.relative_to(root).as_posix() for p in root.rglob("*.mp4") if "masks" not in p.parts}
    assert set(table.path) == files and table.clip_id.is_unique
    assert not list(root.rglob("*.part"))
    kept = pd.read_csv(root / "rendered.csv", dtype={"target": str})
    assert kept.clip_id.tolist() == table.clip_id.tolist()


def test_each_usable_fake_has_a_truth_of_its_size_and_no_real_has(rendered):
    root, table = rendered
    fakes = table[(table.label == 1) & table.unusable.isna()]
    kept = {p.relative_to(root / "truth").with_suffix("").as_posix() for p in (root / "truth").rglob("*.npz")}
    assert kept == set(fakes.clip_id)
    for fake in fakes.itertuples():
        frames, truth = decode(root / fake.path), read_truth(root / "truth" / f"{fake.clip_id}.npz")
        assert truth.shape == (fake.frames, *frames[0].shape[:2]) and len(frames) == fake.frames
        if fake.dataset == "folder":
            assert not truth.any(), "two frames have no other order: test_jitter has more"
        else:
            assert 0.005 < truth.mean() < 0.3


def test_a_fake_is_its_original_outside_the_truth(rendered):
    """Before encoding exactly (test_forge); decoded, up to compression."""
    root, table = rendered
    reals = table[(table.dataset == "ffpp") & (table.label == 0)].set_index("target").path
    for fake in table[(table.method == "Deepfakes") & table.unusable.isna()].itertuples():
        a, b = (np.stack(decode(root / p)).astype(int) for p in (fake.path, reals[fake.target]))
        truth = read_truth(root / "truth" / f"{fake.clip_id}.npz")
        change = np.abs(a - b).mean(3)
        assert change[truth].mean() > 1.5 * change[~truth].mean()


def test_mask_videos_show_the_truth(rendered):
    root, table = rendered
    for fake in table[table.method == "NeuralTextures"].itertuples():
        shown = np.stack(decode(root / fake.path.replace("/c23/", "/masks/")))[..., 0] > 127
        truth = read_truth(root / "truth" / f"{fake.clip_id}.npz")
        assert (shown & truth).sum() / (shown | truth).sum() > 0.9


def test_unusable_clips_are_there_in_each_dataset(rendered):
    root, table = rendered
    broken = table[table.unusable.notna()]
    assert sorted(broken.groupby(["dataset", "unusable"]).size()) == [1] * 12
    for clip in broken.itertuples():
        if clip.unusable == "empty":
            assert (root / clip.path).stat().st_size == 0
        elif clip.unusable == "truncated":
            with pytest.raises(av.error.InvalidDataError):
                decode(root / clip.path)
        else:
            assert len(decode(root / clip.path)) == clip.frames == 2


def test_same_seed_same_bytes_whatever_the_jobs(rendered, tmp_path):
    root, table = rendered
    write.render_benchmark(tmp_path / "again", benchmark(), runtime(2, "loky"))
    for path in [*table.path, *(f"truth/{c}.npz" for c in table[table.label == 1].clip_id), "rendered.csv"]:
        one, two = root / path, tmp_path / "again" / path
        assert one.exists() == two.exists()
        assert not one.exists() or one.read_bytes() == two.read_bytes(), path


def test_a_whole_benchmark_is_kept_and_an_incomplete_one_made_again(rendered, tmp_path):
    root, table = rendered
    before = (root / table.path[0]).stat().st_mtime_ns
    again = write.render_benchmark(root, benchmark(), runtime(1, "sequential"))
    assert again.equals(table) and (root / table.path[0]).stat().st_mtime_ns == before
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    (copy / "rendered.csv").unlink()  # as a killed run leaves it
    (copy / table.path[0]).unlink()
    assert write.render_benchmark(copy, benchmark(), runtime(1, "sequential")).equals(table)
    assert (copy / table.path[0]).read_bytes() == (root / table.path[0]).read_bytes()


def test_another_seed_other_frames():
    takes = [layout_ffpp.plan(benchmark(seed=s)).takes[0] for s in (1, 2)]
    shots = [film(write.compose_take(take, benchmark(seed=s)))[0].image for take, s in zip(takes, (1, 2), strict=True)]
    assert not np.array_equal(*shots)


def test_a_foreign_folder_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not rendered by ddet"):
        write.render_benchmark(tmp_path, benchmark(), runtime(1, "sequential"))
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_path_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write.render_benchmark(tmp_path / "file", benchmark(), runtime(1, "sequential"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), av.error.PermissionError(13, "Denied", "x")])
def test_a_full_or_closed_disk_is_one_line(tmp_path, monkeypatch, error):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(write, "write_mp4", fail)
    with pytest.raises(InputError, match=error.strerror):
        write.render_benchmark(tmp_path / "out", benchmark(), runtime(1, "sequential"))


def test_our_own_folder_is_replaced(tmp_path):
    write._claim(tmp_path / "out", "one")
    (tmp_path / "out" / "stale.mp4").write_text("")
    write._claim(tmp_path / "out", "two")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [write.MARKER]


@pytest.fixture
def bare(monkeypatch):
    """Plan nothing, so that only keeping and replacing are left to see."""
    monkeypatch.setattr(write, "plan", lambda cfg: Plan(files={"list.txt": "nobody"}))


def rendered_bare(out: Path, cfg: params.Benchmark | None = None, jobs: int = 1) -> bool:
    """Render with a foreign mark in the folder; tells whether what was there has been kept."""
    if out.exists():
        (out / "mark").write_text("")
    write.render_benchmark(out, cfg or benchmark(), runtime(jobs, "sequential"))
    assert (out / "rendered.csv").is_file() and (out / "list.txt").read_text() == "nobody"
    return (out / "mark").exists()


def test_a_benchmark_is_kept_as_long_as_numbers_and_code_are_the_same(bare, tmp_path, monkeypatch):
    assert not rendered_bare(tmp_path / "out")
    assert rendered_bare(tmp_path / "out") and rendered_bare(tmp_path / "out", jobs=2)
    assert not rendered_bare(tmp_path / "out", benchmark(seed=2))
    assert rendered_bare(tmp_path / "out", benchmark(seed=2))
    monkeypatch.setattr(write, "code_id", lambda names: "another")
    assert not rendered_bare(tmp_path / "out", benchmark(seed=2))
    assert "another" in (tmp_path / "out" / write.MARKER).read_text()


def test_without_rendering_the_folder_is_empty_but_for_the_marker(bare, tmp_path):
    rendered_bare(tmp_path / "out")
    for _ in range(2):
        table = write.no_benchmark(tmp_path / "out")
        assert table.empty and table.columns.tolist() == write.COLUMNS
        assert [p.name for p in (tmp_path / "out").iterdir()] == [write.MARKER]
    assert not rendered_bare(tmp_path / "out")


@pytest.mark.parametrize("name", ["thesis.txt", write.TABLE])
def test_a_foreign_folder_is_refused_whatever_its_files_are_called(bare, tmp_path, name):
    (tmp_path / name).write_text("mine")
    for call in (write.no_benchmark, lambda out: write.render_benchmark(out, benchmark(), runtime(1, "sequential"))):
        with pytest.raises(InputError, match="not rendered by ddet"):
            call(tmp_path)
    assert (tmp_path / name).read_text() == "mine"
