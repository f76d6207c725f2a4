"""Holes to be filled: polygons, squares, rectangles, discs and clouds, as masks (size, size) in which 1 = hole.

Those of a batch are drawn together from one `numpy.random.Generator`, so they are a function of that and of nothing
else. What can be done for all of them in one call is: each call takes the interpreter's lock, for which the threads of
tf.data wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from cloud_removal.config import Range
from cloud_removal.data.clouds import from_layer
from cloud_removal.data.fractal import wispy
from cloud_removal.errors import OptionError

Mask = Literal["poly", "spot", "box", "circles", "cloud"]
MASKS: tuple[str, ...] = get_args(Mask)
VERTICES = 5
WITHIN = (0.125, 0.875)
"""Where the vertices of polygons and the centres of circles lie, as a share of the side."""
DISC = 0.125
"""Radius of the disc at a polygon's first vertex, as a share of the side: a polygon's own area may be near 0."""
BOX_SIDES = (0.375, 0.5)
"""Sides of a box as a share of the picture's: 96 to 128 at 256 px (GLCIC); the write-up has 24 to 48 at 128 px."""
CIRCLES, RADII = (3, 8), (1 / 32, 1 / 8)
"""How many discs and their radii as a share of the side; the seed names circles without figures."""
CLOUD_CUT = (83.0, 87.0)
"""Percentile of a cloud layer above which there is a hole: 85 ± 2."""
SOFT = 8
"""Side in pixels of the mean that makes a soft edge."""


@dataclass(frozen=True)
class Holes:
    """The masks of a batch and the squares beside them that a local discriminator looks at."""

    masks: np.ndarray
    """(count, size, size) uint8 0 or 1; with a soft edge float32 in [0, 1]."""
    windows: np.ndarray
    """(count, 2) int64: top and left of the local window, a square of side size // 2 inside the picture."""


def draw_holes(
    kind: str,
    rng: np.random.Generator,
    count: int,
    size: int,
    layers: Sequence[np.ndarray] = (),
    soft: bool = False,
    sides: Range = BOX_SIDES,
) -> Holes:
    """`count` holes of `kind` (one of MASKS) in pictures of `size`.

    `layers`: cloud thickness maps (uint8, or float in [0, 1]) that `cloud` is cut from; without any, fractal cloud is.
    `soft` blurs the edge over 8 pixels; `sides` is for `box` only. The local window of a box is drawn first and the box
    lies in it (GLCIC, section 3.4); those of other kinds are `windows_around` the holes.
    """
    if kind not in MASKS:
        raise OptionError(f"No mask {kind!r}; there are {', '.join(MASKS)}.")
    masks = np.zeros((count, size, size), np.uint8)
    if kind == "box":
        windows = boxes(rng, masks, sides)
    else:
        _draw(kind, rng, masks, layers)
        windows = windows_around(masks)
    return Holes(softened(masks) if soft else masks, windows)


def draw_mask(kind: str, rng: np.random.Generator, size: int) -> np.ndarray:
    """One hole of `kind`, its edge hard: uint8 (size, size)."""
    return draw_holes(kind, rng, 1, size).masks[0]


def _draw(kind: str, rng: np.random.Generator, masks: np.ndarray, layers: Sequence[np.ndarray]) -> None:
    if kind == "poly":
        polygons(masks, vertices(rng, *masks.shape[:2]))
    elif kind == "spot":
        spots(masks)
    elif kind == "circles":
        circles(rng, masks)
    else:
        clouds(rng, masks, layers)


def polygons(masks: np.ndarray, corners: np.ndarray) -> None:
    """Into empty `masks`: each polygon (even-odd rule) and a disc at its first vertex.

    `corners` (count, VERTICES, 2) are those of `vertices`. Source: seed, `mod_GAN_poly`.
    """
    count, size = masks.shape[:2]
    below = np.zeros((count, 1, 2), np.int32)
    below[:, 0, 1] = size * np.arange(count)
    # One picture of all masks one below the other: no vertex lies outside its own, so no polygon touches another.
    cv2.fillPoly(masks.reshape(count * size, size), list(corners + below), 1)
    for mask, centre in zip(masks, corners[:, 0].tolist(), strict=True):
        cv2.circle(mask, centre, round(DISC * size), 1, cv2.FILLED)


