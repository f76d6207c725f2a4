"""Several workers, each a process with one device, that talk by TensorFlow's collective operations.

`MultiWorkerMirroredStrategy` connects them. Its replicas are not used: what they do to variables and optimizers cannot
stand in a condition, as the updates of networks that wait for each other do.
"""

import dataclasses
import itertools
import re
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from cloud_removal.data.share import Share
from cloud_removal.errors import WorkerError
from cloud_removal.systems import System
from cloud_removal.systems.workers import Workers
from cloud_removal.training.cluster import Cluster
from cloud_removal.training.interrupt import SIGNALS
from cloud_removal.training.rendezvous import PATIENCE, meet

ENDED = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)
AGAIN = "The last checkpoint is intact; start the same command for every worker to go on."
GROUPS = {"CPU": 9001, "GPU": 9002}
"""Keys of the groups that talk, by the kind of device that the values are on."""
MEANS = {
    "CPU": tf.distribute.experimental.CommunicationImplementation.RING,
    "GPU": tf.distribute.experimental.CommunicationImplementation.NCCL,
}


class Crew(Workers):
    """The workers of `cluster`, to be met before TensorFlow has done anything else.

    Every worker calls everything in the same order. WorkerError where not all are there after `patience` seconds.
    """

    def __init__(self, cluster: Cluster, patience: float = PATIENCE):
        self.cluster = cluster
        self.share = Share(cluster.index, len(cluster.addresses))
        self._keys = itertools.count(1)
        self._device = "GPU" if tf.config.get_visible_devices("GPU") else "CPU"
        meet(cluster, patience)
        self._connect()
        self._orders = {}
        for device in {"CPU", self._device}:
            with tf.device(f"/device:{device}:0"):
                self._orders[device] = tf.Variable(0.0, trainable=False)
        self._largest = tf.function(lambda wishes: self._collect(wishes, "Max", "CPU"))

    def _connect(self) -> None:
        spec = tf.train.ClusterSpec({"worker": list(self.cluster.addresses)})
        resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
            spec,
            task_type="worker",
            task_id=self.cluster.index,
            rpc_layer="grpc",
            num_accelerators={"GPU": 1} if self._device == "GPU" else {},
        )
        options = tf.distribute.experimental.CommunicationOptions(implementation=MEANS[self._device])
        try:
            self._strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
        except tf.errors.OpError as error:
            raise WorkerError(
                f"Worker {self.cluster.index} cannot talk to the others ({error.message.splitlines()[0]}). Start the "
                "same command for every worker again."
            ) from error
        _hear_signals()

    def mean(self, values: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        there = [value for value in values if value is not None]
        sizes = [value.shape.num_elements() for value in there]
        together = self._mean(tf.concat([tf.reshape(value, [-1]) for value in there], axis=0))
        parts = tf.split(together, sizes)
        means = iter([tf.reshape(part, value.shape) for part, value in zip(parts, there, strict=True)])
        return [None if value is None else next(means) for value in values]

    def _mean(self, values: tf.Tensor) -> tf.Tensor:
        """A worker's gradient is that of its own loss, and the mean of all is taken in the end."""

        @tf.custom_gradient
        def mean(own: tf.Tensor) -> tuple[tf.Tensor, Any]:
            return self._collect(own, "Add", self._device) / self.share.count, self._mean

        return mean(values)

    def gather(self, rows: tf.Tensor) -> tf.Tensor:
        count = rows.shape[0]
        before, after = self.share.index * count, (self.share.count - 1 - self.share.index) * count
        around = [[before, after]] + [[0, 0]] * (rows.shape.rank - 1)

        @tf.custom_gradient
        def gathered(own: tf.Tensor) -> tuple[tf.Tensor, Any]:
            def gradient(whole: tf.Tensor) -> tf.Tensor:
                return self.own(self._collect(whole, "Add", self._device))

            return self._collect(tf.pad(own, around), "Add", self._device), gradient

        return gathered(rows)

    def hand_out(self, variables: Iterable[tf.Variable]) -> None:
        every = [v.value if isinstance(v, keras.Variable) else v for v in variables]
        for kind, wide in ((True, np.float32), (False, np.int64)):  # What is wide enough for all, exactly.
            found = [v for v in every if v.dtype.is_floating == kind]
            if not found:
                continue
            flat = np.concatenate([v.numpy().astype(wide).reshape(-1) for v in found])
            given = self._from_chief(flat)
            ends = np.cumsum([v.shape.num_elements() for v in found])
            for variable, values in zip(found, np.split(given, ends[:-1]), strict=True):
                variable.assign(tf.cast(values.reshape(variable.shape), variable.dtype))

    def same_text(self, text: str) -> str:
        encoded = np.frombuffer(text.encode(), np.uint8).astype(np.int64)
        length = int(self._from_chief(np.array([len(encoded)], np.int64))[0])
        return bytes(self._from_chief(np.resize(encoded, length)).astype(np.uint8)).decode()

    def agree(self, code: int | None, over: bool) -> tuple[int | None, bool]:
        with self.talking():
            codes = self._largest(tf.constant([code or 0, int(over)])).numpy()
        return int(codes[0]) or None, bool(codes[1])

    @contextmanager
    def talking(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.OpError as error:
            if not isinstance(error, ENDED) and "ollective ops is aborted" not in error.message:
                raise
            raise WorkerError(f"{self._who(error.message)} has ended or cannot be reached any more. {AGAIN}") from error

    def _who(self, message: str) -> str:
        """The worker that an error of TensorFlow's is about, as far as its `message` says."""
        others = set(range(self.share.count)) - {self.share.index}
        named = {int(number) for number in re.findall(r"/task:(\d+)", message)} & others
        if len(named or others) > 1:
            return "Another worker"
        (number,) = named or others
        return f"Worker {number} ({self.cluster.addresses[number]})"

    def _from_chief(self, values: np.ndarray) -> np.ndarray:
        """The chief's `values`, of any shape that is the same in all workers."""
        with self.talking():
            mine = values if self.chief else np.zeros_like(values)
            return self._collect(tf.constant(mine), "Add", "CPU").numpy()

    def _collect(self, values: tf.Tensor, how: str, device: str) -> tf.Tensor:
        """Sum ("Add") or largest ("Max") over all workers, bit by bit the same for each; in graphs and out of them.

        Operations that talk are put in order, as NCCL wants it.
        """
        with tf.device(f"/device:{device}:0"):
            return tf.raw_ops.CollectiveReduceV2(
                input=values,
                group_size=self.share.count,
                group_key=GROUPS[device],
                instance_key=next(self._keys),
                ordering_token=[self._orders[device].handle],
                merge_op=how,
                final_op="Id",
                communication_hint=MEANS[device].value.lower(),
            )


def synchronise(system: System, workers: Workers) -> None:
    """Makes `system` one of the `workers`': batch norm looks at the whole batch, dropout differs from one to the next.

    Keras' own synchronised batch norm asks the replicas of a strategy.
    """
    system.workers = workers
    if workers.share.count == 1:
        return
    layers = [layer for network in system.networks.values() for layer in network._flatten_layers()]
    for layer in layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer._moments = _Moments(workers, layer)
        elif isinstance(layer, keras.layers.Dropout) and workers.share.index:
            layer.seed_generator.next = _Seeds(workers, layer.seed_generator.next)


@dataclasses.dataclass(frozen=True)
class _Moments:
    """Mean and variance over the whole batch, in place of those over a worker's share of it."""

    workers: Workers
    layer: keras.layers.BatchNormalization

    def __call__(self, inputs: tf.Tensor, mask: None) -> tuple[tf.Tensor, tf.Tensor]:
        """(C,) both, of the workers' own, which are of as many values each: V = E v + E (m - E m)²."""
        own = tf.stack(tf.nn.moments(inputs, self.layer._reduction_axes))
        means, variances = tf.unstack(self.workers.gather(own[tf.newaxis]), axis=1)
        mean = tf.reduce_mean(means, axis=0)
        return mean, tf.reduce_mean(variances + tf.math.squared_difference(means, mean), axis=0)


@dataclasses.dataclass(frozen=True)
class _Seeds:
    """The seeds of a generator, other ones than the other workers draw from the same state."""

    workers: Workers
    following: Any

    def __call__(self, ordered: bool = True) -> tf.Tensor:
        seed = self.following(ordered)
        return seed + tf.constant([self.workers.share.index, 0], seed.dtype)


def _hear_signals() -> None:
    """Puts the program's own handlers back, in whose place TensorFlow sets its own when it begins to talk."""
    for number in SIGNALS:
        signal.signal(number, signal.getsignal(number))
