"""Memory that is used again: fresh pages from the system cost more than most of what is computed in them."""

import math
import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64
"""Bytes. What TensorFlow needs to work on memory that is not its own without copying it."""


class Buffers:
    """Arrays of any shape in memory that was given back. Threads may share it."""

    def __init__(self) -> None:
        self._free: list[NDArray[np.uint8]] = []
        self._lock = threading.Lock()

    def take(self, shape: Sequence[int], dtype: DTypeLike) -> NDArray:
        """An aligned array of `shape` that holds anything."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        with self._lock:
            memory = self._free.pop() if self._free else None
        if memory is None or memory.size < size + ALIGNMENT:
            memory = np.empty(size + ALIGNMENT, np.uint8)  # One too small is let go: pieces grow little.
        start = -memory.ctypes.data % ALIGNMENT
        return memory[start : start + size].view(dtype).reshape(shape)

    def give(self, array: NDArray) -> None:
        """Takes back an array from `take`, which nobody may look at from now on."""
        with self._lock:
            self._free.append(array.base)  # type: ignore[arg-type]  # All views of numpy name the memory's owner.
