"""numpy arrays to TensorFlow and back in the same memory: copies of whole windows cost as much as compositing them.

And where TensorFlow takes memory of its own from.
"""

import contextlib
import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.buffers import ALIGNMENT

REGION = 3 << 29
"""Bytes: what both bundled models need at once in windows of 1024 px and the largest frames of holes."""


@functools.cache
def take_one_region() -> None:
    """Lets TensorFlow take its memory for tensors from one region, once in a process and before it takes any.

    Its allocator (BFC) asks the system for more whenever no free piece is large enough, gives nothing back, and joins
    free pieces of one region only: with windows and holes of many sizes it had half a gigabyte more at its peak, and
    ever more with time. What is not used of the region is address space, not memory.
    """
    import tensorflow as tf

    with contextlib.suppress(tf.errors.ResourceExhaustedError), tf.device("CPU:0"):
        tf.raw_ops.Empty(shape=[REGION // tf.float32.size], dtype=tf.float32, init=False)


def tensor(array: NDArray) -> Any:
    """`array` as a tensor: not a copy where its memory is aligned, so it must stay as it is until the answer."""
    import tensorflow as tf

    if array.ctypes.data % ALIGNMENT or not (array.flags.c_contiguous and array.flags.writeable and array.size):
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def values(answer: Any, given: NDArray) -> NDArray[np.float32]:
    """What the tensor `answer` holds, to be read only: not a copy, unless a graph answers with what it was `given`."""
    array = np.asarray(memoryview(answer))
    return array.copy() if np.may_share_memory(array, given) else array
