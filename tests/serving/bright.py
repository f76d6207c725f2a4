"""A small real system with picture-wide statistics: bright is cloud to it."""

import keras
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.systems.base import Batch, Restorer, Scalars


class Bright(Restorer):
    """One 3×3 convolution at a quarter of the resolution; it sees 8 px around, and the mean of the whole picture."""

    stride, receptive_radius, smallest, context_size = 4, 8, 8, 1

    def __init__(self, run: Run):
        super().__init__(run)
        keras.utils.set_random_seed(run.seed)
        picture = keras.Input((None, None, 3))
        small = keras.layers.Conv2D(4, 3, padding="same", name="conv")(keras.layers.AveragePooling2D(4)(picture))
        added = keras.layers.UpSampling2D(4, dtype="float32")(small)
        self.networks = {"net": keras.Model(picture, added)}

    def batches(self, split: str, first_batch: int = 0) -> tf.data.Dataset:
        return tf.data.Dataset.from_tensors({"aerial": tf.ones((1, 8, 8, 3))}).repeat()

    def train_step(self, batch: Batch) -> Scalars:
        return {"loss": tf.reduce_mean(self.networks["net"](batch["aerial"]))}

    def samples(self, batch: Batch) -> dict[str, tf.Tensor]:
        return {"picture": batch["aerial"]}

    def context(self, image: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(image, axis=(1, 2, 3))[:, tf.newaxis]

    def restore(self, image: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        added = self.networks["net"](image, training=False)
        level = tf.repeat(tf.repeat(context, 4, axis=1), 4, axis=2)
        bright = tf.reduce_mean(image, -1, keepdims=True)
        opacity = tf.sigmoid(16.0 * (bright - 0.4 - 0.6 * level) + 0.5 * added[..., :1])
        ground = tf.clip_by_value(image - 0.4 * opacity + 0.1 * added[..., 1:] * level, 0.0, 1.0)
        return {"ground": ground, "opacity": opacity}
