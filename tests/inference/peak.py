"""`python -m tests.inference.peak SIDE FOLDER`: prints the most memory, in bytes, that `remove` had on a made-up scene.

The scene has `SIDE` × `SIDE` px; its network is a formula in numpy, so that its memory is not that of TensorFlow.
"""

import sys
from pathlib import Path

import numpy as np
import rasterio

from benchmarks.formula import Bright
from benchmarks.remove import peak_memory
from cloud_removal.inference import raster, scene, strips
from cloud_removal.inference.model import Card
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.reports import report
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.windows import Grid
from cloud_removal.model_folder import GRAPH

ROWS = 256


def main(side: int, folder: Path) -> None:
    """What is kept of everything, whatever the size of the scene, is made small, so that the rest shows."""
    raster.CACHE_BYTES, strips.STRIP_BYTES, report.PAGE, scene.PIXELS_A_BATCH = 8 << 20, 2 << 20, 128, 1
    (folder / GRAPH).touch()
    (folder / "variables").mkdir()
    card = Card(folder, {"name": "bright", "version": 1}, Grid(8, 24, 8, True), None, 0.05, 0.75)
    source = folder / "in.tif"
    values = np.random.default_rng(0).integers(0, 10000, (3, ROWS, side), np.uint16)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 3, "height": side, "width": side, "tiled": True}
    with rasterio.Env(GDAL_CACHEMAX=8 << 20), rasterio.open(source, "w", crs="EPSG:32631", **profile) as target:
        for top in range(0, side, ROWS):
            target.write(values, window=rasterio.windows.Window(0, top, side, ROWS))
    remove(
        source,
        folder / "out.tif",
        Bright(card),
        Settings(window=ROWS, scale=10000.0),
        cloud=folder / "cloud.tif",
        provenance=folder / "codes.tif",
        report=folder / "report.html",
        cog=True,
    )
    print(peak_memory())


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
