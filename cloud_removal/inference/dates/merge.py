"""One picture out of several dates: which date each pixel is taken from, and how one fades into the next."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.compose import BLEND, DATE, Piece, to_type

FEATHER = 8
"""Pixels over which what is taken from different dates fades into one another."""
PREFER = 0.1
"""A date that is not clear itself has to be so much thinner in opacity than the reference to be taken."""


@dataclass(frozen=True)
class Rule:
    """Opacities that decide."""

    keep_below: float
    """Up to here a pixel is clear; of dates that are clear, the first is taken."""
    above: float
    """Up to here the reference stays, whatever other dates show."""
    opaque_above: float
    """From here on nothing can be taken."""
    thin: bool
    """Whether thin cloud has been taken off."""


@dataclass(frozen=True)
class Date:
    """Another date in the brightness of the reference: values (3, H, W), opacity (H, W), NaN without data."""

    values: NDArray[np.floating]
    opacity: NDArray[np.float32]
    above: float = 0.0
    """It is taken only where the reference's opacity is more."""


@dataclass(frozen=True)
class Merged:
    """What is taken from other dates."""

    values: NDArray[np.floating]
    """(3, H, W), not rounded."""
    opacity: NDArray[np.float32]
    """(H, W) of the cloud that was over what is taken."""
    taken: NDArray[np.bool_]
    """(H, W)."""
    thin: bool

    def written(
        self,
        piece: Piece,
        place: tuple[slice, slice],
        here: tuple[slice, slice],
        present: NDArray[np.bool_],
        nodata: float | None,
    ) -> None:
        """Writes what lies `here` to its `place` in a piece; samples that are not `present` (3, h, w) stay.

        Opacity stays that of the reference, unless thin cloud was left: then it is that of what stands there now.
        """
        taken, dtype = self.taken[here], piece.values.dtype
        for plane, ours, there in zip(self.values, piece.values, present, strict=True):
            np.copyto(ours[place], to_type(plane[here].copy(), dtype, nodata), where=taken & there)
        piece.provenance[place][taken] = DATE
        if not self.thin:
            np.copyto(piece.opacity[place], self.opacity[here], where=taken)


def merged(values: NDArray, opacity: NDArray[np.float32], dates: Sequence[Date], rule: Rule) -> Merged:
    """Of the reference's `values` (3, H, W) and `opacity` (H, W, NaN without data) and of `dates` in order.

    What is within `FEATHER` of the border is used, but not right itself.
    """
    choice, best = _chosen(opacity, dates, rule)
    above = np.array([rule.above, *(max(rule.above, date.above) for date in dates)], np.float32)[choice]
    share = _share(choice > 0, opacity, above, rule)
    total, kind = np.zeros(opacity.shape, np.float32), np.float64 if values.dtype.itemsize > 2 else np.float32
    mixture, cloud = np.zeros(values.shape, kind), np.zeros(opacity.shape, np.float32)
    for number, date in enumerate(dates, 1):
        near = _blurred(choice == number)
        with np.errstate(invalid="ignore"):
            near[~(date.opacity <= best + np.float32(PREFER))] = 0.0
        total += near
        mixture += np.where(near > 0, date.values * near, 0)
        cloud += np.where(near > 0, date.opacity * near, np.float32(0))
    taken = (choice > 0) & (share > 0) & (total > 0)
    scale = np.divide(share, total, out=np.zeros_like(total), where=taken)
    with np.errstate(invalid="ignore"):  # What has no data may be no number; nothing is taken there.
        result = values * (1 - share) + mixture * scale
        left = opacity * (1 - share) + cloud * scale
    return Merged(result, left.astype(np.float32), taken, rule.thin)


def _chosen(
    opacity: NDArray[np.float32], dates: Sequence[Date], rule: Rule
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Number of the date of each pixel, 0 for the reference, and the opacity there (no less than clear)."""
    clear = np.float32(rule.keep_below)
    choice = np.zeros(opacity.shape, np.uint8)
    best = np.maximum(opacity - np.float32(PREFER), np.nextafter(clear, np.float32(2)))
    for number, date in enumerate(dates, 1):
        theirs = np.maximum(date.opacity, clear)
        with np.errstate(invalid="ignore"):
            better = (opacity > max(rule.above, date.above)) & (theirs < best) & (date.opacity < rule.opaque_above)
        choice[better] = number
        best = np.where(better, theirs, best)
    return choice, best


def _share(
    taken: NDArray[np.bool_], opacity: NDArray[np.float32], above: NDArray[np.float32], rule: Rule
) -> NDArray[np.float32]:
    """How much of a pixel comes from other dates: little at their border and where cloud is hardly there, all else.

    Where the thin cloud of the reference has been taken off, what stands there may show as long as cloud was thin.
    """
    width = np.maximum(np.float32(rule.opaque_above) - above, np.float32(BLEND)) if rule.thin else np.float32(BLEND)
    thick = np.clip((np.nan_to_num(opacity) - above) / width, 0, 1)
    inner = np.clip(2 * _blurred(taken) - 1, 0, 1)
    share = 1 - (1 - thick) * (1 - inner)
    share[opacity >= rule.opaque_above] = 1.0
    return np.where(taken, share, np.float32(0))


def _blurred(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Share of `mask` within FEATHER px of each pixel, up and down and to both sides."""
    side = 2 * FEATHER + 1
    return np.asarray(cv2.blur(mask.astype(np.float32), (side, side), borderType=cv2.BORDER_REFLECT_101))
