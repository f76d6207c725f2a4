"""The brightness of one date in the values of another: a gain and an offset per band, from ground clear on both."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 100_000
"""Pixels looked at, drawn by a fixed rule from what there is."""
FEWEST = 50
"""Pixels clear on both dates; with fewer nothing is concluded."""
STEEPEST = 4.0
"""A gain beyond this, or under its inverse, is none between two pictures of one place: spreads are compared instead."""
CORE, ROUNDS = 4.685, 30
"""Of Tukey's biweight: deviations (in robust standard deviations) from which a pixel counts nothing, and how often it
is weighed anew."""
PAIRS = 1 << 14
"""Pairs of pixels whose slopes the first guess is the median of."""


@dataclass(frozen=True)
class Matching:
    """`value · gain + offset` per band turns the values of a date into those of the reference."""

    gain: tuple[float, ...] = (1.0, 1.0, 1.0)
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    pixels: int = 0
    """On which it rests; 0: there were too few, and values stay as they are."""

    def applied(self, values: NDArray) -> NDArray[np.floating]:
        """Values (3, H, W) as the reference would have them, not rounded."""
        wide = values.dtype.itemsize > 4 or values.dtype in (np.int32, np.uint32)
        matched: NDArray[np.floating] = values.astype(np.float64 if wide else np.float32)
        for plane, gain, offset in zip(matched, self.gain, self.offset, strict=True):
            plane *= plane.dtype.type(gain)
            plane += plane.dtype.type(offset)
        return matched


def match(other: NDArray, reference: NDArray) -> Matching:
    """From values (3, N) of pixels that are clear on both dates: of the other date and of the reference."""
    count = other.shape[1]
    if count < FEWEST:
        return Matching()
    some = np.sort(np.random.default_rng(0).choice(count, min(count, MOST), replace=False))
    bands = zip(other[:, some].astype(np.float64), reference[:, some].astype(np.float64), strict=True)
    gains, offsets = zip(*(fitted(x, y) for x, y in bands), strict=True)
    return Matching(gains, offsets, count)


def fitted(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Gain and offset of the line through most of the points: outliers (what changed on the ground) count nothing.

    The median slope of pairs (Theil 1950, Sen 1968) to begin with, then least squares, weighed anew by Tukey's
    biweight (Beaton, Tukey 1974). Where `x` hardly varies, the gain is 1.
    """
    gain = _median_slope(x, y)
    if gain is None:
        return 1.0, float(np.median(y - x))
    offset = float(np.median(y - gain * x))
    for _ in range(ROUNDS):
        away = y - (gain * x + offset)
        spread = 1.4826 * float(np.median(np.abs(away))) + 1e-9 * (1.0 + float(np.ptp(y)))
        weight = np.square(np.clip(1.0 - np.square(away / (CORE * spread)), 0.0, None))
        before, (gain, offset) = (gain, offset), _weighed(x, y, weight, gain, offset)
        if abs(gain - before[0]) < 1e-9:
            break
    if not 1.0 / STEEPEST <= gain <= STEEPEST:
        gain = float(np.clip(_spread(y) / max(_spread(x), 1e-12), 1.0 / STEEPEST, STEEPEST))
        offset = float(np.median(y) - gain * np.median(x))
    return gain, offset


def _median_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Of pairs of points drawn by a fixed rule; None where hardly any pair differs in `x`."""
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, len(x), (2, PAIRS))
    run = x[second] - x[first]
    wide = np.abs(run) > 0.1 * (_spread(x) or float(np.ptp(x)))
    if np.count_nonzero(wide) < FEWEST:
        return None
    return float(np.median((y[second] - y[first])[wide] / run[wide]))


def _weighed(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64], gain: float, offset: float
) -> tuple[float, float]:
    """Least squares; `gain` and `offset` as they are where the weighed points do not differ in `x`."""
    total = weight.sum()
    if total <= 0.0:
        return gain, offset
    middle_x, middle_y = float(weight @ x / total), float(weight @ y / total)
    variance = float(weight @ np.square(x - middle_x))
    if variance <= 1e-12 * total * (1.0 + middle_x * middle_x):
        return gain, offset
    steep = float(weight @ ((x - middle_x) * (y - middle_y))) / variance
    return steep, middle_y - steep * middle_x


def _spread(values: NDArray[np.float64]) -> float:
    """Robust standard deviation."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
