"""A raster written strip by strip, and read again to prove that it holds what was written."""

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow

from cloud_removal.inference import raster
from cloud_removal.inference.buffers import Buffers
from cloud_removal.inference.overlap import overlapped
from cloud_removal.inference.raster import Scene
from cloud_removal.inference.windows import Area

TILE = 512
STRIP_BYTES = 16 << 20
"""What is assembled in memory at a time, of all bands."""
MOST_READERS = 4
"""Threads that read a finished raster again; more would wait for one another in GDAL's cache."""

Fill = Callable[[Area, NDArray], None]
"""Writes all bands of a file in an area of the scene to an array (bands, H, W)."""
Checksums = dict[Area, tuple[int, int]]
"""Of the bands and of the mask, by strip."""
Strip = tuple[Area, NDArray, NDArray[np.uint8] | None]
"""Where, all bands (bands, H, W), the mask (H, W) if the raster has one."""


def strips(scene: Scene) -> Iterator[Area]:
    """Rows of tiles, cut so that each piece fits in memory; a tile is written once."""
    pixel = scene.source.count * np.dtype(scene.dtype).itemsize
    width = max(TILE, STRIP_BYTES // (TILE * pixel) // TILE * TILE)
    for top in range(0, scene.height, TILE):
        for left in range(0, scene.width, width):
            yield Area(top, left, min(TILE, scene.height - top), min(width, scene.width - left))


def write(target: Any, scene: Scene, fill: Fill, masked: bool) -> Checksums:
    """Writes all of a raster, and the scene's mask into it. The next strip is filled while one is compressed."""
    buffers = Buffers()
    checksums: Checksums = {}

    def filled(area: Area) -> Strip:
        values = buffers.take((target.count, area.height, area.width), target.dtypes[0])
        fill(area, values)
        mask = np.where(scene.read_mask(area) > 0, np.uint8(255), np.uint8(0)) if masked else None
        return area, values, mask

    def write_strip(strip: Strip) -> None:
        area, values, mask = strip
        target.write(values, window=_window(area))
        if mask is not None:
            target.write_mask(mask, window=_window(area))

    def check(strip: Strip, _: None) -> None:
        area, values, mask = strip
        checksums[area] = _checksum(values), 0 if mask is None else _checksum(mask)
        buffers.give(values)

    overlapped(strips(scene), filled, write_strip, check)
    return checksums


def first_difference(file: Path, written: Checksums, masked: bool, in_order: bool) -> Area | None:
    """The first strip of `file` that reads back differently. `in_order`: it can only be decoded from its beginning."""
    areas = list(written)
    readers = 1 if in_order else min(os.cpu_count() or 1, MOST_READERS)
    cache = raster.CACHE_BYTES if in_order else raster.CACHE_BYTES // 3  # Each tile is needed once.
    with rasterio.Env(GDAL_CACHEMAX=cache), ThreadPoolExecutor(readers, "verify") as pool:
        parts = pool.map(lambda first: _read_again(file, areas[first::readers], masked), range(readers))
        found = {area: checksums for part in parts for area, checksums in part.items()}
    return next((area for area in areas if found[area] != written[area]), None)


def _read_again(file: Path, areas: Sequence[Area], masked: bool) -> Checksums:
    buffers = Buffers()
    checksums: Checksums = {}
    with rasterio.open(file) as target:
        for area in areas:
            values = buffers.take((target.count, area.height, area.width), target.dtypes[0])
            target.read(window=_window(area), out=values)
            mask = _checksum(target.read_masks(1, window=_window(area))) if masked else 0
            checksums[area] = _checksum(values), mask
            buffers.give(values)
    return checksums


def _checksum(array: NDArray) -> int:
    return zlib.crc32(np.ascontiguousarray(array).data)


def _window(area: Area) -> RasterWindow:
    return RasterWindow(area.left, area.top, area.width, area.height)
