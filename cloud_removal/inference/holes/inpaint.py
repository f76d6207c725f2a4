"""The holes of a finished scene, where opaque cloud hid the ground: filled by a model, or left without data.

It reads finished windows and writes those with holes anew beside them, so that each hole is filled from what was
there before any was, a killed run goes on, and memory stays bounded. A hole is filled alike whatever the windows.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.blocks import Layer
from cloud_removal.inference.compose import NO_DATA, OPAQUE, THIN, Piece, grey_where_missing, to_type
from cloud_removal.inference.holes import fill, survey
from cloud_removal.inference.holes.completer import CompleterModel
from cloud_removal.inference.scene import Task
from cloud_removal.inference.windows import Area, Grid, Window

DILATE = 2
"""Pixels around opaque cloud that are taken for its edge. Measured on simulated thick cloud, filled by Telea's method:
with 1 or 2 the error over cloud and edge together is least; what is thin cloud farther off is better restored."""
PIECE = 576
"""Largest side in pixels of what is filled at once; what has to be seen around it comes on top: with the bundled model
1,536 px at most."""
FRAME = 2 * fill.GRID
"""Frames are of multiples of it: TensorFlow keeps memory for each size of picture that it has ever seen."""


@dataclass(frozen=True)
class Filling:
    """What becomes of the holes."""

    model: CompleterModel | None
    """Fills them; None: they are left without data."""
    dilate: int = DILATE


def filled(task: Task, finished: Blocks, filling: Filling, store: Layer, advance: Callable[[int, int], None]) -> Blocks:
    """`finished` with its holes filled, or without data; `advance` is told of pixels done and of all to be done."""
    todo = [window for window in finished.windows if hole_in(finished, window.core, task, filling.dilate).any()]
    total = sum(map(_pixels, todo))
    for window in todo:
        if not store.has(window):
            store.save(window, _piece(task, finished, window, filling))
        advance(_pixels(window), total)
    return Blocks(store, finished.windows)


def hole_in(finished: Blocks, area: Area, task: Task, dilate: int) -> NDArray[np.bool_]:
    """Where in `area` (H, W) there is a hole: opaque cloud, and `dilate` px around it unless it was clear there."""
    seen = grown(area, dilate, task.source.height, task.source.width)
    return hole_of(codes_of(finished, seen), dilate)[area.inside(seen)]


def hole_of(codes: NDArray[np.uint8], dilate: int) -> NDArray[np.bool_]:
    """The same by provenance `codes` (H, W); what lies beyond them is taken to be clear."""
    changed = (codes == OPAQUE) | (codes == THIN)
    return fill.grown(codes == OPAQUE, dilate) & changed


def surveyed(task: Task, finished: Blocks, deepest: float) -> survey.Holes | None:
    """The holes of a scene that were filled."""
    areas = [window.core for window in finished.windows]
    height, width = task.source.height, task.source.width
    return survey.survey(height, width, areas, lambda area: codes_of(finished, area), OPAQUE, NO_DATA, deepest)


def codes_of(finished: Blocks, area: Area) -> NDArray[np.uint8]:
    """Provenance (H, W) of an area."""
    codes = np.empty((area.height, area.width), np.uint8)
    for there, here, piece in finished.pieces(area):
        codes[there] = piece.provenance[here]
    return codes


def grown(area: Area, margin: int, height: int, width: int) -> Area:
    """`area` and `margin` px around it, inside a scene of `height` × `width` px."""
    top, left = max(0, area.top - margin), max(0, area.left - margin)
    bottom, right = min(height, area.bottom + margin), min(width, area.right + margin)
    return Area(top, left, bottom - top, right - left)


def frame_around(part: Area, grid: Grid, height: int, width: int) -> Area:
    """What is looked at to fill the holes of `part`: it begins on the model's grid and on that of the blending.

    It ends where the scene ends, rounded up to the stride.
    """
    margin, unit = grid.halo + fill.REACH + fill.RING, math.lcm(grid.stride, FRAME)
    top, bottom = _span(part.top - margin, part.bottom + margin, unit, grid.smallest, grid.padded(height))
    left, right = _span(part.left - margin, part.right + margin, unit, grid.smallest, grid.padded(width))
    return Area(top, left, bottom - top, right - left)


def _span(first: int, last: int, unit: int, smallest: int, end: int) -> tuple[int, int]:
    first = max(0, first // unit * unit)
    last = min(end, -(-max(last, first + smallest) // unit) * unit)
    return min(first, max(0, (last - smallest) // unit * unit)), last


def fill_picture(
    model: CompleterModel, picture: NDArray[np.uint8], hole: NDArray[np.bool_], *, raw: bool = False
) -> NDArray[np.uint8]:
    """8-bit RGB picture (H, W, 3) with its `hole` (H, W) filled as `remove` fills it; `raw`: not blended."""
    rows, columns = np.nonzero(hole)
    if not rows.size:
        return picture.copy()
    part = Area(int(rows.min()), int(columns.min()), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1)
    frame = frame_around(part, model.card.grid, *picture.shape[:2])
    seen = np.s_[frame.top : min(frame.bottom, len(picture)), frame.left : min(frame.right, picture.shape[1])]
    unit = _extended(picture[seen].astype(np.float32) / np.float32(255.0), frame)
    asked = _extended(hole[seen], frame)
    if raw:
        answer = model.complete(unit, asked.astype(np.float32))
    else:
        answer = fill.filled(unit, asked, np.ones_like(asked), model.complete)
    filled = picture.copy()
    within = np.rint(np.clip(answer, 0.0, 1.0) * 255.0).astype(np.uint8)[
        : filled[seen].shape[0], : filled[seen].shape[1]
    ]
    filled[seen] = np.where(hole[seen][..., None], within, picture[seen])
    return filled


def _piece(task: Task, finished: Blocks, window: Window, filling: Filling) -> Piece:
    """A window with its holes filled."""
    before = finished.partial.load(window)
    values, provenance = np.array(before.values), np.array(before.provenance)
    hole = hole_in(finished, window.core, task, filling.dilate)
    if filling.model is None:
        values[:, hole] = blank(task.source.nodata, values.dtype)
        provenance[hole] = NO_DATA
        return Piece(values, provenance, before.opacity)
    present = task.source.read(window.core)[1]
    for part in _parts(hole):
        rows, columns = slice(part.top, part.bottom), slice(part.left, part.right)
        place = Area(window.core.top + part.top, window.core.left + part.left, part.height, part.width)
        picture = _filled_part(task, finished, place, filling, filling.model)
        written = hole[rows, columns] & present[:, rows, columns]
        _write(values[:, rows, columns], picture, written, task)
    provenance[hole] = OPAQUE
    return Piece(values, provenance, before.opacity)


def blank(nodata: float | None, dtype: np.dtype) -> float:
    """What stands where there is no data: the raster's own value, NaN, or 0 under a mask."""
    if nodata is not None:
        return nodata
    return float("nan") if dtype.kind == "f" else 0.0


