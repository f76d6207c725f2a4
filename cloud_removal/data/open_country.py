"""Open country: desert, steppe, forest, sea, of little contrast. Aerial pictures of towns hold none of it.

Low contrast under a clear sky and high contrast under a veil look alike; a network that has seen only the second
takes every desert for hazy. Colours are those of true-colour and of near-infrared composites.
"""

from typing import NamedTuple

import cv2
import numpy as np

from cloud_removal.config import Range
from cloud_removal.data.fractal import cover, fractal, wispy


class Landscape(NamedTuple):
    """One kind of open country, and the ranges that its pictures are drawn from."""

    share: float
    hue: Range
    """In degrees; with saturation and brightness that of HSV."""
    saturation: Range
    brightness: Range
    deviation: Range
    """Standard deviation of the brightness, drawn so that each doubling is as likely."""
    roughness: Range
    """Amplitude of each octave of the relief beside the one twice as coarse."""


LAND, WATER = ((0.022, 0.09), (0.65, 1.0)), ((0.012, 0.06), (0.5, 0.85))
"""Deviation and roughness. Eight real deserts (RICE1, RICE2, clear) deviate by 0.03 to 0.07, with a gradient energy of
0.1 to 0.6 of the variance, as woods, steppe and river banks have; a roughness of 0.8 makes 0.1, of 1 makes 0.4."""

# True-colour and near-infrared composites.
LANDSCAPES = (
    Landscape(0.22, (8.0, 75.0), (0.04, 0.50), (0.22, 0.98), *LAND),  # Desert, bare rock, dry steppe.
    Landscape(0.18, (10.0, 50.0), (0.06, 0.28), (0.28, 0.85), *LAND),  # Sand and gravel, seen in the near infrared.
    Landscape(0.18, (75.0, 125.0), (0.45, 0.85), (0.35, 0.75), *LAND),  # Vegetation in near-infrared composites.
    Landscape(0.17, (90.0, 160.0), (0.20, 0.60), (0.12, 0.45), *LAND),  # Forest and grass in true colour.
    Landscape(0.16, (195.0, 235.0), (0.45, 0.95), (0.10, 0.70), *WATER),  # What is grey over sea and lakes is haze.
    Landscape(0.09, (0.0, 360.0), (0.00, 0.10), (0.15, 0.95), *WATER),  # Bare grey, snow.
)


def open_country(rng: np.random.Generator, size: int, texture: np.ndarray | None = None) -> np.ndarray:
    """A clear picture, float32 (size, size, 3) in [0, 1]; its relief is fractal or that of `texture` (same shape).

    Two pictures in five have a second landscape beside the first: a river, a lake, burnt or wet land.
    """
    first = _landscape(rng, size, texture)
    if rng.random() > 0.4:
        return np.clip(first, 0.0, 1.0, out=first)
    field = wispy(rng, (size, size), size * rng.uniform(0.2, 1.5), 0.5, rng.uniform(1.0, 4.0))
    edge = cover(field, rng.uniform(0.02, 0.5), rng.uniform(0.02, 0.3))[..., None]
    second = _landscape(rng, size, texture)
    return np.clip(first + edge * (second - first), 0.0, 1.0)


def _landscape(rng: np.random.Generator, size: int, texture: np.ndarray | None) -> np.ndarray:
    landscape = LANDSCAPES[int(rng.choice(len(LANDSCAPES), p=[one.share for one in LANDSCAPES]))]
    low, high = np.log(landscape.deviation)
    deviation = np.float32(np.exp(rng.uniform(low, high)))
    relief = _relief(rng, size, landscape.roughness) if texture is None else texture - texture.mean(axis=(0, 1))
    relief = relief / np.float32(max(float(relief.std()), 1e-3))
    patches = fractal(rng, (size, size), size * rng.uniform(0.1, 1.0), 0.6)
    change = rng.normal(0.0, 0.5, 3).astype(np.float32)
    return _colour(rng, landscape) + deviation * (relief + patches[..., None] * (change - change.mean()))


def _relief(rng: np.random.Generator, size: int, roughness: Range) -> np.ndarray:
    """Fractal light and shade (size, size, 3), nearly the same in each channel."""
    largest = size * float(np.exp(rng.uniform(np.log(0.05), np.log(2.0))))
    billow = rng.uniform(0.0, 0.8)
    field = wispy(rng, (size, size), largest, rng.uniform(*roughness), rng.uniform(1.0, 3.0), billow=billow)
    return field[..., None] * rng.uniform(0.8, 1.2, 3).astype(np.float32)


def _colour(rng: np.random.Generator, landscape: Landscape) -> np.ndarray:
    hsv = [rng.uniform(*between) for between in (landscape.hue, landscape.saturation, landscape.brightness)]
    return cv2.cvtColor(np.array([[hsv]], np.float32), cv2.COLOR_HSV2RGB)
