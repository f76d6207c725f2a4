"""Cloud-optimised GeoTIFFs: a finished GeoTIFF copied by GDAL's COG driver, with all that it carries.

The copy has the same pixels, in tiles that lie in the order in which they are asked for, and overviews.
"""

import os
from pathlib import Path
from typing import Any

import rasterio.shutil

TILE = 512
AVERAGED, COMMONEST = "average", "mode"
"""How overviews are made: of measurements the mean of what holds data; of codes the one that occurs most often."""

MARK = "BAND_TAGS_OF_THE_PLAIN_RASTER"
HEAD = 16 << 20
"""Bytes from the beginning in which all tags lie; of an index of a million tiles, too."""


def mark_tags(plain: Any) -> None:
    """Puts the bands' own tags of the raster `plain`, open for writing, also where `optimise` brings them through.

    When GDAL is asked to copy tags of all namespaces it leaves out those of bands that are in none.
    """
    for band in range(1, plain.count + 1):
        if tags := plain.tags(band):
            plain.update_tags(band, ns=MARK, **tags)


def optimise(plain: Path, file: Path, overviews: str) -> None:
    """Copies the GeoTIFF `plain`, marked by `mark_tags`, to `file`; needs memory for GDAL's cache and a row of tiles.

    `overviews`: `AVERAGED` or `COMMONEST`. What goes wrong is raised as one of `raster.GDAL_ERRORS` or OSError.
    """
    rasterio.shutil.copy(
        plain, file, driver="COG", compress="DEFLATE", level=1, predictor="YES", blocksize=TILE, bigtiff="IF_SAFER",
        num_threads=os.cpu_count() or 1, overview_resampling=overviews, copy_src_mdd="YES",
    )  # fmt: skip
    _unmark(file)


def _unmark(file: Path) -> None:
    """Takes the mark off the bands' tags in place: spaces instead of the namespace leave every offset as it is."""
    namespace = f' domain="{MARK}"'.encode()
    with file.open("r+b") as stream:
        head = stream.read(HEAD)
        place = head.find(namespace)
        while place >= 0:
            stream.seek(place)
            stream.write(b" " * len(namespace))
            place = head.find(namespace, place + len(namespace))
