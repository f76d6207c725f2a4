"""The smallest restorer: a straight line of each pixel's colours."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from cloud_removal.config import Run, SystemOptions
from cloud_removal.systems.base import CloudRestorer
from cloud_removal.systems.optimization import adam


@dataclass(frozen=True)
class Options(SystemOptions):
    pass


class TinyRestorer(CloudRestorer):
    Options = Options
    title = "Tiny restorer"
    source = "these tests"
    seed_document = "none"
    script = "train_tiny.py"
    default_preset = "tiny_restorer"
    stride = 8
    receptive_radius = 0
    smallest = 16

    def __init__(self, run: Run):
        super().__init__(run)
        line = keras.layers.Conv2D(4, 1, name="line")
        net = keras.Sequential([keras.layers.Input((None, None, 3)), line], name="net")
        self.networks = {"net": net}
        self.optimizers = {"net": adam(run, net.trainable_variables)}

    def restore(self, image, context=None):
        answer = tf.clip_by_value(tf.cast(self.networks["net"](image), tf.float32), 0.0, 1.0)
        return {"ground": answer[..., :3], "opacity": answer[..., 3:]}

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            answer = tf.cast(self.networks["net"](batch["aerial"], training=True), tf.float32)
            loss = tf.reduce_mean(tf.abs(answer[..., :3] - batch["ground"]))
            scaled = self.optimizers["net"].scale_loss(loss)
        return {"ground": loss, "gradient_norm": self.update("net", tape, scaled)}


SYSTEM = TinyRestorer
