"""Shadow pixel by pixel: how strong it is at a place, and the ground there as it looks in the light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.shadows.survey import CLEAR, DARKEST, Found
from cloud_removal.inference.windows import Area

EDGE = 3
"""Pixels by which a shadow's outline may lie elsewhere than the cloud's, besides what the coarse grid does not tell."""
SMOOTH, RIM = 2.0, 1.0
"""Standard deviations in pixels: over which darkness is averaged, and of a shadow's soft edge."""
BRIGHTEST = 4.0
"""Gain from which hardly any light is left: noise and rounding would be as much brighter, and haze with it."""
BLACK = 1.0 / 128.0
"""Brightness in all bands under which nothing is there to be brightened."""
LEAST = 0.02
"""Strength under which a pixel stays as it is."""
HIDDEN = 0.25
"""Opacity from which cloud hides whether there is a shadow under it."""
BY_DARKNESS, BY_PLACE = 6.0, 5.0
"""How much the darkness of a place counts, and how much that a cloud's shadow should be there."""

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Shade:
    """Shadow in an area."""

    gain: NDArray[np.float32]
    """(3, H, W) what brightness is to be multiplied by, 1 where there is no shadow, at most BRIGHTEST."""
    changed: NDArray[np.bool_]
    """(H, W) where that is more than nothing."""
    deep: NDArray[np.bool_]
    """(H, W) where too little light is left."""


def margin(found: Found) -> int:
    """Pixels around an area that decide what it becomes."""
    return _edge(found) + 2 * int(4 * SMOOTH) + int(4 * RIM) + 2


def shade(found: Found, light: NDArray[np.float32], opacity: Plane, cast: Plane, seen: Area) -> Shade:
    """The shadow in the area `seen`: of brightness `light` (3, H, W), cloud `opacity` (H, W), NaN without data.

    `cast` (H, W): where clouds cast shadow, as far as is known, 0 to 1. What is within `margin` of the border is used,
    but not right itself, except at the border of the scene.
    """
    lit = over(found, seen)
    depth = np.array(found.depth, np.float32)
    darker = lit - np.log(np.maximum(light, np.float32(DARKEST)))
    share = np.tensordot(depth, darker, axes=1) / np.float32(depth @ depth)
    dark = _smooth(np.clip(np.nan_to_num(share), -0.5, 1.7).astype(np.float32), SMOOTH)
    strength = _strength(dark, cast, _edge(found)) * np.clip((HIDDEN - opacity) / np.float32(HIDDEN - CLEAR), 0, 1)
    strength = np.nan_to_num(strength).astype(np.float32)
    gain = np.exp(strength * depth[:, None, None])
    black = (light < BLACK).all(axis=0)
    deep = (strength > 0.5) & ((gain.max(axis=0) > BRIGHTEST) | black)
    return Shade(np.minimum(gain, np.float32(BRIGHTEST)), strength > LEAST, deep)


def over(found: Found, area: Area) -> NDArray[np.float32]:
    """Logarithm of the brightness in the light (3, H, W), bilinear between the middles of cells."""
    rows, columns, _ = found.lit.shape
    above, below, down = _between(area.top, area.height, found.cell, rows)
    left, right, across = _between(area.left, area.width, found.cell, columns)
    lit = np.moveaxis(found.lit, 2, 0)
    line = lit[:, above] + (lit[:, below] - lit[:, above]) * down[:, None]
    return np.asarray(line[:, :, left] + (line[:, :, right] - line[:, :, left]) * across)


def _strength(dark: Plane, cast: Plane, edge: int) -> Plane:
    """From 0 to 1, of how dark it is (1: as dark as shadow is) and where clouds cast shadow."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * edge + 1, 2 * edge + 1))
    widest, narrowest = cv2.dilate(cast, disc), cv2.erode(cast, disc)
    place = 0.5 * cast + 0.25 * widest + 0.25 * narrowest
    likely = 1.0 / (1.0 + np.exp(-BY_DARKNESS * (dark - 0.5) - BY_PLACE * (place - 0.45)))
    likely *= np.clip(widest * 5.0, 0, 1)
    return _smooth(np.clip((likely - 0.15) / 0.7, 0, 1).astype(np.float32), RIM)


def _edge(found: Found) -> int:
    return EDGE + (found.cell + 1) // 2


def _smooth(values: Plane, sigma: float) -> Plane:
    side = 2 * int(4 * sigma) + 1
    return np.asarray(cv2.GaussianBlur(values, (side, side), sigma, borderType=cv2.BORDER_REFLECT_101))


def _between(first: int, length: int, cell: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Plane]:
    """For each pixel: the cell whose middle is before it, the one after it, and how far it lies between them."""
    place = np.clip((first + np.arange(length) + 0.5) / cell - 0.5, 0, cells - 1)
    before = np.minimum(place.astype(np.intp), cells - 1)
    return before, np.minimum(before + 1, cells - 1), (place - before).astype(np.float32)
