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

BLUR_LEVELS = (0.0, 0.3, 0.5, 0.75, 1.0)  # Shares of the largest sigma between which `vary_blur` interpolates.
ROTATED_SIDE = 3072  # Larger fields are drawn at this size and enlarged, so that memory stays bounded.


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
    ground: np.ndarray, rng: np.random.Generator, simulation: Simulation, layers: Sequence[np.ndarray] = ()
) -> Simulated:
    """A cloudy picture of `ground` (H, W, 3) float32 in [0, 1], drawn from the ranges of `simulation`.

    `layers` are thickness maps (h, w), uint8 or float in [0, 1], used beside fractal clouds. The picture is
    `blur(ground * (1 - shadow)) * (1 - a) + colour * a` per channel, `opacity` is the mean of `a` over channels.
    """
    kind = rng.choice(4, p=np.asarray(simulation.kinds) / sum(simulation.kinds))
    height, width = ground.shape[:2]
    if kind == 3:
        nothing = np.zeros((height, width, 1), np.float32)
        return Simulated(ground.copy(), nothing, ground, nothing.copy())
    if kind == 2:
        grey, dark = veil(rng, (height, width), _draw(rng, simulation.veil_opacity)), np.zeros((height, width), "f4")
    else:
        grey, dark = _cloud(rng, (height, width), simulation, layers, thick=kind == 1)
    weaker = 0.0 if kind == 1 else _draw(rng, simulation.haze_wavelength)
    opacity = by_wavelength(grey, weaker)
    seen = vary_blur(ground * (1.0 - dark[..., None]), grey, simulation.blur)
    aerial = seen + opacity * (_colour(rng, simulation) - seen)
    mean = opacity.mean(axis=2, keepdims=True)
    return Simulated(np.clip(aerial, 0.0, 1.0), mean, ground, np.ascontiguousarray(dark[..., None]))


