"""The residual of a predicted ground put back under the cloud, and how surely it is more than noise.

A pixel is `input = t·ground + (1 - t)·colour`, t the transmission. What cloud adds varies slowly, so that the detail
of the input is t times the ground's: the residual is t times the prediction's detail minus the input's.
A prediction that is too bright or too dark over wide parts leaves nothing; detail that was never seen remains.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.consistency.veil import BORDER, CELL, DEVIATION, REACH, transmission

AROUND = 15
"""Side in pixels of the two means that, one after the other, tell what varies slowly."""
GRAIN = 1.0
"""Standard deviation in pixels of the Gaussian over which the residual is averaged before it is judged."""
TAPS = 9
OUTLIER = 1.5
"""Deviations beyond which a pixel does not count in full for what is around it."""
NEAR, WIDE = 9, 21
"""Cells a side over which deviations are measured: those that bound outliers, and those that scores are in."""
HALO = REACH + 2 * (AROUND - 1) + CELL * (NEAR // 2 + WIDE // 2 + 2) + TAPS // 2
"""Pixels around a pixel that its score depends on at most."""
THRESHOLD = 2.0
"""Score, in standard deviations, from which a pixel is called inconsistent."""
LEAST = 0.0005
"""The least deviation that is expected, of pictures in [0, 1]: an eighth of a grey level of 8 bits."""
FROM_ROOTS = 1.48
"""Deviation of a normal distribution over the square of the mean root of absolute values."""
SEEN_GRAIN = 1.25 / (6.0 * 2.0 * np.sqrt(np.pi) * GRAIN)
"""Noise after the Gaussian, over the mean absolute value of `LAPLACIAN` of white noise."""
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
"""Blind to slopes and straight edges, so that it tells of noise (doi:10.1006/cviu.1996.0060)."""

Plane = NDArray[np.float32]


class Judged(NamedTuple):
    """A picture's prediction beside its input, both (H, W) and NaN where nothing was to be judged."""

    residual: Plane
    """Prediction under the cloud minus input, mean of the bands, in the pictures' units, without what varies slowly."""
    score: Plane
    """The same averaged over a few pixels, in standard deviations of what is to be expected."""


def judged(
    seen: NDArray[np.float32], ground: NDArray[np.float32], where: NDArray[np.bool_], through: Plane | None = None
) -> Judged:
    """Judges the predicted `ground` of what was `seen`, both (H, W, 3) in [0, 1].

    `where` (H, W) thin cloud was removed; H and W are multiples of 4. What is not to be judged has no part in what
    others are compared with. Expected are the deviation of residuals in the surroundings, the sensor's noise there, and
    the error of transmission. That may be up to 1, where hardly any cloud is, and is mostly thought less there: what
    fits at any transmission from the estimated one up fits. `through` (H, W): the transmission, None: as estimated.
    """
    weight = where.astype(np.float32)
    light, predicted = seen.mean(axis=2), ground.mean(axis=2)
    through = transmission(seen) if through is None else through
    slowly = _Slow(weight)
    detail, seen_detail = slowly.without(predicted), slowly.without(light)
    residual = through * detail - seen_detail
    root = np.sqrt(slowly.mean_in_cells(residual * residual, NEAR)) * OUTLIER
    residual -= slowly.of(np.clip(residual, -root, root))
    residual *= weight
    found = _averaged(_least(residual, detail - seen_detail))
    noise = slowly.mean_in_cells(np.abs(cv2.filter2D(light, -1, LAPLACIAN, borderType=BORDER)), WIDE) * SEEN_GRAIN
    spread = slowly.mean_in_cells(np.sqrt(np.abs(_averaged(residual))), WIDE) ** 2 * FROM_ROOTS
    expected = np.sqrt(spread**2 + noise**2 + (DEVIATION * _averaged(detail)) ** 2 + LEAST**2)
    nothing = np.float32(np.nan)
    return Judged(np.where(where, residual, nothing), np.where(where, found / expected, nothing))


def _least(one: Plane, other: Plane) -> Plane:
    """The value nearest to 0 between `one` and `other`."""
    return np.maximum(np.minimum(one, other), 0.0) + np.minimum(np.maximum(one, other), 0.0)


class _Slow:
    """Local means of planes (H, W) that count pixels by their `weight` (H, W)."""

    def __init__(self, weight: Plane):
        self.weight, self._around, self._cells = weight, _twice(weight), _in_cells(weight)

    def of(self, plane: Plane) -> Plane:
        """The mean around each pixel."""
        return np.asarray(_twice(plane * self.weight) / np.maximum(self._around, 1e-4), np.float32)

    def without(self, plane: Plane) -> Plane:
        """What is left beside it; 0 where nothing counts."""
        return (plane - self.of(plane)) * self.weight

    def mean_in_cells(self, plane: Plane, side: int) -> Plane:
        """The mean over `side` × `side` cells around each pixel, never negative."""
        some = _in_cells(plane * self.weight), self._cells
        cells, counted = (cv2.blur(each, (side, side), borderType=BORDER) for each in some)
        mean = np.maximum(cells / np.maximum(counted, 1e-4), 0.0)
        return cv2.resize(mean, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _twice(plane: Plane) -> Plane:
    for _ in range(2):
        plane = cv2.blur(plane, (AROUND, AROUND), borderType=BORDER)
    return plane


def _averaged(plane: Plane) -> Plane:
    return cv2.GaussianBlur(plane, (TAPS, TAPS), GRAIN, borderType=BORDER)


def _in_cells(plane: Plane) -> Plane:
    size = plane.shape[1] // CELL, plane.shape[0] // CELL
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
