"""The whole scene on a coarse grid: where shadows fall, how light the ground around them is, how dark they are.

All that is decided for a scene is decided here, once; it does not depend on how the scene is cut into windows.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.scaling import Scaling
from cloud_removal.inference.scene import Task
from cloud_removal.inference.shadows.search import Grid, Match, blurred, search
from cloud_removal.inference.shadows.sun import Ray
from cloud_removal.inference.windows import Area

SMALLEST_CELL, CELLS = 2, 1 << 20
"""Pixels a side of a cell at least, and most cells of a scene, so that memory is bounded."""
SIDE = 1024
"""Pixels a side, about, of what is read at once."""
CLEAR = 0.1
"""Opacity under which the ground is seen, lit or not."""
DARKEST = 2e-3
"""Brightness that counts as the darkest: logarithms need one."""
REACHES, NEXT = (16.0, 48.0, 144.0), 0.05
"""Standard deviations in pixels of what counts as around a place, and how much each next one counts: where there is
lit ground nearby, that decides."""
EVEN, SOFT = 8.0, 0.15
"""Pixels over which darkness is averaged before it is asked whether there is any, and how softly that is answered."""
FAINTEST, FAINTEST_TOLD = 0.13, 0.02
"""Logarithm of how much darker shadow has to be in each band, or there is none; less will do where a mask tells where
it is. Ground that happens to be dark is so in one or two bands."""
MOST = 0.25
"""The middle one of the cells in full shadow has to be so much of that darker: where there is no shadow at all, some
ground is dark, too, but most is as light as elsewhere. Measured, with clouds that cast none: hardly over 0."""
FEWEST = 64.0
"""Pixels of shadow on clear ground; with fewer nothing is concluded."""


@dataclass(frozen=True)
class Cells:
    """Means over squares of `cell` px a side, from the scene's upper left corner on."""

    cell: int
    light: Grid
    """(R, C, 3) logarithm of the brightness of clear ground (of all with data, where nothing is clear)."""
    opacity: Grid
    """(R, C) of what has data."""
    clear: Grid
    """(R, C) share of the pixels that are clear."""
    known: Grid
    """(R, C) 1 where most pixels have data, else 0."""
    shaded: Grid
    """(R, C) share of the pixels where the mask of another program sees shadow."""


@dataclass(frozen=True)
class Found:
    """Where the shadows of a scene are, and how dark."""

    cell: int
    lit: Grid
    """(R, C, 3) logarithm of the brightness of the ground in the light."""
    depth: tuple[float, float, float]
    """Logarithm of how much darker each band is in full shadow."""
    full: float
    """Opacity from which a cloud casts a full shadow; from half of it on it casts any."""
    rows: int = 0
    columns: int = 0
    """Pixels from a cloud to its shadow, where no mask tells where shadows are."""


def brightness(values: NDArray, scaling: Scaling) -> NDArray[np.float32]:
    """Values (3, H, W) of a raster as brightness that is 0 where no light is: not clipped."""
    wide = np.float64 if values.dtype.itemsize > 2 else np.float32
    planes = [
        (plane.astype(wide) - wide(dark)) * wide(1.0 / span)
        for plane, dark, span in zip(values, darkness(scaling), scaling.span, strict=True)
    ]
    return np.stack(planes).astype(np.float32)


def darkness(scaling: Scaling) -> tuple[float, ...]:
    """Value of no light per band. Percentiles do not know it: there 0 is, if no value is lower."""
    if scaling.kind.startswith("percentiles"):
        return tuple(min(0.0, offset) for offset in scaling.offset)
    return scaling.offset


