"""Small inputs of the fits of all three papers, and the keys that they get, without any training."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asrid_toys
import pandas as pd
import prle_toys
import toys

from ddet import machine, params
from ddet.asrid import arms as asrid_arms
from ddet.data.forged import Masks
from ddet.herd import arms as herd_arms
from ddet.herd import train as herd_train
from ddet.prle import arms as prle_arms
from ddet.prle import compared as prle_compared
from ddet.prle import map_runs, primary
from ddet.runs import planned
from ddet.runs.store import Store

IDENTITY = ("train", "train", "valid", "test")  # of four people
BACKBONES = ("test_resnet", "test_convnext", "lite0_stride16", "lite0_stride8", "slim_resnet", "slim_xception")
FIT = "Xception + PRLE"


class Unmade(Store):
    """A store that names the folders of its runs and makes none."""

    def get_many(self, asks, jobs=1):
        return [self.path(self.key(config)) for config, _ in asks]


def write_tables(root: Path) -> None:
    """Write the tables of crops: two frames of each clip, and further splits of FF++, Celeb-DF and DFDC."""
    prle_toys.write_faces(root)
    faces, splits = (pd.read_parquet(root / f"{name}.parquet") for name in ("faces", "splits"))
    second = faces.assign(frame_idx=1, sha="s" + faces["sha"].str[1:])
    pd.concat([faces, second], ignore_index=True).assign(prob=0.9).to_parquet(root / "faces.parquet", index=False)
    ids = sorted(splits["clip_id"].unique())
    person = {name: int(name.rpartition("/")[2]) for name in ids}
    shift = {"identity": 0, "clip": 1}
    rows = [(name, -1, how, IDENTITY[(person[name] + by) % 4]) for how, by in shift.items() for name in ids]
    more = pd.DataFrame(rows, columns=["clip_id", "frame_idx", "protocol", "split"])
    pd.concat([splits, more], ignore_index=True).assign(reason="").to_parquet(root / "splits.parquet", index=False)
    clips = pd.read_parquet(root / "clips.parquet")
    clips.assign(path="videos/" + clips["clip_id"], frames=8).to_parquet(root / "clips.parquet", index=False)


def write_starts(root: Path) -> Path:
    """Write the table of start weights with an empty file for each backbone."""
    lines = ["backbone,source,key,file"]
    for name in BACKBONES:
        (root / f"{name}.safetensors").touch()
        lines.append(f"{name},package,key_of_{name},{root / name}.safetensors")
    (root / "starts.csv").write_text("\n".join(lines) + "\n")
    return root / "starts.csv"


def herd() -> dict[str, Any]:
    """Return a section of Herd with one arm, which is trained in two phases with a weighted loss."""
    made = toys.section(
        dataset="ffpp",
        curriculum="mep",
        curricula={
            "mep": params.Curriculum(phases=["masked", "full"]),
            "plain": params.Curriculum(phases=["full"]),
        },
        augment="flips",
        weight=2.0,
        scored=1,
        arms={"one": toys.arm()},
    )
    return made.model_dump()


def asrid() -> dict[str, Any]:
    """Return a section of ASRID with one arm, which has a static score alone."""
    return asrid_toys.section(dataset="ffpp", augment="flips", set="small", arms={"one": asrid_toys.arm()}).model_dump()


def prle() -> dict[str, Any]:
    """Return a section of PRLE with its two arms, `backbone` and `PRLE`, which share one list of augmentation."""
    train = toys.TRAIN.model_copy(update={"epochs": 3})
    return prle_toys.section(scored=1, augment="flips", train=train).model_dump()


def compared() -> dict[str, Any]:
    """Return a section of PRLE with one detector that it compares with, whose network needs all that there is."""
    other = params.Compared(name="caddm", backbone="slim_resnet")
    return prle() | {"compared": params.Others(seeds=1, detectors={"CADDM": other}).model_dump()}


def keys_of(paper: str, section: Mapping[str, Any], faces: Path, store: type[Store] = Unmade, **runtime) -> set[str]:
    """Return the keys of the fits of seed 0 of the last arm in a section, under a runtime changed by `runtime`."""
    how = params.Runtime(**(toys.RUNTIME.model_dump() | runtime))
    return {"herd": _herd, "asrid": _asrid, "prle": _prle, "compared": _compared}[paper](
        dict(section), faces, store, how
    )


def hashes_of(paper: str, faces: Path) -> dict[str, str]:
    """Return the data hashes that the fits of a paper's section get."""
    if paper == "herd":
        cfg = params.Herd(**herd())
        return herd_arms.inputs(cfg, cfg.arms, faces).hashes
    if paper == "asrid":
        cfg = params.Asrid(**asrid())
        return asrid_arms.inputs(cfg, cfg.arms, faces).hashes
    if paper == "compared":
        return prle_compared.inputs(params.Prle(**compared()), faces).hashes
    cfg = params.Prle(**prle())
    return prle_arms.inputs(cfg, {FIT: prle_arms.fits(cfg)[FIT]}, faces).hashes


