"""How like the ground a completion is: the differences that a completion network is trained to make small."""

from dataclasses import dataclass
from typing import Literal

import tensorflow as tf

from cloud_removal import losses
from cloud_removal.systems.base import Scalars

Reconstruction = Literal["l1", "l2"]


@dataclass(frozen=True)
class Likeness:
    """Which differences count, and how much; those of weight 0 are not computed, but for `reconstruction`."""

    kind: Reconstruction
    reconstruction: float
    structure: float

    def differences(self, ground: tf.Tensor, completed: tf.Tensor) -> Scalars:
        """Of two pictures (B, H, W, 3), the same outside a hole: means over all of both, float32 scalars."""
        found = {"reconstruction": (losses.l1 if self.kind == "l1" else losses.l2)(ground, completed)}
        if self.structure:
            found["structure"] = losses.dissimilarity(ground, completed)
        return found

    def loss(self, found: Scalars) -> tf.Tensor:
        """The weighted sum of `differences`."""
        return self.reconstruction * found["reconstruction"] + self.structure * found.get("structure", 0.0)

    def names(self) -> list[str]:
        """Of the differences that are computed."""
        return ["reconstruction", *(["structure"] if self.structure else [])]
