"""What goes into the holes of a picture: a model's answer, brought to the level of what is around (Poisson blending).

The model is asked for a little more than the hole. There its answer can be compared with the picture; the
difference is carried on into the hole as a membrane and added, so that no rim shows. All of it is a function of what
lies within `REACH` pixels and of the place on the scene's grid: a hole is filled alike in every window.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]
Complete = Callable[[Picture, NDArray[np.float32]], Picture]
"""Picture (H, W, 3) in [0, 1] and hole (H, W) float32, 1 = unknown -> the picture with the hole filled."""

RING = 1
"""Pixels around a hole in which the model's answer is compared with the picture. More of them are ground that it is not
shown: four cost 3 grey levels and 0.05 SSIM in holes among houses."""
LEVELS = 6
"""Halvings of the membrane's pyramid: differences are carried on over 64 pixels and more, then fade."""
GRID = 1 << LEVELS
"""Frames begin at multiples of this, so that the pyramid of every window has the same cells."""
ROUNDS = 6
"""Of relaxation of the membrane at each of its sizes."""
DAMPING = 0.8
"""How far each place moves in a round (Briggs et al., A Multigrid Tutorial, 2000, chapter 2). With 1 a checkerboard
would turn over in every round and never fade."""
REACH = 5 * GRID // 2
"""Pixels around a place in a hole that its blending depends on (measured: beyond 160 not a bit changes)."""


def filled(picture: Picture, hole: Mask, known: Mask, complete: Complete) -> Picture:
    """`picture` (H, W, 3) in [0, 1] with its `hole` (H, W) filled; all else stays bit by bit.

    `known` (H, W): False where the picture has no data; the model is not shown that, nor is it filled. What `picture`
    has in the hole does not matter.
    """
    ring = grown(hole, RING) & ~hole & known
    answer = complete(picture, (hole | ring | ~known).astype(np.float32))
    difference = np.where(ring[..., None], picture - answer, np.float32(0.0))
    level = membrane(difference, ring, hole)
    return np.where(hole[..., None], np.clip(answer + level, 0.0, 1.0), picture)


def grown(mask: Mask, pixels: int) -> Mask:
    """`mask` (H, W) and all within `pixels` of it (a disc)."""
    if pixels <= 0 or not mask.any():
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)


def membrane(values: Picture, fixed: Mask, free: Mask) -> Picture:
    """`values` (H, W, C), known where `fixed` (H, W), carried on smoothly to where it is `free`.

    Laplace's equation with the fixed values as border (Pérez, Gangnet, Blake 2003, equation 4), nearly solved from
    coarse to fine: means over ever larger squares, relaxed at each size; far from anything fixed it fades to 0.
    """
    height, width = fixed.shape
    below, beside = -height % GRID, -width % GRID
    weight = np.pad(fixed.astype(np.float32), ((0, below), (0, beside)))
    padded = np.asarray(np.pad(values, ((0, below), (0, beside), (0, 0))) * weight[..., None], np.float32)
    surface = _relaxed(_pushed(padded, weight, LEVELS)[:height, :width], free, ROUNDS)
    return np.where(fixed[..., None], values, surface)


def _pushed(values: Picture, weight: NDArray[np.float32], levels: int) -> Picture:
    """`values`, already times `weight`, where there is weight; elsewhere those of the next coarser level, relaxed."""
    if levels == 0:
        return values
    sums, weights = _summed(values), _summed(weight[..., None])[..., 0]
    capped = np.minimum(weights, 1.0)
    scale = capped / np.maximum(weights, np.float32(1e-6))
    known = np.asarray(sums * scale[..., None], np.float32)
    coarser = _relaxed(_pushed(known, capped, levels - 1), capped == 0.0, ROUNDS if levels > 1 else 0)
    finer = cv2.resize(coarser, (values.shape[1], values.shape[0]), interpolation=cv2.INTER_LINEAR)
    return values + (1.0 - weight[..., None]) * finer.reshape(values.shape)


def _relaxed(surface: Picture, free: Mask, rounds: int) -> Picture:
    """`rounds` of Jacobi's method: where it is `free`, each place moves towards the mean of the four beside it."""
    around = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) * np.float32(DAMPING / 4)
    around[1, 1] = 1.0 - DAMPING
    surface = np.ascontiguousarray(surface)
    for _ in range(rounds):
        mean = cv2.filter2D(surface, -1, around, borderType=cv2.BORDER_REPLICATE)
        np.copyto(surface, mean.reshape(surface.shape), where=free[..., None])
    return surface


def _summed(values: Picture) -> Picture:
    """Sums over squares of 2×2."""
    return values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
