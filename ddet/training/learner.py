"""Train a network with fastai's Learner: best weights, history, and predictions."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from fastai.callback.core import Callback, TrainEvalCallback
from fastai.callback.schedule import Learner  # importing it also gives the Learner fit_one_cycle
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from fastai.learner import Metric, Recorder
from fastai.metrics import accuracy
from fastai.optimizer import OptimWrapper
from torch import nn

from ddet import params
from ddet.errors import InputError
from ddet.hashing import canonical
from ddet.seeds import derive, seed_everything
from ddet.training.callbacks import DeviceAmp, FrameAuc, History, KeepBest, Progress, SampleEpoch, StepDecay
from ddet.training.checkpoint import FOLDER, ResumableLearner, Resume
from ddet.training.schedules import SCHEDULES

WEIGHTS, HISTORY = "weights.safetensors", "history.csv"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Fused, since the plain ones take torch's square root: on a CPU that is MKL's, which is not exact in one case of
# seven, was another on an emulated Intel CPU than on an AMD one, and has no pin. The fused step has the exact one.
OPTIMISERS = {
    "adam": partial(OptimWrapper, opt=torch.optim.Adam, fused=True),
    "adamw": partial(OptimWrapper, opt=torch.optim.AdamW, fused=True),
    "sgd": partial(OptimWrapper, opt=torch.optim.SGD, momentum=0.9),
}


def fit(
    model: nn.Module,
    dls: DataLoaders,
    cfg: params.Train,
    out: Path,
    seed: int,
    loss_func: Callable | None = None,
    metrics: Sequence[Metric | Callable] | None = None,
    cbs: Sequence[Callback] = (),
    progress: bool = True,
) -> Learner:
    """Train `model`, keep the weights of its best epoch on valid, and write them with the history into `out`.

    Writes `weights.safetensors`, `history.csv` and, until the run store clears it, `resume/`. A fit that finds the
    checkpoint of an earlier, killed one continues from it and ends with the same bits. `model` must have been
    made under a seed of its own (`seeds.seed_everything`); the random draws of the fit follow from `seed`.

    Raises:
        InputError: a precision that the device lacks, a selection metric that is not computed, a fit that diverged.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    cbs = [*cbs, History(out / HISTORY), Resume(out / FOLDER / "fit.pt", _identity(dls, cfg, seed))]
    learn = build_learner(model, dls, cfg, loss_func, metrics, [*cbs, Progress()] if progress else cbs)
    seed_everything(derive(seed, "fit"), torch.get_num_threads())
    _run(learn, cfg)
    best = learn.keep_best.weights
    if best is None:
        raise InputError(f"lr = {cfg.lr}", "the fit diverged: nan on valid in every epoch", "lower it")
    model.load_state_dict(best)
    save_weights(model, out / WEIGHTS)
    return learn


def build_learner(
    model: nn.Module,
    dls: DataLoaders,
    cfg: params.Train,
    loss_func: Callable | None = None,
    metrics: Sequence[Metric | Callable] | None = None,
    cbs: Sequence[Callback] = (),
) -> Learner:
    """Assemble the Learner: cross-entropy, accuracy and frame_auc unless told otherwise.

    Paper: the optimisers are torch's, as in the released codes: weight decay reaches biases and norms too, and is
    L2 in `adam` and `sgd`, decoupled in `adamw`.
    Differs: fastai's own Adam has other defaults (eps 1e-5, beta2 .99).
    """
    check_precision(cfg.precision, dls.device)
    metrics = [accuracy, FrameAuc()] if metrics is None else list(metrics)
    model.to(memory_format=torch.channels_last if cfg.channels_last else torch.contiguous_format)
    own = [TrainEvalCallback(), Recorder(add_time=False), SampleEpoch(), KeepBest(cfg.select)]
    if cfg.precision != "fp32":
        own.append(DeviceAmp(DTYPES[cfg.precision]))
    loss_func = nn.CrossEntropyLoss() if loss_func is None else loss_func
    opt_func = OPTIMISERS[cfg.opt]
    learn = ResumableLearner(
        dls, model, loss_func, opt_func, cfg.lr, cbs=[*own, *cbs], metrics=metrics, wd=cfg.wd, default_cbs=False
    )
    learn.logger = lambda _: None  # fastai would print a table to stdout, and so into the report
    _check_selection(learn, cfg.select)
    return learn


def _run(learn: Learner, cfg: params.Train) -> None:
    """Train by the schedule: fastai's one-cycle policy, a constant rate, one that drops in steps, or one of torch's."""
    if cfg.schedule == "one_cycle":
        learn.fit_one_cycle(cfg.epochs, cfg.lr, wd=cfg.wd)
        return
    moving = [SCHEDULES[cfg.schedule]()] if cfg.schedule in SCHEDULES else []
    if cfg.schedule == "step":
        moving = [StepDecay(cfg.lr, cfg.step_epochs, cfg.step_gamma)]
    learn.fit(cfg.epochs, cfg.lr, wd=cfg.wd, cbs=moving)


def _identity(dls: DataLoaders, cfg: params.Train, seed: int) -> str:
    return canonical([cfg.model_dump(), seed, [dl.n for dl in dls.loaders]])


def _check_selection(learn: Learner, select: str) -> None:
    names = ["valid_loss", *(metric.name for metric in learn.metrics)]
    if select not in names:
        raise InputError(f"select = {select!r}", "is not computed in this fit", f"use one of {', '.join(names)}")


def check_precision(precision: str, device: torch.device) -> None:
    """Raise InputError for fp16 on a CPU, which has no half-precision autocast with loss scaling."""
    if precision == "fp16" and device.type != "cuda":
        raise InputError("precision = 'fp16'", "needs a CUDA device", f"on {device.type} use 'fp32' or 'bf16'")


def save_weights(model: nn.Module, path: Path) -> None:
    """Write the state of `model` as safetensors: the same weights give the same bytes."""
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    path.write_bytes(safetensors.torch.save(state))  # an ordinary OSError where the disk is full


def load_weights(model: nn.Module, path: Path) -> nn.Module:
    """Load the file that `save_weights` wrote into `model`, every name matching, and return the model."""
    model.load_state_dict(safetensors.torch.load_file(path))
    return model


def predict(model: nn.Module, dl: DataLoader, precision: str = "fp32") -> np.ndarray:
    """Return prob_fake of each sample of `dl`, in its order: float32, n, in [0, 1]."""
    return outputs(model, dl, precision).softmax(1)[:, 1].numpy()


def outputs(model: nn.Module, dl: DataLoader, precision: str = "fp32") -> torch.Tensor:
    """Return the output of `model` for each sample of `dl`, in order, in eval mode: float32, on the CPU."""
    device = dl.device
    check_precision(precision, device)
    model.to(device).eval()
    cast = torch.autocast(device.type, DTYPES[precision], enabled=precision != "fp32")
    with torch.inference_mode(), cast:
        return torch.cat([model(*inputs).float().cpu() for *inputs, _ in dl])


def predictions(rows: pd.DataFrame, prob_fake: np.ndarray) -> pd.DataFrame:
    """Return the columns that identify each row, with `prob_fake`: the table that a run stores as preds.parquet."""
    kept = rows[["clip_id", "frame_idx", "track", "group", "label", "split"]].reset_index(drop=True)
    kept.insert(5, "prob_fake", prob_fake)
    return kept
