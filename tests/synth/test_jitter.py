"""Clips out of order: the same poses in another order and nothing else, and the tree of real/ and fake/ they lie in."""

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import trees
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st
from rendering import benchmark, decode, runtime

from ddet.data import layouts
from ddet.synth import identity, jitter, layout_folder, paint, scene, write
from ddet.synth.encode import read_truth
from ddet.synth.plan import Fake

FRAMES = 7


@pytest.fixture(scope="module")
def heads() -> list[paint.Head]:
    return [paint.paint(identity.sample(seed, woman=True), 148) for seed in (21, 22)]


@pytest.fixture(scope="module")
def filmed(heads):
    made = scene.compose(scene.DOMAINS["dfdc"], heads[:1], 4, 128, FRAMES, 4)  # a domain that moves and is noisy
    return made, scene.film(made)


def posed(made: scene.Scene, poses: list) -> scene.Scene:
    return replace(made, people=[replace(made.people[0], poses=poses)])


def yaws(made: scene.Scene, person: int = 0) -> list[float]:
    return [pose.yaw for pose in made.people[person].poses]


@examples(80)
@given(st.lists(st.integers(-20, 20), min_size=1, max_size=12), st.integers(0, 2**31 - 1))
def test_the_poses_are_kept_the_first_stays_and_the_halves_alternate(filmed, turns, seed):
    made = posed(
        filmed[0], [filmed[0].people[0].poses[0]._replace(yaw=y / 20, x=float(i)) for i, y in enumerate(turns)]
    )
    before = list(made.people[0].poses)
    after = jitter.jittered(made, seed).people[0].poses
    assert Counter(after) == Counter(before) and after[0] == before[0]
    assert made.people[0].poses == before, "the scene that was given stays"
    left, right = ([pose.yaw for pose in after[start::2]] for start in (1, 2))
    assert len(left) - len(right) in (0, 1)
    assert max(left, default=-9) <= min(right, default=9)


def test_each_order_within_the_halves_comes_up_about_as_often(filmed):
    made = posed(filmed[0], [filmed[0].people[0].poses[0]._replace(yaw=y) for y in (0.0, 0.4, -0.1, 0.3, -0.2)])
    found = Counter(tuple(yaws(jitter.jittered(made, seed))) for seed in range(400))
    orders = {(0.0, a, c, b, d) for a, b in ((-0.2, -0.1), (-0.1, -0.2)) for c, d in ((0.3, 0.4), (0.4, 0.3))}
    assert set(found) == orders
    assert min(found.values()) > 65  # 100 expected, standard deviation 9


def test_the_head_turns_to_and_fro(filmed):
    steps = np.diff(yaws(jitter.jittered(filmed[0], 1))[1:])
    assert (steps[::2] > 0).all() and (steps[1::2] < 0).all()
    assert np.abs(steps).mean() > 1.5 * np.abs(np.diff(yaws(filmed[0]))).mean()


def test_nothing_but_the_order_of_poses_changes(filmed):
    moved = jitter.jittered(filmed[0], 1)
    for field in fields(scene.Scene):
        if field.name != "people":
            assert getattr(moved, field.name) is getattr(filmed[0], field.name), field.name
    [before], [after] = filmed[0].people, moved.people
    assert after.rig is before.rig and after.body is before.body and after.poses != before.poses


def test_one_of_two_people_jitters(heads):
    made = scene.compose(scene.DOMAINS["dfdc"], heads, 3, 128, 5, 4)
    shots = scene.film(made)
    for person in (0, 1):
        moved = jitter.jittered(made, 1, person)
        assert moved.people[1 - person] is made.people[1 - person]
        assert yaws(moved, person) != yaws(made, person)
        _, truth = jitter.jitter(made, shots, 1, person)
        columns = np.nonzero(truth.any((0, 1)))[0] / truth.shape[2]
        assert columns.max() < 0.65 if person == 0 else columns.min() > 0.35


