"""The stage that leaves without data what may be off by too much."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.blocks import Layer
from cloud_removal.inference.compose import NO_DATA, OPAQUE, Piece
from cloud_removal.inference.holes.inpaint import blank
from cloud_removal.inference.holes.stage import check_can_be_left
from cloud_removal.inference.raster import Scene
from cloud_removal.inference.scaling import Scaling
from cloud_removal.inference.scene import Task
from cloud_removal.inference.stages import Advance
from cloud_removal.inference.uncertainty.bars import ErrorBars


@dataclass(frozen=True)
class Doubtful:
    """Leaves pixels without data whose half-width is above a threshold."""

    bars: ErrorBars
    above: float
    """In the raster's units."""
    opaque_too: bool = False
    """Opaque cloud is left without data before."""
    with_opacity: ClassVar[bool] = True
    """Half-widths depend on it."""

    def check(self, scene: Scene, output: Path) -> None:
        """Refuses what the output cannot hold."""
        check_can_be_left(scene, output, f"--abstain {self.above:g}")

    def identity(self) -> dict[str, Any]:
        """What a killed run must have in common with the one that goes on from it."""
        return {"abstain above": self.above}

    def legend(self) -> dict[str, str]:
        """Tags of the provenance raster."""
        why = f"uncertainty above {self.above:g}"
        why = f"under opaque cloud or with {why}" if self.opaque_too else f"with {why}"
        return {"PROVENANCE_0": f"no data, or left without {why}", "ABSTAIN_ABOVE": f"{self.above:g}"}

    def remarks(self) -> list[str]:
        """The error bars say what is to be said."""
        return []

    def loaded(self) -> "Doubtful":
        """It has no model."""
        return self

    def applied(self, task: Task, finished: Blocks, advance: Advance) -> tuple[Blocks, dict[str, Any]]:
        """`finished` without what is doubtful, and how many pixels that were."""
        store, left, unfilled = Layer(finished.partial, "doubted"), 0, 0
        total = task.source.height * task.source.width
        for window in finished.windows:
            before = finished.partial.load(window)
            doubtful = self._doubtful(before, task.scaling)
            if doubtful.any() and not store.has(window):
                store.save(window, _without(before, doubtful, task.source.nodata))
            left += int(np.count_nonzero(doubtful))
            unfilled += int(np.count_nonzero(doubtful & (before.provenance == OPAQUE)))
            advance(doubtful.size, total)
        return Blocks(store, finished.windows), {"doubtful": left, "unfilled": unfilled}

    def _doubtful(self, before: Piece, scaling: Scaling) -> NDArray[np.bool_]:
        """Where (H, W) a window is left without data: also where nothing is known of what was made up."""
        widths = self.bars.over(before.provenance, before.opacity, scaling)
        return np.asarray((widths > self.above) | (np.isnan(widths) & (before.provenance == OPAQUE)))


def _without(before: Piece, doubtful: NDArray[np.bool_], nodata: float | None) -> Piece:
    values, provenance = np.array(before.values), np.array(before.provenance)
    values[:, doubtful] = blank(nodata, values.dtype)
    provenance[doubtful] = NO_DATA
    return Piece(values, provenance, before.opacity)
