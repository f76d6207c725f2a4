"""Split-conformal intervals: how wide they must be to hold the truth, whether they do, and what they are good for.

A score is an error over what was expected of it. Scores of pixels that took no part in training are sorted; the width
that a share of them keeps to is kept to by new ones of their kind with the same probability, whatever the distribution
(Lei et al. 2018, doi:10.1080/01621459.2017.1307116, algorithm 2). With a quantile for each class of pixels it holds
within each class (Mondrian conformal prediction; Vovk, Gammerman, Shafer 2005, section 4.5).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class Accepted:
    """Pixels whose uncertainty is at most a threshold."""

    threshold: float
    share: float
    """Of all pixels."""
    error: float
    """Mean absolute error of those that are accepted, NaN where none is."""


def quantile(scores: Numbers, coverage: float) -> float:
    """The ceil((n + 1)·`coverage`)-th smallest of n `scores`; infinite where that is more than there are.

    A further score of the same kind is at most so large with a probability of at least `coverage`.
    """
    rank = math.ceil((scores.size + 1) * coverage - 1e-9)  # 0.9 · 10 is not quite 9 in binary fractions.
    if rank > scores.size:
        return math.inf
    return float(np.partition(scores.ravel(), rank - 1)[rank - 1])


def covered(errors: Numbers, widths: Numbers) -> float:
    """Share of the absolute `errors` that are within the half-`widths`; NaN where there are none."""
    return float(np.mean(errors <= widths)) if errors.size else math.nan


def accepted(errors: Numbers, widths: Numbers, thresholds: Numbers) -> list[Accepted]:
    """What is left, and how wrong it is, where pixels of a larger uncertainty than each threshold are left out."""
    found = []
    for threshold in thresholds:
        taken = widths <= threshold
        error = float(errors[taken].mean()) if taken.any() else math.nan
        found.append(Accepted(float(threshold), float(taken.mean()), error))
    return found


def risk(errors: Numbers, widths: Numbers) -> float:
    """Area under the risk-coverage curve: mean error of the share of least uncertainty, over all shares.

    Pixels of equal uncertainty are taken in together: each has the mean error of them all. Lower is better; the least
    is reached where uncertainty sorts pixels as their errors do (Geifman, El-Yaniv 2017, arXiv:1705.08500).
    """
    _, group = np.unique(widths, return_inverse=True)
    counts = np.bincount(group)
    expected = (np.bincount(group, errors) / counts)[np.sort(group)]
    return float(np.mean(np.cumsum(expected) / np.arange(1, expected.size + 1)))