def vertices(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    """The corners (count, VERTICES, 2) of `polygons` as x, y in pixels, int32."""
    return rng.integers(round(WITHIN[0] * size), round(WITHIN[1] * size) + 1, (count, VERTICES, 2), np.int32)


def spots(masks: np.ndarray) -> None:
    """Into `masks`: the square in the middle, half as wide as the picture. Source: seed, `mod_GAN_spot`."""
    size = masks.shape[1]
    masks[:, size // 4 : size // 4 + size // 2, size // 4 : size // 4 + size // 2] = 1


def boxes(rng: np.random.Generator, masks: np.ndarray, sides: Range = BOX_SIDES) -> np.ndarray:
    """Into `masks`: rectangles, each side drawn from `sides` (shares of the picture's side).

    Returns the local windows (count, 2) that they lie in.
    """
    count, size = masks.shape[:2]
    window = size // 2
    smallest, largest = (min(round(share * size), window) for share in sides)
    windows = rng.integers(0, size - window + 1, (count, 2))
    lengths = rng.integers(smallest, largest + 1, (count, 2))
    begins = windows + rng.integers(0, window - lengths + 1)
    for mask, (top, left), (height, width) in zip(masks, begins.tolist(), lengths.tolist(), strict=True):
        mask[top : top + height, left : left + width] = 1
    return windows


def circles(rng: np.random.Generator, masks: np.ndarray) -> None:
    """Into `masks`: three to eight discs each."""
    size = masks.shape[1]
    for mask in masks:
        for _ in range(int(rng.integers(CIRCLES[0], CIRCLES[1] + 1))):
            x, y = rng.integers(round(WITHIN[0] * size), round(WITHIN[1] * size) + 1, 2)
            radius = max(1, round(float(rng.uniform(*RADII)) * size))
            cv2.circle(mask, (int(x), int(y)), radius, 1, cv2.FILLED)


def clouds(rng: np.random.Generator, masks: np.ndarray, layers: Sequence[np.ndarray] = ()) -> None:
    """Into `masks`: where a cloud is thickest, above its 85 ± 2 percentile. Source: seed "Cloud Removal"."""
    size = masks.shape[1]
    for mask in masks:
        if layers:
            field = from_layer(rng, (size, size), layers[int(rng.integers(len(layers)))])
        else:
            field = wispy(rng, (size, size), size * rng.uniform(0.25, 1.0), rng.uniform(0.45, 0.6), bend=0.1)
        mask[...] = field > np.percentile(field, rng.uniform(*CLOUD_CUT))


def softened(masks: np.ndarray) -> np.ndarray:
    """Each of `masks` averaged over 8×8 pixels, float32 in [0, 1]."""
    soft = np.empty(masks.shape, np.float32)
    for mask, blurred in zip(masks, soft, strict=True):
        cv2.blur(mask.astype(np.float32), (SOFT, SOFT), dst=blurred)
    return soft


def windows_around(masks: np.ndarray) -> np.ndarray:
    """Top and left (count, 2) of the squares of half the side that have the holes in their middle, inside the picture.

    Where a hole is larger than that, or in pieces, it is the square that most of it lies in, to a 64th of the side.
    """
    size = masks.shape[1]
    side, step = size // 2, max(1, size // 64)
    coarse = np.ascontiguousarray(masks[:, ::step, ::step])
    windows = step * _fullest(coarse, side // step)
    # To find the outline of a hole costs as much as to draw it: only where the coarse one leaves it open.
    reach = step * np.maximum(*(_reach(np.any(coarse, axis=axis)) for axis in (1, 2)))
    for place in np.flatnonzero(reach < side):
        left, top, width, height = cv2.boundingRect(masks[place])
        if max(width, height) <= side:
            windows[place] = top + height // 2 - side // 2, left + width // 2 - side // 2
    return np.clip(windows, 0, size - side)


def _fullest(coarse: np.ndarray, side: int) -> np.ndarray:
    """Top and left (count, 2) of the square of `side` that holds most of each of `coarse` (count, N, N)."""
    count, length = coarse.shape[:2]
    total = cv2.integral(coarse.reshape(count * length, length))
    above = (length * np.arange(count))[:, None] + np.arange(length - side + 1)
    across = total[:, side:] - total[:, :-side]
    held = (across[above + side] - across[above]).reshape(count, -1)
    return np.stack(np.divmod(held.argmax(axis=1), length - side + 1), axis=1)


def _reach(marked: np.ndarray) -> np.ndarray:
    """From the first to the last mark in each row of `marked` (count, N), 0 where there is one at most: (count,)."""
    first, after_last = marked.argmax(axis=1), marked.shape[1] - marked[:, ::-1].argmax(axis=1)
    return np.where(marked.any(axis=1), after_last - 1 - first, 0)
