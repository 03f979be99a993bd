"""One interval for people and seeds: what an estimate carries, and how its two sources of chance become one interval.

An estimate is a mean over seeds of a number that was measured on people. Were the study made again, both would be
others, so both widen the interval. The variance of the estimate is

    people + seeds / n,    n seeds

* people: the covariance over resamples of the source groups between the numbers of two seeds (with one seed the
  variance of its number). It is what all seeds share; n more seeds would not lower it.
* seeds: the variance of the numbers of single seeds, which holds two parts: other initial weights and order, and that
  each fit has trouble with people of its own.

Source: Obuchowski and Rockette (1995), *Hypothesis testing of diagnostic accuracy for multiple readers and multiple
tests*, for readers and patients, here seeds and people; Hillis (2007), *A comparison of denominator degrees of freedom
methods for multiple observer ROC studies*. The two parts have degrees of freedom of their own (groups - 1, and n - 1 or
those of a pooled variance), so the interval is the value plus or minus the standard error times a mean of the two
quantiles of Student's t.
Differs: Cochran and Cox (*Experimental Designs*, 1957, 4.14) weigh the quantiles by the share of the variance, which
covers too often; Satterthwaite's degrees of freedom, which Hillis uses, cover 87 % with two seeds and 92 % with three
where seeds matter most. The weight is the share of seeds to the power 5/4, chosen by benchmarks/bench_coverage.py: true
coverage then lies between 93 and 97 %.
"""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import optimize, special

POWER = 1.25  # of the share of seeds in the variance, see above
LEAST_P = 1e-9  # smaller p-values are not told apart


@dataclass(frozen=True)
class Estimate:
    """An estimate with its interval: the mean over seeds of a metric, or of a difference of two arms, seed by seed.

    `low` and `high` are the interval for people and seeds; nan where the noise of seeds is unknown, which is so with a
    single seed unless other arms lend theirs (see `pooling`). `spread` is the standard deviation over the own seeds
    (ddof 1; nan with one), `per_seed` the number of each, `resamples` those used, `dropped` those in which a class was
    missing, `few_groups` the warning that fewer than ten groups were there.

    What the interval is made of: `people`, the standard error from people; `own`, the standard deviation in the number
    of one seed that comes from people with whom that fit alone has trouble; `seed_sd` and `seed_df`, the standard
    deviation over seeds that was used and its degrees of freedom (0 with infinite ones for a detector that is given, as
    a rule without training is); `pooled`, whether it is that of several arms. `unmatched` counts the seeds that only
    one side of a difference has, and that it leaves out.
    """

    value: float
    low: float
    high: float
    spread: float
    per_seed: tuple[float, ...]
    frames: int
    clips: int
    groups: int
    resamples: int
    dropped: int
    few_groups: bool
    unpaired: int = 0
    people: float = float("nan")
    own: float = 0.0
    seed_sd: float = float("nan")
    seed_df: float = 0.0
    pooled: bool = False
    unmatched: int = 0
    confidence: float = 0.95
    limits: tuple[float, float] = field(default=(-math.inf, math.inf), repr=False)

    @property
    def error(self) -> float:
        """Return the standard error from people and seeds, nan where one of them is unknown."""
        return math.hypot(self.people, self.seed_sd / math.sqrt(len(self.per_seed)))

    def seed_half(self, confidence: float) -> float:
        """Return the half width that the interval would have if only seeds varied."""
        quantile = float(special.stdtrit(self.seed_df, (1 + confidence) / 2))
        return quantile * self.seed_sd / math.sqrt(len(self.per_seed)) if self.seed_sd else 0.0

    def quantile(self, p: float) -> float:
        """Return the quantile of (estimate - truth) / error: Student's, between those of people and of seeds."""
        if not self.error:
            return 0.0
        weight = (self.seed_sd / math.sqrt(len(self.per_seed)) / self.error) ** (2 * POWER)
        people = special.stdtrit(max(self.groups - 1, 1), p)
        return float(people + weight * (special.stdtrit(self.seed_df, p) - people))

    def p_value(self, null: float = 0.0) -> float:
        """Return the two-sided p of the hypothesis that the truth is `null`: where the interval just reaches it."""
        far = abs(self.value - null)
        if math.isnan(self.error) or math.isnan(far):
            return math.nan
        if not self.error:
            return 1.0 if not far else LEAST_P

        def beyond(p: float) -> float:
            return self.quantile(1 - p / 2) * self.error - far

        return 1.0 if not far else LEAST_P if beyond(LEAST_P) < 0 else float(optimize.brentq(beyond, LEAST_P, 1.0))

    def detectable(self, power: float = 0.8) -> float:
        """Return the smallest effect that an interval of this width excludes 0 for in `power` of all studies."""
        return (self.quantile((1 + self.confidence) / 2) + self.quantile(power)) * self.error


def completed(e: Estimate) -> Estimate:
    """Return the estimate with the interval that its components give, cut to the values that the metric can take."""
    if math.isnan(e.error):
        return replace(e, low=math.nan, high=math.nan)
    half = e.quantile((1 + e.confidence) / 2) * e.error
    low, high = e.limits
    return replace(e, low=max(e.value - half, min(low, e.value)), high=min(e.value + half, max(high, e.value)))


def components(drawn: np.ndarray, groups: int) -> tuple[float, float]:
    """Split the variance of resampled numbers into what seeds share and what each has alone.

    Args:
        drawn: seeds x resamples, or resamples alone, the mean over seeds: then all of it counts as shared.
        groups: how many were resampled; a resample varies by (groups - 1) / groups too little.

    Returns:
        The standard error that all seeds share, and the standard deviation of the rest in one seed.
    """
    drawn = np.atleast_2d(drawn)
    seeds = len(drawn)
    factor = groups / max(groups - 1, 1)
    mean = factor * drawn.mean(axis=0).var()
    if seeds == 1:
        return math.sqrt(mean), 0.0
    single = factor * drawn.var(axis=1).mean()
    shared = max(0.0, (seeds * mean - single) / (seeds - 1))  # the mean covariance of two seeds
    return math.sqrt(shared), math.sqrt(max(0.0, single - shared))
