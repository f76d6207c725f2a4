"""Simulated clouds: fractal cloud, veils and shadows laid over a clear picture, with the true opacity known.

Everything drawn comes from one `numpy.random.Generator`, so a picture is a function of the ground, the ranges and
the generator's state. Pictures are float32 in [0, 1], RGB; lengths are in pixels, angles in degrees.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cloud_removal.config import Range, Simulation
from cloud_removal.data.fractal import cover, fractal, slow, wispy

THIN, THICK, VEIL, CLEAR = range(4)  # Places in `Simulation.kinds`.
ONLY: dict[str, tuple[float, float, float, float]] = {
    "thin": (1.0, 0.0, 0.0, 0.0),
    "thick": (0.0, 1.0, 0.0, 0.0),
    "veil": (0.0, 0.0, 1.0, 0.0),
}
"""`Simulation.kinds` with which every picture has the same kind of cloud."""
FLAT, PALE, DRY = 0.07, 0.3, 1.03
"""Standard deviation and saturation of the mean colour under which dry land looks dull; green over red up to which it
is dry."""
GRADED = (0.92, 1.06)
"""Brightness over opacity of graded veils."""
TRANSPARENT_AT_LEAST = np.float32(0.02)  # Thin cloud and veils never hide the ground altogether.


@dataclass(frozen=True)
class Simulated:
    """A cloudy picture and what it is made of; all float32, the same height and width."""

    aerial: np.ndarray
    """(H, W, 3) what the sensor sees."""
    opacity: np.ndarray
    """(H, W, 1) share of the ground that is hidden, mean over the channels."""
    ground: np.ndarray
    """(H, W, 3) the clear picture."""
    shadow: np.ndarray
    """(H, W, 1) share of the light that cloud shadow takes away (0: none)."""


def simulate(
    ground: np.ndarray,
    rng: np.random.Generator,
    simulation: Simulation,
    layers: Sequence[np.ndarray] = (),
    valid: np.ndarray | None = None,
    gamma: float = 1.0,
) -> Simulated:
    """A cloudy picture of `ground` (H, W, 3) float32 in [0, 1], drawn from the ranges of `simulation`.

    `layers` are thickness maps (h, w), uint8 or float in [0, 1], used beside fractal clouds. The picture is
    `blur(ground * (1 - shadow)) * (1 - a) + colour * a` per channel, `opacity` is the mean of `a` over channels.
    `valid` bool (H, W): the pixels among which coverage is counted, where it is not all. With a `gamma` all this holds
    of light, whose root the pictures display: a dark channel then fades more than a bright one.
    """
    kind = int(rng.choice(4, p=np.asarray(simulation.kinds) / sum(simulation.kinds)))
    if simulation.spared and is_dull(ground) and rng.random() < simulation.spared:
        kind = CLEAR
    nothing = np.zeros((*ground.shape[:2], 1), np.float32)
    if kind == CLEAR:
        return Simulated(ground.copy(), nothing, ground, nothing)
    mixed = kind != VEIL and rng.random() < simulation.mixed_share
    seen, opacity, shadow = ground**gamma, nothing, nothing
    for one in (VEIL, kind) if mixed else (kind,):
        seen, more, dark = _under(seen, rng, simulation, layers, valid, one, gamma)
        opacity, shadow = 1.0 - (1.0 - opacity) * (1.0 - more), 1.0 - (1.0 - shadow) * (1.0 - dark)
    return Simulated(np.clip(seen, 0.0, 1.0) ** np.float32(1.0 / gamma), opacity, ground, shadow)


def is_dull(ground: np.ndarray) -> bool:
    """Whether a picture (H, W, 3) in [0, 1] shows dry land with hardly more contrast and colour than haze.

    Dry is what is no greener or bluer than it is red: sand, gravel, rock.
    """
    seen = ground[::4, ::4].reshape(-1, 3)
    red, green, blue = colour = seen.mean(axis=0)
    dry = blue <= green <= DRY * red
    return bool(dry and seen.std(axis=0).mean() < FLAT and red - blue < PALE * colour.max())


def _under(
    ground: np.ndarray,
    rng: np.random.Generator,
    simulation: Simulation,
    layers: Sequence[np.ndarray],
    valid: np.ndarray | None,
    kind: int,
    gamma: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`ground` (H, W, 3), light whose root of `gamma` is displayed, under one layer of cloud: what is seen, the
    cloud's opacity and its shadow (H, W, 1)."""
    shape = ground.shape[:2]
    dark, relief = np.zeros((*shape, 1), np.float32), None
    if kind == VEIL:
        mean = _draw(rng, simulation.veil_opacity)
        grey = veil(rng, shape, mean)
        graded = gamma == 1.0 and simulation.graded_share and rng.random() < simulation.graded_share
        colour = _graded(rng, mean) if graded else _colour(rng, simulation, kind)
    else:
        grey, dark, relief = _cloud(rng, shape, simulation, layers, kind, valid)
        colour = _colour(rng, simulation, kind)
    colour **= np.float32(gamma)
    weaker = _draw(rng, simulation.haze_wavelength) if rng.random() < simulation.haze_share else 0.0
    opacity = by_wavelength(grey, 0.0 if kind == THICK else weaker)
    sigma = rng.uniform(0.3, 1.0) * simulation.blur if rng.random() < simulation.blur_share else 0.0
    seen = vary_blur(ground * (1.0 - dark) if dark.any() else ground, grey, sigma)
    aerial = seen + opacity * ((colour if relief is None else colour * relief) - seen)
    return aerial, _channel_mean(opacity), dark


