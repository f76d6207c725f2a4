"""Watches for what is known to go wrong: completions that are all alike, colours that are lost."""

import tensorflow as tf

from cloud_removal.systems.workers import ALONE, Workers

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

    def watch(
        self, completed: tf.Tensor, ground: tf.Tensor, hole: tf.Tensor, workers: Workers = ALONE
    ) -> dict[str, tf.Tensor]:
        """Takes in a batch (B, S, S, C). The ratio so far, and the alarm: 1 where it is under a tenth after 200 steps.

        A batch of one picture has no variance: then the ratio stays 1. The pictures are those of one of the `workers`,
        the ratio is that of all.
        """
        seen = workers.gather(tf.concat([_colour(completed, hole), _colour(ground, hole)], axis=-1))
        latest = tf.stack([_variance(colour) for colour in tf.split(seen, 2, axis=-1)])
        self.variances.assign(MOMENTUM * self.variances + (1.0 - MOMENTUM) * latest)
        self.watched.assign_add(1)
        filled, true = self.variances[0], self.variances[1]
        ratio = (filled + 1e-12) / (true + 1e-12)
        alarm = (ratio < COLLAPSED) & (self.watched > BEGINNING)
        return {"diversity": ratio, "collapse_alarm": tf.cast(alarm, tf.float32)}


def _colour(picture: tf.Tensor, hole: tf.Tensor) -> tf.Tensor:
    """Mean colour (B, C) inside the hole."""
    return tf.reduce_sum(picture * hole, axis=(1, 2)) / (tf.reduce_sum(hole, axis=(1, 2)) + 1e-6)


def _variance(colour: tf.Tensor) -> tf.Tensor:
    """Variance over the batch of colours (B, C), mean over the channels; float32 scalar."""
    return tf.reduce_mean(tf.math.reduce_variance(colour, axis=0))


def colours(before: tf.Tensor, after: tf.Tensor, aim: tf.Tensor, workers: Workers = ALONE) -> dict[str, tf.Tensor]:
    """How far the colours of pictures are from those they should have, `before` they were changed and `after`.

    All (B, S, S, 3) in [0, 1]; `aim`: other pictures, as they should look. The shift is half the sum of the differences
    of red, green and blue as shares of the mean colour, in [0, 1], whatever the brightness; saturation is (largest -
    smallest channel) / largest, over all pixels, in [0, 1]: less of it after than before is colour lost. The pictures
    are those of one of the `workers`, what is said of them is said of all.
    """
    found, aimed_at = {}, _shares(aim, workers)
    for when, picture in (("before", before), ("after", after)):
        found[f"colour_shift_{when}"] = 0.5 * tf.reduce_sum(tf.abs(_shares(picture, workers) - aimed_at))
    for when, picture in (("before", before), ("after", after), ("aim", aim)):
        found[f"saturation_{when}"] = _saturation(picture, workers)
    return found


def _shares(picture: tf.Tensor, workers: Workers) -> tf.Tensor:
    """Red, green and blue (3,) of the mean colour as shares of their sum."""
    (colour,) = workers.mean([tf.reduce_mean(picture, axis=(0, 1, 2))])
    return colour / (tf.reduce_sum(colour) + 1e-6)


def _saturation(picture: tf.Tensor, workers: Workers) -> tf.Tensor:
    largest, smallest = tf.reduce_max(picture, axis=-1), tf.reduce_min(picture, axis=-1)
    spread, height = workers.mean([tf.reduce_sum(largest - smallest), tf.reduce_sum(largest)])
    return spread / (height + 1e-6)
