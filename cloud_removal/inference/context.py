"""Picture-wide statistics of a scene, on a coarse grid: a smooth function of the place, the same for every tiling."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.buffers import Buffers
from cloud_removal.inference.overlap import overlapped
from cloud_removal.inference.windows import Area, extend

Look = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Pictures (B, H, W, 3) -> statistics (B, K)."""
Read = Callable[[Area, NDArray[np.float32]], bool]
"""Writes the picture of an area of the scene, in [0, 1], to an array (H, W, 3); False where it holds no data."""
Place = tuple[int, int]
"""Row and column where a square begins."""
SQUARES_AT_ONCE = 4


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
    side = min(window, height), min(window, width)
    values: dict[Place, NDArray[np.float32]] = {}

    buffers = Buffers()

    def answer(seen: _Squares) -> list[NDArray[np.float32]]:
        answers = list(look(seen.pictures)) if seen.places else []
        buffers.give(seen.pictures)
        return answers

    overlapped(
        places(height, width, window, spacing),
        lambda some: _squares(some, side, smallest, read, buffers),
        answer,
        lambda seen, answers: values.update(zip(seen.places, answers, strict=True)),
    )
    return joined(height, width, window, spacing, size, values)


def places(height: int, width: int, window: int, spacing: int) -> Iterator[Sequence[Place]]:
    """Where the squares of a scene begin, as many at a time as are looked at together."""
    tops, lefts = _starts(height, window, spacing), _starts(width, window, spacing)
    every = [(top, left) for top in sorted(set(tops)) for left in sorted(set(lefts))]
    return _parts(every, SQUARES_AT_ONCE)


def looked(
    some: Sequence[Place], side: tuple[int, int], smallest: int, read: Read, look: Look
) -> dict[Place, NDArray[np.float32]]:
    """Statistics of those squares of `side` px at `some` of the `places` that hold data."""
    seen = _squares(some, side, smallest, read, Buffers())
    return dict(zip(seen.places, look(seen.pictures), strict=True)) if seen.places else {}


def joined(
    height: int, width: int, window: int, spacing: int, size: int, values: Mapping[Place, NDArray[np.float32]]
) -> Nodes:
    """The nodes of a scene out of what was `looked` at in all its `places`."""
    tops, lefts = _starts(height, window, spacing), _starts(width, window, spacing)
    full = _nearest_where_none({(top, left): values.get((top, left)) for top in tops for left in lefts}, size)
    return Nodes(np.stack([np.stack([full[top, left] for left in lefts]) for top in tops]), spacing)


@dataclass(frozen=True)
class _Squares:
    """Squares that hold data, and their pictures (B, H, W, 3)."""

    places: list[Place]
    pictures: NDArray[np.float32]


def _squares(places: Sequence[Place], side: tuple[int, int], smallest: int, read: Read, buffers: Buffers) -> _Squares:
    """The squares that hold any data; small ones are continued by reflection up to `smallest` px."""
    height, width = side
    pictures = buffers.take((len(places), max(height, smallest), max(width, smallest), 3), np.float32)
    held: list[Place] = []
    for top, left in places:
        picture = pictures[len(held)]
        if read(Area(top, left, height, width), picture[:height, :width]):
            extend(picture, height, width)
            held.append((top, left))
    return _Squares(held, pictures[: len(held)])


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


def _nearest_where_none(values: dict[Place, NDArray[np.float32] | None], size: int) -> dict[Place, NDArray[np.float32]]:
    known = {place: value for place, value in values.items() if value is not None}
    if not known:
        return {place: np.zeros(size, np.float32) for place in values}
    places = np.array(list(known))

    def nearest(place: Place) -> NDArray[np.float32]:
        distance = np.square(places - np.array(place)).sum(axis=1)
        return known[tuple(places[int(distance.argmin())])]

    return {place: value if value is not None else nearest(place) for place, value in values.items()}
