"""How large a pixel of a raster is on the ground, wherever on Earth it lies."""

import math
from typing import Any

import numpy as np
from rasterio.warp import transform

from cloud_removal.inference.raster import GDAL_ERRORS

EQUATOR, FLATTENING = 6378137.0, 1.0 / 298.257223563
"""Metres, and the flattening of the ellipsoid. Source: WGS 84."""


def square_metres(source: Any, row: float, column: float) -> float | None:
    """Area of the pixel of the open raster `source` at `row` and `column`; None where it does not say where it lies.

    Taken on the ellipsoid, so that neither degrees nor a projection that stretches areas mislead.
    """
    pixel = steps(source, row, column)
    return None if pixel is None else abs(pixel[1][0] * pixel[0][1] - pixel[1][1] * pixel[0][0])


def sides(source: Any, row: float, column: float) -> tuple[float, float] | None:
    """Metres from a pixel to the next one down and the next one to the right; None as for `square_metres`."""
    pixel = steps(source, row, column)
    return None if pixel is None else (math.hypot(*pixel[0]), math.hypot(*pixel[1]))


def steps(source: Any, row: float, column: float) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """From a pixel to the next one down and to the next one to the right, metres eastwards and northwards each; None as
    for `square_metres`."""
    if source.crs is None or source.transform.is_identity:
        return None
    grid = source.transform
    corners = [
        (grid.a * x + grid.b * y + grid.c, grid.d * x + grid.e * y + grid.f)
        for x, y in ((column, row), (column + 1, row), (column, row + 1))
    ]
    try:
        east, north = transform(source.crs, "EPSG:4326", *zip(*corners, strict=True))[:2]
    except (*GDAL_ERRORS, ValueError):
        return None
    if not np.isfinite([*east, *north]).all():
        return None
    return _metres(east, north, 2), _metres(east, north, 1)


def _metres(east: list[float], north: list[float], corner: int) -> tuple[float, float]:
    """From the first corner to another: metres eastwards and northwards; longitudes and latitudes in degrees."""
    latitude = math.radians(north[0])
    squeezed = 1.0 - FLATTENING * (2.0 - FLATTENING) * math.sin(latitude) ** 2
    meridian = EQUATOR * (1.0 - FLATTENING) ** 2 / squeezed**1.5
    parallel = EQUATOR * math.cos(latitude) / math.sqrt(squeezed)
    turn = (east[corner] - east[0] + 180.0) % 360.0 - 180.0
    return math.radians(turn) * parallel, math.radians(north[corner] - north[0]) * meridian
