"""Compute one fixed set of metrics from probabilities, at frame level and at clip level.

Label 1 is fake, and `prob_fake` its probability. A metric that needs an absent class is nan, not an error:
DeeperForensics-1.0 by itself has no real clip. A nan, or a value outside [0, 1], is an error.
"""

import numpy as np
import pandas as pd
from sklearn import metrics as sk

from ddet.errors import InputError
from ddet.stats import calibration

DECIDED = ("accuracy", "balanced_accuracy", "macro_f1", "f1_real", "f1_fake", "error_gap")  # depend on a threshold
TPR_AT = {"tpr_at_1": 0.01, "tpr_at_5": 0.05}  # metric -> the false positive rate that it allows
NAMES = (*DECIDED, "auc", "ap", "eer", *TPR_AT, "log_loss", "brier", "ece")
OF_VALID = "_at_valid_threshold"  # ends the name of a metric at the threshold that `thresholds` chose on valid
AT_VALID = tuple(f"{name}{OF_VALID}" for name in DECIDED)
LEVELS = ("frame", "clip")
ROW = ["clip_id", "frame_idx", "track"]  # identifies one crop; a stem alone repeats over forgery methods
CLIP = 1e-15  # log loss clips probabilities to [1e-15, 1 - 1e-15], as the scorer of the DFDC competition did


def scores(y: np.ndarray, p: np.ndarray, threshold: float = 0.5, chosen: float | None = None) -> dict[str, float]:
    """Return the metrics of `NAMES` for labels `y` (0 or 1) and probabilities of fake `p`, both of length n.

    A crop counts as predicted fake where p >= threshold. AUC is the area under the ROC curve, AP the average
    precision of the class fake, macro F1 the plain mean of the F1 of real and of fake, the error gap the share of
    reals called fake minus that of fakes called real. Brier score and ECE see `calibration`, TPR see `tpr_at`.

    Args:
        chosen: another threshold, of valid; the metrics of `AT_VALID` are those at it, and are left out without it.

    Raises:
        InputError: empty or unequal lengths, another label than 0 and 1, a probability that is nan or outside [0, 1].
    """
    y, p = _checked(y, p)
    found = _decided(y, p >= threshold) | {
        "log_loss": -np.log(np.clip(np.where(y == 1, p, 1 - p), CLIP, 1 - CLIP)).mean(),
        "brier": sk.mean_squared_error(y, p),
        "ece": calibration.ece(y, p),
    }
    if 0 < y.sum() < len(y):
        found |= {"auc": sk.roc_auc_score(y, p), "ap": sk.average_precision_score(y, p), "eer": eer(y, p)}
        found |= {name: tpr_at(y, p, rate) for name, rate in TPR_AT.items()}
    names = NAMES
    if chosen is not None:
        found |= {f"{name}{OF_VALID}": value for name, value in _decided(y, p >= chosen).items()}
        names += AT_VALID
    return {name: float(found.get(name, np.nan)) for name in names}


def _decided(y: np.ndarray, guess: np.ndarray) -> dict[str, float]:
    """Return the metrics of DECIDED that the classes in `y` allow, for the decisions `guess` (bool, True = fake)."""
    f1 = sk.f1_score(y, guess.astype(int), labels=[0, 1], average=None, zero_division=0)
    found = {"accuracy": (guess == y).mean()}
    found |= {name: f1[label] for label, name in enumerate(("f1_real", "f1_fake")) if (y == label).any()}
    if 0 < y.sum() < len(y):
        alarms, hits = guess[y == 0].mean(), guess[y == 1].mean()
        found |= {"balanced_accuracy": (1 - alarms + hits) / 2, "macro_f1": f1.mean()}
        found["error_gap"] = alarms - (1 - hits)
    return found


def eer(y: np.ndarray, p: np.ndarray) -> float:
    """Return the equal error rate: misses = false alarms on the ROC curve, its points joined by straight lines."""
    false_alarms, hits, _ = sk.roc_curve(y, p, drop_intermediate=False)
    return float(np.interp(0.0, false_alarms - (1 - hits), false_alarms))


def tpr_at(y: np.ndarray, p: np.ndarray, rate: float) -> float:
    """Return the share of fakes found where a share `rate` of reals is taken for fake, both classes being there.

    The points of the ROC curve are joined by straight lines, as for AUC and EER; where several have this rate, the
    highest counts. With fewer reals than 1 / `rate` it lies on the line between no false alarm and the first.
    """
    false_alarms, hits, _ = sk.roc_curve(y, p, drop_intermediate=False)
    return float(np.interp(rate, false_alarms, hits))  # of equal x, interp takes the last


