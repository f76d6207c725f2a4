"""Optimizers as a run asks for them, and one guarded update."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from cloud_removal.config import Run


def adam(
    run: Run, variables: Sequence[keras.Variable], beta_1: float = 0.5, beta_2: float = 0.9
) -> keras.optimizers.Optimizer:
    """Adam at the run's learning rate and moving average, built over `variables` (so that a restore loses nothing).

    Under mixed_float16 it carries a dynamic loss scale; a caller scales the loss by `scale_loss`. The training loop
    sets `learning_rate` before each step. Source: arXiv:1412.6980; betas of the seed.
    """
    optimizer: keras.optimizers.Optimizer = keras.optimizers.Adam(
        run.learning_rate, beta_1, beta_2, use_ema=run.ema is not None, ema_momentum=run.ema or 0.99
    )
    if keras.config.dtype_policy().name == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    optimizer.build(list(variables))
    return optimizer


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    scaled_loss: tf.Tensor,
    variables: Sequence[keras.Variable],
    clip_norm: float | None = None,
) -> tf.Tensor:
    """One update of `variables`; returns the global norm of the (unscaled) gradients before any clipping."""
    values = [v.value for v in variables]
    gradients = tape.gradient(scaled_loss, values)
    scale = optimizer.scale_loss(tf.constant(1.0))
    norm = tf.linalg.global_norm(gradients) / scale
    if clip_norm is not None:
        gradients, _ = tf.clip_by_global_norm(gradients, clip_norm * scale, use_norm=norm * scale)
    optimizer.apply(gradients, variables)
    return norm
