"""The worker where a GPU has JAX but no TensorFlow: the same `models` and `losses` through Keras on JAX.

This is not the step that the training scripts take, which is TensorFlow's; whatever it measures is labelled so.
`python -m benchmarks.gpu.jax_worker SPEC`; see `answers`.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import benchmarks  # noqa: F401  # Sets TensorFlow as the backend; from here on it is another.

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras

from benchmarks.gpu.answers import SIDES, Trainer, product_speed, serve
from benchmarks.gpu.keras_networks import answer, flops_of, networks, objective, optimizer, random_batch

TYPES = {"mixed_float16": jnp.float16, "mixed_bfloat16": jnp.bfloat16, "float32": jnp.float32}


class JaxTrainer(Trainer):
    """The networks' state as arrays, and one jitted step over them."""

    def __init__(self, spec: Mapping[str, Any]):
        keras.config.set_dtype_policy(spec["precision"])
        self.spec, self.networks = spec, networks(spec)
        self.optimizer = optimizer(spec)
        weights = [v for network in self.networks for v in network.trainable_variables]
        self.parameters = sum(v.value.size for v in weights)
        self.optimizer.build(weights)
        self.state = (
            [[v.value for v in network.trainable_variables] for network in self.networks],
            [[v.value for v in network.non_trainable_variables] for network in self.networks],
            [v.value for v in self.optimizer.variables],
        )
        self.batch = {name: jnp.asarray(values) for name, values in random_batch(spec).items()}
        self._step = jax.jit(self._traced, donate_argnums=0)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.state, loss = self._step(self.state, self.batch)
        self.loss = float(loss)

    def device(self) -> dict[str, Any]:
        there = jax.devices()[0]
        library = f"Keras {keras.__version__} on JAX {jax.__version__}, not the TensorFlow step that is shipped"
        return {"name": there.device_kind, "gpu": there.platform == "gpu", "library": library}

    def peak(self) -> float:
        side = SIDES[self.device()["gpu"]]
        square = jax.random.normal(jax.random.key(0), (side, side), TYPES[self.spec["precision"]])
        product = jax.jit(jnp.matmul)
        return product_speed(
            lambda times: [product(square, square) for _ in range(times)][-1].block_until_ready(), side
        )

    def flops(self) -> int:
        return flops_of(self.spec, self.networks)

    def _traced(self, state: Any, batch: Any) -> tuple[Any, Any]:
        """(state after the step, loss); what `systems.unet` and `systems.optimization` do in one."""
        trained, fixed, slots = state

        def scaled(trained: Any) -> tuple[Any, Any]:
            seen = list(fixed)

            def call(number: int, inputs: Any) -> Any:
                network = self.networks[number]
                out, seen[number] = network.stateless_call(trained[number], fixed[number], inputs, training=True)
                return out

            loss = objective(self.spec, answer(self.spec, call, batch["aerial"]), batch)
            return self._scaled(loss, slots), (loss, seen)

        (_, (loss, seen)), gradients = jax.value_and_grad(scaled, has_aux=True)(trained)
        flat, shape = jax.tree.flatten(gradients)
        weights = jax.tree.leaves(trained)
        weights, slots = self.optimizer.stateless_apply(slots, self._clipped(flat, slots), weights)
        return (jax.tree.unflatten(shape, weights), seen, slots), loss

    def _clipped(self, gradients: list[Any], slots: list[Any]) -> list[Any]:
        norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in gradients))
        if self.spec["clip_norm"] is None:
            return gradients
        most = self.spec["clip_norm"] * self._scaled(jnp.float32(1.0), slots)
        return [g * most / jnp.maximum(norm, most) for g in gradients]

    def _scaled(self, loss: Any, slots: list[Any]) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(self.optimizer.variables, slots, strict=True))):
            return self.optimizer.scale_loss(loss)


if __name__ == "__main__":
    serve(JaxTrainer(json.loads(sys.argv[1])))
