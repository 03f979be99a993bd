"""Maps as runs: of trained detectors on training crops, their fusion, and what a kill costs."""

import functools
import inspect
import json

import numpy as np
import pytest
import torch
from prle_toys import DETECTORS, SIZE, section
from toys import RUNTIME, store

from ddet import models
from ddet.attention import grad_cam
from ddet.data import crop_loader, crops
from ddet.errors import InputError
from ddet.prle import arms as prle_arms
from ddet.prle import fusion, map_runs, map_store, map_writer
from ddet.runs import finished
from ddet.runs.store import RECORD
from ddet.training import learner

RULE = {"method": "union", "tau1": 0.3, "lam": 0.15, "tau2": 0.0}
LAYERS = {"Xception": ["layer2.1"], "EfficientNet": ["blocks.1"], "ResNet-50": ["layer1.1", "layer3.1"]}
KNOWN = {"Xception": ["layer4.1"], "EfficientNet": ["blocks.3.2"]}  # what the zoo has for these networks


@pytest.fixture(scope="module")
def detectors(tmp_path_factory):
    """Write what localisation reads of a run, of each detector: weights at random, and the network."""
    root = tmp_path_factory.mktemp("runs")
    return [written(root / f"run{seed}", name, seed) for seed, name in enumerate(DETECTORS)]


def written(folder, name: str, seed: int = 0, size: int = SIZE):
    cfg = prle_arms.model_of(section(size=size), name)
    folder.mkdir()
    torch.manual_seed(seed)
    learner.save_weights(models.create(cfg), folder / learner.WEIGHTS)
    (folder / RECORD).write_text(json.dumps({"config": {"model": cfg.model_dump()}}))
    return folder


def localised(root, detectors, rows, faces, layers, size=SIZE, of_class="label"):
    looks = [map_runs.Look(run, names, rows, of_class) for run, names in zip(detectors, layers, strict=True)]
    return map_runs.of_detectors(store(root), looks, finished.load_model, faces, size, RUNTIME)


@pytest.fixture(scope="module")
def rows(rows):
    """Keep the training crops."""
    return rows[rows["split"] == "train"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, detectors, rows, faces):
    return localised(tmp_path_factory.mktemp("maps"), detectors, rows, faces, LAYERS.values())


def test_maps_are_those_of_training_crops_for_their_own_labels_one_by_one(made, detectors, rows, faces):
    train = rows
    assert len({folder.name for folder in made}) == 3
    for folder, run, names in zip(made, detectors, LAYERS.values(), strict=True):
        maps = map_store.read(folder, map_store.identity(rows))
        assert maps.shape == (18, SIZE, SIZE) and maps.std() > 0
        net = finished.load_model(run)
        layers = [dict(net.named_modules())[name] for name in names]
        for index in (0, 7, 17):
            image = crops.resized(crops.load_crop(faces / train["crop"].iloc[index]), SIZE)
            x, label = crop_loader.normalise(
                (torch.from_numpy(image)[None], torch.tensor([train["label"].iloc[index]]))
            )
            one = grad_cam.attention_maps(net, layers, x, label, odds=True)[0]
            np.testing.assert_allclose(maps[index], one.numpy(), atol=2e-3)


@pytest.mark.parametrize("name", KNOWN)
def test_without_layers_they_are_those_of_the_zoo(tmp_path, rows, faces, name):
    """At 96 px the last layer has 3 x 3 values in a ResNet, and 12 x 12 in this EfficientNet."""
    folder = written(tmp_path / "run", name, size=96)
    some = rows[rows["clip_id"].str[-3:] == "000"]
    folders = [
        localised(tmp_path / str(bool(names)), [folder], some, faces, [names], 96) for names in ([], KNOWN[name])
    ]
    one, other = (map_store.read(found, map_store.identity(some)) for (found,) in folders)
    np.testing.assert_array_equal(one, other)
    assert one.shape == (3, 96, 96) and one.std() > 0.1


def test_maps_are_not_made_twice_and_other_layers_are_other_maps(tmp_path, detectors, rows, faces, monkeypatch):
    first = localised(tmp_path, detectors[:1], rows, faces, [["layer2.1"]])
    asked = []
    maps_of = grad_cam.attention_maps
    monkeypatch.setattr(
        grad_cam, "attention_maps", lambda *given, **how: asked.append(len(given[2])) or maps_of(*given, **how)
    )
    assert localised(tmp_path, detectors[:1], rows, faces, [["layer2.1"]]) == first and not asked
    again = localised(tmp_path, detectors[:1], rows, faces, [["layer3.1"]])
    assert again != first and sum(asked) == 18


def test_maps_of_another_class_are_other_runs(tmp_path, detectors, rows, faces):
    label, fake = (
        localised(tmp_path, detectors[:1], rows, faces, [["layer2.1"]], of_class=c)[0] for c in ("label", "fake")
    )
    one, other = (np.asarray(map_store.read(folder, map_store.identity(rows))) for folder in (label, fake))
    is_fake = (rows["label"] == 1).to_numpy()
    np.testing.assert_array_equal(one[is_fake], other[is_fake])
    assert label != fake and (one[~is_fake] != other[~is_fake]).any()


