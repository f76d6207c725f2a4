"""The mean colour of the training ground, with which GLCIC fills a hole before it completes it."""

from typing import Any

import keras
from keras import ops


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
