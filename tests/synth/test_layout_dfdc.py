"""The tree of DFDC: parts, labels, two people, sound."""

import json
import re

import av
import numpy as np
from rendering import benchmark, stems

from ddet.synth import layout_dfdc
from ddet.synth.encode import read_truth


def test_dfdc_parts_and_labels(rendered):
    root = rendered[0] / "DFDC"
    for part in (0, 1):
        text = (root / f"dfdc_train_part_{part}" / "metadata.json").read_text()
        meta = json.loads(text)
        assert "\n" not in text, "the real files are one line"
        assert sorted(meta) == [f"{s}.mp4" for s in stems(root, f"dfdc_train_part_{part}")]
        fakes = [m for m in meta.values() if m["label"] == "FAKE"]
        assert len(fakes) == 3 and all(meta[m["original"]]["label"] == "REAL" for m in fakes)
        assert all("original" not in m for m in meta.values() if m["label"] == "REAL")
        assert all(re.fullmatch(r"[a-z]{10}\.mp4", name) for name in meta)
    labels = dict(line.split(",") for line in (root / "test" / "labels.csv").read_text().splitlines())
    assert labels.pop("filename") == "label"
    meta = json.loads((root / "test" / "metadata.json").read_text())
    assert {k: int(v) for k, v in labels.items()} == {k: m["is_fake"] for k, m in meta.items()}
    assert sorted(labels.values()) == ["0", "1"]


def test_dfdc_two_person_clips_change_one_face(rendered):
    root, table = rendered
    fakes = table[(table.method == "DFDC") & table.path.str.contains("part_")]
    for fake in fakes.itertuples():
        truth = read_truth(root / "truth" / f"{fake.clip_id}.npz")
        columns = np.nonzero(truth.any((0, 1)))[0]
        width = truth.shape[2]
        assert width > truth.shape[1], "two people sit in landscape"
        assert columns.max() < 0.6 * width or columns.min() > 0.4 * width


def test_either_of_two_people_may_be_forged():
    many = {"parts": 1, "originals": 8, "fakes": 24, "two_person": 1.0, "test_clips": 0}
    fakes = [fake for take in layout_dfdc.plan(benchmark(dfdc=many)).takes for fake in take.fakes]
    assert len(fakes) == 24 and {fake.person for fake in fakes} == {0, 1}


def test_some_dfdc_clips_have_sound(rendered):
    root, table = rendered
    sound = []
    for path in table[table.path.str.contains("dfdc_train_part_1")].path:
        with av.open(str(root / path)) as box:
            sound.append(len(box.streams.audio))
    assert {0, 1} == set(sound)


def test_fakes_are_dealt_to_the_originals_and_name_theirs():
    want = {"parts": 2, "originals": 3, "fakes": 7, "two_person": 0.0, "test_clips": 0}
    made = layout_dfdc.plan(benchmark(dfdc=want))
    assert [len(take.fakes) for take in made.takes] == [3, 2, 2] * 2
    for take in made.takes:
        folder = take.real.path.split("/")[1]
        assert len(take.people) == 1 and take.domain == "dfdc"
        for fake in take.fakes:
            assert fake.clip.target == take.real.target and fake.clip.path.split("/")[1] == folder
            assert fake.source not in take.people and fake.generator.startswith("DFDC:")
    names = [clip.path for take in made.takes for clip in (take.real, *(f.clip for f in take.fakes))]
    assert len(set(names)) == len(names)


def test_unusable_clips_stand_in_the_first_part_s_metadata_as_real():
    made = layout_dfdc.plan(benchmark(unusable=3))
    meta = json.loads(made.files["DFDC/dfdc_train_part_0/metadata.json"])
    for job in made.broken:
        assert meta[job.clip.path.rsplit("/", 1)[1]] == {"label": "REAL", "split": "train"}
    assert len(made.broken) == 3 and {job.clip.path.split("/")[1] for job in made.broken} == {"dfdc_train_part_0"}


def test_test_clips_are_half_fake_and_their_originals_are_not_shipped():
    want = {"parts": 1, "originals": 1, "fakes": 1, "two_person": 0.0, "test_clips": 6}
    takes = layout_dfdc.plan(benchmark(dfdc=want)).takes[1:]
    shipped = [take.real or take.fakes[0].clip for take in takes]
    assert [clip.label for clip in shipped] == [0, 1] * 3
    assert all(take.real is None or not take.fakes for take in takes)
    assert len({take.seed for take in takes}) == 6, "each a scene of its own"


def test_sound_is_that_of_the_first_take_of_a_part():
    for take, first in zip(layout_dfdc.plan(benchmark()).takes[:4], (True, False, True, False), strict=True):
        assert take.real.audio is first and all(fake.clip.audio is first for fake in take.fakes)


def test_labels_are_those_of_the_clips():
    """0 is real and 1 fake in the test folder, in both files; a train part says REAL and FAKE."""
    made = layout_dfdc.plan(
        benchmark(dfdc={"parts": 1, "originals": 2, "fakes": 3, "two_person": 0.0, "test_clips": 4})
    )
    clips = [clip for take in made.takes for clip in (take.real, *(f.clip for f in take.fakes)) if clip]
    labels = {clip.path.rsplit("/", 1)[1]: clip.label for clip in clips}
    test = json.loads(made.files["DFDC/test/metadata.json"])
    assert len(test) == 4 and {name: entry["is_fake"] for name, entry in test.items()} == {n: labels[n] for n in test}
    table = dict(line.split(",") for line in made.files["DFDC/test/labels.csv"].splitlines()[1:])
    assert {name: int(label) for name, label in table.items()} == {n: labels[n] for n in test}
    part = json.loads(made.files["DFDC/dfdc_train_part_0/metadata.json"])
    said = {name: entry["label"] for name, entry in part.items() if name in labels}
    assert len(said) == 5 and said == {name: ("REAL", "FAKE")[labels[name]] for name in said}
