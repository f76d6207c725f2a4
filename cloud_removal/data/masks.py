"""Holes to be filled: polygons, squares, rectangles, discs and clouds, as masks (size, size) in which 1 = hole.

Each is drawn from one `numpy.random.Generator`, so it is a function of that and of nothing else.
"""

from collections.abc import Callable, Sequence
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
class Hole:
    """A mask and the square beside it that a local discriminator looks at."""

    mask: np.ndarray
    """(size, size) uint8 0 or 1; with a soft edge float32 in [0, 1]."""
    window: tuple[int, int]
    """Top and left of the local window, a square of side size // 2 inside the picture."""


def draw_hole(
    kind: str,
    rng: np.random.Generator,
    size: int,
    layers: Sequence[np.ndarray] = (),
    soft: bool = False,
    sides: Range = BOX_SIDES,
) -> Hole:
    """A hole of `kind` (one of MASKS) in a picture of `size`.

    `layers`: cloud thickness maps (uint8, or float in [0, 1]) that `cloud` is cut from; without any, fractal cloud is.
    `soft` blurs the edge over 8 pixels; `sides` is for `box` only. The local window of a box is drawn first and the box
    lies in it (GLCIC, section 3.4); that of other kinds is `window_around` the hole.
    """
    if kind == "box":
        mask, window = box(rng, size, sides)
    elif kind in _DRAWN:
        mask = _DRAWN[kind](rng, size)
        window = window_around(mask)
    elif kind == "cloud":
        mask = cloud(rng, size, layers)
        window = window_around(mask)
    else:
        raise OptionError(f"No mask {kind!r}; there are {', '.join(MASKS)}.")
    return Hole(softened(mask) if soft else mask, window)


def draw_mask(
    kind: str,
    rng: np.random.Generator,
    size: int,
    layers: Sequence[np.ndarray] = (),
    soft: bool = False,
    sides: Range = BOX_SIDES,
) -> np.ndarray:
    """The mask of `draw_hole`: uint8 (size, size), with a soft edge float32."""
    return draw_hole(kind, rng, size, layers, soft, sides).mask


def poly(rng: np.random.Generator, size: int) -> np.ndarray:
    """A polygon of five vertices (even-odd rule) and a disc at the first of them. Source: seed, `mod_GAN_poly`."""
    corners = vertices(rng, size)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [corners], 1)
    cv2.circle(mask, (int(corners[0, 0]), int(corners[0, 1])), round(DISC * size), 1, cv2.FILLED)
    return mask


def vertices(rng: np.random.Generator, size: int) -> np.ndarray:
    """The corners (5, 2) of `poly` as x, y in pixels."""
    return rng.integers(round(WITHIN[0] * size), round(WITHIN[1] * size) + 1, (VERTICES, 2), np.int32)


def spot(rng: np.random.Generator, size: int) -> np.ndarray:
    """The square in the middle, half as wide as the picture. Source: seed, `mod_GAN_spot`."""
    mask = np.zeros((size, size), np.uint8)
    mask[size // 4 : size // 4 + size // 2, size // 4 : size // 4 + size // 2] = 1
    return mask


def box(rng: np.random.Generator, size: int, sides: Range = BOX_SIDES) -> tuple[np.ndarray, tuple[int, int]]:
    """A rectangle, each side drawn from `sides` (shares of the picture's side), and the local window it lies in."""
    side = size // 2
    smallest, largest = (min(round(share * size), side) for share in sides)
    top, left = (int(n) for n in rng.integers(0, size - side + 1, 2))
    height, width = (int(n) for n in rng.integers(smallest, largest + 1, 2))
    down, right = int(rng.integers(side - height + 1)), int(rng.integers(side - width + 1))
    mask = np.zeros((size, size), np.uint8)
    mask[top + down : top + down + height, left + right : left + right + width] = 1
    return mask, (top, left)


def circles(rng: np.random.Generator, size: int) -> np.ndarray:
    """Three to eight discs."""
    mask = np.zeros((size, size), np.uint8)
    for _ in range(int(rng.integers(CIRCLES[0], CIRCLES[1] + 1))):
        x, y = rng.integers(round(WITHIN[0] * size), round(WITHIN[1] * size) + 1, 2)
        radius = max(1, round(float(rng.uniform(*RADII)) * size))
        cv2.circle(mask, (int(x), int(y)), radius, 1, cv2.FILLED)
    return mask


def cloud(rng: np.random.Generator, size: int, layers: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Where a cloud is thickest: above its 85 ± 2 percentile. Source: seed "Cloud Removal"."""
    if layers:
        field = from_layer(rng, (size, size), layers[int(rng.integers(len(layers)))])
    else:
        field = wispy(rng, (size, size), size * rng.uniform(0.25, 1.0), rng.uniform(0.45, 0.6), bend=0.1)
    return (field > np.percentile(field, rng.uniform(*CLOUD_CUT))).astype(np.uint8)


def softened(mask: np.ndarray) -> np.ndarray:
    """`mask` averaged over 8×8 pixels, float32 in [0, 1]."""
    return cv2.blur(mask.astype(np.float32), (SOFT, SOFT))


def window_around(mask: np.ndarray) -> tuple[int, int]:
    """Top and left of the square of half the side with the hole in its middle, as far as the picture reaches.

    Where the hole is larger than that, or in pieces, it is the square that most of it lies in, to a 64th of the side.
    """
    left, top, width, height = cv2.boundingRect(mask)
    side, most = len(mask) // 2, len(mask) - len(mask) // 2
    if max(width, height) > side:
        step = max(1, len(mask) // 64)
        total, reach = cv2.integral(np.ascontiguousarray(mask[::step, ::step])), side // step
        held = total[reach:, reach:] - total[:-reach, reach:] - total[reach:, :-reach] + total[:-reach, :-reach]
        place = np.unravel_index(int(held.argmax()), held.shape)
        return min(int(place[0]) * step, most), min(int(place[1]) * step, most)
    corner = (top + height // 2 - side // 2, left + width // 2 - side // 2)
    return min(max(corner[0], 0), most), min(max(corner[1], 0), most)


_DRAWN: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {"poly": poly, "spot": spot, "circles": circles}
