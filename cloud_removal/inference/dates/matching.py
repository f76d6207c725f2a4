"""The brightness of one date in the values of another: a gain and an offset per band, from ground clear on both."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 100_000
"""Pixels looked at, drawn by a fixed rule from what there is."""
FEWEST = 50
"""Pixels clear on both dates; with fewer nothing is concluded."""
STEEPEST = 4.0
"""A gain of more, or of less than its inverse, is none between two pictures of one place."""
HUBER, TUKEY, ROUNDS = 1.345, 4.685, 30
"""Deviations, in robust standard deviations, from which a pixel counts less (Huber) and nothing (Tukey); how often
pixels are weighed anew."""
AGREE = 0.5
"""Most of the ground is the same where the median deviation shrinks to this share once what changed counts nothing."""
PAIRS = 1 << 14
"""Pairs of pixels whose slopes the first guess is the median of."""

Line = tuple[float, float]
"""Gain and offset."""
Weigh = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Weights of points by how far they are away, in robust standard deviations."""


@dataclass(frozen=True)
class Matching:
    """`value · gain + offset` per band turns the values of a date into those of the reference."""

    gain: tuple[float, ...] = (1.0, 1.0, 1.0)
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    pixels: int = 0
    """On which it rests; 0: there were too few, and values stay as they are."""
    error: tuple[float, ...] = (0.0, 0.0, 0.0)
    """Root of the mean square of what differs on clear ground all the same, per band."""

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
    x, y = (values[:, some].astype(np.float64) for values in (other, reference))
    gains, offsets = (np.array(part) for part in zip(*map(fitted, x, y), strict=True))
    away = y - gains[:, None] * x - offsets[:, None]
    error = np.sqrt(np.square(away).mean(axis=1))
    return Matching(tuple(gains.tolist()), tuple(offsets.tolist()), count, tuple(error.tolist()))


def fitted(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Gain and offset that give `x` the mean and the spread of `y`, little moved by outliers.

    What is an outlier shows in regression: from the median slope of pairs (Theil 1950, Sen 1968), least squares
    weighed anew by Huber's function (1964). Where most of the ground is the same, and so lies far nearer to one line,
    what changed then counts nothing: Tukey's biweight (Beaton, Tukey 1974). The weights are kept, the slope is not: of
    ground that changed all over it is near 0, and would leave a date without contrast.
    """
    gain = _median_slope(x, y)
    if gain is None:
        return 1.0, float(np.median(y - x))
    line = _reweighed(x, y, (gain, float(np.median(y - gain * x))), _huber)
    same = _reweighed(x, y, line, _tukey)
    agree = _away(x, y, same) < AGREE * _away(x, y, line)
    line, weigh = (same, _tukey) if agree else (line, _huber)
    weight = weigh(_deviations(x, y, line))
    middles = [float(weight @ values / weight.sum()) for values in (x, y)]
    spreads = [float(weight @ np.square(v - middle)) for v, middle in zip((x, y), middles, strict=True)]
    gain = float(np.clip(np.sqrt(spreads[1] / max(spreads[0], 1e-12)), 1.0 / STEEPEST, STEEPEST))
    return gain, middles[1] - gain * middles[0]


def _reweighed(x: NDArray[np.float64], y: NDArray[np.float64], line: Line, weigh: Weigh) -> Line:
    for _ in range(ROUNDS):
        before = line
        line = _weighed(x, y, weigh(_deviations(x, y, line)), line)
        if abs(line[0] - before[0]) < 1e-9:
            break
    return line


def _huber(away: NDArray[np.float64]) -> NDArray[np.float64]:
    return HUBER / np.maximum(np.abs(away), HUBER)


def _tukey(away: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.square(np.clip(1.0 - np.square(away / TUKEY), 0.0, None))


def _deviations(x: NDArray[np.float64], y: NDArray[np.float64], line: Line) -> NDArray[np.float64]:
    """Distances from a line in robust standard deviations."""
    spread = 1.4826 * _away(x, y, line) + 1e-9 * (1.0 + float(np.ptp(y)))
    return (y - line[0] * x - line[1]) / spread


def _away(x: NDArray[np.float64], y: NDArray[np.float64], line: Line) -> float:
    """Median distance from a line."""
    return float(np.median(np.abs(y - line[0] * x - line[1])))


def _median_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Of pairs of points drawn by a fixed rule; None where hardly any pair differs in `x`."""
    generator = np.random.default_rng(0)
    first, second = generator.integers(0, len(x), (2, PAIRS))
    run = x[second] - x[first]
    wide = np.abs(run) > 0.1 * (_spread(x) or float(np.ptp(x)))
    if np.count_nonzero(wide) < FEWEST:
        return None
    return float(np.median((y[second] - y[first])[wide] / run[wide]))


def _weighed(x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64], line: Line) -> Line:
    """Least squares; `line` as it is where the weighed points do not differ in `x`."""
    total = weight.sum()
    if total <= 0.0:
        return line
    middle_x, middle_y = float(weight @ x / total), float(weight @ y / total)
    variance = float(weight @ np.square(x - middle_x))
    if variance <= 1e-12 * total * (1.0 + middle_x * middle_x):
        return line
    gain = float(weight @ ((x - middle_x) * (y - middle_y))) / variance
    return gain, middle_y - gain * middle_x


def _spread(values: NDArray[np.float64]) -> float:
    """Robust standard deviation."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
