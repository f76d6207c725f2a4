"""From the values of a raster to [0, 1], which the networks take, and back. Fixed once for a whole scene."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import OptionError

LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.5
"""Of the valid samples of each band; the lowest and the highest of the bands then bound all of them, so that the
colours keep their relation (a bluish haze stays bluish)."""

ROWS = 64
"""Rows worked on at a time, so that they stay in the processor's cache."""


@dataclass(frozen=True)
class Scaling:
    """`(value - offset) / span` per band."""

    offset: tuple[float, ...]
    span: tuple[float, ...]
    kind: str
    """Where it comes from, in words."""

    def to_network(self, values: NDArray, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Bands of values (3, H, W) -> picture (H, W, 3) in [0, 1], written to `out`; what lies outside is clipped."""
        picture = np.empty((*values.shape[1:], 3), np.float32) if out is None else out
        scale = self._scale_narrow if values.dtype.itemsize < 4 else self._scale_wide
        for top in range(0, values.shape[1], ROWS):
            scale(values[:, top : top + ROWS], picture[top : top + ROWS])
        return picture

    def _scale_narrow(self, values: NDArray, picture: NDArray[np.float32]) -> None:
        """Integers of 8 and 16 bits, which float32 holds exactly."""
        merged = cv2.merge(list(values))
        factor = (*(1.0 / span for span in self.span), 0.0)
        if any(self.offset):
            cv2.subtract(merged, (*self.offset, 0.0), picture, dtype=cv2.CV_32F)
            cv2.multiply(picture, factor, picture)
        else:
            cv2.multiply(merged, factor, picture, dtype=cv2.CV_32F)
        cv2.threshold(picture, 1.0, 0.0, cv2.THRESH_TRUNC, picture)
        if any(self.offset) or values.dtype.kind == "i" or min(self.span) < 0:
            cv2.threshold(picture, 0.0, 0.0, cv2.THRESH_TOZERO, picture)

    def _scale_wide(self, values: NDArray, picture: NDArray[np.float32]) -> None:
        for band, (plane, offset, span) in enumerate(zip(values, self.offset, self.span, strict=True)):
            scaled = plane.astype(np.float64)
            scaled -= offset
            scaled *= 1.0 / span
            np.clip(scaled, 0.0, 1.0, out=picture[..., band], casting="same_kind")

    def to_raster(self, picture: NDArray[np.float32], wide: bool = False) -> list[NDArray]:
        """Picture (H, W, 3) in [0, 1] -> three planes of values (H, W), not rounded; `wide`: in float64."""
        planes: list[NDArray] = []
        for plane, offset, span in zip(cv2.split(picture), self.offset, self.span, strict=True):
            values: NDArray[np.floating] = np.array(plane, dtype=np.float64 if wide else np.float32)
            values *= values.dtype.type(span)
            values += values.dtype.type(offset)
            planes.append(values)
        return planes


def check_scale(scale: float | None) -> None:
    """Refuses a --scale that cannot be meant."""
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        raise OptionError(f"--scale {scale}: expected the value of full brightness, e.g. 10000.")


def choose(
    samples: Sequence[NDArray],
    dtype: str,
    scale: float | None,
    tags: Sequence[tuple[float, float]],
    where: str,
    sensor: Scaling | None = None,
) -> Scaling:
    """The scaling of a scene: by `scale`, of its `sensor`, uint8 by 255, by the raster's own (scale, offset) tags, or
    by percentiles.

    `samples`: valid values of each of the three bands, from all over the scene. Raises OptionError where hardly
    anything of the scene would lie in the range that networks know.
    """
    if scale is not None:
        chosen = Scaling((0.0,) * 3, (scale,) * 3, f"--scale {scale:g}")
    elif sensor is not None:
        chosen = sensor
    elif dtype == "uint8":
        return Scaling((0.0,) * 3, (255.0,) * 3, "8 bit")
    elif any(tag != (1.0, 0.0) for tag in tags):
        if not all(np.isfinite(tag).all() and tag[0] for tag in tags):
            raise OptionError(
                f"{where}: its scale and offset tags are {', '.join(f'{s:g} and {offset:g}' for s, offset in tags)}, "
                "which cannot be. Give the value of full brightness with --scale, e.g. 10000 for Sentinel-2."
            )
        offsets, spans = (tuple(-offset / s for s, offset in tags), tuple(1.0 / s for s, _ in tags))
        chosen = Scaling(offsets, spans, "the raster's scale and offset tags")
    else:
        return _by_percentiles(samples)
    _refuse_nonsense(chosen, samples, where)
    return chosen


def _by_percentiles(samples: Sequence[NDArray]) -> Scaling:
    bounds = [np.percentile(band.astype(np.float64), (LOW_PERCENTILE, HIGH_PERCENTILE)) for band in samples]
    low, high = float(min(b[0] for b in bounds)), float(max(b[1] for b in bounds))
    span = high - low if high > low else max(1.0, abs(low))
    return Scaling((low,) * 3, (span,) * 3, f"percentiles of the scene ({low:.6g} to {low + span:.6g})")


def _refuse_nonsense(scaling: Scaling, samples: Sequence[NDArray], where: str) -> None:
    """Half of the samples out of [-0.5, 1.5], or nearly all at the dark end: the factor must be another one."""
    scaled = np.concatenate(
        [(b.astype(np.float64) - o) / s for b, o, s in zip(samples, scaling.offset, scaling.span, strict=True)]
    )
    low, middle, high = np.percentile(scaled, (1, 50, 99))
    if not -0.5 <= middle <= 1.5 or high < 0.01:
        raise OptionError(
            f"{where}: {scaling.kind} would bring its values to {low:.3g} ... {high:.3g} (middle {middle:.3g}), but "
            "the network takes 0 to 1. Give the value of full brightness with --scale, e.g. 10000 for Sentinel-2."
        )
