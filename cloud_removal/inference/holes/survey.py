"""How large the holes of a scene are that were filled: by windows, so that memory stays bounded."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.windows import Area

Codes = Callable[[Area], NDArray[np.uint8]]
"""An area of the scene -> provenance (H, W)."""


@dataclass(frozen=True)
class Holes:
    """The holes of a scene."""

    count: int
    largest: int
    """Pixels of the largest."""
    place: tuple[float, float]
    """Row and column of a place in the largest."""
    too_deep: int
    """Pixels farther from ground that is known than the model learned to fill."""


def survey(
    height: int, width: int, areas: Iterable[Area], read: Codes, hole: int, unknown: int, deepest: float
) -> Holes | None:
    """The holes of a scene of `height` × `width` px, None where there is none.

    `areas` tile the scene, row by row. Pixels of code `hole` that touch with a side are one hole; those farther than
    `deepest` px from any that are neither `hole` nor `unknown` are too deep.
    """
    parts, too_deep = Parts(width), 0
    margin = math.ceil(deepest) + 1
    for area in areas:
        parts.add(area, read(area) == hole)
        if parts.latest:
            seen = _grown(area, margin, height, width)
            too_deep += _deeper(read(seen), area.inside(seen), hole, unknown, deepest)
    return parts.holes(too_deep)


class Parts:
    """Parts of holes found area by area, joined where they meet at the areas' borders."""

    def __init__(self, width: int):
        self._parent, self._pixels, self._place = [0], [0], [(0.0, 0.0)]
        self._above = np.zeros(width, np.int64)
        """Part of each column in the row above the area."""
        self._beside: tuple[int, int, NDArray[np.int64]] = (-1, -1, np.zeros(0, np.int64))
        """Top and right of the last area, and the parts in its last column."""
        self.latest = 0
        """How many parts the last area had."""

    def add(self, area: Area, mask: NDArray[np.bool_]) -> None:
        """Takes in the next area, whose holes are `mask` (H, W)."""
        self.latest, found, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
        self.latest -= 1
        labels = np.where(found > 0, found + len(self._parent) - 1, 0).astype(np.int64)
        for part in range(1, self.latest + 1):
            self._parent.append(len(self._parent))
            self._pixels.append(int(stats[part, cv2.CC_STAT_AREA]))
            self._place.append((area.top + float(centres[part][1]), area.left + float(centres[part][0])))
        columns = slice(area.left, area.right)
        if area.top > 0:
            self._join(self._above[columns], labels[0])
        if self._beside[:2] == (area.top, area.left):
            self._join(self._beside[2], labels[:, 0])
        self._above[columns] = labels[-1]
        self._beside = area.top, area.right, labels[:, -1]

    def holes(self, too_deep: int) -> Holes | None:
        """All that was found."""
        sums: dict[int, int] = {}
        for part in range(1, len(self._parent)):
            root = self._root(part)
            sums[root] = sums.get(root, 0) + self._pixels[part]
        if not sums:
            return None
        largest = max(sums, key=lambda root: sums[root])
        return Holes(len(sums), sums[largest], self._place[largest], too_deep)

    def _join(self, some: NDArray[np.int64], others: NDArray[np.int64]) -> None:
        both = (some > 0) & (others > 0)
        for one, other in set(zip(some[both].tolist(), others[both].tolist(), strict=True)):
            roots = sorted((self._root(one), self._root(other)))
            self._parent[roots[1]] = roots[0]

    def _root(self, part: int) -> int:
        while self._parent[part] != part:
            self._parent[part] = self._parent[self._parent[part]]
            part = self._parent[part]
        return part


def _deeper(codes: NDArray[np.uint8], core: tuple[slice, slice], hole: int, unknown: int, deepest: float) -> int:
    dark = (codes == hole) | (codes == unknown)
    depth = cv2.distanceTransform(dark.astype(np.uint8), cv2.DIST_L2, 5)
    return int(np.count_nonzero((depth[core] > deepest) & (codes[core] == hole)))


def _grown(area: Area, margin: int, height: int, width: int) -> Area:
    top, left = max(0, area.top - margin), max(0, area.left - margin)
    bottom, right = min(height, area.bottom + margin), min(width, area.right + margin)
    return Area(top, left, bottom - top, right - left)
