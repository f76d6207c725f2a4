"""Batches made by number, as an endless dataset: batch i is what `make(i)` says, wherever the dataset begins."""

import os
import re
from collections.abc import Callable, Collection, Mapping

import cv2
import numpy as np
import tensorflow as tf

from cloud_removal.data.calls import Counted
from cloud_removal.errors import InputError

WAITING = 4
"""Finished batches that wait for the training step, so that a slow one does not stop it."""
Example = dict[str, np.ndarray]


def unreadable(error: tf.errors.OpError) -> InputError | None:
    """What a batch could not be made for, from what the dataset raises then; None where it is no user's mistake."""
    found = re.search(r"\b(?:Input|EmptyDataset|Option)Error: (.*)", error.message)
    return InputError(found[1]) if found else None


def endless(
    make: Callable[[int], Example],
    shapes: Mapping[str, tuple[int, ...]],
    first_batch: int = 0,
    whole: Collection[str] = (),
    readers: int = 0,
) -> tf.data.Dataset:
    """`make(first_batch)`, `make(first_batch + 1)` …: dicts of float32 tensors of the names and shapes of `shapes`.

    `make` gives float32 arrays, but uint8 ones under the names in `whole`: TensorFlow converts them, without the
    interpreter's lock. At least `readers` batches are made side by side.
    """
    types = [np.uint8 if name in whole else np.float32 for name in shapes]

    def made(index: int) -> list[np.ndarray]:
        batch = make(int(index))
        return [batch[name] for name in shapes]

    counted = Counted(made, [np.zeros(shape, kind) for shape, kind in zip(shapes.values(), types, strict=True)])

    def tensors(index: tf.Tensor) -> dict[str, tf.Tensor]:
        values = tf.numpy_function(counted, [index], types, stateful=False)
        for value, shape in zip(values, shapes.values(), strict=True):
            value.set_shape(shape)
        return {name: tf.cast(value, tf.float32) for name, value in zip(shapes, values, strict=True)}

    # One call a batch: numpy_function holds the interpreter's lock except inside OpenCV and numpy. Batches are made
    # side by side, where OpenCV's own threads would cost a sixth of the speed, and not by the training step's threads.
    calls = max(os.cpu_count() or 1, readers)
    cv2.setNumThreads(1)
    indices = tf.data.Dataset.range(first_batch, np.iinfo(np.int64).max)
    batches = indices.map(tensors, num_parallel_calls=calls, deterministic=True).prefetch(WAITING)
    options = tf.data.Options()
    options.threading.private_threadpool_size = max(2, calls)
    return batches.with_options(options)
