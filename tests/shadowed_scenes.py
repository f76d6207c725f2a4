"""Scenes of small bright clouds whose shadows lie a known way off, and the same in the light."""

from pathlib import Path

import cv2
import numpy as np

from tests.small_model import as_type, write_raster

HEIGHT, WIDTH = 128, 160
MOVE = (18, -24)
"""Rows and columns from a cloud to its shadow: the sun stands in the north-east, 30 px of length away."""
AZIMUTH = 53.13
CLOUDS = ((30, 60, 9), (44, 132, 11), (92, 84, 10), (70, 30, 7), (100, 140, 8))


def clouds() -> np.ndarray:
    """Opacity (H, W)."""
    drawn = np.zeros((HEIGHT, WIDTH), np.float32)
    for row, column, radius in CLOUDS:
        cv2.circle(drawn, (column, row), radius, 1.0, -1)
    return drawn


def shadows() -> np.ndarray:
    """Where (H, W) they fall, 0 to 1, on ground that no cloud hides."""
    move = np.array([[1.0, 0.0, MOVE[1]], [0.0, 1.0, MOVE[0]]])
    return cv2.GaussianBlur(cv2.warpAffine(clouds(), move, (WIDTH, HEIGHT)), (0, 0), 0.7) * (1 - clouds())


def seen(depth: float, seed: int = 0) -> np.ndarray:
    """Picture (3, H, W) in [0, 1] of ground under clouds, whose shadows take away a share `depth` of the light."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    ground = 0.3 + 0.03 * np.sin(rows / 9) * np.cos(columns / np.array([7, 8, 9]).reshape(3, 1, 1))
    ground = (ground + generator.normal(0, 0.01, ground.shape)) * (1 - depth * shadows())
    return np.where(clouds() > 0, np.float32(0.97), ground).astype(np.float32)


def raster(file: Path, depth: float, **profile) -> Path:
    """That as a GeoTIFF of 16 bits, north up, without coordinates unless the profile says some."""
    return write_raster(file, as_type(seen(depth), "uint16"), **({"crs": None, "transform": None} | profile))