def _herd(section: Mapping[str, Any], faces: Path, store: type[Store], how: params.Runtime) -> set[str]:
    cfg = params.Herd(**section)
    given = herd_arms.inputs(cfg, cfg.arms, faces)
    kept = store("a", herd_arms.CODE, machine.of(how), faces)
    done = planned.run(kept, herd_arms.plan(cfg, cfg.arms, given), given, how, faces, herd_train.train)
    return set(done[done["seed"] == 0]["key"])


def _asrid(section: Mapping[str, Any], faces: Path, store: type[Store], how: params.Runtime) -> set[str]:
    cfg = params.Asrid(**section)
    given = asrid_arms.inputs(cfg, cfg.arms, faces)
    kept = store("a", asrid_arms.CODE, machine.of(how), faces)
    done = planned.run(kept, asrid_arms.plan(cfg, cfg.arms, given), given, how, faces, print)
    return set(done[done["seed"] == 0]["key"])


def _prle(section: Mapping[str, Any], faces: Path, store: type[Store], how: params.Runtime) -> set[str]:
    cfg = params.Prle(**section)
    kept, maps = (store("a", code, machine.of(how), faces) for code in (prle_arms.CODE, map_runs.CODE))
    fits = prle_arms.fits(cfg)
    plain = {name: fit for name, fit in fits.items() if not prle_arms.hides(fit)}
    given = prle_arms.inputs(cfg, plain, faces)
    trained = planned.run(kept, prle_arms.plan(cfg, plain, given, {}), given, how, faces, print)
    listed = {name: fit for name, fit in fits.items() if name.endswith("+ PRLE") and fit.crop_set == prle_arms.WHOLE}
    wanted = {name: fit for name, fit in listed.items() if name == FIT} or dict(list(listed.items())[:1])
    given = prle_arms.inputs(cfg, wanted, faces)
    lines = primary.localise(maps, cfg, wanted, trained, given, how, faces)
    made = lines.groupby("fit")["maps"].agg(list)
    done = planned.run(kept, prle_arms.plan(cfg, wanted, given, made), given, how, faces, print)
    return set(done[done["seed"] == 0]["key"])


def _compared(section: Mapping[str, Any], faces: Path, store: type[Store], how: params.Runtime) -> set[str]:
    cfg = params.Prle(**section)
    given, listed = prle_compared.inputs(cfg, faces), prle_compared.chosen(cfg)
    kept = store("a", prle_compared.CODE, machine.of(how), faces)
    done = planned.run(kept, prle_compared.plan(cfg, listed, given, Masks()), given, how, faces, print)
    return set(done[done["seed"] == 0]["key"])


def leaves(tree: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each value in nested dicts; an empty dict is a value."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, (*at, key))
    else:
        yield at


def changed(tree: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return nested dicts with the value at "a/b/c" replaced."""
    first, _, rest = path.partition("/")
    return tree | {first: changed(tree[first], rest, value) if rest else value}