def confusion(preds: pd.DataFrame, threshold: float = 0.5) -> np.ndarray:
    """Count crops as int 2 x 2: rows are the truth (real, fake), columns the prediction (real, fake)."""
    frames = checked(preds)
    return sk.confusion_matrix(frames["label"], frames["prob_fake"] >= threshold, labels=[0, 1])


def clip_probs(preds: pd.DataFrame) -> pd.DataFrame:
    """Average the frame probabilities of each clip_id, over every frame and track of it.

    Returns:
        One row per clip, sorted: clip_id, group, label, clip_prob (in [0, 1]), frames (crops averaged).
    """
    clips = checked(preds).groupby("clip_id", sort=True)
    means = clips.agg(group=("group", "first"), label=("label", "first"), frames=("label", "size"))
    # By rounding, a mean of ones may exceed 1.
    means.insert(2, "clip_prob", clips["prob_fake"].mean().clip(0, 1))
    return means.reset_index()


def frame_and_clip(preds: pd.DataFrame, threshold: float = 0.5) -> dict[str, float]:
    """Return every metric at both levels: frame_accuracy .. frame_log_loss, clip_accuracy .. clip_log_loss."""
    return {
        f"{level}_{name}": value
        for level in LEVELS
        for name, value in scores(*arrays(preds, level)[:2], threshold).items()
    }


def level_and_name(metric: str) -> tuple[str, str]:
    """Split "clip_log_loss" into "clip" and "log_loss"; anything but a level and a metric is an error."""
    level, _, name = metric.partition("_")
    if level not in LEVELS or name not in NAMES + AT_VALID:
        raise InputError(metric, "no such metric", f"write frame_ or clip_ and one of {', '.join(NAMES)}")
    return level, name


def arrays(preds: pd.DataFrame, level: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return label, probability and source group of each crop (level "frame") or of each clip (level "clip")."""
    rows = checked(preds) if level == "frame" else clip_probs(preds).rename(columns={"clip_prob": "prob_fake"})
    return rows["label"].to_numpy(int), rows["prob_fake"].to_numpy(float), rows["group"].to_numpy(str)


def checked(preds: pd.DataFrame) -> pd.DataFrame:
    """Return predictions sorted by crop, after checking that they can be scored.

    Raises:
        InputError: a column lacks, a crop comes twice, a clip has two labels or groups, two splits are mixed.
    """
    missing = [c for c in [*ROW, "group", "label", "prob_fake"] if c not in preds]
    if missing:
        raise InputError("predictions", f"no column {', '.join(missing)}", "pass the preds.parquet of a run")
    if "split" in preds and preds["split"].nunique() > 1:
        raise InputError("predictions", "they mix splits", "select one, as preds[preds.split == 'test']")
    if preds.duplicated(ROW).any():
        raise InputError(preds.loc[preds.duplicated(ROW).idxmax(), "clip_id"], "a crop is there twice", "drop one")
    for column in ("label", "group"):
        several = preds.groupby("clip_id")[column].nunique() != 1
        if several.any():
            raise InputError(several.idxmax(), f"a clip with several values of {column}", "index the data again")
    _checked(preds["label"], preds["prob_fake"])
    return preds.sort_values(ROW, ignore_index=True)


def _checked(y, p) -> tuple[np.ndarray, np.ndarray]:
    y, p = np.asarray(y, float), np.asarray(p, float)
    if y.shape != p.shape or y.ndim != 1 or not len(y):
        cause = f"{y.shape} labels for {p.shape} probabilities"
        raise InputError("predictions", cause, "pass one of each per crop, at least one crop")
    if not np.isin(y, (0, 1)).all():
        raise InputError("predictions", "a label other than 0 (real) and 1 (fake)", "convert labels at the boundary")
    bad = ~((p >= 0) & (p <= 1))  # nan compares false, so it is caught too
    if bad.any():
        cause = f"{bad.sum()} of {len(p)} probabilities are nan or outside [0, 1], the first {p[bad.argmax()]}"
        raise InputError("predictions", cause, "pass softmax outputs of a fit that did not diverge")
    return y.astype(int), p
