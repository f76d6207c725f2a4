"""What of the network's answer goes into the result: clear ground stays as the sensor saw it, bit by bit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.scaling import Scaling

NO_DATA, KEPT, THIN, OPAQUE = 0, 1, 2, 4
"""Provenance of a pixel: no data, kept as it was, thin cloud removed, the network's own guess under opaque cloud.
3 (taken from another date) and 5 (shadow brightened) are not made here."""
CODES = (NO_DATA, KEPT, THIN, OPAQUE)
BLEND = 0.1
"""Width in opacity of the zone above `keep_below` in which the restoration is blended in, so that no outline shows."""

ROWS = 64
"""Rows worked on at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True)
class Thresholds:
    """Opacities in [0, 1] at which a pixel's treatment changes."""

    keep_below: float
    opaque_above: float


@dataclass(frozen=True)
class Piece:
    """A window's result: values (3, H, W) in the raster's type, provenance (H, W) uint8, opacity (H, W) float32."""

    values: NDArray
    provenance: NDArray[np.uint8]
    opacity: NDArray[np.float32]


def compose(
    values: NDArray,
    present: NDArray[np.bool_],
    ground: NDArray[np.float32],
    opacity: NDArray[np.float32],
    scaling: Scaling,
    thresholds: Thresholds,
    nodata: float | None = None,
) -> Piece:
    """Blends the restored `ground` (H, W, 3) in [0, 1] into the raster's own `values` (3, H, W).

    `present` (3, H, W): False where the raster has no data; such samples stay as they are, and opacity is NaN where
    no band has any. `opacity` (H, W). No restored sample becomes `nodata` by chance.
    """
    provenance = np.full(opacity.shape, KEPT, np.uint8)
    changed = opacity > thresholds.keep_below
    provenance[changed] = THIN
    provenance[changed & (opacity >= thresholds.opaque_above)] = OPAQUE
    result = values.copy()
    for top in range(0, opacity.shape[0], ROWS):
        rows = slice(top, top + ROWS)
        if (provenance[rows] != KEPT).any():
            weight = (opacity[rows] - np.float32(thresholds.keep_below)) * np.float32(1.0 / BLEND)
            np.clip(weight, 0.0, 1.0, out=weight)
            _blend(result[:, rows], present[:, rows], ground[rows], weight, scaling, nodata)
    empty = ~present.any(axis=0)
    if empty.any():
        provenance[empty] = NO_DATA
        opacity = np.where(empty, np.float32(np.nan), opacity)
    return Piece(result, provenance, opacity)


def _blend(
    result: NDArray,
    present: NDArray[np.bool_],
    ground: NDArray[np.float32],
    weight: NDArray[np.float32],
    scaling: Scaling,
    nodata: float | None,
) -> None:
    """`result` + weight·(ground - `result`), in place, where the weight is over 0 and there is data."""
    wide = result.dtype.itemsize > 4 or result.dtype in (np.int32, np.uint32)
    changed = weight > 0
    for band, restored in enumerate(scaling.to_raster(ground, wide)):
        before = result[band].astype(restored.dtype)
        with np.errstate(invalid="ignore"):  # Samples without data may be NaN or infinite; they are not taken over.
            restored -= before
            restored *= weight
            restored += before
        np.copyto(result[band], to_type(restored, result.dtype, nodata), where=changed & present[band])


def to_type(values: NDArray, dtype: np.dtype, nodata: float | None) -> NDArray:
    """Rounded and clipped to `dtype`, in place where possible; a value equal to `nodata` moves to the next one."""
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        cast = np.clip(np.rint(values, out=values), limits.min, limits.max, out=values).astype(dtype)
    else:
        cast = values.astype(dtype, copy=False)
    if nodata is None or np.isnan(nodata):
        return cast
    hit = cast == dtype.type(nodata) if _holds(dtype, nodata) else np.zeros(cast.shape, bool)
    if hit.any():
        cast[hit] = _beside(dtype, nodata)
    return cast


def grey_where_missing(values: NDArray[np.float32], present: NDArray[np.bool_], median: NDArray[np.float32]) -> None:
    """Fills a picture (H, W, 3) in [0, 1] in place: pixels without any data by `median` (3,), a missing sample of a
    pixel that has others by their mean. `present` (3, H, W)."""
    some = present.any(axis=0)
    values[~some] = median
    partly = some & ~present.all(axis=0)
    if partly.any():
        seen = present[:, partly].T
        mean = (values[partly] * seen).sum(axis=1, keepdims=True) / seen.sum(axis=1, keepdims=True)
        values[partly] = np.where(seen, values[partly], mean)


def _holds(dtype: np.dtype, value: float) -> bool:
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return float(value).is_integer() and limits.min <= value <= limits.max
    return True


def _beside(dtype: np.dtype, nodata: float) -> float:
    if np.issubdtype(dtype, np.integer):
        return nodata + 1 if nodata < np.iinfo(dtype).max else nodata - 1
    return float(np.nextafter(dtype.type(nodata), dtype.type(np.inf if nodata < np.finfo(dtype).max else -np.inf)))
