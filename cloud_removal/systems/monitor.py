"""Watches for mode collapse: whether completions still differ from picture to picture as the ground does."""

import tensorflow as tf

MOMENTUM = 0.99
COLLAPSED = 0.1
"""Share of the ground's variance under which the alarm is raised."""
BEGINNING = 200
"""Steps without alarm: before it has learned anything, a generator fills all holes alike."""


class Diversity:
    """Running ratio of two variances over the batch: of the mean colour of what fills the holes, and of what was there.

    Near 1 where completions follow their surroundings, near 0 where all pictures are filled alike.
    """

    def __init__(self) -> None:
        self.variances = tf.Variable([0.0, 0.0], trainable=False)
        self.watched = tf.Variable(0, dtype=tf.int64, trainable=False)

    def state(self) -> dict[str, tf.Variable]:
        """What a checkpoint must hold, by name."""
        return {"diversity_variances": self.variances, "diversity_watched": self.watched}

    def watch(self, completed: tf.Tensor, ground: tf.Tensor, hole: tf.Tensor) -> dict[str, tf.Tensor]:
        """Takes in a batch (B, S, S, C). The ratio so far, and the alarm: 1 where it is under a tenth after 200 steps.

        A batch of one picture has no variance: then the ratio stays 1.
        """
        latest = tf.stack([_variance(completed, hole), _variance(ground, hole)])
        self.variances.assign(MOMENTUM * self.variances + (1.0 - MOMENTUM) * latest)
        self.watched.assign_add(1)
        filled, true = self.variances[0], self.variances[1]
        ratio = (filled + 1e-12) / (true + 1e-12)
        alarm = (ratio < COLLAPSED) & (self.watched > BEGINNING)
        return {"diversity": ratio, "collapse_alarm": tf.cast(alarm, tf.float32)}


def _variance(picture: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
    """Variance over the batch of the mean colour inside the hole, mean over the channels; float32 scalar."""
    colour = tf.reduce_sum(picture * hole, axis=(1, 2)) / (tf.reduce_sum(hole, axis=(1, 2)) + 1e-6)
    return tf.reduce_mean(tf.math.reduce_variance(colour, axis=0))
