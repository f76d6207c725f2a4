"""The statistics pass: what values a scene holds, looked at in places spread all over it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.windows import Area

PLACES, SIDE = 10, 96
"""Squares along each side of a large scene, and their side in pixels. Spread squares cost the same whatever the size
of the scene; a decimated copy would have to decode all of it."""
RASTER = 128
"""Squares begin at multiples of so many pixels, so that hardly any lies across tiles of a file that are decoded for it
alone."""
SMALL = 1 << 20
"""Scenes of at most so many pixels are looked at whole."""

Read = Callable[[Area], tuple[NDArray, NDArray[np.bool_]]]
"""An area of the scene -> values (C, H, W), and where each holds data (C, H, W)."""


@dataclass(frozen=True)
class Sample:
    """Valid values of each band, and their medians."""

    bands: tuple[NDArray, ...]
    median: tuple[float, ...]


def sample(height: int, width: int, read: Read) -> Sample | None:
    """Looks at a scene of `height` × `width` px. None where no pixel of it holds data."""
    found = [_valid(read, area) for area in spread(height, width)]
    if not any(band.size for values in found for band in values):
        found = list(_first_data(height, width, read))
        if not found:
            return None
    bands = [np.concatenate(band) for band in zip(*found, strict=True)]
    everything = np.concatenate(bands)
    bands = [band if band.size else everything for band in bands]
    return Sample(tuple(bands), tuple(float(np.median(band)) for band in bands))


def _valid(read: Read, area: Area) -> list[NDArray]:
    return [band[there] for band, there in zip(*read(area), strict=True)]


def spread(height: int, width: int) -> Iterator[Area]:
    """Squares all over a scene of `height` × `width` px; a small scene is looked at whole."""
    if height * width <= SMALL:
        yield Area(0, 0, height, width)
        return
    down, across = min(SIDE, height), min(SIDE, width)
    for top in _places(height - down):
        for left in _places(width - across):
            yield Area(top, left, down, across)


def _places(last: int) -> list[int]:
    return sorted({min(round(place / RASTER) * RASTER, last) for place in np.linspace(0, last, PLACES)})


def _first_data(height: int, width: int, read: Read) -> Iterator[list[NDArray]]:
    """The first rows that hold any data at all, for scenes where the places looked at hold none."""
    for top in range(0, height, SIDE):
        values = _valid(read, Area(top, 0, min(SIDE, height - top), width))
        if any(band.size for band in values):
            yield values
            return
