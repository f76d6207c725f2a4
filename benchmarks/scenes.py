"""Made-up scenes of any size for benchmarks: three pieces of ground under clouds, over and over, turned and dimmed."""

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

PIECE, PIECES = 1024, 3
GAINS = (1.0, 0.8, 0.9, 0.7, 0.95)
"""By which pieces are dimmed, one after the other."""


def write_scene(file: Path, height: int, width: int | None = None) -> None:
    """A 16-bit GeoTIFF of three bands, `height` × `width` px (None: as wide as high), in tiles, deflated."""
    width = width or height
    profile: dict[str, Any] = {
        "driver": "GTiff", "dtype": "uint16", "count": 3, "height": height, "width": width, "crs": "EPSG:32631",
        "transform": rasterio.Affine(10, 0, 600000, 0, -10, 5700000), "tiled": True, "compress": "deflate",
        "predictor": 2, "zlevel": 1, "num_threads": os.cpu_count() or 1, "bigtiff": "IF_SAFER",
    }  # fmt: skip
    places = [(top, left) for top in range(0, height, PIECE) for left in range(0, width, PIECE)]
    with rasterio.Env(GDAL_CACHEMAX=64), rasterio.open(file, "w", **profile) as target:
        for number, (top, left) in enumerate(places):
            gain = GAINS[number % len(GAINS)]
            turned = np.rot90(_piece(number % PIECES, PIECE), (top + left) // PIECE, axes=(1, 2))
            part = turned[:, : min(PIECE, height - top), : min(PIECE, width - left)]
            place = rasterio.windows.Window(left, top, part.shape[2], part.shape[1])
            target.write(np.round(part * np.float32(gain)).astype(np.uint16), window=place)


@functools.cache
def _piece(number: int, side: int) -> NDArray[np.uint16]:
    """Reflectance times 10,000 (3, side, side) with the noise of a sensor."""
    from cloud_removal.config import Simulation
    from cloud_removal.data.clouds import simulate
    from cloud_removal.data.terrain import terrain

    generator = np.random.Generator(np.random.Philox(7 + number))
    seen = simulate(terrain(generator, side), generator, Simulation()).aerial
    noisy = np.clip(seen + generator.normal(0.0, 0.005, seen.shape), 0.0, 1.0)
    return np.round(10000.0 * noisy).astype(np.uint16).transpose(2, 0, 1)
