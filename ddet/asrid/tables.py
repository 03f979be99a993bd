"""Compute the numbers of ASRID's tables from the scores and loss curves of its runs."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.asrid import arms as asrid_arms
from ddet.asrid import scores as asrid_scores
from ddet.asrid.train import SCORES
from ddet.report import tables
from ddet.runs import finished, planned
from ddet.stats import bootstrap, metrics, pooling, seed_interval
from ddet.stats.bootstrap import Estimate

CURVE = {"last": seed_interval.last, "average": seed_interval.average, "variation": seed_interval.variation}
ACCURACY_AT = f"clip_accuracy{metrics.OF_VALID}"
T_NOTE = "Accuracies: at .5; at t: at the threshold of the whole valid split, more in asrid_points."
TABLE2 = [
    tables.Column("Tr.", "last"),
    tables.Column("Ave. Tr.", "average"),
    tables.Column("Val.", "valid clip_log_loss"),
    tables.Column("Var", "variation"),
    *(tables.Column(f"test {m}", f"test {m}") for m in ("clip_log_loss", "clip_accuracy")),
    tables.Column("test clip_accuracy at t", f"test {ACCURACY_AT}"),
    tables.Column("test clip_auc", "test clip_auc"),
]
SETS = ("small", "large")
TABLE3 = [
    tables.Column(f"{s} {t}", f"{s} {m}")
    for s in SETS
    for t, m in (("loss", "clip_log_loss"), ("accuracy", "clip_accuracy"), ("accuracy at t", ACCURACY_AT))
]
SPLITS = {"train": "train", "val": "valid", "test": "test"}  # the paper's word -> ours
NAMED = {"static": "static", "dynamic": "dynamic", "fused": "prob_fake"}  # score -> its column
Found = dict[str, dict[str, Estimate]]
Keys = dict[str, list[str]]


def ablation_rows(
    section: params.Asrid, names: Mapping[str, str], done: pd.DataFrame, given: planned.Inputs, cfg: params.Report
) -> tuple[Found, Keys]:
    """Estimate the rows of Table 2 or of the strength table, and the two constant predictors below them.

    As in the paper, valid is the part of the valid split that belongs to the set; test is the whole test split.

    Args:
        names: arm -> its row in the paper.
    """
    found, keys = {}, {}
    for arm, row in names.items():
        own = asrid_scores.clips_of_set(section, section.arms[arm], given)
        train, valid = (
            asrid_scores.predictions(done, arm, "train"),
            asrid_scores.predictions(done, arm, "valid", among=own),
        )
        test = asrid_scores.predictions(done, arm, "test")
        curves = asrid_scores.steps(done, arm)
        found[row] = {name: seed_interval.of_seeds([f(c) for c in curves], train[0], cfg) for name, f in CURVE.items()}
        whole = asrid_scores.predictions(done, arm, "valid")
        found[row] |= _named("valid", valid, cfg) | _named("test", test, cfg, whole)
        keys[row] = finished.keys(done, arm)
    for name in asrid_scores.constants(train[0], test[0]) if names else ():
        found[name] = {
            key: value
            for split, preds in (("valid", valid), ("test", test))
            for key, value in _named(split, asrid_scores.constants(train[0], preds[0])[name], cfg).items()
        }
        keys[name] = []
    return found, keys


def set_rows(
    section: params.Asrid, table: str, done: pd.DataFrame, given: planned.Inputs, cfg: params.Report
) -> tuple[Found, Keys]:
    """Estimate Table 3 or 4: train, val and test on the small and the large set, with both constant predictors.

    The paper's rows are those of its own split, by clip at random; the same rows follow under the section's split.
    """
    found: Found = {}
    keys: Keys = {}
    for arm, spec in section.arms.items():
        size, split = spec.rows.get(table), spec.split or section.split
        if size is None or arm not in set(done["arm"]):
            continue
        own = asrid_scores.clips_of_set(section, spec, given)
        train = asrid_scores.predictions(done, arm, "train", among=own)
        whole = asrid_scores.predictions(done, arm, "valid")
        for word, part in SPLITS.items():
            preds = asrid_scores.predictions(done, arm, part, among=own)
            rows = {"": preds} | {f" · {name}": p for name, p in asrid_scores.constants(train[0], preds[0]).items()}
            for suffix, scored in rows.items():
                row = f"{word}{suffix}" if split == "clip" else f"{word}, {split} split{suffix}"
                found.setdefault(row, {}).update(_named(size, scored, cfg, None if suffix else whole))
                keys.setdefault(row, []).extend([] if suffix else finished.keys(done, arm))
    order = sorted(found, key=lambda row: (" split" in row, "·" in row))
    return {row: found[row] for row in order}, keys


def _named(
    prefix: str, preds: Sequence[pd.DataFrame], cfg: params.Report, valid: Sequence[pd.DataFrame] | None = None
) -> dict[str, Estimate]:
    found = bootstrap.over_seeds(preds, cfg, valid=valid)
    wanted = ("clip_log_loss", "clip_accuracy", ACCURACY_AT, "clip_auc")
    return {f"{prefix} {m}": found[m] for m in wanted if m in found}


def fusion(done: pd.DataFrame, arms: Sequence[str], cfg: params.Report) -> pd.DataFrame:
    """Tabulate the test metrics of each dynamic arm's static, dynamic and fused score, and the gain of fusing.

    `sd` is how far a score differs from clip to clip.
    `gain` is the decrease of the log loss against static, with its interval for people and seeds; an arm with a single
    seed has the noise of seeds of the others, where they are alike (`pooling`).
    """
    preds = {(a, n): asrid_scores.predictions(done, a, score=s) for a in arms for n, s in NAMED.items()}
    valid = {(a, n): asrid_scores.predictions(done, a, "valid", score=s) for a in arms for n, s in NAMED.items()}
    found = pooling.pooled({key: bootstrap.over_seeds(preds[key], cfg, valid=valid[key]) for key in preds})
    gains = [bootstrap.paired(preds[arm, "static"], preds[arm, "fused"], "clip_log_loss", cfg) for arm in arms]
    by_arm, lines = dict(zip(arms, pooling.alike(gains), strict=True)), []
    for (arm, name), cells in found.items():
        line = {"arm": arm, "score": name, "seeds": len(preds[arm, name]), "sd": spread(preds[arm, name])}
        for metric in ("clip_log_loss", "clip_auc", "clip_accuracy", ACCURACY_AT):
            e = cells[metric]
            line |= {metric: e.value, f"{metric} low": e.low, f"{metric} high": e.high}
        if name == "static":
            gain = by_arm[arm]
            line |= {"gain of fusing": gain.value, "gain low": gain.low, "gain high": gain.high}
        lines.append(line)
    return pd.DataFrame(lines)


def every_score(done: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    """List the scores of each test clip under each arm and seed."""
    tables_of = [
        table.assign(arm=arm, seed=seed) for arm in arms for seed, table in enumerate(asrid_scores.scored(done, arm))
    ]
    every = pd.concat(tables_of, ignore_index=True).query("split == 'test'")
    return every[["arm", "seed", "clip_id", "label", *SCORES]].reset_index(drop=True)


def out_of_order(
    done: pd.DataFrame, arms: Sequence[str], clips: pd.DataFrame, rough: np.ndarray, cfg: params.Report
) -> pd.DataFrame:
    """Tabulate how well clips out of order are detected, by a rule without training and by the scores of each arm.

    Args:
        arms: those trained on such clips.
        clips, rough: the test clips, and `frame_order.roughness` of each.
    """
    ruled = clips.assign(prob_fake=np.clip(rough / 2, 0, 1))  # von Neumann's ratio lies between 0 and 2
    rows = {"roughness, no training": [ruled]}
    for arm in arms:
        for name in ("static", "dynamic"):
            preds = asrid_scores.predictions(done, arm, score=name)
            if preds[0]["prob_fake"].notna().all():
                rows[f"{arm}: {name}"] = preds
    found = {name: bootstrap.over_seeds(preds, cfg, given=preds[0] is ruled) for name, preds in rows.items()}
    found, lines = pooling.pooled(found), []
    for name, preds in rows.items():
        e = found[name]["clip_auc"]
        line = {"score": name, "clip_auc": e.value, "low": e.low, "high": e.high, "sd": spread(preds)}
        lines.append(line | {"clips": e.clips, "groups": e.groups, "seeds": len(preds)})
    return pd.DataFrame(lines)


def spread(preds: Sequence[pd.DataFrame]) -> float:
    """Return the standard deviation of scores over clips, mean over seeds: near 0, a score says the same of all."""
    return float(np.mean([table["prob_fake"].std() for table in preds]))


def on_test(
    section: params.Asrid, arms: Mapping[str, params.AsridArm], done: pd.DataFrame, cfg: params.Report
) -> pd.DataFrame:
    """Tabulate every arm on test, and whether its log loss is below that of the training prior (whole interval)."""
    tests = {arm: asrid_scores.predictions(done, arm) for arm in arms}
    valid = {arm: asrid_scores.predictions(done, arm, "valid") for arm in arms}
    found = pooling.pooled({arm: bootstrap.over_seeds(p, cfg, valid=valid[arm]) for arm, p in tests.items()})
    lines = []
    for arm, spec in arms.items():
        preds, train, e = tests[arm], asrid_scores.predictions(done, arm, "train")[0], found[arm]
        prior = asrid_scores.constants(train, preds[0])["training prior"]
        gain = bootstrap.paired(prior, preds, "clip_log_loss", cfg)
        line = {
            "arm": arm,
            "crops": asrid_arms.name_of(section, spec),
            "seeds": len(preds),
            "clips": e["clip_auc"].clips,
        }
        shown = ("clip_log_loss", "clip_accuracy", ACCURACY_AT, "clip_auc")
        line |= {m: tables.with_interval(e[m]) for m in shown}
        line["log loss of the prior"] = bootstrap.over_seeds(prior, cfg)["clip_log_loss"].value
        lines.append(line | {"beats the prior": "yes" if gain.low > 0 else "no" if gain.high < 0 else "undecided"})
    return pd.DataFrame(lines)
