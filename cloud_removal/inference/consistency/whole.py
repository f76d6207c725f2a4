"""A whole scene judged square by square: the residual's raster, and the figure that tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference import assemble
from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.compose import KEPT, THIN
from cloud_removal.inference.consistency.score import HALO, THRESHOLD, Judged, judged
from cloud_removal.inference.consistency.veil import CELL
from cloud_removal.inference.windows import Area, extend

if TYPE_CHECKING:
    from cloud_removal.inference.raster import Scene
    from cloud_removal.inference.scene import Task

SQUARE = 512
"""Side in pixels of what is judged at once; the halo comes on top."""
SAMPLED = 8
"""Squares that are judged, all over the scene, where no raster of all is wanted: it takes time."""
BANDS = (
    "residual: prediction under the cloud minus input, mean of the bands, in the input's units",
    "score: the residual in standard deviations of what is to be expected",
)
USUAL, SUSPECT = 0.002, 0.02
"""Share of the pixels that do not fit by chance, and from which on a user is warned."""
METHOD = "t * detail of the prediction - detail of the input; t, what the cloud lets through, from the input alone"


@dataclass(frozen=True)
class Figure:
    """How well what was predicted under thin cloud fits the input."""

    pixels: int
    """Pixels judged."""
    inconsistent: int
    """Of these, those with a score beyond the threshold, to either side."""
    residual: float
    """Mean absolute residual in the input's units."""
    sampled: bool
    """Only squares of the scene were looked at."""

    @property
    def share(self) -> float:
        """The share that is inconsistent."""
        return self.inconsistent / self.pixels

    def line(self) -> str:
        """For people."""
        where = " looked at" if self.sampled else ""
        return (
            f"{100 * self.share:.2f} % of the thin cloud's pixels{where} do not fit the input, mean residual "
            f"{self.residual:.3g}"
        )


def tags() -> dict[str, str]:
    """What a residual's raster says of itself."""
    return {
        "CONSISTENCY_METHOD": METHOD,
        "CONSISTENCY_THRESHOLD": f"{THRESHOLD:g}",
        "CONSISTENCY_JUDGED": "where thin cloud was removed; 0 where the input was kept, NaN elsewhere",
    }


class Check:
    """Judges the pixels of a finished scene under which thin cloud was removed."""

    def __init__(self, task: Task, finished: Blocks):
        self._task, self._finished = task, finished
        self._pixels, self._inconsistent, self._sum, self._whole = 0, 0, 0.0, False

    def write(self, scene: Scene, file: Path, optimised: bool = False) -> None:
        """Writes the residual and the score of the whole scene as a GeoTIFF (`optimised`: as a COG).

        Raises OutputError where that cannot be done.
        """
        self._pixels, self._inconsistent, self._sum = 0, 0, 0.0

        def fill(area: Area, out: NDArray) -> None:
            for part in squares(area):
                out[:, *part.inside(area)] = self._counted(part)

        assemble.measured(scene, file, fill, BANDS, tags(), optimised)
        self._whole = True

    def figure(self) -> Figure | None:
        """What was found, in all squares if they were written, else in some of them. None where nothing was judged."""
        sampled = False
        if not self._whole:
            every = list(squares(Area(0, 0, self._task.source.height, self._task.source.width)))
            some = np.unique(np.linspace(0, len(every) - 1, SAMPLED + 2)[1:-1].round().astype(int))
            sampled = len(every) > SAMPLED
            for part in (every[place] for place in some) if sampled else every:
                self._counted(part)
        if not self._pixels:
            return None
        return Figure(self._pixels, self._inconsistent, self._sum / self._pixels, sampled)

    def part(self, area: Area) -> tuple[Judged, NDArray[np.uint8]]:
        """Residual in the input's units and score of an area, and its provenance, each (H, W)."""
        codes = self._finished.provenance(area)[0]
        if not (codes == THIN).any():
            nothing = np.full(codes.shape, np.nan, np.float32)
            return Judged(nothing, nothing), codes
        frame = self._frame(area)
        inside = Area(frame.top, frame.left, *self._held(frame))
        seen, ground, where = self._pictures(frame, inside)
        found, here = judged(seen, ground, where), area.inside(frame)
        span = np.float32(np.mean(self._task.scaling.span))
        return Judged(found.residual[here] * span, found.score[here]), codes

    def _counted(self, area: Area) -> NDArray[np.float32]:
        """Both bands (2, H, W) of an area, whose pixels are added to the figure."""
        (residual, score), codes = self.part(area)
        here = np.isfinite(score)
        self._pixels += int(np.count_nonzero(here))
        self._inconsistent += int(np.count_nonzero(np.abs(score[here]) > THRESHOLD))
        self._sum += float(np.abs(residual[here], dtype=np.float64).sum())
        return np.where(codes == KEPT, np.float32(0.0), np.stack([residual, score]))

    def _frame(self, area: Area) -> Area:
        """What has to be seen to judge an area: it begins and ends with whole cells."""
        source = self._task.source
        top, left = (max(0, start - HALO) // CELL * CELL for start in (area.top, area.left))
        bottom, right = min(area.bottom + HALO, source.height), min(area.right + HALO, source.width)
        return Area(top, left, -(-(bottom - top) // CELL) * CELL, -(-(right - left) // CELL) * CELL)

    def _held(self, frame: Area) -> tuple[int, int]:
        source = self._task.source
        return min(frame.height, source.height - frame.top), min(frame.width, source.width - frame.left)

    def _pictures(
        self, frame: Area, inside: Area
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Input and prediction (H, W, 3) in [0, 1], and where thin cloud was removed (H, W), continued by reflection.

        Where it was not, the prediction is the input.
        """
        seen = np.empty((frame.height, frame.width, 3), np.float32)
        where = np.zeros(seen.shape[:2], bool)
        there = np.s_[: inside.height, : inside.width]
        _, present, _ = self._task.picture(inside, seen[there])
        where[there] = (self._finished.provenance(inside)[0] == THIN) & present.all(axis=0)
        ground = seen.copy()
        values = np.where(where[there], self._finished.values(inside), self._finished.partial.dtype.type(0))
        np.copyto(ground[there], self._task.scaling.to_network(values), where=where[there][..., None])
        for canvas in (seen, ground):
            extend(canvas, inside.height, inside.width)
        return seen, ground, where


def squares(area: Area) -> Iterator[Area]:
    """An area cut into squares of `SQUARE` px from its corner."""
    for top in range(area.top, area.bottom, SQUARE):
        for left in range(area.left, area.right, SQUARE):
            yield Area(top, left, min(SQUARE, area.bottom - top), min(SQUARE, area.right - left))
