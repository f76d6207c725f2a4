"""The gradient penalty of WGAN-GP on a critic: its formula stands in `adversarial`, the tape here."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from cloud_removal import adversarial


def slope_penalty(
    critic: Callable[[list[tf.Tensor]], tf.Tensor],
    real: Sequence[tf.Tensor],
    fake: Sequence[tf.Tensor],
    epsilon: tf.Tensor,
) -> tf.Tensor:
    """`adversarial.gradient_penalty` of `critic` between its inputs `real` and `fake`; float32 scalar, not weighted.

    `epsilon` (B,) in [0, 1], one for each sample. Can be trained on: the tape around it sees the slope.
    """
    points = adversarial.interpolated(real, fake, epsilon)
    with tf.GradientTape() as tape:
        tape.watch(points)
        score = tf.reduce_sum(tf.cast(critic(points), tf.float32))
    return adversarial.gradient_penalty([tf.cast(g, tf.float32) for g in tape.gradient(score, points)])
