"""One sensor's ground made to look like another's: place, scale, turn, colour, noise."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from cloud_removal.config import Augmentation, PairAugmentation, Range
from cloud_removal.data.ground import GroundSource, square
from cloud_removal.data.open_country import open_country
from cloud_removal.data.tiles import mirrored

GREY = np.array([0.299, 0.587, 0.114], np.float32)
"""Luma of ITU-R BT.601."""
ANY_ANGLE = 0.5
"""Share of pictures turned by an arbitrary angle; the others keep their pixels exactly (quarter turns and flips)."""

NATURAL = (0.95, 1.05)
"""Gain of pictures that keep their own colours: scenes of one sensor differ by as much."""
GREENNESS = (0.5, 2.5)
"""How much brighter vegetation is in the near infrared than in green, in units of its excess of green."""


@dataclass(frozen=True)
class Placement:
    """Where a training picture lies on its source: zoom, degrees of turn, quarter turns, mirror."""

    zoom: float
    angle: float
    quarters: int
    mirror: bool

    def side(self, size: int) -> int:
        """Side in source pixels of the square that covers the turned picture of `size`."""
        turn = np.deg2rad(self.angle)
        return int(np.ceil(size / self.zoom * (abs(np.cos(turn)) + abs(np.sin(turn))) - 1e-6))


def draw_pair(
    cloudy: np.ndarray,
    clear: np.ndarray,
    opacity: np.ndarray,
    rng: np.random.Generator,
    augmentation: PairAugmentation,
    size: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same place, turn and colours for a pair (uint8; H, W, 3 twice and H, W): float32 in [0, 1], (size, size, C).

    Only what is linear in the light is changed (no gamma, nothing made brighter than it was), so that
    cloudy = clear·(1 - opacity) + veil·opacity still holds: also with another opacity, never over 1, for which the two
    are mixed.
    """
    place = placement(rng, augmentation.scale, augmentation.rotate)
    side = place.side(size)
    stack = mirrored(square(np.dstack((cloudy, opacity, clear)), rng, side), side)
    over, under = lay(stack[..., :4], place, size), lay(stack[..., 4:], place, size)
    gain = min(uniform(rng, augmentation.gain), 1.0) * rng.uniform(*augmentation.tint, 3)
    matrix = (mixing(rng, augmentation.saturation, augmentation.swap) * gain / 255.0).astype(np.float32)
    seen, ground = (cv2.transform(picture.astype(np.float32), matrix) for picture in (over[..., :3], under))
    hidden = over[..., 3:] / np.float32(255)
    thicker = np.minimum(np.float32(uniform(rng, augmentation.thickness)), 1.0 / np.maximum(hidden, np.float32(1e-3)))
    seen = ground + thicker * (seen - ground)
    return np.clip(seen, 0.0, 1.0), np.clip(ground, 0.0, 1.0), thicker * hidden


def placement(rng: np.random.Generator, scale: Range, rotate: bool) -> Placement:
    """A random one, zoomed by `scale`; without `rotate` not turned."""
    zoom = uniform(rng, scale)
    if not rotate:
        return Placement(zoom, 0.0, 0, False)
    angle = rng.uniform(-45.0, 45.0) if rng.random() < ANY_ANGLE else 0.0
    return Placement(zoom, angle, int(rng.integers(4)), bool(rng.integers(2)))


def uniform(rng: np.random.Generator, between: Range) -> float:
    """One number from the range."""
    return float(rng.uniform(*between))


class Drawn(NamedTuple):
    """A picture of ground (S, S, 3), and which root of the light it displays."""

    picture: np.ndarray
    gamma: float


def draw(source: GroundSource, rng: np.random.Generator, augmentation: Augmentation, size: int) -> Drawn:
    """A training picture of ground, float32 in [0, 1], all but the noise."""
    picture, gamma = cut(source, rng, augmentation, size)
    if rng.random() < augmentation.open_country:
        fractal = rng.random() < 0.75
        return Drawn(open_country(rng, size, None if fractal else picture.astype(np.float32)), gamma)
    return Drawn(recolour(picture, rng, augmentation), gamma)


def cut(source: GroundSource, rng: np.random.Generator, augmentation: Augmentation, size: int) -> Drawn:
    """A place of `source`, zoomed, turned and flipped, in its own colours: uint8."""
    place = placement(rng, augmentation.scale, augmentation.rotate)
    index = int(rng.integers(len(source)))
    return Drawn(lay(source.crop(index, rng, place.side(size)), place, size), source.gamma(index))


