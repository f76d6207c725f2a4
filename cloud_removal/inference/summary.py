"""What became of a scene's pixels, in a line for people."""

from dataclasses import dataclass, field
from pathlib import Path

from cloud_removal.inference.compose import KEPT, NO_DATA, OPAQUE, THIN
from cloud_removal.inference.holes import Holes


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

    def line(self) -> str:
        """One line for people: shares of the valid pixels, time."""
        total = sum(self.pixels.values())
        empty = self.pixels.get(NO_DATA, 0) - self.left
        valid = max(1, total - empty)
        counts = [(self.pixels.get(KEPT, 0), "kept"), (self.pixels.get(THIN, 0), "thin cloud removed"), self._opaque()]
        shares = ", ".join(f"{100 * count / valid:.1f} % {what}" for count, what in counts)
        nodata = f"; {100 * empty / total:.1f} % without data" if empty else ""
        speed = f"{total / 1e6:.2f} megapixels in {self.seconds:.1f} s"
        return f"{self.output}: {shares}{self._largest()}{nodata}; {speed}"

    def _opaque(self) -> tuple[int, str]:
        if self.left:
            return self.left, "left without data under opaque cloud"
        return self.pixels.get(OPAQUE, 0), f"{'generated' if self.holes else 'guessed'} under opaque cloud"

    def _largest(self) -> str:
        if self.holes is None:
            return ""
        area = "" if self.square_kilometres is None else f" ({self.square_kilometres:.3g} km²)"
        told = f"; largest hole {self.holes.largest} px{area}"
        if not self.holes.too_deep:
            return told
        share = 100 * self.holes.too_deep / self.pixels[OPAQUE]
        return (
            f"{told}, {share:.1f} % of what was generated lies farther than {self.deepest:.0f} px from ground that was "
            "seen, more than the model learned to fill: do not trust it"
        )
