"""Models that are formulas in numpy: they cost next to nothing, and their memory is not that of TensorFlow.

Of windows, files and caches a run with one of them has what a run with a network has.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.holes.completer import CompleterModel
from cloud_removal.inference.model import Card, Model


class Bright(Model):
    """Takes what is bright for cloud."""

    def __init__(self, card: Card):
        super().__init__(card, None)

    def restore(
        self, images: NDArray[np.float32], context: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Ground (B, H, W, 3) and opacity (B, H, W)."""
        return images * np.float32(0.9), np.clip(2.0 * images.mean(axis=-1) - 1.0, 0.0, 1.0)

    def context(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Nothing (B, size): it asks for no picture-wide statistics."""
        size = 0 if self.card.context is None else self.card.context.size
        return np.zeros((len(images), size), np.float32)


class Grey(CompleterModel):
    """Fills holes with grey."""

    def complete(self, image: NDArray[np.float32], hole: NDArray[np.float32]) -> NDArray[np.float32]:
        """Picture (H, W, 3) with `hole` (H, W) filled."""
        return np.where(hole[..., None] > 0.0, np.float32(0.4), image)


def bright(card: Card) -> Bright:
    """The formula in windows as they are of the model of `card`."""
    return Bright(dataclasses.replace(card, values=card.values | _named("bright")))


def grey(model: Path) -> Grey:
    """The formula in windows as they are of `model`, which fills holes."""
    from cloud_removal.inference.holes.completer import read_completer_card

    card = read_completer_card(model)
    return Grey(dataclasses.replace(card, values=card.values | _named("grey")), None)


def _named(name: str) -> dict[str, Any]:
    return {"name": name, "version": 1}
