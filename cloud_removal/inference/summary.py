"""What became of a scene's pixels, in a line for people."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.compose import CODES, DATE, KEPT, NO_DATA, OPAQUE, SHADOW, THIN
from cloud_removal.inference.consistency.whole import Figure
from cloud_removal.inference.ground_area import square_metres
from cloud_removal.inference.holes.survey import Holes
from cloud_removal.inference.raster import Scene

ROWS = 256
"""Rows of a window whose pixels are taken to be equally large on the ground."""


@dataclass(frozen=True)
class Summary:
    """What became of a scene's pixels."""

    output: Path
    pixels: dict[int, int] = field(default_factory=dict)
    """Number of pixels by provenance code."""
    seconds: float = 0.0
    holes: Holes | None = None
    """Of those that a model filled, None where there is none."""
    deepest: float = 0.0
    """Pixels from known ground up to which that model learned to fill."""
    square_kilometres: float | None = None
    """Area of the largest of the holes, where the raster says where on Earth it lies."""
    left: int = 0
    """Pixels under opaque cloud that were left without data; they count as such in `pixels`."""
    doubtful: int = 0
    """Pixels whose uncertainty was too large and that were left without data; they count as such in `pixels`."""
    unfilled: int = 0
    """Of the doubtful pixels those that were generated or guessed under opaque cloud."""
    areas: dict[int, float] | None = None
    """Square kilometres by provenance code, None where the raster does not say where on Earth it lies."""

    consistency: Figure | None = None
    """How well what was predicted under thin cloud fits the input, None where there is none."""
    as_seen: bool = False
    """No thin cloud was to be removed, and nothing guessed."""

    @property
    def too_deep(self) -> float:
        """Share of what was generated that lies deeper in a hole than the model learned to fill; 0 if none is shown."""
        if self.holes is None or not self.pixels.get(OPAQUE, 0):
            return 0.0
        return self.holes.too_deep / (self.pixels[OPAQUE] + self.unfilled)

    def line(self) -> str:
        """One line for people: shares of the valid pixels, how much that is on the ground, time."""
        total = sum(self.pixels.values())
        empty = self.pixels.get(NO_DATA, 0) - self.left - self.doubtful
        valid = max(1, total - empty)
        rows = [
            (self.pixels.get(KEPT, 0), KEPT, "kept"),
            (self.pixels.get(THIN, 0), THIN, "thin cloud removed"),
            (self.pixels.get(DATE, 0), DATE, "taken from other dates"),
            (self.pixels.get(SHADOW, 0), SHADOW, "shadow brightened"),
            self._opaque(),
            *([(self.doubtful, NO_DATA, "left without data for their uncertainty")] if self.doubtful else []),
        ]
        shares = ", ".join(
            f"{100 * count / valid:.1f} % {what}{self._area(code, count)}"
            for count, code, what in rows
            if count or code == KEPT or (code not in (DATE, SHADOW) and not self.as_seen)
        )
        nodata = f"; {100 * empty / total:.1f} % without data{self._area(NO_DATA, empty)}" if empty else ""
        speed = f"{total / 1e6:.2f} megapixels in {self.seconds:.1f} s"
        return f"{self.output}: {shares}{self._largest()}{self._fit()}{nodata}; {speed}"

    def _opaque(self) -> tuple[int, int, str]:
        if self.left:
            return self.left, NO_DATA, "left without data under opaque cloud"
        return self.pixels.get(OPAQUE, 0), OPAQUE, f"{'generated' if self.holes else 'guessed'} under opaque cloud"

    def _area(self, code: int, count: int) -> str:
        """How much of the ground `count` pixels of a code cover."""
        if self.areas is None or not count:
            return ""
        return f" ({area_in_words(self.areas[code] * count / self.pixels[code])})"

    def _fit(self) -> str:
        return "" if self.consistency is None else f"; {self.consistency.line()}"

    def _largest(self) -> str:
        if self.holes is None:
            return ""
        area = "" if self.square_kilometres is None else f" ({area_in_words(self.square_kilometres)})"
        told = f"; largest hole {self.holes.largest} px{area}"
        if not self.too_deep:
            return told
        return (
            f"{told}, {100 * self.too_deep:.1f} % of what was generated lies farther than {self.deepest:.0f} px from "
            "ground that was seen, more than the model learned to fill: do not trust it"
        )


def counted(scene: Scene, finished: Blocks) -> tuple[dict[int, int], dict[int, float] | None]:
    """Pixels by provenance code, and the square kilometres they cover, None where the raster does not say."""
    pixels: NDArray[np.int64] = np.zeros(len(CODES), np.int64)
    metres: NDArray[np.float64] = np.zeros(len(CODES))
    for window in finished.windows:
        codes = finished.partial.load(window).provenance
        for top in range(0, len(codes), ROWS):
            some = codes[top : top + ROWS]
            row, column = window.core.top + top + len(some) / 2, window.core.left + window.core.width / 2
            here = np.array([np.count_nonzero(some == code) for code in CODES])
            each = square_metres(scene.source, row, column)
            pixels += here
            metres += here * (np.nan if each is None else each)
    areas = {code: float(area) / 1e6 for code, area in zip(CODES, metres, strict=True)}
    counts = {code: int(count) for code, count in zip(CODES, pixels, strict=True) if count}
    return counts, areas if np.isfinite(metres).all() else None


def area_in_words(square_kilometres: float) -> str:
    """Rounded to what can be read."""
    return f"{square_kilometres:.3g} km²" if square_kilometres < 1000 else f"{square_kilometres:.0f} km²"