def _filled_part(task: Task, finished: Blocks, part: Area, filling: Filling, model: CompleterModel) -> fill.Picture:
    """The picture (H, W, 3) in [0, 1] of `part`, its holes filled."""
    height, width = task.source.height, task.source.width
    frame = frame_around(part, model.card.grid, height, width)
    seen = Area(frame.top, frame.left, min(frame.bottom, height) - frame.top, min(frame.right, width) - frame.left)
    present = task.source.read(seen)[1]
    values = np.empty((3, seen.height, seen.width), finished.partial.dtype)
    for there, here, piece in finished.pieces(seen):
        values[:, *there] = piece.values[:, *here]
    picture = task.scaling.to_network(np.where(present, values, values.dtype.type(0)))
    grey_where_missing(picture, present, task.median)
    hole = _extended(hole_in(finished, seen, task, filling.dilate), frame)
    known = _extended(np.all(present, axis=0), frame)
    return fill.filled(_extended(picture, frame), hole, known, model.complete)[part.inside(frame)]


def _extended(values: NDArray, frame: Area) -> NDArray:
    """What of a frame lies in the scene (H, W, ...), continued below and to the right by reflection."""
    margin = [(0, frame.height - values.shape[0]), (0, frame.width - values.shape[1]), (0, 0)]
    return np.pad(values, margin[: values.ndim], mode="reflect")


def _parts(hole: NDArray[np.bool_]) -> Iterator[Area]:
    """The holes of a window in boxes of at most `PIECE` px a side."""
    for top in range(0, hole.shape[0], PIECE):
        for left in range(0, hole.shape[1], PIECE):
            rows, columns = np.nonzero(hole[top : top + PIECE, left : left + PIECE])
            if rows.size:
                first, last = (int(rows.min()), int(columns.min())), (int(rows.max()), int(columns.max()))
                yield Area(top + first[0], left + first[1], last[0] - first[0] + 1, last[1] - first[1] + 1)


def _write(values: NDArray, picture: fill.Picture, where: NDArray[np.bool_], task: Task) -> None:
    """`picture` (H, W, 3) in [0, 1] into `values` (3, H, W) of the raster, `where` (3, H, W)."""
    wide = values.dtype in (np.int32, np.uint32, np.float64)
    for band, plane in enumerate(task.scaling.to_raster(picture, wide)):
        np.copyto(values[band], to_type(plane, values.dtype, task.source.nodata), where=where[band])


def _pixels(window: Window) -> int:
    return window.core.height * window.core.width
