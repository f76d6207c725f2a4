"""The networks and the objective of `systems.unet` on any backend of Keras, out of the same `models` and `losses`.

A test compares the loss with the system's own.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from benchmarks.gpu.flops import forward_flops
from cloud_removal import losses
from cloud_removal.models import unet, veil

HIDDEN_COUNTS, FLOOR = 0.4, 0.015
Call = Callable[[int, Any], Any]
"""A network's number and its inputs -> what it answers."""


def networks(spec: Mapping[str, Any]) -> list[keras.Model]:
    """Those of the system, under the global dtype policy."""
    if spec["network"] == "veil":
        return [veil.context_network(), veil.veil_network(tuple(spec["widths"]))]
    return [unet.unet(spec["width"])]


def answer(spec: Mapping[str, Any], call: Call, picture: Any) -> Any:
    """Opacity and ground (B, H, W, 4) of `picture` (B, H, W, 3)."""
    if spec["network"] == "unet":
        return call(0, picture)
    rows, columns = picture.shape[1] // veil.STRIDE, picture.shape[2] // veil.STRIDE
    return call(1, [picture, ops.tile(call(0, picture)[:, None, None], [1, rows, columns, 1])])


def objective(spec: Mapping[str, Any], answered: Any, batch: Mapping[str, Any]) -> Any:
    """The loss of one step, float32 scalar, over pictures without shadow whose opacity is known."""
    opacity, predicted = ops.split(answered, [1], axis=-1)
    ground, true = batch["ground"], batch["opacity"]
    if spec["objective"] == "l1":
        seen = ops.mean(ops.abs(losses.composite_difference(ground, predicted, true)))
        return spec["cloud_weight"] * losses.l1(true, opacity) + seen
    exact = losses.log_mse(ground, predicted, ops.maximum(1.0 - true, HIDDEN_COUNTS), FLOOR)
    seen = 0.15 * exact + 0.5 * losses.gradient_l1(ground, predicted, true)
    return (
        spec["cloud_weight"] * losses.cross_entropy(true, opacity)
        + seen
        + 0.5 * losses.contrast_l1(ground, predicted, true)
    )


def random_batch(spec: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Pictures in [0, 1] without sense."""
    generator, sides = np.random.default_rng(0), (spec["batch_size"], spec["size"], spec["size"])
    channels = {"aerial": 3, "ground": 3, "opacity": 1}
    return {name: generator.random((*sides, count), np.float32) for name, count in channels.items()}


def optimizer(spec: Mapping[str, Any]) -> keras.optimizers.Optimizer:
    """As `systems.optimization` makes it, not yet built."""
    averages = {"use_ema": spec["ema"] is not None, "ema_momentum": spec["ema"] or 0.99}
    made = keras.optimizers.Adam(spec["learning_rate"], spec["beta_1"], spec["beta_2"], 1e-7, **averages)
    return keras.optimizers.LossScaleOptimizer(made) if spec["precision"] == "mixed_float16" else made


def flops_of(spec: Mapping[str, Any], built: list[keras.Model]) -> int:
    """Of the way forward over one picture."""
    size = spec["size"]
    picture = (1, size, size, 3)
    if spec["network"] == "unet":
        return forward_flops(built[0], [picture])
    field = (1, size // veil.STRIDE, size // veil.STRIDE, veil.CONTEXT_SIZE)
    return forward_flops(built[0], [picture]) + forward_flops(built[1], [picture, field])
