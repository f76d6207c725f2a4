"""What a model's card says of its errors: a factor for each class of pixels, and the error that it is a factor of.

By measurement errors under thin cloud grow with its opacity, about along a line (docs/uncertainty.md): half-widths are
a factor of that within each class, and one number under opaque cloud.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import ModelError
from cloud_removal.inference.compose import KEPT, OPAQUE, THIN
from cloud_removal.inference.model import Card
from cloud_removal.model_folder import CARD

SECTION = "uncertainty"
EDGES = (0.15, 0.3, 0.45, 0.6)
"""Opacities between the classes of thin cloud, of those within the thresholds of a model."""
LEAST = 0.4
"""Error to be expected where there is hardly a cloud, in units of what opacity adds to it. By measurement."""
FORMULA = "factor * (least + a) under thin cloud of opacity a, factor under opaque cloud"
NO_CLASS = -1
"""Of pixels without data, kept as they were, of another date, or of a brightened shadow."""
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Classes:
    """Pixels calibrated alike: thin cloud by its opacity, what is guessed and what is generated under opaque cloud."""

    upto: tuple[float, ...]
    """Opacity where each class of thin cloud ends; from the last on it is guessed."""
    least: float = LEAST

    @classmethod
    def of(cls, card: Card) -> "Classes":
        """Those of a model with its own thresholds."""
        inside = (edge for edge in EDGES if card.keep_below < edge < card.opaque_above)
        return cls((*inside, card.opaque_above))

    @property
    def guessed(self) -> int:
        """The class of the network's own guess under opaque cloud."""
        return len(self.upto)

    @property
    def generated(self) -> int:
        """The class of what another model filled in."""
        return len(self.upto) + 1

    def names(self) -> list[str]:
        """What each class is, in words."""
        starts = ("", *(f"{edge:g}" for edge in self.upto))
        thin = [f"opacity {a} to {b:g}" if a else f"opacity to {b:g}" for a, b in zip(starts, self.upto, strict=False)]
        return [*thin, "guessed under opaque cloud", "generated under opaque cloud"]

    def within(self, codes: NDArray[np.uint8], opacity: Plane, filled: bool) -> NDArray[np.int8]:
        """The class of each pixel (H, W) by its provenance and opacity; `filled`: by a model under opaque cloud."""
        found = np.searchsorted(np.array(self.upto, np.float32), opacity, side="right").astype(np.int8)
        found[codes == OPAQUE] = self.generated if filled else self.guessed
        found[(codes != OPAQUE) & (codes != THIN)] = NO_CLASS
        return found

    def expected(self, within: NDArray[np.int8], opacity: Plane) -> Plane:
        """What errors of pixels are a multiple of, by their class and opacity (H, W)."""
        thin = (within >= 0) & (within < self.guessed)
        return np.where(thin, np.float32(self.least) + opacity, np.float32(1.0))


@dataclass(frozen=True)
class Calibration:
    """Factors of the classes of a model."""

    classes: Classes
    factors: tuple[float | None, ...]
    """None where too few pixels were seen."""
    coverage: float
    """Share of the pixels, on simulated clouds, whose truth is within the half-width in all three bands."""
    generator: str | None
    """Fingerprint of the model that filled what the last class is of."""

    @classmethod
    def of(cls, card: Card) -> "Calibration":
        """What `card` says. ModelError where it says nothing, or what cannot be."""
        values = card.values.get(SECTION)
        if values is None:
            raise ModelError(_missing(card))
        try:
            return cls.from_json(values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(
                f"{card.folder / CARD}: what it says of its {SECTION} cannot be read ({error!r}). Calibrate it again."
            ) from error

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Calibration":
        """Out of the section of a card. KeyError, TypeError or ValueError where it is none."""
        upto = tuple(float(edge) for edge in values["opacity"])
        factors = tuple(None if each["factor"] is None else float(each["factor"]) for each in values["classes"])
        coverage, generator, least = float(values["coverage"]), values["generator"], float(values["least"])
        known = [factor for factor in factors if factor is not None]
        if not upto or list(upto) != sorted(set(upto)) or len(factors) != len(upto) + 2 or not 0.0 < coverage < 1.0:
            raise ValueError(f"{len(factors)} classes between opacities {upto}, coverage {coverage}")
        if not all(number > 0.0 and math.isfinite(number) for number in (*known, least)):
            raise ValueError(f"factors {factors}, least {least}")
        return cls(Classes(upto, least), factors, coverage, None if generator is None else str(generator["content"]))

    def width(self, codes: NDArray[np.uint8], opacity: Plane, filled: bool) -> Plane:
        """Half-width (H, W) in units of pictures in [0, 1]: 0 where the input was kept, NaN where it is not known."""
        within = self.classes.within(codes, opacity, filled)
        factors = np.array([np.nan if factor is None else factor for factor in (*self.factors, None)], np.float32)
        widths = factors[within] * self.classes.expected(within, opacity)  # NO_CLASS, -1, is the last one.
        widths[codes == KEPT] = 0.0
        return widths


def _missing(card: Card) -> str:
    if card.content is not None:
        return (
            f"{card.title} on the server has no error bars: its card does not say how far it may be off. Where its "
            "folder lies, measure it: python -m cloud_removal calibrate; then export that folder and serve it."
        )
    return (
        f"{card.title} has no error bars yet: how far it may be off was not measured. Measure it once: "
        f"python -m cloud_removal calibrate {card.folder} --ground DIR (clear pictures that it did not learn from)."
    )
