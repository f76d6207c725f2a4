"""How a scene of any size is cut: cores that tile it, frames (core and halo) that a network sees, and their edges.

Everything lies on the network's stride grid, counted from the scene's upper left corner. A frame ends where the
scene ends, rounded up to the stride: what is missing there is the scene continued by reflection. So a window at the
border sees just what the whole picture at once would show there, and tiled equals whole.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Area:
    """A rectangle of pixels of the scene."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """First row below."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """First column to the right."""
        return self.left + self.width

    def inside(self, other: "Area") -> tuple[slice, slice]:
        """Rows and columns of this area counted from the corner of `other`."""
        top, left = self.top - other.top, self.left - other.left
        return slice(top, top + self.height), slice(left, left + self.width)

    def common(self, other: "Area") -> "Area | None":
        """What both areas cover, None where they do not meet."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        height, width = min(self.bottom, other.bottom) - top, min(self.right, other.right) - left
        return Area(top, left, height, width) if height > 0 and width > 0 else None


@dataclass(frozen=True)
class Window:
    """One piece of the work: the `core` that is kept (inside the scene) of the `frame` that the network sees."""

    index: int
    core: Area
    frame: Area


@dataclass(frozen=True)
class Grid:
    """What the network asks of windows: their sides' common factor, the halo around them, the smallest side."""

    stride: int
    halo: int
    smallest: int

    def padded(self, side: int) -> int:
        """A side of the scene in pixels, as long as the network needs it to be."""
        return max(_up(side, self.stride), _up(self.smallest, self.stride))


def plan(height: int, width: int, core: int, grid: Grid) -> list[Window]:
    """Windows that cover a scene of `height` × `width` px, row by row, cores of at most `core` px (rounded up)."""
    rows, columns = _spans(height, core, grid), _spans(width, core, grid)
    pairs = [(row, column) for row in rows for column in columns]
    return [Window(index, *_areas(row, column)) for index, (row, column) in enumerate(pairs)]


def groups(windows: Sequence[Window], most_pixels: int) -> Iterator[list[Window]]:
    """Neighbouring windows with frames of one shape, together of at most `most_pixels` (or one alone): batches."""
    batch: list[Window] = []
    for window in windows:
        if batch and (_shape(window) != _shape(batch[0]) or (len(batch) + 1) * _pixels(window) > most_pixels):
            yield batch
            batch = []
        batch.append(window)
    if batch:
        yield batch


def share_kept(windows: Sequence[Window]) -> float:
    """Share of the pixels put through the network that are kept; the rest is halo."""
    return sum(w.core.height * w.core.width for w in windows) / sum(map(_pixels, windows))


def extend(canvas: NDArray, height: int, width: int) -> None:
    """Continues what lies in the first `height` × `width` px of `canvas` (H, W, ...) by reflection, over and over.

    As numpy.pad's "reflect": the border itself is not repeated, unless it is all there is.
    """
    if height < canvas.shape[0]:
        canvas[height:, :width] = canvas[_reflected(height, canvas.shape[0]), :width]
    if width < canvas.shape[1]:
        canvas[:, width:] = canvas[:, _reflected(width, canvas.shape[1])]


def _reflected(given: int, wanted: int) -> NDArray[np.intp]:
    """Where the places from `given` to `wanted` - 1 lie in what is given."""
    period = max(2 * (given - 1), 1)
    place = np.arange(given, wanted) % period
    return np.minimum(place, period - place) % given


@dataclass(frozen=True)
class _Span:
    start: int
    stop: int
    frame_start: int
    frame_stop: int


def _spans(side: int, core: int, grid: Grid) -> list[_Span]:
    """Cores of equal length along one side, and their frames; equal lengths waste least at the far end."""
    end = grid.padded(side)
    count = math.ceil(side / max(core, grid.stride))
    step = _up(math.ceil(side / count), grid.stride)
    spans = []
    for start in range(0, side, step):
        stop = min(start + step, side)
        last = min(_up(stop, grid.stride) + grid.halo, end) if stop < side else end
        first = max(0, min(start - grid.halo, last - _up(grid.smallest, grid.stride)))
        spans.append(_Span(start, stop, first, max(last, min(end, first + _up(grid.smallest, grid.stride)))))
    return spans


def _areas(row: _Span, column: _Span) -> tuple[Area, Area]:
    core = Area(row.start, column.start, row.stop - row.start, column.stop - column.start)
    height, width = row.frame_stop - row.frame_start, column.frame_stop - column.frame_start
    return core, Area(row.frame_start, column.frame_start, height, width)


def _up(length: int, unit: int) -> int:
    return -(-length // unit) * unit


def _shape(window: Window) -> tuple[int, int]:
    return window.frame.height, window.frame.width


def _pixels(window: Window) -> int:
    return window.frame.height * window.frame.width
