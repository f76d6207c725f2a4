"""Ground too dark to see: under-exposed, unevenly lit and in shadow. Drawn from one `numpy.random.Generator`."""

import cv2
import numpy as np

from cloud_removal.config import Range
from cloud_removal.data.fractal import cover, fractal, slow

EXPOSURE: Range = (0.25, 0.7)
"""What the brightest keeps of its value."""
GAMMA: Range = (1.1, 1.9)
"""How much more the dark loses: exponent of the values."""
UNEVEN = 0.35
"""Largest share of the light that is missing on one side of the picture and not on the other."""
SHADOW_SHARE = 0.6
"""Share of the pictures in which something casts shadows."""
COVERAGE: Range = (0.1, 0.6)
"""Share of the picture in shadow, where there are any."""
DEPTH: Range = (0.3, 0.7)
"""Share of the light that a full shadow takes away."""
SKYLIGHT = np.array([1.0, 0.96, 0.88], np.float32)
"""Share of that for R, G and B: what is left is light of the blue sky."""


def darkened(ground: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Clear `ground` (H, W, 3) float32 in [0, 1], too dark: e·x^γ·u·(1 - d·k·s), float32 in [0, 1].

    x the ground, e the exposure, γ the exponent, u from 1 down to 1 - UNEVEN varying slowly over the picture; of some
    pictures s in [0, 1] soft shadows, d their depth, k the colour that they take away. Nothing is brighter than it was.
    """
    shape = ground.shape[:2]
    field = slow(rng, shape, float(max(shape)))
    light = 1.0 - np.float32(UNEVEN * rng.random()) * _unit(field)
    dark = np.float32(rng.uniform(*EXPOSURE)) * ground ** np.float32(rng.uniform(*GAMMA)) * light[..., None]
    if rng.random() < SHADOW_SHARE:
        dark *= 1.0 - np.float32(rng.uniform(*DEPTH)) * SKYLIGHT * shadows(shape, rng)[..., None]
    return dark


def shadows(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Soft-edged shadows (H, W) float32 in [0, 1], as of clouds outside the picture."""
    side = max(shape)
    field = fractal(rng, shape, float(rng.uniform(0.2, 0.8) * side))
    edge = max(0.5, float(rng.uniform(0.002, 0.02) * side))
    shade = cv2.GaussianBlur(cover(field, rng.uniform(*COVERAGE), 0.1), None, edge)
    return np.minimum(shade, np.float32(1.0), out=shade)  # Blurring rounds.


def _unit(field: np.ndarray) -> np.ndarray:
    """`field` brought to [0, 1]."""
    low, high = float(field.min()), float(field.max())
    return (field - np.float32(low)) / np.float32(max(high - low, 1e-6))
