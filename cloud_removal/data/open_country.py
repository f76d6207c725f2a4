"""Open country: desert, steppe, forest, sea, of little contrast. Aerial pictures of towns hold none of it.

Low contrast under a clear sky and high contrast under a veil look alike; a network that has seen only the second
takes every desert for hazy. Colours are those of true-colour and of near-infrared composites.
"""

import cv2
import numpy as np

from cloud_removal.config import Range
from cloud_removal.data.fractal import cover, fractal, wispy

# Share of the landscapes; hue in degrees, saturation, brightness (HSV).
LANDSCAPES: tuple[tuple[float, Range, Range, Range], ...] = (
    (0.22, (8.0, 75.0), (0.04, 0.50), (0.22, 0.98)),  # Desert, bare rock, dry steppe.
    (0.18, (10.0, 50.0), (0.06, 0.28), (0.28, 0.85)),  # Sand and gravel as the near infrared shows them.
    (0.18, (75.0, 125.0), (0.45, 0.85), (0.35, 0.75)),  # Vegetation in near-infrared composites; bright fields.
    (0.17, (90.0, 160.0), (0.20, 0.60), (0.12, 0.45)),  # Forest and grass in true colour.
    (0.16, (195.0, 235.0), (0.45, 0.95), (0.10, 0.70)),  # Sea and lakes: what is grey there is mostly haze.
    (0.09, (0.0, 360.0), (0.00, 0.10), (0.15, 0.95)),  # Bare grey, snow.
)
DEVIATION = (0.012, 0.09)
"""Standard deviation of the brightness, drawn so that each doubling is as likely."""


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
    low, high = np.log(DEVIATION)
    deviation = np.float32(np.exp(rng.uniform(low, high)))
    relief = _relief(rng, size) if texture is None else texture - texture.mean(axis=(0, 1))
    relief = relief / np.float32(max(float(relief.std()), 1e-3))
    patches = fractal(rng, (size, size), size * rng.uniform(0.1, 1.0), 0.6)
    change = rng.normal(0.0, 0.5, 3).astype(np.float32)
    return _colour(rng) + deviation * (relief + patches[..., None] * (change - change.mean()))


def _relief(rng: np.random.Generator, size: int) -> np.ndarray:
    """Fractal light and shade (size, size, 3), nearly the same in each channel."""
    largest = size * float(np.exp(rng.uniform(np.log(0.05), np.log(2.0))))
    billow = rng.uniform(0.0, 0.8)
    field = wispy(rng, (size, size), largest, rng.uniform(0.5, 0.85), rng.uniform(1.0, 3.0), billow=billow)
    return field[..., None] * rng.uniform(0.8, 1.2, 3).astype(np.float32)


def _colour(rng: np.random.Generator) -> np.ndarray:
    chances = [landscape[0] for landscape in LANDSCAPES]
    _, hue, saturation, brightness = LANDSCAPES[int(rng.choice(len(LANDSCAPES), p=chances))]
    paint = np.array([[[rng.uniform(*hue), rng.uniform(*saturation), rng.uniform(*brightness)]]], np.float32)
    return cv2.cvtColor(paint, cv2.COLOR_HSV2RGB)
