"""Makes the sample scenes of assets/scenes: procedural ground under simulated clouds, with the clear truth beside.

`make scenes` writes them again, the same to the bit.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.transform import from_origin

from cloud_removal.config import Simulation
from cloud_removal.data.clouds import simulate
from cloud_removal.data.terrain import terrain

SCENES = Path(__file__).parent / "scenes"
SCALE = 10_000
"""Digital numbers of full reflectance, as in Sentinel-2 products."""
STEP = 40
"""Digital numbers are multiples of this, as fine as 8 bits: a third of the size on disk."""

PLAIN = Simulation(haze_share=1.0, haze_wavelength=(0.1, 0.1), blur_share=0.0, tint=(1.0, 1.0), ice_share=0.0)
HAZE = replace(PLAIN, kinds=(0, 0, 1, 0), veil_opacity=(0.6, 0.6), veil_brightness=(0.7, 0.7))
SUN = replace(PLAIN, shadow_share=1.0, sun_azimuth=(150, 150), sun_elevation=(45, 45), cloud_height=(40, 40))
THIN = replace(SUN, kinds=(1, 0, 0, 0), coverage=(0.6, 0.6), thin_opacity=(0.75, 0.75), brightness=(0.9, 0.9))
THICK = replace(SUN, kinds=(0, 1, 0, 0), coverage=(0.03, 0.03), brightness=(0.97, 0.97))


def scene(seed: int, shape: tuple[int, int], weather: Sequence[Simulation]) -> tuple[np.ndarray, np.ndarray]:
    """(cloudy, clear), float32 (H, W, 3) in [0, 1]; `weather` lies over the ground from the lowest layer up."""
    rng = np.random.Generator(np.random.Philox(seed))
    clear = terrain(rng, shape)
    cloudy = clear
    for layer in weather:
        cloudy = simulate(cloudy, rng, layer).aerial
    return cloudy, clear


def write_geotiff(path: Path, picture: np.ndarray) -> None:
    """Writes `picture` as a georeferenced 16-bit GeoTIFF like a Sentinel-2 product: UTM, 10 m pixels, ×10000."""
    profile = {
        "driver": "GTiff", "dtype": "uint16", "count": 3, "height": picture.shape[0], "width": picture.shape[1],
        "crs": "EPSG:32632", "transform": from_origin(600_000, 5_300_040, 10, 10), "nodata": 0,
        "compress": "deflate", "predictor": 2, "zlevel": 9, "tiled": True, "blockxsize": 256, "blockysize": 256,
        "interleave": "pixel",
    }  # fmt: skip
    numbers = np.maximum(np.rint(picture * (SCALE / STEP)) * STEP, STEP).astype(np.uint16)
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(numbers.transpose(2, 0, 1))
        raster.descriptions = ("B04 red", "B03 green", "B02 blue")
        raster.colorinterp = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
        raster.scales = (1 / SCALE,) * 3
        raster.update_tags(TITLE="Simulated scene: procedural ground, simulated clouds", LICENCE="Apache-2.0")


def write_png(path: Path, picture: np.ndarray) -> None:
    """Writes `picture` as an 8-bit PNG."""
    bgr = cv2.cvtColor(np.rint(picture * 255).astype(np.uint8), cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), bgr, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main() -> None:
    """Writes cloud/ and clear/, the same names in both."""
    lakes = scene(10, (1536, 1536), (THIN, THICK))
    town = scene(11, (600, 800), (HAZE,))
    for kind, picture, small in zip(("cloud", "clear"), lakes, town, strict=True):
        (SCENES / kind).mkdir(parents=True, exist_ok=True)
        write_geotiff(SCENES / kind / "lakes.tif", picture)
        write_png(SCENES / kind / "town.png", small)


if __name__ == "__main__":
    main()
