"""What of the network's answer goes into the result: clear ground stays as the sensor saw it, bit by bit."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.scaling import Scaling

NO_DATA, KEPT, THIN, DATE, OPAQUE, SHADOW = 0, 1, 2, 3, 4, 5
"""Provenance of a pixel: no data, kept as it was, thin cloud removed, taken from another date, the network's own guess
under opaque cloud, shadow brightened. Those of other dates and shadows are made by stages, not here."""
CODES = (NO_DATA, KEPT, THIN, DATE, OPAQUE, SHADOW)
BLEND = 0.1
"""Width in opacity of the zone above `keep_below` in which the restoration is blended in, so that no outline shows."""

CV_DEPTHS = {"uint8": cv2.CV_8U, "int8": cv2.CV_8S, "uint16": cv2.CV_16U, "int16": cv2.CV_16S}
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
    result, provenance = np.empty(values.shape, values.dtype), np.empty(opacity.shape, np.uint8)
    blend = _blend_narrow if values.dtype.kind in "iu" and values.dtype.itemsize < 4 else _blend
    complete = present.all()
    for top in range(0, opacity.shape[0], ROWS):
        rows = slice(top, top + ROWS)
        result[:, rows] = values[:, rows]
        changed = _treatment(opacity[rows], thresholds, provenance[rows])
        if changed.any():
            weight = (opacity[rows] - np.float32(thresholds.keep_below)) * np.float32(1.0 / BLEND)
            cv2.threshold(weight, 1.0, 0.0, cv2.THRESH_TRUNC, weight)
            cv2.threshold(weight, 0.0, 0.0, cv2.THRESH_TOZERO, weight)
            blend(result[:, rows], ground[rows], weight, scaling, nodata)
            if not complete:
                np.copyto(result[:, rows], values[:, rows], where=~present[:, rows])
    if not complete:
        empty = ~present.any(axis=0)
        provenance[empty] = NO_DATA
        opacity = np.where(empty, np.float32(np.nan), opacity)
    return Piece(result, provenance, opacity)


def _treatment(
    opacity: NDArray[np.float32], thresholds: Thresholds, provenance: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """Where pixels change; writes KEPT, THIN or OPAQUE of each to `provenance`."""
    changed = opacity > thresholds.keep_below
    opaque = changed & (opacity >= thresholds.opaque_above)
    np.add(changed.view(np.uint8) * np.uint8(THIN - KEPT), KEPT, out=provenance)
    provenance += opaque.view(np.uint8) * np.uint8(OPAQUE - THIN)
    return changed


def _blend_narrow(
    result: NDArray, ground: NDArray[np.float32], weight: NDArray[np.float32], scaling: Scaling, nodata: float | None
) -> None:
    """`result` + weight·(ground - `result`), in place, for integers of 8 and 16 bits: rounded, clipped to the type.

    What is added where the weight is 0 is a whole number, 0: there nothing changes.
    """
    difference = np.empty_like(weight)
    depth = CV_DEPTHS[result.dtype.name]
    for before, restored, offset, span in zip(result, cv2.split(ground), scaling.offset, scaling.span, strict=True):
        cv2.addWeighted(restored, span, before, -1.0, offset, difference, dtype=cv2.CV_32F)
        cv2.multiply(difference, weight, difference)
        if nodata is None:
            cv2.add(before, difference, before, dtype=depth)
        else:
            already = before == nodata
            cv2.add(before, difference, before, dtype=depth)
            before[(before == nodata) & ~already] = _beside(result.dtype, nodata)


def _blend(
    result: NDArray, ground: NDArray[np.float32], weight: NDArray[np.float32], scaling: Scaling, nodata: float | None
) -> None:
    """The same for wider types and those with fractions."""
    wide = result.dtype.itemsize > 4 or result.dtype in (np.int32, np.uint32)
    changed = weight > 0
    for band, restored in enumerate(scaling.to_raster(ground, wide)):
        before = result[band].astype(restored.dtype)
        with np.errstate(invalid="ignore"):  # Samples without data may be NaN or infinite; they are not taken over.
            restored -= before
            restored *= weight
            restored += before
        np.copyto(result[band], to_type(restored, result.dtype, nodata), where=changed)


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
