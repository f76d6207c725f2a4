"""Of a system that makes pictures out of noise: the graph that a model folder holds, and what its card says."""

from typing import Any

import tensorflow as tf

from cloud_removal.systems.base import Synthesizer

KIND = "scene"


def card(system: Synthesizer) -> dict[str, Any]:
    """What the card of such a system says besides what every card does: the noise it takes, the pictures it gives."""
    return {"kind": KIND, "noise": {"numbers": system.latent, "distribution": system.noise}, "size": system.run.size}


def signatures(system: Synthesizer) -> dict[str, Any]:
    """`serving_default`: `noise` (B, numbers) float32 -> `picture` (B, size, size, 3) in [0, 1]."""
    noise = tf.TensorSpec((None, system.latent), tf.float32, "noise")

    def serving_default(noise: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"picture": system.generate(noise)}

    return {"serving_default": tf.function(serving_default, input_signature=[noise])}
