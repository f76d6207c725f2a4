"""numpy arrays to TensorFlow and back in the same memory: copies of whole windows cost as much as compositing them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.buffers import ALIGNMENT


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
