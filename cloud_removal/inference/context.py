"""Picture-wide statistics of a scene, on a coarse grid: a smooth function of the place, the same for every tiling."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.windows import Area, extended

Look = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Pictures (B, H, W, 3) -> statistics (B, K)."""
Read = Callable[[Area], tuple[NDArray[np.float32], NDArray[np.bool_]]]
"""An area of the scene -> its picture (H, W, 3) in [0, 1], and where it holds data (H, W)."""
SQUARES_A_STRIP = 16
"""Node squares read and looked at together; bounds the memory of wide scenes."""


@dataclass(frozen=True)
class Nodes:
    """Statistics (R, C, K) at every `spacing` px, from the scene's upper left corner on."""

    values: NDArray[np.float32]
    spacing: int

    def over(self, frame: Area, stride: int) -> NDArray[np.float32]:
        """Statistics in the middle of each cell of the stride grid in `frame`: (H/stride, W/stride, K), bilinear."""
        rows, columns, _ = self.values.shape
        above, below, down = _between(frame.top, frame.height, stride, self.spacing, rows)
        left, right, across = _between(frame.left, frame.width, stride, self.spacing, columns)
        line = _mixed(self.values[above], self.values[below], down[:, None, None])
        return _mixed(line[:, left], line[:, right], across[None, :, None])


def measure(
    height: int,
    width: int,
    window: int,
    spacing: int,
    size: int,
    smallest: int,
    read: Read,
    look: Look,
) -> Nodes:
    """Statistics of a scene of `height` × `width` px at nodes `spacing` px apart.

    Each node is seen through a square of `window` px around it, moved inside the scene (a scene smaller than that is
    looked at whole, once); pictures smaller than `smallest` are continued by reflection. Squares without data take the
    statistics of the nearest that has.
    """
    tops, lefts = _starts(height, window, spacing), _starts(width, window, spacing)
    side = min(window, height), min(window, width)
    values: dict[tuple[int, int], NDArray[np.float32] | None] = {}
    for top in sorted(set(tops)):
        for some in _parts(sorted(set(lefts)), SQUARES_A_STRIP):
            squares = _squares(top, some, side, read)
            answers = _looked_at(list(squares.values()), smallest, look)
            values |= {(top, left): None for left in some}
            values |= {(top, left): answer for left, answer in zip(squares, answers, strict=True)}
    full = _nearest_where_none(values, size)
    return Nodes(np.stack([np.stack([full[top, left] for left in lefts]) for top in tops]), spacing)


def _squares(top: int, lefts: Sequence[int], side: tuple[int, int], read: Read) -> dict[int, NDArray[np.float32]]:
    """The squares at `lefts` that hold any data; the strip they lie in is read once."""
    strip, present = read(Area(top, lefts[0], side[0], lefts[-1] - lefts[0] + side[1]))
    places = {left: slice(left - lefts[0], left - lefts[0] + side[1]) for left in lefts}
    return {left: strip[:, columns] for left, columns in places.items() if present[:, columns].any()}


def _looked_at(pictures: Sequence[NDArray[np.float32]], smallest: int, look: Look) -> Iterator[NDArray[np.float32]]:
    """Statistics of each picture, four at a time; small ones are continued by reflection up to `smallest` px."""
    for some in _parts(pictures, 4):
        height, width = some[0].shape[:2]
        yield from look(np.stack([extended(p, max(height, smallest), max(width, smallest)) for p in some]))


def _starts(side: int, window: int, spacing: int) -> list[int]:
    """Where the square of each node begins along one side."""
    nodes = range(0, max(1, -(-side // spacing)) * spacing + 1, spacing)
    return [min(max(0, node - window // 2), max(0, side - window)) for node in nodes]


def _between(
    first: int, length: int, stride: int, spacing: int, nodes: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """For each cell: the node before it, the one after it, and how far it lies between them (0 to 1)."""
    place = np.clip((first + (np.arange(length // stride) + 0.5) * stride) / spacing, 0, nodes - 1)
    before = np.minimum(place.astype(np.intp), nodes - 1)
    return before, np.minimum(before + 1, nodes - 1), (place - before).astype(np.float32)


def _mixed(a: NDArray[np.float32], b: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    return a + share * (b - a)  # In this form exactly `a` where both are equal.


def _parts(things: Sequence, length: int) -> Iterator[Sequence]:
    for start in range(0, len(things), length):
        yield things[start : start + length]


def _nearest_where_none(
    values: dict[tuple[int, int], NDArray[np.float32] | None], size: int
) -> dict[tuple[int, int], NDArray[np.float32]]:
    known = {place: value for place, value in values.items() if value is not None}
    if not known:
        return {place: np.zeros(size, np.float32) for place in values}
    places = np.array(list(known))

    def nearest(place: tuple[int, int]) -> NDArray[np.float32]:
        distance = np.square(places - np.array(place)).sum(axis=1)
        return known[tuple(places[int(distance.argmin())])]

    return {place: value if value is not None else nearest(place) for place, value in values.items()}