def test_parts_are_joined_in_the_order_of_the_crops(tmp_path, made, rows):
    kept, train = store(tmp_path), rows
    whole = map_store.read(map_runs.fused(kept, made, RULE, rows, RUNTIME), map_store.identity(rows))
    of_parts = [train.iloc[[1, 5, 6, 17]], train.drop(index=train.index[[1, 5, 6, 17]])]
    parts = []
    for number, part in enumerate(of_parts):
        at = train.index.get_indexer(part.index)
        parts.append(tmp_path / f"part{number}")
        map_writer.write(parts[-1], lambda a, b, at=at: [whole[at[a:b]]], len(part), SIZE, map_store.identity(part))
    folder = map_runs.joined(kept, parts, of_parts, rows)
    np.testing.assert_array_equal(map_store.read(folder, map_store.identity(rows)), whole)
    assert map_runs.joined(kept, parts[::-1], of_parts[::-1], rows) != folder
    with pytest.raises(InputError, match="14 training crops are in no part; pass parts of all"):
        map_runs.joined(kept, parts[:1], of_parts[:1], rows)


def test_a_kill_costs_a_shard(tmp_path, detectors, rows, faces, monkeypatch):
    monkeypatch.setattr(map_runs, "BATCH", 4)
    monkeypatch.setattr(map_writer, "write", functools.partial(map_writer.write, shard=8))
    maps_of, seen = grad_cam.attention_maps, []

    def dies(model, layers, images, *given, **how):
        if len(seen) == 3:  # of 18 crops, four at a time: in the second shard
            raise KeyboardInterrupt
        seen.append(len(images))
        return maps_of(model, layers, images, *given, **how)

    monkeypatch.setattr(grad_cam, "attention_maps", dies)
    with pytest.raises(KeyboardInterrupt):
        localised(tmp_path, detectors[1:2], rows, faces, [["blocks.1"]])
    counted = []
    monkeypatch.setattr(
        grad_cam, "attention_maps", lambda *given, **how: counted.append(len(given[2])) or maps_of(*given, **how)
    )
    (folder,) = localised(tmp_path, detectors[1:2], rows, faces, [["blocks.1"]])
    assert seen == [4, 4, 4] and counted == [4, 4, 2]
    monkeypatch.setattr(grad_cam, "attention_maps", maps_of)
    (whole,) = localised(tmp_path / "whole", detectors[1:2], rows, faces, [["blocks.1"]])
    assert (folder / map_store.MAPS).read_bytes() == (whole / map_store.MAPS).read_bytes()
    assert map_store.read(whole, map_store.identity(rows)).std() > 0


def test_a_detector_whose_layers_are_not_known_is_one_line(tmp_path, detectors, rows, faces):
    with pytest.raises(InputError, match=r"has no layer 'layer9'; its last convolution is 'layer4\.1") as error:
        localised(tmp_path, detectors[:1], rows, faces, [["layer9"]])
    assert "\n" not in str(error.value)


# fusion


@pytest.mark.parametrize("method", fusion.METHODS)
def test_fused_maps_are_the_fusion_of_the_members(tmp_path, made, rows, method):
    rule = RULE | {"method": method, "tau2": 0.1}
    folder = map_runs.fused(store(tmp_path), made, rule, rows, RUNTIME)
    data = map_store.identity(rows)
    stack = torch.from_numpy(np.stack([map_store.read(member, data) for member in made], axis=1))
    arguments = {
        "average": {"tau1": 0.3}, "neighbouring": {"lam": 0.15, "tau2": 0.1},
        "union": {"tau1": 0.3, "lam": 0.15, "tau2": 0.1}, "three_zones": {"tau1": 0.3, "tau2": 0.1, "lam": 0.15},
    }  # fmt: skip
    expected = fusion.fuse(stack, method, **arguments[method]).half().numpy()
    np.testing.assert_array_equal(map_store.read(folder, data), expected)
    assert 0 < (expected > 0).mean() < 1


def test_members_and_rule_shape_a_fusion(tmp_path, made, rows):
    kept = store(tmp_path)
    fused = [
        map_runs.fused(kept, members, RULE | change, rows, RUNTIME)
        for members, change in ((made, {}), (made[:2], {}), (made, {"tau1": 0.1}), (made, {}))
    ]
    assert len({folder.name for folder in fused}) == 3 and fused[0] == fused[3]


def test_one_member_is_fused_as_well(tmp_path, made, rows):
    folder = map_runs.fused(store(tmp_path), made[:1], RULE | {"method": "average"}, rows, RUNTIME)
    data = map_store.identity(rows)
    alone = np.asarray(map_store.read(made[0], data), np.float32)
    np.testing.assert_array_equal(map_store.read(folder, data), np.where(alone > 0.3, alone, 0))


def test_members_of_other_crops_are_refused(tmp_path, made, rows):
    fewer = rows.drop(index=rows.index[0])
    said = f"of data_hash {map_store.identity(rows)}, asked for are those of data_hash {map_store.identity(fewer)}"
    with pytest.raises(InputError, match=said):
        map_runs.fused(store(tmp_path), made, RULE, fewer, RUNTIME)


@pytest.mark.parametrize("method", fusion.METHODS)
def test_a_rule_is_given_every_threshold_that_it_has_and_no_other(method):
    rule = {"method": method, "tau1": 1, "lam": 2, "tau2": 3}
    found = map_runs.thresholds(rule)
    arguments = set(inspect.signature(fusion.METHODS[method]).parameters) - {"maps"}
    assert found.pop("method") == method and set(found) == arguments
    assert found == {name: rule[name] for name in found}


def test_every_rule_of_the_params_is_known():
    allowed = section().fusion.model_json_schema()["properties"]["method"]["enum"]
    assert set(allowed) == set(fusion.METHODS)