def fractal(
    rng: np.random.Generator, shape: tuple[int, int], largest: float = 128.0, roughness: float = 0.5
) -> np.ndarray:
    """Gaussian fractal noise (H, W) float32 with features from about `largest` pixels down to one.

    Each octave, half the size of the one before, has `roughness` times its amplitude. Octaves are laid on grids of
    random position, doubled from one to the next, so that no lattice shows.
    """
    octaves = max(0, math.ceil(math.log2(max(largest, 1.0))))
    field = np.zeros((1, 1), np.float32)
    for octave in range(octaves, -1, -1):
        height, width = (-(-side // 2**octave) + 4 for side in shape)
        noise = rng.standard_normal((height, width), dtype=np.float32)
        noise *= np.float32(roughness ** (octaves - octave))
        if octave < octaves:
            grown = cv2.resize(field, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            top, left = (int(rng.integers(1, a - b)) for a, b in zip(grown.shape, noise.shape, strict=True))
            noise += grown[top : top + height, left : left + width]
        field = noise
    return np.ascontiguousarray(field[2 : 2 + shape[0], 2 : 2 + shape[1]])


def wispy(
    rng: np.random.Generator, shape: tuple[int, int], largest: float, roughness: float, stretch: float = 1.0
) -> np.ndarray:
    """Fractal noise (H, W) float32, drawn out `stretch` times along a random direction and bent by a slow flow."""
    enlarged = max(1.0, max(shape) / ROTATED_SIDE)
    rows, columns = (math.ceil(side / enlarged) for side in shape)
    largest = max(largest / enlarged, 4.0)
    angle = rng.uniform(0.0, 2.0 * math.pi)
    bend = 0.25 * largest
    cos, sin = math.cos(angle), math.sin(angle) / stretch
    steps = np.array([[cos, math.sin(angle)], [-sin, cos / stretch]], np.float32)
    extent = np.abs(steps) @ np.array([columns, rows], np.float32) + 6.0 * bend + 4.0
    canvas = fractal(rng, (math.ceil(extent[1]), math.ceil(extent[0])), largest, roughness)
    y = np.arange(rows, dtype=np.float32)[:, None] - rows / 2
    x = np.arange(columns, dtype=np.float32)[None, :] - columns / 2
    places = []
    for axis in (0, 1):
        flow = bend * np.clip(_slow(rng, (rows, columns), largest), -3.0, 3.0)
        places.append(steps[axis, 0] * x + steps[axis, 1] * y + flow + np.float32(extent[axis] / 2))
    field = cv2.remap(canvas, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return field if enlarged == 1.0 else cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC)


def cover(field: np.ndarray, coverage: float, softness: float, frame: np.ndarray | None = None) -> np.ndarray:
    """Opacity (H, W) in [0, 1) of cloud where `field` is highest, above 0 in exactly `coverage` of the pixels.

    `softness` is the share of the cloud's height over which opacity rises to 0.95. Opacity follows from thickness
    as `1 - exp(-depth)`. Where `frame` (a view of `field`) is given, coverage is counted in it alone.
    """
    counted = np.sort((field if frame is None else frame).ravel())
    clear = counted.size - round(coverage * counted.size)
    if clear == counted.size:
        return np.zeros_like(field)
    top = counted[clear + (counted.size - clear) * 99 // 100]
    base = counted[clear - 1] if clear else np.nextafter(counted[0], np.float32(-np.inf))
    depth = np.maximum(field - base, 0.0) * np.float32(3.0 / (max(softness, 1e-3) * max(top - base, 1e-6)))
    return -np.expm1(-np.minimum(depth, 30.0))


def veil(rng: np.random.Generator, shape: tuple[int, int], opacity: float, variation: float = 0.1) -> np.ndarray:
    """Opacity (H, W) of a haze over the whole picture: mean about `opacity`, varying slowly by `variation` of it."""
    slow = _slow(rng, shape, 0.7 * max(shape))
    spread = np.float32(rng.uniform(0.0, variation))
    return np.clip(np.float32(opacity) * (1.0 + spread * (slow - slow.mean())), 0.0, 0.98)


def by_wavelength(opacity: np.ndarray, weaker: float) -> np.ndarray:
    """Opacity (H, W, 3) in R, G, B of a cloud of grey `opacity` (H, W) whose depth falls with wavelength.

    Optical depth falls by the share `weaker` from blue to green and again from green to red (Rayleigh: about 0.4).
    """
    if weaker == 0.0:
        return np.repeat(opacity[..., None], 3, axis=2)
    share = np.array([(1.0 - weaker) ** 2, 1.0 - weaker, 1.0], np.float32)
    depth = -np.log1p(-np.minimum(opacity, 0.9999))
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
    move = np.array([[1.0, 0.0, right], [0.0, 1.0, down]], np.float64)
    cast = cv2.warpAffine(opacity, move, opacity.shape[::-1], flags=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(cast, (0, 0), softness) if softness > 0 else cast


def vary_blur(ground: np.ndarray, opacity: np.ndarray, sigma: float) -> np.ndarray:
    """`ground` (H, W, 3) blurred by a Gaussian of standard deviation `sigma * opacity` (H, W) at each pixel.

    Interpolates between a few evenly blurred pictures, in the square of sigma (diffusion is linear in it).
    """
    strongest = sigma * float(opacity.max())
    if strongest < 0.1:
        return ground
    size = 2 * math.ceil(2.5 * strongest) + 1
    variance = np.square(opacity * np.float32(sigma / strongest))
    result = np.zeros_like(ground)
    knots = [level**2 for level in BLUR_LEVELS]
    for place, level in enumerate(BLUR_LEVELS):
        blurred = ground if level == 0 else cv2.GaussianBlur(
            ground, (size, size), level * strongest, borderType=cv2.BORDER_REFLECT_101
        )
        hat = np.interp(variance, knots, np.eye(len(knots))[place]).astype(np.float32)
        result += blurred * hat[..., None]
    return result


def _cloud(
    rng: np.random.Generator, shape: tuple[int, int], simulation: Simulation, layers: Sequence[np.ndarray], thick: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Opacity and shadow (H, W) of one cloud field; drawn larger than the picture by what casts shadow into it."""
    casts = rng.random() < simulation.shadow_share
    azimuth, elevation = _draw(rng, simulation.sun_azimuth), _draw(rng, simulation.sun_elevation)
    height = _draw(rng, simulation.cloud_height) if casts else 0.0
    down, right = shadow_offset(azimuth, elevation, height)
    above, before = max(0, math.ceil(down)) + 4, max(0, math.ceil(right)) + 4
    below, after = max(0, math.ceil(-down)) + 4, max(0, math.ceil(-right)) + 4
    canvas = (above + shape[0] + below, before + shape[1] + after)
    inside = np.s_[above : above + shape[0], before : before + shape[1]]
    if layers and rng.random() >= simulation.fractal_share:
        field = _from_layer(rng, canvas, layers[int(rng.integers(len(layers)))])
    else:
        field = _from_noise(rng, canvas, max(shape), thick)
    coverage = _draw(rng, simulation.coverage)
    softness = rng.uniform(0.15, 0.7) if thick else rng.uniform(1.5, 4.0)
    opacity = cover(field, coverage, softness, field[inside])
    if not thick:
        peak = float(opacity[inside].max())
        opacity *= np.float32(_draw(rng, simulation.thin_opacity) / max(peak, 1e-6))
        opacity = np.minimum(opacity, 0.98)
    if not casts:
        return np.ascontiguousarray(opacity[inside]), np.zeros(shape, np.float32)
    dark = shadow(opacity, azimuth, elevation, height) * np.float32(_draw(rng, simulation.shadow_depth))
    return np.ascontiguousarray(opacity[inside]), np.ascontiguousarray(dark[inside])


def _from_noise(rng: np.random.Generator, shape: tuple[int, int], side: int, thick: bool) -> np.ndarray:
    """A fractal field (H, W): compact heaps for thick cloud, drawn-out wisps for thin."""
    largest = min(side, 1024) * 2.0 ** rng.uniform(-2.0, 0.0)
    if thick:
        return wispy(rng, shape, largest, rng.uniform(0.45, 0.6), rng.uniform(1.0, 1.5))
    return wispy(rng, shape, largest, rng.uniform(0.5, 0.65), rng.uniform(1.0, 4.0))


def _from_layer(rng: np.random.Generator, shape: tuple[int, int], layer: np.ndarray) -> np.ndarray:
    """A turned crop of a thickness map enlarged to `shape`; a little noise gives it fine detail and breaks ties."""
    share = rng.uniform(0.375, 0.625)
    rows, columns = (max(2, min(round(share * 256 * s / max(shape)), n)) for s, n in zip(shape, layer.shape, strict=True))
    top, left = int(rng.integers(layer.shape[0] - rows + 1)), int(rng.integers(layer.shape[1] - columns + 1))
    crop = layer[top : top + rows, left : left + columns]
    crop = np.rot90(crop, int(rng.integers(4)))[:, :: 1 if rng.random() < 0.5 else -1]
    scale = np.float32(1 / 255 if layer.dtype == np.uint8 else 1)
    field = cv2.resize(np.ascontiguousarray(crop, np.float32) * scale, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return field + np.float32(0.03) * fractal(rng, shape, 32.0, 0.6)


def _slow(rng: np.random.Generator, shape: tuple[int, int], largest: float) -> np.ndarray:
    """Smooth noise (H, W) of about unit variance with features of `largest` pixels."""
    step = max(1, round(largest / 16))
    coarse = fractal(rng, (-(-shape[0] // step) + 1, -(-shape[1] // step) + 1), largest / step, 0.3)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _colour(rng: np.random.Generator, simulation: Simulation) -> np.ndarray:
    tint = rng.uniform(*simulation.tint, size=3)
    return np.clip(_draw(rng, simulation.brightness) * tint, 0.0, 1.0).astype(np.float32)


def _draw(rng: np.random.Generator, limits: Range) -> float:
    return float(rng.uniform(*limits))
