"""Optimizers as a run asks for them, and one guarded update."""

from collections.abc import Callable, Sequence
from typing import Literal

import keras
import tensorflow as tf

from cloud_removal.adversarial import Objective
from cloud_removal.config import Run

Kind = Literal["adam", "adadelta", "rmsprop"]
EPSILON, CLIPPED_EPSILON = 1e-7, 1e-14
"""Added to the size of a gradient before it is divided by it: Keras' own, and for weights that are clipped to a
hundredth. Six layers of such let through gradients of 1e-8 at first, which Keras' would keep from moving anything."""


def adam(
    run: Run, variables: Sequence[keras.Variable], beta_1: float = 0.5, beta_2: float = 0.9
) -> keras.optimizers.Optimizer:
    """Adam as `optimizer` makes it. Source: arXiv:1412.6980; betas of the seed."""
    return optimizer("adam", run, variables, beta_1, beta_2)


def optimizer(
    kind: Kind,
    run: Run,
    variables: Sequence[keras.Variable],
    beta_1: float = 0.5,
    beta_2: float = 0.9,
    average: bool = True,
    clipped: bool = False,
) -> keras.optimizers.Optimizer:
    """An optimizer at the run's learning rate, built over `variables` (so that a restore loses nothing).

    It keeps the run's moving average of the weights, unless `average` is False; `clipped` says that they are kept in
    narrow bounds. Under mixed_float16 it carries a dynamic loss scale; a caller scales the loss by `scale_loss`. The
    training loop sets `learning_rate` before each step. Only adam has betas. Sources: arXiv:1412.6980 (adam),
    arXiv:1212.5701 (adadelta, whose own rate is 1).
    """
    averages = {"use_ema": average and run.ema is not None, "ema_momentum": run.ema or 0.99}
    epsilon = CLIPPED_EPSILON if clipped else EPSILON
    made: keras.optimizers.Optimizer
    if kind == "adam":
        made = keras.optimizers.Adam(run.learning_rate, beta_1, beta_2, epsilon, **averages)
    elif kind == "adadelta":
        made = keras.optimizers.Adadelta(run.learning_rate, 0.95, epsilon, **averages)
    else:  # Keras adds it under the root here.
        under = epsilon**2 if clipped else epsilon
        made = keras.optimizers.RMSprop(run.learning_rate, epsilon=under, **averages)
    if keras.config.dtype_policy().name == "mixed_float16":
        made = keras.optimizers.LossScaleOptimizer(made)
    made.build(list(variables))
    return made


def paper_optimizer(
    objective: Objective,
    run: Run,
    variables: Sequence[keras.Variable],
    kind: Kind | None,
    betas: tuple[float | None, float | None],
    usual: tuple[float, float],
    average: bool = True,
) -> keras.optimizers.Optimizer:
    """`optimizer` as the objective's paper has it: RMSprop for wgan, Adam (0, 0.9) for wgan-gp, else Adam (`usual`).

    What is not None of `kind` and `betas` stands instead.
    """
    first, second = (0.0, 0.9) if objective.penalty else usual
    return optimizer(
        kind or ("rmsprop" if objective.clip else "adam"),
        run,
        variables,
        first if betas[0] is None else betas[0],
        second if betas[1] is None else betas[1],
        average,
        # What a critic of weights under a hundredth lets through to the generator is as small as its own.
        clipped=objective.clip is not None,
    )


def apply_gradients(
    optimizer: keras.optimizers.Optimizer,
    tape: tf.GradientTape,
    scaled_loss: tf.Tensor,
    variables: Sequence[keras.Variable],
    clip_norm: float | None = None,
    mean: Callable[[Sequence[tf.Tensor]], list[tf.Tensor]] = list,
) -> tf.Tensor:
    """One update of `variables`; returns the global norm of the (unscaled) gradients before any clipping.

    `mean` makes of one worker's gradients those of all.
    """
    values = [v.value for v in variables]
    gradients = mean(tape.gradient(scaled_loss, values))
    scale = optimizer.scale_loss(tf.constant(1.0))
    norm = tf.linalg.global_norm(gradients) / scale
    if clip_norm is not None:
        gradients, _ = tf.clip_by_global_norm(gradients, clip_norm * scale, use_norm=norm * scale)
    optimizer.apply(gradients, variables)
    return norm


def clip_weights(network: keras.Model, bound: float | None) -> None:
    """Keeps the weights of `network` in [-bound, bound], if there is a bound. Source: arXiv:1701.07875, algorithm 1."""
    if bound is None:
        return
    for variable in network.trainable_variables:
        variable.assign(tf.clip_by_value(variable.value, -bound, bound))
