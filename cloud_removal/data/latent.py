"""The noise that pictures are made out of, and the way from one such point to another."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Noise = Literal["uniform", "normal"]
"""uniform: each number in [-1, 1] (DCGAN, arXiv:1511.06434). normal: of mean 0 and deviation 1 (WGAN-GP's code)."""


def draw_noise(kind: Noise, seed: int, count: int, latent: int) -> NDArray[np.float32]:
    """`count` points (count, latent), a function of the seed; the first ones are the same whatever the count."""
    rng = np.random.Generator(np.random.Philox(key=seed & (2**64 - 1)))
    if kind == "normal":
        return rng.standard_normal((count, latent), np.float32)
    return (2.0 * rng.random((count, latent), np.float32) - 1.0).astype(np.float32)


def between(kind: Noise, start: NDArray[np.float32], end: NDArray[np.float32], steps: int) -> NDArray[np.float32]:
    """`steps` points (steps, latent) from `start` to `end` (latent,), both included.

    Along a straight line, which stays in the cube, for uniform noise; along a great circle for normal noise, nearly
    all of which lies at one distance from the origin, while the middle of a line would not (arXiv:1609.04468, 2.1).
    """
    share = np.linspace(0.0, 1.0, steps, dtype=np.float32)[:, np.newaxis]
    if kind == "uniform":
        return (1.0 - share) * start + share * end
    cosine = float(start @ end) / max(float(np.linalg.norm(start) * np.linalg.norm(end)), 1e-12)
    angle = np.float32(np.arccos(np.clip(cosine, -1.0, 1.0)))
    if np.sin(angle) < 1e-4:
        return (1.0 - share) * start + share * end
    return (np.sin((1.0 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(angle)
