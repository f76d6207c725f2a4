"""Which way and how far shadows lie from their clouds: where dark places match the clouds' outlines.

Source of the idea: Zhu and Woodcock, Fmask, Remote Sensing of Environment 118 (2012), whose clouds are moved along the
sun's direction, one by one, to where the ground is dark. Here all are moved at once, every way, by correlation.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.shadows.sun import Ray

Grid = NDArray[np.float32]
SCALES = (4.0, 8.0)
"""Standard deviations, in cells, of what is taken away before comparing: outlines tell, large bright regions do not."""
LEAST_OVERLAP = 0.2
NEAREST, FARTHEST = 8.0, 1.0 / 3.0
"""Pixels, and share of the scene's shorter side, between which a shadow lies from its cloud, unless it is known."""
CONE = 0.1
"""Sine of the angle by which the way may differ from the sun's."""
CLEAR_PEAK, CLEAR_ALONE, KNOWN_PEAK = 4.4, 1.4, 3.5
"""In robust standard deviations over all ways and lengths: how high the best match has to be, and how many times as
high as any elsewhere; how high where the sun is known. Measured, see docs/shadows.md."""
SMALLEST = 16
"""Cells a side; in fewer nothing is looked for."""


@dataclass(frozen=True)
class Match:
    """The best match."""

    rows: int
    columns: int
    """Pixels from a cloud to its shadow."""
    height: float
    """In robust standard deviations."""
    alone: float
    """How many times as high as the best match elsewhere."""
    clear: bool
    """Whether it is to be believed."""


def search(cloud: Grid, dark: Grid, seen: Grid, known: Grid, cell: int, ray: Ray | None) -> Match | None:
    """`cloud` (R, C) opacity; `dark` how much darker than in the light, where `seen` is 1; `known`: 1 with data.

    `cell`: pixels a side of what is one value. None where there is too little to compare.
    """
    if min(cloud.shape) < SMALLEST or not cloud.any() or not seen.any():
        return None
    rows, columns = _places(cloud.shape)
    length = np.hypot(rows, columns)
    near, far = max(NEAREST / cell, 2.0), min(cloud.shape) * FARTHEST
    if ray is not None and ray.farthest is not None and ray.nearest is not None:
        near, far = max(1.0, min(near, ray.nearest / cell - 1.0)), max(far, ray.farthest / cell + 1.0)
    ring = (length >= near) & (length <= far)
    if not ring.any():
        return None
    heights = np.zeros(length.shape, np.float32)
    for scale in SCALES:
        found = _correlation(_outlines(dark, seen, scale), seen, _outlines(cloud, known, scale), known)
        middle = np.median(found[ring])
        spread = 1.4826 * np.median(np.abs(found[ring] - middle))
        heights += (found - middle) / np.float32(max(spread, 1e-6) * len(SCALES))
    allowed = ring if ray is None else ring & _along(rows, columns, ray, cell)
    if not allowed.any():
        return None
    return _best(heights, rows, columns, allowed, ring, cell, ray is not None)


def _best(heights: Grid, rows: Grid, columns: Grid, allowed: NDArray, ring: NDArray, cell: int, known: bool) -> Match:
    place = np.unravel_index(np.where(allowed, heights, -np.inf).argmax(), heights.shape)
    away = np.hypot(rows - rows[place], columns - columns[place])
    elsewhere = ring & (away > max(10.0 / cell + 3.0, 0.4 * math.hypot(rows[place], columns[place])))
    other = max(float(heights[elsewhere].max()), 1e-6) if elsewhere.any() else 1e-6
    best = float(heights[place])
    clear = best >= KNOWN_PEAK if known else best >= CLEAR_PEAK and best >= CLEAR_ALONE * other
    return Match(round(float(rows[place]) * cell), round(float(columns[place]) * cell), best, best / other, clear)


def _along(rows: Grid, columns: Grid, ray: Ray, cell: int) -> NDArray[np.bool_]:
    """Which moves are along a ray, as far as it is known how long they are."""
    forth = rows * ray.toward[0] + columns * ray.toward[1]
    beside = np.abs(rows * ray.toward[1] - columns * ray.toward[0])
    allowed = (forth > 0) & (beside <= np.maximum(1.5, CONE * forth))
    if ray.nearest is not None and ray.farthest is not None:
        allowed &= (forth >= ray.nearest / cell - 1.0) & (forth <= ray.farthest / cell + 1.0)
    return np.asarray(allowed)


def _places(shape: tuple[int, int]) -> tuple[Grid, Grid]:
    """Rows and columns that each value of a correlation is moved by."""
    sides = [2 * side for side in shape]
    rows, columns = (np.arange(side, dtype=np.float32) - side // 2 for side in sides)
    return np.broadcast_to(rows[:, None], sides).copy(), np.broadcast_to(columns, sides).copy()


def _outlines(values: Grid, where: Grid, scale: float) -> Grid:
    """`values` less their mean around each place, 0 outside `where`."""
    mean = blurred(values * where, scale) / np.maximum(blurred(where, scale), np.float32(1e-3))
    return np.where(where > 0, values - mean, np.float32(0))


def blurred(values: Grid, sigma: float) -> Grid:
    """Gaussian of standard deviation `sigma` cells; nothing outside."""
    side = 2 * math.ceil(3.0 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(values, (side, side), sigma, borderType=cv2.BORDER_CONSTANT))


def _correlation(dark: Grid, seen: Grid, cloud: Grid, known: Grid) -> Grid:
    """Pearson's, over what is seen of both, for each move of `cloud`; no move in the middle.

    Source: Padfield, Masked object registration in the Fourier domain, IEEE Trans. Image Processing 21 (2012).
    """
    shape = dark.shape[0] * 2, dark.shape[1] * 2
    still = [np.fft.rfft2(x, shape) for x in (seen, dark * seen, dark * dark * seen)]
    moved = [np.conj(np.fft.rfft2(x, shape)) for x in (known, cloud * known, cloud * cloud * known)]

    def sums(one: int, other: int) -> Grid:
        return np.asarray(np.fft.irfft2(still[one] * moved[other], shape), np.float32)

    count = np.maximum(sums(0, 0), 1.0)
    darkness, clouds = sums(1, 0), sums(0, 1)
    together = sums(1, 1) - darkness * clouds / count
    spreads = np.maximum(sums(2, 0) - darkness**2 / count, 0.0), np.maximum(sums(0, 2) - clouds**2 / count, 0.0)
    found = together / np.sqrt(np.maximum(spreads[0] * spreads[1], 1e-12))
    found[(spreads[1] < 0.01 * spreads[1].max()) | (count < LEAST_OVERLAP * count.max())] = 0.0
    return np.asarray(np.fft.fftshift(found), np.float32)
