"""Seeds of TensorFlow's stateless random numbers, so that what a step draws depends on nothing that was before it."""

import tensorflow as tf

PURPOSES = 8
"""Streams of random numbers that one step can have."""


def step_seed(seed: int, step: tf.Tensor, purpose: int = 0) -> tf.Tensor:
    """What `tf.random.stateless_*` take as seed, (2,) int64: another one for each `step` and `purpose` (0 to 7).

    `seed` is the run's, of any size.
    """
    return tf.stack([tf.constant(seed % 2**62, tf.int64), PURPOSES * tf.cast(step, tf.int64) + purpose])