def veil(rng: np.random.Generator, shape: tuple[int, int], opacity: float, variation: float = 0.3) -> np.ndarray:
    """Opacity (H, W) of a haze over the whole picture: mean `opacity`, varying slowly by up to `variation` of it.

    Small variation is the more likely: on 30 real veils (RICE1) the transparency of sixteenths of a picture differs
    by 2 % in median, 7 % at most.
    """
    field = slow(rng, shape, 0.7 * max(shape))
    spread = np.float32(variation * rng.random() ** 2)
    return np.clip(np.float32(opacity) * (1.0 + spread * (field - field.mean())), 0.0, 1.0 - TRANSPARENT_AT_LEAST)


def by_wavelength(opacity: np.ndarray, weaker: float) -> np.ndarray:
    """Opacity (H, W, 3) in R, G, B of a cloud of grey `opacity` (H, W) whose depth falls with wavelength.

    Optical depth falls by the share `weaker` from blue to green and again from green to red (Rayleigh: about 0.4).
    """
    if weaker == 0.0:
        return np.repeat(opacity[..., None], 3, axis=2)
    share = np.array([(1.0 - weaker) ** 2, 1.0 - weaker, 1.0], np.float32)
    depth = -np.log1p(-np.minimum(opacity, np.float32(0.9999)))
    return -np.expm1(-depth[..., None] * (share / share.mean()))


def shadow_offset(azimuth: float, elevation: float, height: float) -> tuple[float, float]:
    """(down, right) in pixels from a cloud `height` pixels up to its shadow, in a picture whose top is north.

    `azimuth` of the sun is clockwise from north, `elevation` above the horizon; the shadow falls away from the sun.
    """
    length = height / math.tan(math.radians(elevation))
    return length * math.cos(math.radians(azimuth)), -length * math.sin(math.radians(azimuth))


