"""What is in a hole before a network completes it: the mean colour of the training ground, or a smooth surface."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

HALVINGS = 5
"""How often the surroundings are averaged to half their resolution: to 1/32."""
ROUNDS = 4
"""How often what is known at 1/32 spreads to the cells around it: a cell in a hole knows of ground 128 px away."""
NOTHING = 1e-12
"""Weight of grey beside what is known."""


@keras.saving.register_keras_serializable("cloud_removal")
class MeanColour(keras.Model):
    """Pictures (B, H, W, 3) -> mean colour (3,) of all pictures it was called on in training, float32.

    Grey (0.5) before the first. Source: GLCIC, doi:10.1145/3072959.3073659, section 3.3.
    """

    def __init__(self, name: str = "mean_colour"):
        super().__init__(name=name, dtype="float32")
        grey = keras.initializers.Constant(0.5)
        self.colour = self.add_weight(shape=(3,), initializer=grey, trainable=False, name="colour")
        self.batches = self.add_weight(shape=(), initializer="zeros", trainable=False, name="batches")
        self.built = True

    def call(self, pictures: Any, training: bool = False) -> Any:
        if training:
            self.batches.assign(self.batches + 1.0)
            latest = ops.mean(pictures, axis=(0, 1, 2))
            self.colour.assign(self.colour + (latest - self.colour) / self.batches)
        return ops.convert_to_tensor(self.colour)


def smooth_fill(image: Any, hole: Any) -> Any:
    """`image` (B, H, W, 3) with its holes filled smoothly from what is around them, float32; sides multiples of 32.

    `hole` (B, H, W, 1): 1 = unknown. Known ground is averaged into ever coarser cells, each weighted by how much of it
    is known, and each cell takes what it does not know from the coarser one around it; grey where nothing is known for
    128 px. Source: the pull-push algorithm, Gortler et al. 1996, doi:10.1145/237170.237200, section 3.4.
    """
    known = 1.0 - hole
    pulled = [(ops.where(hole < 1.0, image * known, 0.0), known)]
    for _ in range(HALVINGS):
        pulled.append(_each(lambda x: ops.average_pool(x, 2, 2), *pulled[-1]))
    colour, weight = pulled.pop()
    for _ in range(ROUNDS):
        colour, weight = _each(lambda x: x + ops.average_pool(x, 3, 1, "same"), colour, weight)
    filled = (colour + 0.5 * NOTHING) / (weight + NOTHING)
    for colour, weight in reversed(pulled):
        filled = colour + (1.0 - weight) * _twice(filled)
    return filled


def _twice(x: Any) -> Any:
    """Double the resolution, (B, h, w, C) -> (B, 2h, 2w, C): pixels repeated, then averaged over 3×3."""
    x = ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)
    return ops.average_pool(ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric"), 3, 1)


def _each(change: Callable[[Any], Any], one: Any, other: Any) -> tuple[Any, Any]:
    return change(one), change(other)