def gathered(task: Task, finished: Blocks) -> Cells:
    """A scene in cells, read part by part."""
    height, width = task.source.height, task.source.width
    cell = max(SMALLEST_CELL, math.ceil(math.sqrt(height * width / CELLS)))
    shape = -(-height // cell), -(-width // cell)
    sums = {name: np.zeros(shape, np.float32) for name in ("clear", "known", "all", "opacity", "shaded")}
    light, dim = np.zeros((*shape, 3), np.float32), np.zeros((*shape, 3), np.float32)
    step = max(1, SIDE // cell) * cell
    for top in range(0, height, step):
        for left in range(0, width, step):
            area = Area(top, left, min(step, height - top), min(step, width - left))
            place = np.s_[top // cell : -(-area.bottom // cell), left // cell : -(-area.right // cell)]
            bright = np.maximum(brightness(finished.values(area), task.scaling), np.float32(0))
            opacity = finished.opacity(area)[0]
            known = np.isfinite(opacity) & np.isfinite(bright).all(axis=0)
            clear = known & (np.nan_to_num(opacity) < CLEAR)
            sums["all"][place] = _summed(np.ones(opacity.shape, bool), cell)
            sums["known"][place], sums["clear"][place] = _summed(known, cell), _summed(clear, cell)
            sums["opacity"][place] = _summed(np.where(known, opacity, 0), cell)
            if task.mask is not None:
                sums["shaded"][place] = _summed(task.mask.shadow(area) & known, cell)
            for band, plane in enumerate(bright):
                light[place][..., band] = _summed(np.where(clear, plane, 0), cell)
                dim[place][..., band] = _summed(np.where(known, plane, 0), cell)
    some: Grid = np.maximum(sums["known"], np.float32(1))
    seen: Grid = np.maximum(sums["clear"], np.float32(1))
    mean = np.where(sums["clear"][..., None] > 0, light / seen[..., None], dim / some[..., None])
    return Cells(
        cell,
        np.log(np.maximum(mean, np.float32(DARKEST))),
        sums["opacity"] / some,
        sums["clear"] / sums["all"],
        (sums["known"] > 0.5 * sums["all"]).astype(np.float32),
        sums["shaded"] / some,
    )


def found_by_mask(cells: Cells) -> Found | None:
    """The shadows where another program sees them; None where they are hardly darker than the ground around them."""
    return _measured(cells, cells.shaded, 1.0, FAINTEST_TOLD, (0, 0))


def matched(cells: Cells, ray: Ray | None) -> Match | None:
    """How far from clouds, and which way, their shadows are; None where there is nothing to compare."""
    seen = (cells.clear > 0.5).astype(np.float32) * cells.known
    lit = _around(cells.light, seen, cells.cell)
    dark = np.clip((lit - cells.light).min(axis=2), np.float32(-0.7), np.float32(0.7))
    cloud = np.minimum(cells.opacity, np.float32(0.5))
    return search(cloud, dark, seen, cells.known, cells.cell, ray)


def found_at(cells: Cells, rows: int, columns: int) -> Found | None:
    """The shadows so many pixels from their clouds; None where they are hardly darker than the ground around them."""
    thick = cells.opacity[cells.opacity > CLEAR]
    if not thick.size:
        return None
    full = float(np.clip(0.6 * np.percentile(thick, 90), 0.2, 0.6))
    move = np.array([[1.0, 0.0, columns / cells.cell], [0.0, 1.0, rows / cells.cell]])
    cast = cv2.warpAffine(casting(cells.opacity, full), move, cells.opacity.shape[::-1], flags=cv2.INTER_LINEAR)
    return _measured(cells, np.asarray(cast), full, FAINTEST, (rows, columns))


def casting(opacity: Grid, full: float) -> Grid:
    """How much of its light a cloud of such `opacity` takes away, 1 of all that it can."""
    return np.clip((opacity - np.float32(full / 2)) * np.float32(2 / full), np.float32(0), np.float32(1))


def _measured(cells: Cells, cast: Grid, full: float, faintest: float, place: tuple[int, int]) -> Found | None:
    """The ground in the light where no shadow is `cast` (R, C), and how much darker it is where one is."""
    reach = 2 * math.ceil(4 / cells.cell) + 3
    near = cv2.dilate(cast, np.ones((reach, reach), np.uint8)) > 0.1
    seen = cells.clear * cells.known
    outside = np.where(near | (cells.clear <= 0.5), np.float32(0), cells.known)
    if not outside.any():
        return None
    lit = _around(cells.light, outside, cells.cell)
    darker = lit - cells.light
    even = blurred(darker.min(axis=2) * seen, EVEN / cells.cell) / np.maximum(
        blurred(seen, EVEN / cells.cell), np.float32(1e-3)
    )
    weight = seen * cast * np.clip((even + np.float32(0.1)) * np.float32(1 / SOFT), 0, 1)
    if weight.sum() * cells.cell**2 < FEWEST:
        return None
    red, green, blue = (float(np.average(darker[..., band], weights=weight)) for band in range(3))
    middle = np.median(darker[(seen * cast) > 0.5], axis=0) if (seen * cast > 0.5).any() else np.zeros(3)
    if min(red, green, blue) < faintest or (middle < MOST * np.array((red, green, blue))).any():
        return None
    return Found(cells.cell, lit, (red, green, blue), full, *place)


def _around(values: Grid, where: Grid, cell: int) -> Grid:
    """Mean of `values` (R, C, 3) around each cell, of those cells `where` is 1; what is near counts most."""
    total, weight = np.zeros_like(values), np.zeros_like(where)
    for step, reach in enumerate(REACHES):
        sigma, share = max(reach / cell, 0.8), np.float32(NEXT**step)
        weight += share * blurred(where, sigma)
        for band in range(3):
            total[..., band] += share * blurred(values[..., band] * where, sigma)
    everywhere = (values * where[..., None]).sum(axis=(0, 1)) / max(float(where.sum()), 1.0)
    trace = np.float32(1e-6)
    return (total + trace * everywhere) / (weight + trace)[..., None]


def _summed(values: NDArray, cell: int) -> Grid:
    """Sums over cells of `values` (H, W); the last row and column of cells may be cut short."""
    rows = np.add.reduceat(values.astype(np.float32), np.arange(0, values.shape[0], cell), axis=0)
    return np.add.reduceat(rows, np.arange(0, values.shape[1], cell), axis=1)