def shadow(opacity: np.ndarray, azimuth: float, elevation: float, height: float, softness: float = 1.0) -> np.ndarray:
    """The shadow (H, W) in [0, 1] that a cloud of `opacity` (H, W), `height` pixels up, casts on flat ground.

    `softness` is the standard deviation in pixels of its edge. What lies outside the picture casts no shadow.
    """
    down, right = shadow_offset(azimuth, elevation, height)
    move = np.array([[1.0, 0.0, right], [0.0, 1.0, down]])
    cast = cv2.warpAffine(opacity, move, opacity.shape[::-1], flags=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(cast, (0, 0), softness) if softness > 0 else cast


def vary_blur(ground: np.ndarray, opacity: np.ndarray, sigma: float) -> np.ndarray:
    """`ground` (H, W, 3) blurred by a Gaussian of standard deviation `sigma * opacity` (H, W) at each pixel.

    Mixes two of a few evenly blurred pictures at each pixel. Beside the exact sum over 11x11 patches (sigma 2) it is
    off by 0.6 / 255 in mean on white noise, the worst case, and by 0.2 to 0.5 on aerial pictures.
    """
    highest = float(opacity.max())
    if sigma * highest < 0.1:
        return ground
    levels = _blur_levels(sigma * highest)
    places = cv2.convertScaleAbs(opacity, alpha=255.0 / highest)
    wanted = _centre_weight(np.linspace(0.0, sigma * highest, 256))
    positions = np.interp(-wanted, -_centre_weight(np.array(levels)), np.arange(len(levels)))
    result = np.zeros_like(ground)
    for number, level in enumerate(levels):
        share = cv2.LUT(places, np.clip(1.0 - np.abs(positions - number), 0.0, 1.0).astype(np.float32))
        side = 2 * math.ceil(2.5 * level) + 1
        even = cv2.GaussianBlur(ground, (side, side), level, borderType=cv2.BORDER_REFLECT_101) if level else ground
        cv2.add(result, cv2.multiply(even, cv2.merge([share] * 3)), dst=result)
    return result


def _blur_levels(strongest: float) -> list[float]:
    """Standard deviations to mix between, rising from 0; under 0.4 pixels nothing of a Gaussian is left."""
    levels = [strongest]
    while levels[-1] * 0.6 > 0.4:
        levels.append(levels[-1] * 0.6)
    return [0.0, *reversed(levels)]


def _centre_weight(sigma: np.ndarray) -> np.ndarray:
    """What a pixel keeps of itself under a two-dimensional Gaussian: the measure in which mixing is most exact."""
    reach = np.arange(-8, 9) / np.maximum(sigma, 1e-3)[:, None]
    return np.exp(-0.5 * reach**2).sum(axis=1) ** -2


def _cloud(
    rng: np.random.Generator,
    shape: tuple[int, int],
    simulation: Simulation,
    layers: Sequence[np.ndarray],
    kind: int,
    valid: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Opacity (H, W), shadow (H, W, 1) and, for thick cloud, its light and shade (H, W, 1) as a factor."""
    azimuth, elevation = _draw(rng, simulation.sun_azimuth), _draw(rng, simulation.sun_elevation)
    casts = rng.random() < simulation.shadow_share
    height = _draw(rng, simulation.cloud_height) if casts else 0.0
    canvas, inside = _canvas(shape, *shadow_offset(azimuth, elevation, height))
    if layers and rng.random() >= simulation.fractal_share:
        field = from_layer(rng, canvas, layers[int(rng.integers(len(layers)))])
    else:
        field = _from_noise(rng, canvas, max(shape), kind, simulation)
    softness = rng.uniform(0.25, 0.9) if kind == THICK else rng.uniform(1.0, 3.0)
    counted = field[inside] if valid is None else field[inside][valid]
    opacity = cover(field, _draw(rng, simulation.coverage), softness, counted)
    if kind == THIN:
        highest = _draw(rng, simulation.thin_opacity) / max(float(opacity[inside].max()), 1e-6)
        opacity = np.minimum(opacity * np.float32(highest), 1.0 - TRANSPARENT_AT_LEAST)
    dark = np.zeros(shape, np.float32)
    if casts:
        dark = shadow(opacity, azimuth, elevation, height)[inside] * np.float32(_draw(rng, simulation.shadow_depth))
    relief = _relief(field[inside], azimuth, _draw(rng, simulation.relief)) if kind == THICK else None
    return np.ascontiguousarray(opacity[inside]), np.ascontiguousarray(dark[..., None]), relief


def _canvas(shape: tuple[int, int], down: float, right: float) -> tuple[tuple[int, int], tuple[slice, slice]]:
    """Shape of a sky that reaches as far beyond the picture as shadows are cast into it; the picture's place in it."""
    spare = 4  # For the soft edge of the shadow.
    above, before = max(0, math.ceil(down)) + spare, max(0, math.ceil(right)) + spare
    below, after = max(0, math.ceil(-down)) + spare, max(0, math.ceil(-right)) + spare
    canvas = (above + shape[0] + below, before + shape[1] + after)
    return canvas, (slice(above, above + shape[0]), slice(before, before + shape[1]))


def _from_noise(
    rng: np.random.Generator, shape: tuple[int, int], side: int, kind: int, simulation: Simulation
) -> np.ndarray:
    """A fractal field (H, W): compact heaps for thick cloud, drawn-out wisps for thin."""
    largest = min(side, 1024) * math.exp(rng.uniform(*np.log(simulation.feature)))
    if kind == THICK:
        rough, stretch, billow = rng.uniform(0.45, 0.6), rng.uniform(1.0, 1.3), rng.uniform(0.0, 0.5)
        return wispy(rng, shape, largest, rough, stretch, bend=0.1, billow=billow)
    return wispy(rng, shape, largest, rng.uniform(0.5, 0.65), rng.uniform(1.0, 3.5), bend=rng.uniform(0.1, 0.3))


def from_layer(rng: np.random.Generator, shape: tuple[int, int], layer: np.ndarray) -> np.ndarray:
    """A turned crop of a thickness map enlarged to `shape`; a little noise gives it fine detail and breaks ties.

    Crops of 96 to 160 pixels for the longer side: satellite infrared is coarse and shows whole weather systems.
    """
    turns, mirrored = int(rng.integers(4)), rng.random() < 0.5
    layer = np.rot90(layer, turns)[:, :: -1 if mirrored else 1]
    share = rng.uniform(96.0, 160.0) / max(shape)
    rows, columns = (max(2, min(round(share * s), n)) for s, n in zip(shape, layer.shape, strict=True))
    top, left = int(rng.integers(layer.shape[0] - rows + 1)), int(rng.integers(layer.shape[1] - columns + 1))
    crop = np.ascontiguousarray(layer[top : top + rows, left : left + columns], np.float32)
    crop *= np.float32(1 / 255 if layer.dtype == np.uint8 else 1)
    field = cv2.resize(crop, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return field + np.float32(0.03) * fractal(rng, shape, 32.0, 0.6)


def _relief(field: np.ndarray, azimuth: float, strength: float) -> np.ndarray:
    """Light and shade (H, W, 1) on a cloud's top, from 1 - `strength` to 1: slopes away from the sun are darker."""
    east, north = math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))
    smooth = cv2.GaussianBlur(field, (0, 0), 2.0)
    toward = np.array([[1.0, 0.0, -4.0 * east], [0.0, 1.0, 4.0 * north]])
    sunny = cv2.warpAffine(smooth, toward, field.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    slope = smooth - sunny
    lit = np.clip(0.5 + slope * np.float32(0.25 / max(float(slope.std()), 1e-6)), 0.0, 1.0)
    return (1.0 - np.float32(strength) * (1.0 - lit))[..., None]


def _colour(rng: np.random.Generator, simulation: Simulation, kind: int) -> np.ndarray:
    """Colour (3,) of the cloud: mostly near grey; thick cloud takes the brighter half of the range."""
    low, high = simulation.veil_brightness if kind == VEIL else simulation.brightness
    grey = rng.uniform((low + high) / 2 if kind == THICK else low, high)
    tint = 1.0 + rng.random() * (rng.uniform(*simulation.tint, size=3) - 1.0)
    if kind != VEIL and rng.random() < simulation.ice_share:
        tint[0] *= _draw(rng, simulation.ice_tint)
    return np.clip(grey * tint, 0.0, 1.0).astype(np.float32)


def _graded(rng: np.random.Generator, opacity: float) -> np.ndarray:
    """Colour (3,) of a grey veil as bright as it is opaque: nine in ten of 24 real ones (RICE1) 0.93 to 1.03 times."""
    return np.clip(opacity * rng.uniform(*GRADED) * rng.uniform(0.99, 1.01, 3), 0.0, 1.0).astype(np.float32)


def _channel_mean(opacity: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(opacity.mean(axis=2, keepdims=True))


def _draw(rng: np.random.Generator, limits: Range) -> float:
    return float(rng.uniform(*limits))