def test_jittering_is_deterministic_and_the_seed_matters(filmed):
    (one, mask), (same, same_mask), (other, _) = (jitter.jitter(*filmed, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same) and np.array_equal(mask, same_mask)
    assert not np.array_equal(one, other)


def test_truth_is_exactly_where_frames_differ(filmed):
    frames, truth = jitter.jitter(*filmed, 1)
    assert truth.shape == (FRAMES, *frames[0].shape[:2]) and truth.dtype == bool and len(frames) == FRAMES
    for t, (shot, frame) in enumerate(zip(filmed[1], frames, strict=True)):
        assert frame.dtype == np.uint8
        for y in range(0, frame.shape[0], 3):
            for x in range(0, frame.shape[1], 3):
                assert truth[t, y, x] == (frame[y, x].tolist() != shot.image[y, x].tolist())
    assert not truth[0].any(), "the first frame stays"
    assert truth.any((1, 2)).sum() >= FRAMES - 3 and 0.02 < truth[1:].mean() < 0.7


def test_room_camera_lamp_and_grain_go_on(filmed):
    """With one pose in all frames there is nothing to put out of order, though camera, lamp and grain move."""
    still = posed(filmed[0], filmed[0].people[0].poses[:1] * FRAMES)
    shots = scene.film(still)
    frames, truth = jitter.jitter(still, shots, 1)
    assert not truth.any() and np.array_equal(frames, [s.image for s in shots])
    assert len({frame.tobytes() for frame in frames}) == FRAMES
    assert not np.array_equal(*(jitter.jitter(*filmed, 1)[0][t] for t in (1, 2)))


def test_the_room_is_untouched(filmed):
    """Away from where the head and the shoulders ever are, nothing changes."""
    _, truth = jitter.jitter(*filmed, 1)
    boxes = [box for shot in filmed[1] for box, *_ in shot.places]
    top = min(box[1] for box in boxes)
    left, right = min(box[0] for box in boxes), max(box[2] for box in boxes)
    chin = int(np.mean([box[3] for box in boxes]))
    assert top > 0 and not truth[:, :top].any()
    assert left > 0 and not truth[:, : chin // 2, :left].any() and not truth[:, : chin // 2, right:].any()


def test_each_frame_is_one_of_the_real_ones_where_only_the_head_moves(filmed):
    """Without shake, flicker and grain a jittered clip is the frames of the real one in another order."""
    made = replace(
        filmed[0], camera=np.repeat(filmed[0].camera[:1], FRAMES, 0), exposure=np.ones(FRAMES),
        grain=np.zeros_like(filmed[0].grain),
    )  # fmt: skip
    shots = scene.film(made)
    frames, _ = jitter.jitter(made, shots, 1)
    real = [shot.image.tobytes() for shot in shots]
    order = [real.index(frame.tobytes()) for frame in frames]
    assert sorted(order) == list(range(FRAMES)) and order != sorted(order) and order[0] == 0
    assert [made.people[0].poses[i] for i in order] == jitter.jittered(made, 1).people[0].poses


CFG = {"frames": 6, "jitter": {"people": 3}}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """Render the clips out of order alone."""
    out = tmp_path_factory.mktemp("own") / "synthetic"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "plan", layout_folder.plan)
        return out, write.render_benchmark(out, benchmark(**CFG), runtime(1, "sequential"))


def test_the_tree_holds_a_folder_a_person_and_a_truth_for_each_fake(rendered):
    root, table = rendered
    files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    people = [f"p{n:03d}" for n in range(3)]
    clips = [f"own/{part}/{p}/0.mp4" for part in ("fake", "real") for p in people]
    assert files == [".rendered_by_ddet", *clips, "rendered.csv", *(f"truth/folder/fake/-/{p}/0.npz" for p in people)]
    assert table["clip_id"].tolist() == [f"folder/{part}/-/{p}/0" for part in ("fake", "real") for p in people]
    assert table["path"].tolist() == clips and table["label"].tolist() == [1, 1, 1, 0, 0, 0]
    assert (table["frames"] == 6).all() and table["unusable"].isna().all()


def test_the_adapter_finds_the_same_clips_and_keeps_a_person_together(rendered):
    root, table = rendered
    found = {clip.clip_id: clip for clip in layouts.scan(trees.data(root, "folder"))}
    assert sorted(found) == table["clip_id"].tolist()
    for row in table.itertuples():
        clip = found[row.clip_id]
        assert (clip.path, clip.label, clip.status) == (row.path, row.label, "ok")
        assert clip.group == f"folder:{row.target}"
        assert clip.original == ("" if row.label else row.clip_id)
    assert Counter(clip.group for clip in found.values()) == {f"folder:p{n:03d}": 2 for n in range(3)}


def test_what_is_written_is_the_jittered_take_and_its_truth(rendered):
    root, _ = rendered
    cfg = benchmark(**CFG)
    for take in layout_folder.plan(cfg).takes:
        made = write.compose_take(take, cfg)
        shots = scene.film(made)
        frames, truth = write.forge_take(made, shots, take.fakes[0], cfg)
        want, want_truth = jitter.jitter(made, shots, take.fakes[0].seed)
        assert np.array_equal(frames, want) and np.array_equal(truth, want_truth)
        assert np.array_equal(read_truth(root / "truth" / f"{take.fakes[0].clip.clip_id}.npz"), truth)
        assert truth[1:].any() and not truth[0].any()
        shown, real = (np.stack(decode(root / c.path)).astype(int) for c in (take.fakes[0].clip, take.real))
        for clip, meant in ((shown, frames), (real, [s.image for s in shots])):
            assert np.abs(clip - np.stack(meant)).mean() < 6, "up to compression"
        change = np.abs(shown - real).mean(3)
        assert change[truth].mean() > 2 * change[~truth].mean()


def test_another_generator_is_forged_as_before(heads, monkeypatch):
    """Only the jitter goes another way."""
    seen = []
    monkeypatch.setattr(write, "forge", lambda *args: seen.append(args) or ([], None))
    monkeypatch.setattr(write.jitter, "jitter", lambda *args: seen.append(args) or ([], None))
    fake = layout_folder.plan(benchmark(**CFG)).takes[0].fakes[0]
    cfg = benchmark(**CFG)
    write.forge_take("scene", ["shots"], replace(fake, person=1), cfg)
    write.forge_take("scene", ["shots"], replace(fake, generator="Deepfakes"), cfg)
    assert isinstance(fake, Fake) and [len(args) for args in seen] == [4, 7]
    assert seen[0] == ("scene", ["shots"], fake.seed, 1)
    assert seen[1][4] is write.METHODS["Deepfakes"]
