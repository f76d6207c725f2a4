"""The smallest system with all that a checkpoint must hold: sublayers in a list, batch norm, dropout, a state."""

from dataclasses import dataclass

import keras
import tensorflow as tf

from cloud_removal.config import Run, SystemOptions
from cloud_removal.systems.base import System
from cloud_removal.systems.optimization import adam

SIDE = 8


@dataclass(frozen=True)
class Options(SystemOptions):
    width: int = 2
    last: str = "last"
    """Name of the last layer."""
    poison: int = 0
    """Step whose loss is not a number; 0 never."""
    aim: int = 0
    """Step after which training has reached its aim; 0 never."""


class Net(keras.Model):
    def __init__(self, width, last):
        super().__init__(name="net")
        self.stages = [
            keras.layers.Conv2D(width, 3, padding="same", name="first"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dropout(0.5, name="drop"),
            keras.layers.Conv2D(3, 3, padding="same", name=last),
        ]

    def call(self, x, training=False):
        for stage in self.stages:
            x = stage(x, training=training) if stage.name in ("norm", "drop") else stage(x)
        return tf.cast(x, tf.float32)


class TinySystem(System):
    Options = Options
    title = "Tiny"
    source = "these tests"
    seed_document = "none"
    script = "train_tiny.py"
    default_preset = "tiny"

    def __init__(self, run: Run):
        super().__init__(run)
        net = Net(run.options.width, run.options.last)
        net(tf.zeros((1, SIDE, SIDE, 3)))
        self.networks = {"net": net}
        self.optimizers = {"net": adam(run, net.trainable_variables)}
        self.state = {"pool": tf.Variable(tf.zeros([3]), trainable=False)}

    def batches(self, split, first_batch=0):
        shape = (self.run.batch_size, SIDE, SIDE, 3)
        split_number = 0 if split == "training" else 1
        seed = self.run.seed + 1000 * split_number

        def batch(index):
            whole = tf.random.stateless_uniform(shape, tf.stack([tf.cast(seed, tf.int64), index]))
            aerial = self.share(split).rows(whole)
            return {"aerial": aerial, "ground": aerial**2}

        return tf.data.Dataset.range(first_batch, 2**62).map(batch)

    def train_step(self, batch):
        net, optimizer = self.networks["net"], self.optimizers["net"]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(net(batch["aerial"], training=True) - batch["ground"]))
            scaled = optimizer.scale_loss(loss)
        norm = self.update("net", tape, scaled)
        (latest,) = self.workers.mean([tf.reduce_mean(batch["aerial"], [0, 1, 2])])
        self.state["pool"].assign(0.5 * self.state["pool"] + latest)
        poisoned = tf.equal(optimizer.iterations.value, self.run.options.poison)
        return {"ground": tf.where(poisoned, float("nan"), loss), "gradient_norm": norm}

    def finished(self):
        aim = self.run.options.aim
        return "The aim is reached" if aim and int(self.optimizers["net"].iterations) >= aim else None

    def samples(self, batch):
        return {"picture": batch["aerial"], "predicted ground": self.networks["net"](batch["aerial"])}


SYSTEM = TinySystem
