"""Fractal fields: the shapes that clouds are cut from. Float32, seeded by a `numpy.random.Generator`."""

import math

import cv2
import numpy as np

LARGEST_DRAWN = 3072  # Larger fields are drawn at this side and enlarged, so that memory stays bounded.


def fractal(
    rng: np.random.Generator, shape: tuple[int, int], largest: float = 128.0, roughness: float = 0.5
) -> np.ndarray:
    """Gaussian fractal noise (H, W) with features from about `largest` pixels down to one; not normalised.

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


def slow(rng: np.random.Generator, shape: tuple[int, int], largest: float) -> np.ndarray:
    """Smooth noise (H, W) of about unit variance with features of `largest` pixels."""
    step = max(1, round(largest / 16))
    coarse = fractal(rng, (-(-shape[0] // step) + 1, -(-shape[1] // step) + 1), largest / step, 0.3)
    return cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)


def wispy(
    rng: np.random.Generator,
    shape: tuple[int, int],
    largest: float,
    roughness: float,
    stretch: float = 1.0,
    bend: float = 0.25,
    billow: float = 0.0,
) -> np.ndarray:
    """Fractal noise (H, W) drawn out `stretch` times along a random direction and bent by a slow flow.

    `bend` is the strength of the flow as a share of `largest`; `billow` adds rounded heaps with sharp valleys.
    """
    enlarged = max(1.0, max(shape) / LARGEST_DRAWN)
    drawn = (math.ceil(shape[0] / enlarged), math.ceil(shape[1] / enlarged))
    largest = max(largest / enlarged, 4.0)
    places, canvas_shape = _turned(rng, drawn, stretch, bend * largest, largest)
    canvas = fractal(rng, canvas_shape, largest, roughness)
    if billow:
        canvas += np.float32(billow) * np.abs(fractal(rng, canvas_shape, largest / 3.0, roughness))
    field = cv2.remap(canvas, places[0], places[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return field if enlarged == 1.0 else cv2.resize(field, shape[::-1], interpolation=cv2.INTER_CUBIC)


def _turned(
    rng: np.random.Generator, shape: tuple[int, int], stretch: float, bend: float, largest: float
) -> tuple[list[np.ndarray], tuple[int, int]]:
    """Where on a canvas each pixel of a turned, drawn-out and bent field (H, W) lies (x, y); the canvas' shape."""
    angle = rng.uniform(0.0, 2.0 * math.pi)
    cos, sin = math.cos(angle), math.sin(angle)
    steps = np.array([[cos / stretch, sin / stretch], [-sin, cos]], np.float32)
    extent = np.abs(steps) @ np.array([shape[1], shape[0]], np.float32) + 6.0 * bend + 4.0
    x = np.arange(shape[1], dtype=np.float32)[None, :] - shape[1] / 2
    y = np.arange(shape[0], dtype=np.float32)[:, None] - shape[0] / 2
    places = []
    for across, along, length in zip(steps[:, 0], steps[:, 1], extent, strict=True):
        flow = np.float32(bend) * np.clip(slow(rng, shape, 2.0 * largest), -3.0, 3.0)
        places.append(across * x + along * y + flow + np.float32(length / 2))
    return places, (math.ceil(extent[1]), math.ceil(extent[0]))


def cover(field: np.ndarray, coverage: float, softness: float, counted: np.ndarray | None = None) -> np.ndarray:
    """Opacity (H, W) in [0, 1] of cloud where `field` is highest: above 0 in exactly `coverage` of the pixels.

    `softness` is the share of the cloud's height over which opacity rises to 0.95; opacity follows from thickness
    as `1 - exp(-depth)`. Where `counted`, some of the values of `field`, is given, it is their share that is exact.
    """
    counted = (field if counted is None else counted).ravel()
    clear = counted.size - round(coverage * counted.size)
    if clear == counted.size:
        return np.zeros_like(field)
    crest = clear + (counted.size - clear) * 99 // 100
    ordered = np.partition(counted, [max(clear - 1, 0), crest])
    base = ordered[clear - 1] if clear else np.nextafter(ordered[0], np.float32(-np.inf))
    height = max(float(ordered[crest] - base), 1e-6)
    depth = np.maximum(field - base, 0.0) * np.float32(3.0 / (max(softness, 1e-3) * height))
    return -np.expm1(-np.minimum(depth, 30.0))
