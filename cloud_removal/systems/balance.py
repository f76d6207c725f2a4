"""The balance gate: of two networks that train against each other, the one far ahead waits."""

import tensorflow as tf


class Balance:
    """Says which network may be updated, from both losses averaged over the last `window` steps (1: by each step).

    The discriminator waits while ratio·loss_D < loss_G, the generator while ratio·loss_G < loss_D. With `ratio` 0
    neither ever waits. Source: seed "Cloud Removal", its cure for a discriminator that is trained too far.
    """

    def __init__(self, ratio: float, window: int):
        self.ratio, self.window = ratio, window
        self.losses = tf.Variable(tf.zeros([window, 2]), trainable=False)
        self.seen = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.open = tf.Variable([1, 1], dtype=tf.int32, trainable=False)
        self.flips = tf.Variable(0, dtype=tf.int64, trainable=False)

    def state(self) -> dict[str, tf.Variable]:
        """What a checkpoint must hold, by name."""
        return {
            "balance_losses": self.losses,
            "balance_seen": self.seen,
            "balance_open": self.open,
            "balance_flips": self.flips,
        }

    def decide(self, generator: tf.Tensor, discriminator: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes in the losses of this step; whether the generator and the discriminator may be updated in it."""
        both = self._averages(tf.stack([generator, discriminator]))
        may = self.ratio * both >= both[::-1] if self.ratio else tf.constant([True, True])
        now = tf.cast(may, tf.int32)
        self.flips.assign_add(tf.reduce_sum(tf.cast(now != self.open, tf.int64)))
        self.open.assign(now)
        return may[0], may[1]

    def scalars(self) -> dict[str, tf.Tensor]:
        """For the log: 1 where a network may be updated, 0 where it waits; how often either has changed so far."""
        return {
            "gate_generator": tf.cast(self.open[0], tf.float32),
            "gate_discriminator": tf.cast(self.open[1], tf.float32),
            "gate_flips": tf.cast(self.flips, tf.float32),
        }

    def _averages(self, latest: tf.Tensor) -> tf.Tensor:
        """Mean of each loss over the window with `latest` (2,) in the place of the oldest."""
        place = tf.range(self.window, dtype=tf.int64) == self.seen % self.window
        self.losses.assign(tf.where(place[:, tf.newaxis], latest, self.losses))
        self.seen.assign_add(1)
        filled = tf.minimum(self.seen, self.window)
        return tf.reduce_sum(self.losses, axis=0) / tf.cast(filled, tf.float32)
