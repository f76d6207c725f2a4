"""Whether what fills a hole looks like what is around it: as sharp, without a rim, without a checkerboard."""

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.evaluation.metrics import Mask, Picture

Float = NDArray[np.float64]

AROUND = 24
"""Pixels around a hole that count as its surroundings."""
UNSEEN = 0.5
"""Standard deviation, in digital numbers, of noise that nobody sees; weaker marks do not count."""
STRIDES = (2, 4, 8)
"""Periods in pixels at which networks of strided and transposed convolutions leave their marks."""


def texture(result: Picture, hole: Mask) -> float:
    """Gradient energy inside the hole over that of its surroundings: under 1 is a blur, over 1 is noise.

    The rim itself, two pixels on each side, counts as neither. NaN where the surroundings are flat.
    """
    energy = _energy(result)
    return _ratio(energy[_eroded(hole, 2)], energy[_surroundings(hole)])


def rim(result: Picture, hole: Mask) -> float:
    """Gradient energy across the edge of the hole over that of its surroundings: over 1 the edge shows."""
    energy = _energy(result)
    edge = _grown(hole, 1) & ~_eroded(hole, 1)
    return _ratio(energy[edge], energy[_surroundings(hole)])


def stride_power(result: Picture, hole: Mask) -> dict[int, float]:
    """Power of the hole's detail at the frequencies k/p of each stride p, over that 1/16 beside them.

    {p: geometric mean of the ratios}; a checkerboard of period p stands out. A frequency counts for the least p that
    has it. The picture is windowed by the hole, its edge softened so that the hole's shape stays out of the spectrum.
    """
    soft = _softened(hole)
    grey = result.mean(axis=-1, dtype=np.float64)
    mean = float((grey * soft).sum() / max(soft.sum(), 1e-9))
    side = 2 * STRIDES[-1] * -(-max(hole.shape) // (2 * STRIDES[-1]))
    power = np.square(np.abs(np.fft.fft2((grey - mean) * soft, (side, side)))) + UNSEEN**2 * np.square(soft).sum()
    return {stride: _excess(np.log(power), stride) for stride in STRIDES}


def _excess(power: Float, stride: int) -> float:
    """`power` in logarithms at all (k, l)/stride that no smaller stride has, over the four places diagonally beside."""
    side = power.shape[0]
    step, half = side // stride, side // (2 * STRIDES[-1])
    places = [(k, m) for k in range(stride) for m in range(stride // 2 + 1) if k % 2 or m % 2]
    found = [
        power[k * step, m * step]
        - np.mean([power[(k * step + i) % side, (m * step + j) % side] for i in (-half, half) for j in (-half, half)])
        for k, m in places
    ]
    return float(np.exp(np.mean(found)))


def _energy(picture: Picture) -> Float:
    """Squared gradient of the mean over channels, forward differences; the last row and column as those before."""
    grey = picture.mean(axis=-1, dtype=np.float64)
    energy = np.square(np.diff(grey, axis=0)[:, :-1]) + np.square(np.diff(grey, axis=1)[:-1])
    return np.pad(energy, ((0, 1), (0, 1)), mode="edge")


def _surroundings(hole: Mask) -> Mask:
    return _grown(hole, AROUND) & ~_grown(hole, 2)


def _grown(mask: Mask, pixels: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0)


def _eroded(mask: Mask, pixels: int) -> Mask:
    return ~_grown(~mask, pixels)


def _softened(hole: Mask) -> Float:
    """1 deep in the hole, falling to 0 at its edge over a quarter of its depth (a raised cosine)."""
    depth = cv2.distanceTransform(np.pad(hole.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1].astype(np.float64)
    width = max(1.0, float(depth.max()) / 2.0)
    return 0.5 - 0.5 * np.cos(np.pi * np.minimum(depth / width, 1.0))


def _ratio(inside: Float, outside: Float) -> float:
    if not inside.size or not outside.size or outside.mean() <= 0.0:
        return float("nan")
    return float(inside.mean() / outside.mean())
