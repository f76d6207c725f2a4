"""Small scenes of several dates: known ground under known clouds, in another brightness each."""

from pathlib import Path

import numpy as np
from rasterio.transform import Affine

from tests.small_model import write_raster

HEIGHT, WIDTH = 120, 150
GRID = Affine(10, 0, 500000, 0, -10, 4100000)
LEFT, RIGHT, MIDDLE = (60, 40), (60, 110), (60, 75)


def ground(height: int = HEIGHT, width: int = WIDTH, grid: Affine = GRID) -> np.ndarray:
    """Smooth ground (3, H, W) in [0, 1]: a function of the place."""
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = (grid.c + grid.a * columns - 500000) / 10, (4100000 - grid.f - grid.e * rows) / 10
    return np.stack([0.15 + 0.08 * np.sin(y / (9 + i)) * np.cos(x / (11 + i)) for i in range(3)])


def cloud(place: tuple[int, int], radius: float = 30, most: float = 1.0, shape=(HEIGHT, WIDTH)) -> np.ndarray:
    """Opacity (H, W) of a round cloud with a soft edge."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(rows - place[0], columns - place[1])
    return np.clip((radius - away) / 8, 0, 1) * most


def seen(opacity: np.ndarray, gain: float = 1.0, offset: float = 0.0, truth: np.ndarray | None = None) -> np.ndarray:
    """Values (uint16) of ground under a cloud, in another brightness."""
    clear = (ground() if truth is None else truth) * gain + offset
    return np.round((clear * (1 - opacity) + 0.95 * opacity) * 30000).astype(np.uint16)


def dated(file: Path, values: np.ndarray, **profile) -> Path:
    return write_raster(file, values, **({"transform": GRID} | profile))
