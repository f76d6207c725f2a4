"""How a scene of any size is cut: cores that tile it, frames (core and halo) that a network sees, and their edges.

Everything lies on the network's stride grid, counted from the scene's upper left corner. A frame ends where the
scene ends, rounded up to the stride: what is missing there is the scene continued by reflection. So a window at the
border sees just what the whole picture at once would show there, and tiled equals whole.

That holds where the network looks no farther than the halo. One that looks at its window as a whole answers
differently in each: there frames of one size reach into the next cores, and over what they share answers are blended.
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
    shared: tuple[int, int] = (0, 0)
    """Rows below and columns beside the core over which the answer fades into those of the next windows."""

    @property
    def used(self) -> Area:
        """What of the answer shows in the result: the core and what is shared with the next ones."""
        below, beside = self.shared
        return Area(self.core.top, self.core.left, self.core.height + below, self.core.width + beside)


@dataclass(frozen=True)
class Grid:
    """What the network asks of windows: their sides' common factor, the halo around them, the smallest side."""

    stride: int
    halo: int
    smallest: int
    exact: bool = True
    """Whether with the halo tiled equals whole. Where no halo does that, windows overlap and are blended."""

    def padded(self, side: int) -> int:
        """A side of the scene in pixels, as long as the network needs it to be."""
        return max(_up(side, self.stride), _up(self.smallest, self.stride))

    def overlap(self, core: int) -> int:
        """Pixels over which windows with cores of `core` px are blended: a quarter of that, or the halo where that is
        more, up to half, rounded up to the stride; 0 where windows are exact."""
        longest = max(core, self.stride)
        return 0 if self.exact else _up(max(longest // 4, min(self.halo, longest // 2), 1), self.stride)


def plan(height: int, width: int, core: int, grid: Grid) -> list[Window]:
    """Windows that cover a scene of `height` × `width` px, row by row, cores of at most `core` px (rounded up).

    Where windows are blended, the last core of a row or column is longer by what the others share with the next.
    """
    rows, columns = _spans(height, core, grid), _spans(width, core, grid)
    pairs = [(row, column) for row in rows for column in columns]
    return [
        Window(index, *_areas(row, column), (row.shared, column.shared)) for index, (row, column) in enumerate(pairs)
    ]


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
    shared: int
    frame_start: int
    frame_stop: int


def _spans(side: int, core: int, grid: Grid) -> list[_Span]:
    """Cores of equal length along one side, and their frames; equal lengths waste least at the far end."""
    end, overlap = grid.padded(side), grid.overlap(core)
    inner = max(side - overlap, 1)
    count = math.ceil(inner / max(core, grid.stride))
    step = _up(math.ceil(inner / count), grid.stride)
    before, after = (grid.halo, grid.halo) if grid.exact else (0, overlap)
    least = _up(grid.smallest if grid.exact else max(grid.smallest, step + overlap), grid.stride)
    starts = range(0, inner, step)
    spans = []
    for start, stop in zip(starts, [*starts[1:], side], strict=True):
        last = min(stop + after, end) if stop < side else end
        first = max(0, min(start - before, last - least))
        shared = overlap if stop < side else 0
        spans.append(_Span(start, stop, shared, first, max(last, min(end, first + least))))
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
