"""One compiled training step around a system's own: learning rate, step counter, and a watch for divergence."""

from collections.abc import Callable

import tensorflow as tf

from cloud_removal.errors import DivergedError
from cloud_removal.systems import System
from cloud_removal.systems.base import Batch, Scalars
from cloud_removal.training import schedule
from cloud_removal.training.environment import compiles

NO_LOSS = "gradient_norm"
"""Scalars whose name begins so may overflow under a loss scale: the optimizer skips such a step by itself."""
SCALE = "loss_scale"
"""Scalar of the one optimizer, and how the names of several begin."""


class Step:
    """Calls `system.train_step` as one graph; `counter` is the number of steps done.

    To be made before a checkpoint is restored: the learning rates that the system was built with, not the ones
    stored, are what the schedule scales.
    """

    def __init__(self, system: System, counter: tf.Variable):
        self.system, self.counter = system, counter
        self.rates = {name: float(optimizer.learning_rate) for name, optimizer in system.optimizers.items()}
        self.names: list[str] = []
        self.diverged_at = tf.Variable(-1, dtype=tf.int64, trainable=False)
        self.diverged_loss = tf.Variable(-1, dtype=tf.int64, trainable=False)
        self.run: Callable[[Batch], Scalars] = tf.function(
            self._step, jit_compile=compiles(system) and system.workers.share.count == 1
        )

    def check_losses(self) -> None:
        """DivergedError if any loss of any step so far was not a finite number."""
        step = int(self.diverged_at)
        if step >= 0:
            name = self.names[int(self.diverged_loss)]
            raise DivergedError(f"Training diverged: in step {step} the loss {name!r} is not a finite number.")

    def check_weights(self) -> None:
        """DivergedError if any weight is not a finite number now."""
        for name, network in self.system.networks.items():
            if not all(bool(tf.reduce_all(tf.math.is_finite(w.value))) for w in network.weights):
                step = int(self.counter)
                raise DivergedError(
                    f"Training diverged: after step {step} a weight of {name!r} is not a finite number."
                )

    def learning_rate(self) -> float:
        """Of the last step done, of the first optimizer."""
        return next(iter(self.rates.values())) * float(schedule.factor(self.system.run, self.counter - 1))

    def _step(self, batch: Batch) -> Scalars:
        factor = schedule.factor(self.system.run, self.counter)
        for name, optimizer in self.system.optimizers.items():
            optimizer.learning_rate.assign(self.rates[name] * factor)
        own = {name: tf.cast(v, tf.float32) for name, v in self.system.train_step(batch).items()}
        scalars = dict(zip(own, self.system.workers.mean(list(own.values())), strict=True)) | self._scales()
        self.counter.assign_add(1)
        self._watch(scalars)
        return scalars

    def _scales(self) -> Scalars:
        """Under mixed_float16 what the next step multiplies each loss by; halved where gradients were too large."""
        optimizers = self.system.optimizers
        scales = {name: o.dynamic_scale for name, o in optimizers.items() if hasattr(o, "dynamic_scale")}
        return {SCALE if len(optimizers) == 1 else f"{SCALE}_{n}": tf.identity(scale) for n, scale in scales.items()}

    def _watch(self, scalars: Scalars) -> None:
        """Remembers the first step with a loss that is not finite, and which loss; costs no fetch.

        A scalar that only some steps have may be missing (NaN).
        """
        self.names = [name for name in scalars if not name.startswith(NO_LOSS)]
        finite = tf.stack([self._sound(name, scalars[name]) for name in self.names])
        first = (self.diverged_at < 0) & ~tf.reduce_all(finite)
        which = tf.argmin(tf.cast(finite, tf.int32), output_type=tf.int64)
        self.diverged_loss.assign(tf.where(first, which, self.diverged_loss))
        self.diverged_at.assign(tf.where(first, self.counter, self.diverged_at))

    def _sound(self, name: str, value: tf.Tensor) -> tf.Tensor:
        missing = tf.math.is_nan(value) if name in self.system.sometimes else False
        return tf.math.is_finite(value) | missing