def lay(square: np.ndarray, place: Placement, size: int) -> np.ndarray:
    """`square` (place.side(size) both ways) zoomed, turned and flipped to (size, size, 3), same type.

    Zooming out averages over areas (what a coarser sensor sees), zooming in and turning interpolate cubically.
    """
    zoomed = square
    if place.zoom < 1.0 or not place.angle:
        side = size if not place.angle else max(1, round(square.shape[0] * place.zoom))
        how = cv2.INTER_AREA if place.zoom < 1.0 else cv2.INTER_CUBIC
        if side != square.shape[0]:
            zoomed = cv2.resize(square, (side, side), interpolation=how)
    if place.angle:
        zoomed = _turned(zoomed, place.angle, max(place.zoom, 1.0), size)
    turned = np.rot90(zoomed, place.quarters)
    return np.ascontiguousarray(turned[:, ::-1] if place.mirror else turned)


def _turned(picture: np.ndarray, angle: float, zoom: float, size: int) -> np.ndarray:
    middle = (picture.shape[0] - 1) / 2.0
    matrix = cv2.getRotationMatrix2D((middle, middle), angle, zoom)
    matrix[:, 2] += (size - 1) / 2.0 - middle
    return cv2.warpAffine(picture, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def recolour(picture: np.ndarray, rng: np.random.Generator, augmentation: Augmentation) -> np.ndarray:
    """uint8 (H, W, 3) -> float32 in [0, 1] with another gain, gamma, tint, saturation and order of channels.

    The gain stays so low that all but the brightest fiftieth of the values keep below 1: clipped ground is no ground.
    """
    if augmentation.natural and rng.random() < augmentation.natural:
        return np.clip(picture * (uniform(rng, NATURAL) / 255.0), 0.0, 1.0).astype(np.float32)
    if augmentation.infrared and rng.random() < augmentation.infrared:
        red, green, _ = cv2.split(picture)
        infrared = near_infrared(picture, uniform(rng, GREENNESS))
        picture = cv2.merge([infrared, red, green] if rng.random() < 0.5 else [red, infrared, green])
    curve = np.linspace(0.0, 1.0, 256) ** uniform(rng, augmentation.gamma)
    brightest = curve[int(np.percentile(picture[::4, ::4], 98))]
    gain = min(uniform(rng, augmentation.gain), 1.0 / max(brightest, 0.1)) * rng.uniform(*augmentation.tint, 3)
    table = (curve[:, None] * gain).astype(np.float32)
    seen = cv2.LUT(picture, table.reshape(1, 256, 3))
    seen = cv2.transform(seen, mixing(rng, augmentation.saturation, augmentation.swap))
    if rng.random() < augmentation.palette:
        seen = repainted(seen, rng, augmentation)
    return np.clip(seen, 0.0, 1.0, out=seen)


def near_infrared(picture: np.ndarray, greenness: float) -> np.ndarray:
    """How bright `picture` uint8 (H, W, 3), red, green and blue, may be in the near infrared: uint8 (H, W).

    That of green and `greenness` times the excess of green over the others (Woebbecke et al. 1995,
    doi:10.13031/2013.27838): much for vegetation, none for grey soil, less than none for water. Darker where more than
    a fiftieth of it would be over 255.
    """
    red, green, blue = cv2.split(picture.astype(np.float32))
    seen = np.maximum(green + np.float32(greenness) * (2.0 * green - red - blue), 0.0)
    return np.rint(np.minimum(seen * min(1.0, 255.0 / max(np.percentile(seen, 98), 1.0)), 255.0)).astype(np.uint8)


def repainted(picture: np.ndarray, rng: np.random.Generator, augmentation: Augmentation) -> np.ndarray:
    """`picture` float32 (H, W, 3) with another contrast about another mean colour: one texture, many landscapes.

    The colour is drawn by hue (half of them near orange, green or blue, where most land and water lie), saturation
    and brightness.
    """
    if rng.random() < 0.5:
        hue = float(rng.choice([30.0, 100.0, 220.0]) + rng.normal(0.0, 15.0)) % 360.0
    else:
        hue = uniform(rng, (0.0, 360.0))
    paint = np.array([[[hue, rng.beta(1.3, 2.2), rng.uniform(0.1, 1.0)]]], np.float32)
    colour = cv2.cvtColor(paint, cv2.COLOR_HSV2RGB)
    return (picture - picture.mean(axis=(0, 1))) * np.float32(uniform(rng, augmentation.contrast)) + colour


def mixing(rng: np.random.Generator, saturation: Range, swap: float) -> np.ndarray:
    """Matrix (3, 3) on RGB: saturation about the grey value, then perhaps another order of the channels."""
    factor = np.float32(uniform(rng, saturation))
    matrix = factor * np.eye(3, dtype=np.float32) + (1 - factor) * np.tile(GREY, (3, 1))
    order = rng.permutation(3) if rng.random() < swap else np.arange(3)
    return matrix[order]


def noisy(picture: np.ndarray, rng: np.random.Generator, augmentation: Augmentation) -> np.ndarray:
    """`picture` with sensor noise, clipped to [0, 1]."""
    deviation = np.float32(uniform(rng, augmentation.noise))
    if deviation == 0.0:
        return picture
    noise = rng.standard_normal(picture.shape, np.float32)
    noise *= deviation
    noise += picture
    return np.clip(noise, 0.0, 1.0, out=noise)
