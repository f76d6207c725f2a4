"""The error bars of a finished scene: half-widths in the raster's units, area by area, and their raster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference import assemble
from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.compose import OPAQUE
from cloud_removal.inference.holes.stage import Treatment
from cloud_removal.inference.model import Card
from cloud_removal.inference.raster import Scene
from cloud_removal.inference.scaling import Scaling
from cloud_removal.inference.stages import Stage
from cloud_removal.inference.uncertainty.calibration import FORMULA, Calibration, Plane
from cloud_removal.inference.windows import Area


@dataclass(frozen=True)
class ErrorBars:
    """How far the pixels of a scene may be off."""

    calibration: Calibration
    filled: bool = False
    """A model fills what opaque cloud hides."""
    known: bool = True
    """The calibration is that of what this model fills in."""

    @classmethod
    def of(cls, card: Card, stages: Sequence[Stage]) -> "ErrorBars":
        """Those of a model after the `stages`. ModelError where its card says nothing of them."""
        calibration = Calibration.of(card)
        fillers = [stage.card() for stage in stages if isinstance(stage, Treatment)]
        contents = [filler.fingerprint for filler in fillers if filler is not None]
        return cls(calibration, bool(contents), contents in ([], [calibration.generator]))

    def identity(self) -> dict[str, Any]:
        """What a killed run must have in common with the one that goes on from it."""
        return {"uncertainty": str(self.calibration)}

    def remarks(self) -> list[str]:
        """What a user should know of them."""
        if self.known:
            return []
        return ["how far what is generated under opaque cloud may be off is not known: calibrate with this filling"]

    def over(self, codes: NDArray[np.uint8], opacity: Plane, scaling: Scaling) -> Plane:
        """Half-widths (H, W) in the raster's units of finished pixels, by their provenance and opacity."""
        widths = self.calibration.width(codes, opacity, self.filled)
        if not self.known:
            widths[codes == OPAQUE] = np.nan
        return widths * np.float32(np.abs(scaling.span).max())

    def write(self, scene: Scene, finished: Blocks, scaling: Scaling, file: Path, optimised: bool = False) -> None:
        """Writes the half-widths of a scene as a GeoTIFF (`optimised`: as a COG). OutputError where that fails."""

        def fill(area: Area, out: NDArray) -> None:
            for there, here, piece in finished.pieces(area):
                out[0][there] = self.over(piece.provenance[here], piece.opacity[here], scaling)

        assemble.measured(scene, file, fill, [self._described()], self.tags(), optimised)

    def tags(self) -> dict[str, str]:
        """What the raster says of itself."""
        return {
            "UNCERTAINTY": f"half-width of the {100 * self.calibration.coverage:g} % interval, all three bands in it",
            "UNCERTAINTY_METHOD": f"split-conformal on simulated clouds; {FORMULA}",
            "UNCERTAINTY_KNOWN": "0 where the input was kept; NaN without data, from other dates, brightened shadow",
        }

    def _described(self) -> str:
        return f"half-width of the {100 * self.calibration.coverage:g} % interval in the input's units"
