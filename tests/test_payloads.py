"""No file that the program reads can run code: a payload is planted in each kind, and does not run.

That the payload works is shown by readers that do run code. Tables (csv, parquet) and label files (json, csv, txt) hold
text alone; what a name may do to a page or a spreadsheet is in report/test_foreign.py and report/test_html.py.
"""

import contextlib
import io
import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML
from toys import NET, RUNTIME

from ddet import models, params, paths
from ddet.data import crops
from ddet.errors import InputError
from ddet.models import lite
from ddet.prle import map_store
from ddet.runs import finished, start_files
from ddet.runs.store import RECORD, Store
from ddet.synth import encode
from ddet.training import checkpoint, learner, start_weights


class Payload:
    """Pickled, it says to make the folder `ran`."""

    def __init__(self, ran: Path):
        self.ran = ran

    def __reduce__(self):
        return os.mkdir, (str(self.ran),)


@pytest.fixture
def ran(tmp_path) -> Path:
    return tmp_path / "ran"


def pickled(file: Path, ran: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(Payload(ran)))
    return file


def saved_by_torch(file: Path, ran: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"identity": Payload(ran)}, file)
    return file


def saved_by_numpy(file: Path, ran: Path) -> Path:
    data = io.BytesIO()
    np.save(data, np.array([Payload(ran)], dtype=object), allow_pickle=True)
    file.write_bytes(data.getvalue())
    return file


def zipped_by_numpy(file: Path, ran: Path) -> Path:
    with zipfile.ZipFile(file, "w") as box:
        for name in ("shape", "mask"):
            box.writestr(f"{name}.npy", saved_by_numpy(file.with_suffix(".npy"), ran).read_bytes())
    return file


def tagged(file: Path, ran: Path) -> Path:
    file.write_text(f"profile: !!python/object/apply:os.mkdir ['{ran}']\n")
    return file


def _weights_of_a_run(folder: Path, ran: Path, plant) -> None:
    plant(folder / learner.WEIGHTS, ran)
    (folder / RECORD).write_text(json.dumps({"config": {"model": NET.model_dump()}}))
    finished.load_model(folder)


def _start_weights(folder: Path, ran: Path, plant) -> None:
    file = plant(folder / "w.safetensors", ran)
    with contextlib.suppress(Exception):
        models.load_backbone(models.make_backbone("test_resnet"), file)
    assert start_files.recipe_of(file) is None
    start_weights.label(file, "a recipe")


def _weights_of_timm(folder: Path, ran: Path, plant) -> None:
    cfg = params.load(paths.ROOT / "profiles/smoke.yaml").start
    file = plant(folder / "w.pth", ran)
    cfg = cfg.model_copy(update={"backbones": {"test_vit": "timm"}, "weights": str(file)})
    start_files.prepare(cfg, ["test_vit"], RUNTIME, folder / "start")


def _maps(folder: Path, ran: Path, plant) -> None:
    plant(folder / map_store.MAPS, ran)
    (folder / map_store.HEAD).write_text('{"data_hash": "h"}')
    map_store.read(folder, "h")


def _truth(folder: Path, ran: Path, plant) -> None:
    plant(folder / "c.npz", ran)
    row = {"label": 1, "frame_idx": 0, "x0": 0, "y0": 0, "x1": 1, "y1": 1}
    crops.crop_masks("c", pd.DataFrame([row]), folder, 8)


def _run_in_the_store(folder: Path, ran: Path, plant) -> None:
    """A run whose manifest is right, as one from a foreign store is, is taken; its weights are read as any others."""
    store = Store("t", ["ddet.seeds"], {}, folder)
    made = store.get({}, lambda out: plant(out / learner.WEIGHTS, ran))
    learner.load_weights(models.create(NET), made / learner.WEIGHTS)


READ = {  # what is read: how the payload is planted, how it is read
    "checkpoint": (saved_by_torch, lambda at, ran, plant: checkpoint.Resume(plant(at / "fit.pt", ran), "x")),
    "checkpoint, pickled": (pickled, lambda at, ran, plant: checkpoint.Resume(plant(at / "fit.pt", ran), "x")),
    "weights of a run": (pickled, _weights_of_a_run),
    "weights of a run, by torch": (saved_by_torch, _weights_of_a_run),
    "run of a foreign store": (pickled, _run_in_the_store),
    "start weights": (pickled, _start_weights),
    "start weights, by torch": (saved_by_torch, _start_weights),
    "weights for timm": (saved_by_torch, _weights_of_timm),
    "weights for timm, pickled": (pickled, _weights_of_timm),
    "maps": (saved_by_numpy, _maps),
    "maps, pickled": (pickled, _maps),
    "ground truth": (zipped_by_numpy, _truth),
    "ground truth, pickled": (pickled, _truth),
    "ground truth of the renderer": (zipped_by_numpy, lambda at, r, plant: encode.read_truth(plant(at / "c.npz", r))),
    "params": (tagged, lambda at, ran, plant: params.load(plant(at / "params.yaml", ran))),
}


@pytest.mark.parametrize("kind", READ)
def test_what_is_planted_in_a_file_does_not_run(tmp_path, ran, kind):
    plant, read = READ[kind]
    with contextlib.suppress(Exception):
        read(tmp_path, ran, plant)
    assert [p for p in tmp_path.rglob("*") if p.is_file()], "the payload was planted"
    assert not ran.exists()


@pytest.mark.parametrize(
    ("plant", "read"),
    [
        (pickled, lambda file: pickle.loads(file.read_bytes())),
        (saved_by_torch, lambda file: torch.load(file, weights_only=False)),
        (saved_by_numpy, lambda file: np.load(file, allow_pickle=True)),
        (zipped_by_numpy, lambda file: np.load(file, allow_pickle=True)["mask"]),
        (tagged, lambda file: YAML(typ="unsafe").load(file.read_text())),
    ],
    ids=["pickle", "torch", "numpy", "npz", "yaml"],
)
def test_each_payload_works_where_it_is_let(tmp_path, ran, plant, read):
    read(plant(tmp_path / "file", ran))
    assert ran.is_dir()


def test_the_packaged_weights_are_those_that_are_known(tmp_path, ran, monkeypatch):
    """They are a pickle of torch's: one of another hash is not opened at all."""
    planted = saved_by_torch(tmp_path / "models" / lite.FILE, ran)
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(lite, "find_spec", lambda name: spec)
    with pytest.raises(InputError, match="is not the file that is known"):
        lite.published()
    assert planted.is_file() and not ran.exists()


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


@pytest.mark.parametrize("use", [_weights_of_a_run, _weights_of_timm])
@pytest.mark.parametrize("content", ["<!DOCTYPE html><html>404</html>", POINTER, "", "x" * 9])
def test_a_file_that_holds_no_weights_is_one_line(tmp_path, content, use):
    def plant(file: Path, _) -> Path:
        file.write_text(content)
        return file

    with pytest.raises(InputError) as e:
        use(tmp_path, tmp_path, plant)
    assert "weights" in str(e.value) and "\n" not in str(e.value)
