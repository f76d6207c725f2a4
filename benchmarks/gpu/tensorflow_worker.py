"""The worker that takes the very steps of the training scripts: `training.step` over a preset's system.

`python -m benchmarks.gpu.tensorflow_worker SPEC`; see `answers`.
"""

import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from benchmarks.gpu.answers import SIDES, Trainer, product_speed, serve
from benchmarks.gpu.keras_networks import flops_of
from benchmarks.training_step import random_batch
from cloud_removal.config import Run
from cloud_removal.training.environment import build, has_gpu, make_deterministic
from cloud_removal.training.record import Meter
from cloud_removal.training.step import Step

TYPES = {"mixed_float16": tf.float16, "mixed_bfloat16": tf.bfloat16, "float32": tf.float32}


class TensorflowTrainer(Trainer):
    """The system of a run and its step, compiled as in training."""

    def __init__(self, training: Run):
        self.training, self.system = training, build(training)
        self.step = Step(self.system, tf.Variable(0, dtype=tf.int64))
        self.batch = random_batch(training)
        weights = [v for network in self.system.networks.values() for v in network.trainable_variables]
        self.parameters = sum(v.shape.num_elements() for v in weights)

    def run(self, steps: int) -> None:
        for _ in range(steps):
            scalars = self.step.run(self.batch)
        self.loss = float(scalars["loss"])

    def device(self) -> dict[str, Any]:
        cards, library = tf.config.list_physical_devices("GPU"), f"TensorFlow {tf.__version__}"
        if not cards:
            return {"name": "the processor", "gpu": False, "library": library}
        name = tf.config.experimental.get_device_details(cards[0]).get("device_name", "GPU")
        return {"name": name, "gpu": True, "library": library}

    def peak(self) -> float:
        side = SIDES[has_gpu()]
        square = tf.cast(tf.random.stateless_normal((side, side), (0, 0)), TYPES[self.training.precision])

        def multiply(times: int) -> None:
            for _ in range(times):
                product = tf.matmul(square, square)
            float(product[0, 0])

        return product_speed(multiply, side)

    def flops(self) -> int:
        networks = [self.system.networks[name] for name in ("context", "unet") if name in self.system.networks]
        return flops_of({"network": "veil" if len(networks) == 2 else "unet", "size": self.training.size}, networks)

    def data(self, steps: int) -> dict[str, float] | None:
        batches = iter(self.system.batches("training", 0))
        self.step.run(next(batches))  # Traces anew, and fills what is fetched ahead.
        meter = Meter()
        for _ in range(steps):
            before = meter.seconds()
            batch = next(batches)
            meter.add(self.training.batch_size, meter.seconds() - before)
            scalars = self.step.run(batch)
        float(scalars["loss"])
        return meter.read()


def run_of(spec: Mapping[str, Any]) -> Run:
    """The preset that `spec` names, changed to what it says."""
    import configure

    changed = ("precision", "batch_size", "size", "xla", "deterministic")
    return dataclasses.replace(configure.DEFOG[spec["preset"]], **{name: spec[name] for name in changed})


if __name__ == "__main__":
    training = run_of(json.loads(sys.argv[1]))
    if training.deterministic:
        make_deterministic()
    serve(TensorflowTrainer(training))
