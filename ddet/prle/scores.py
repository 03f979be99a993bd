"""Estimate scores on several test sets: means over sets and differences of fits, by resampling all groups together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from ddet import params
from ddet.errors import InputError
from ddet.prle.arms import SHORT
from ddet.runs import finished
from ddet.stats import bootstrap, metrics, thresholds

Term = tuple[float, str, str]  # factor, fit, part


class Scored:
    """The test predictions of many fits, all on the same crops.

    A part is a dataset ("dfdc") or a forgery method of FF++ ("Deepfakes": its fakes with all real crops). Groups of
    all datasets are resampled together, so that a person who is in two of them is drawn for both.

    Args:
        done: the runs, see `planned.run`.
        cfg: number of resamples, confidence, seed.
        more: name -> predictions that come from no run, one table per seed; used instead of those of `done`.
        given: the detectors are what they are, as in `bootstrap.over_seeds`: intervals are over people alone.
    """

    def __init__(
        self, done: pd.DataFrame, cfg: params.Report, more: Mapping[str, list[pd.DataFrame]] | None = None,
        given: bool = False,
    ):  # fmt: skip
        self.done, self.cfg, self.given = done, cfg, given
        self._tables: dict[str, list[pd.DataFrame]] = {}
        for name, tables in (more or {}).items():
            self._tables[name] = self._alike(name, tables)
        self._drawn: dict[tuple[str, str, str, bool], tuple[list[dict], list[dict]]] = {}
        self._inside: dict[str, np.ndarray] = {}

    def has(self, *fits: str) -> bool:
        """Return whether all of these fits were trained."""
        return set(fits) <= set(self.done["arm"])

    def over(self, fit: str, parts: Sequence[str], metric: str) -> bootstrap.Estimate:
        """Estimate a metric of `metrics.frame_and_clip`: mean over seeds, and over parts with equal weights.

        Metrics at the threshold of valid (`metrics.AT_VALID`) take that of each run from the valid crops of FF++.
        """
        return self.contrast([[(1 / len(parts), fit, part) for part in parts]], metric, difference=False)

    def gain(self, pairs: Sequence[tuple[str, str]], parts: Sequence[str], metric: str) -> bootstrap.Estimate:
        """Estimate by how much the first fit of a pair exceeds the second: mean over pairs, parts and seeds.

        The pairs are the detectors that the paper speaks of, all of them: only people and seeds are drawn by chance.
        """
        n = len(parts)
        return self.contrast([[(s / n, f, p) for s, f in ((1, a), (-1, b)) for p in parts] for a, b in pairs], metric)

    def contrast(self, units: Sequence[Sequence[Term]], metric: str, difference: bool = True) -> bootstrap.Estimate:
        """Estimate the mean over units of weighted sums of metrics, over the seeds that all fits have.

        Raises:
            InputError: a fit without runs, a part without crops, fits with different crops.
        """
        terms = [(factor / len(units), fit, part) for unit in units for factor, fit, part in unit]
        values, drawn, unmatched = self._sum(terms, metric)
        limits = (
            (-np.inf, np.inf) if difference else bootstrap.LIMITS.get(metrics.level_and_name(metric)[1], (0.0, 1.0))
        )
        return self._estimate(values, drawn, terms, unmatched=unmatched, limits=limits, given=self.given)

    def ahead(self, units: Sequence[Sequence[Sequence[Term]]], metric: str) -> bootstrap.Estimate:
        """Estimate by how much the share of cells with a positive sum exceeds one half, the mean over units.

        A cell is a weighted sum of metrics, the mean over seeds; a unit is what its cells have in common, such as a
        pair of fits. Each unit counts as a run: how far units differ holds the noise of their seeds, of which each may
        have one. Resampled signs are less certain than the signs themselves, so the interval is rather too wide.
        """
        cells = [[self._sum(cell, metric)[:2] for cell in unit] for unit in units]
        values = [float(np.mean([np.sign(np.mean(own)) for own, _ in unit])) / 2 for unit in cells]
        drawn = np.stack([np.mean([np.sign(again.mean(axis=0)) for _, again in unit], axis=0) / 2 for unit in cells])
        return self._estimate(values, drawn, [term for unit in units for cell in unit for term in cell])

    def _sum(self, terms: Sequence[Term], metric: str) -> tuple[list[float], np.ndarray, int]:
        """Return a weighted sum of metrics over the seeds that all fits have, the same of each resample, and the
        number of seeds that only some have."""
        found = [(factor, *self._of(fit, part, metric)) for factor, fit, part in terms]
        counts = [len(plain) for _, plain, _ in found]
        seeds = range(min(counts))
        values = [sum(factor * plain[seed] for factor, plain, _ in found) for seed in seeds]
        drawn = np.stack([sum(factor * resampled[seed] for factor, _, resampled in found) for seed in seeds])
        return values, drawn, max(counts) - min(counts)

    def _estimate(
        self, values: Sequence[float], drawn: np.ndarray, terms: Sequence[Term], **more
    ) -> bootstrap.Estimate:
        parts, known = {part for _, _, part in terms}, ~np.isnan(drawn).any(axis=0)
        dropped = self._weights[1] + int(np.count_nonzero(~known))
        found = bootstrap.estimate(values, drawn[:, known], self._rows(parts), dropped, self.cfg, **more)
        few = min(self._rows({part})["group"].nunique() for part in parts) < bootstrap.FEW
        return replace(found, few_groups=few)

    def tables(self, fit: str) -> list[pd.DataFrame]:
        """Return the predictions of a fit on all test crops, one table per seed, ordered by crop.

        Raises:
            InputError: it has none, or they are on other crops than those of the fits before.
        """
        if fit not in self._tables:
            self._tables[fit] = self._alike(fit, finished.predictions(self.done, fit))
        return self._tables[fit]

    def _alike(self, fit: str, tables: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
        found = [metrics.checked(t) for t in tables]
        if not found:
            raise InputError(f"fit {fit}", "has no runs", "run the notebook that trains it")
        first = next(iter(self._tables.values()), found)[0]
        fixed = [*metrics.ROW, "label", "group"]
        if any(not t[fixed].equals(first[fixed]) for t in found):
            raise InputError(f"fit {fit}", "met other test crops than the others", "train it again")
        return found

    def part(self, fit: str, part: str) -> list[pd.DataFrame]:
        """Return the predictions of a fit on one part."""
        return [table[self._in(part)].reset_index(drop=True) for table in self.tables(fit)]

    @cached_property
    def _crops(self) -> pd.DataFrame:
        """Return the test crops, the same for all fits."""
        return next(iter(self._tables.values()))[0] if self._tables else self.tables(self.done["arm"].iloc[0])[0]

    def _in(self, part: str) -> np.ndarray:
        """Return whether each test crop belongs to a part: bool n."""
        if part not in self._inside:
            where = self._crops["clip_id"].str.split("/", n=2)
            dataset, method = where.str[0], where.str[1]
            inside = (dataset == "ffpp") & method.isin([part, "real"]) if part in SHORT else dataset == part
            self._inside[part] = inside.to_numpy()
        return self._inside[part]

    def _rows(self, parts: set[str]) -> pd.DataFrame:
        return self._crops[np.any([self._in(part) for part in parts], axis=0)]

    @cached_property
    def _weights(self) -> tuple[np.ndarray, int]:
        return bootstrap.group_weights(self._crops, self.cfg)

    @cached_property
    def _columns(self) -> dict[str, int]:
        """Return the column of each group in the weights."""
        return {group: i for i, group in enumerate(sorted(self._crops["group"].unique()))}

    def _of(self, fit: str, part: str, metric: str) -> tuple[list[float], list[np.ndarray]]:
        level, name = metrics.level_and_name(metric)
        key = (fit, part, level, name in metrics.AT_VALID)
        if key not in self._drawn:
            self._drawn[key] = self._scores(*key)
        plain, drawn = self._drawn[key]
        return [scores[name] for scores in plain], [scores[name] for scores in drawn]

    def valid(self, fit: str) -> list[pd.DataFrame]:
        """Return what the runs of a fit gave the valid crops of FF++, one table per seed.

        Raises:
            InputError: its predictions come from no run.
        """
        found = finished.valid(self.done, fit)
        if len(found) != len(self.tables(fit)):
            raise InputError(f"fit {fit}", "has no predictions of valid", "ask for a metric at .5")
        return found

    def _scores(self, fit: str, part: str, level: str, at_valid: bool) -> tuple[list[dict], list[dict]]:
        plain, drawn, tables = [], [], self.part(fit, part)
        of_valid = [thresholds.of_valid(v)[level] for v in self.valid(fit)] if at_valid else [None] * len(tables)
        for table, at in zip(tables, of_valid, strict=True):
            if not len(table):
                raise InputError(f"part {part}", "holds no test crop", "name a data set of prle.tests, or a method")
            y, p, group = metrics.arrays(table, level)
            columns = np.array([self._columns[g] for g in group])
            # Every group once is the sample itself: the metrics of scikit-learn one by one would take as long again.
            once = np.vstack([np.ones_like(self._weights[0][:1]), self._weights[0]])
            found = bootstrap.weighted_scores(y, p, columns, once, chosen=at)
            plain.append({name: values[0] for name, values in found.items()})
            drawn.append({name: values[1:] for name, values in found.items()})
        return plain, drawn


def weakest(found: Sequence[bootstrap.Estimate], reading: Sequence[str]) -> int:
    """Return the index of the cell that decides a claim on all cells: the worst verdict, then the least value."""
    rank = {"fails": 0, "undecided": 1, "holds": 2}
    return min(range(len(found)), key=lambda i: (rank[reading[i]], found[i].value))
