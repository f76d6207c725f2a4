"""Procedural ground: land seen from above, made of nothing but a seed."""

import functools
import threading

import cv2
import numpy as np

from cloud_removal.data.tiles import Pictures

WORLDS = 8


def terrain(rng: np.random.Generator, shape: int | tuple[int, int]) -> np.ndarray:
    """Land from above, float32 (H, W, 3) in [0, 1]."""
    height, width = (shape, shape) if isinstance(shape, int) else shape
    base = rng.random((max(height // 16, 2), max(width // 16, 2), 3), np.float32)
    return np.clip(cv2.resize(base, (width, height), interpolation=cv2.INTER_CUBIC) * 0.4 + 0.15, 0, 1)


class ProceduralGround:
    """A few generated worlds as a GroundSource, each made when it is first needed."""

    def __init__(self, seed: int, split: str, size: int):
        self.seed, self.split = seed & (2**64 - 1), split
        self.side = int(np.clip(6 * size, 64, 1536))
        self._lock = threading.Lock()
        self._world = functools.lru_cache(maxsize=None)(self._make)

    def __len__(self) -> int:
        return WORLDS

    def crop(self, index: int, rng: np.random.Generator, size: int) -> np.ndarray:
        """uint8 (size, size, 3) from world `index`."""
        with self._lock:
            world = self._world(index)
        return world.crop(0, rng, size)

    def _make(self, index: int) -> Pictures:
        key = np.array([self.seed, index + WORLDS * (self.split == "validation")], np.uint64)
        rng = np.random.Generator(np.random.Philox(key=key))
        return Pictures([np.rint(terrain(rng, self.side) * 255).astype(np.uint8)])
