"""How many cloudy pictures the simulator makes a second, and its varying blur beside unfolding every patch."""

import dataclasses

import cv2
import numpy as np

from benchmarks.table import Row, seconds
from cloud_removal.config import Simulation
from cloud_removal.data.clouds import ONLY, simulate, vary_blur
from cloud_removal.data.fractal import wispy

SIGMA = 2.0
PATCH = 11


def measure(quick: bool) -> list[Row]:
    """Rows of the simulator, on one core, 256 x 256 pixels."""
    side, repeats = (64, 1) if quick else (256, 5)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [*_pictures(side, repeats), *_blur(side, repeats)]
    finally:
        cv2.setNumThreads(threads)


def unfolded_blur(ground: np.ndarray, opacity: np.ndarray, sigma: float) -> np.ndarray:
    """The field's usual way: every 11x11 patch laid out, weighted by its own Gaussian of `sigma * opacity`, summed."""
    reach = PATCH // 2
    padded = np.pad(ground, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    patches = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH), axis=(0, 1)).copy()
    places = np.arange(-reach, reach + 1, dtype=np.float32)
    squares = np.square(places)[:, None] + np.square(places)[None, :]
    variance = np.maximum(np.square(sigma * opacity), np.float32(1e-4))
    weights = np.exp(-squares / (2.0 * variance[..., None, None]))
    weights /= weights.sum(axis=(2, 3), keepdims=True)
    return (patches * weights[:, :, None]).sum(axis=(3, 4))


def _pictures(side: int, repeats: int) -> list[Row]:
    ground = _ground(side)
    usual = Simulation()
    count = 2 if repeats == 1 else 60
    rows = []
    for name, kinds in (*ONLY.items(), ("as trained on", usual.kinds)):
        simulation = dataclasses.replace(usual, kinds=kinds)

        def many(simulation: Simulation = simulation) -> None:
            for seed in range(count):
                simulate(ground, np.random.Generator(np.random.Philox(seed)), simulation)

        aim = None if name in ONLY else 60.0
        rows.append(Row(f"simulated {side} px, {name}", count / seconds(many, repeats), "pictures/s", aim))
    return rows


def _blur(side: int, repeats: int) -> list[Row]:
    ground = _ground(side)
    opacity = wispy(np.random.Generator(np.random.Philox(1)), (side, side), side / 2, 0.5)
    opacity = (opacity - opacity.min()) / np.ptp(opacity)
    ours = seconds(lambda: vary_blur(ground, opacity, SIGMA), repeats)
    usual = seconds(lambda: unfolded_blur(ground, opacity, SIGMA), min(repeats, 3))
    error = np.abs(vary_blur(ground, opacity, SIGMA) - unfolded_blur(ground, opacity, SIGMA)).mean()
    return [
        Row("varying blur", 1000 * ours, "ms"),
        Row("varying blur, 11x11 patches unfolded", 1000 * usual, "ms"),
        Row("varying blur, times faster", usual / ours, "x", 20.0),
        Row("varying blur, mean difference", float(255 * error), "of 255", 1.0, at_most=True),
    ]


def _ground(side: int) -> np.ndarray:
    """A picture sharp to the pixel: the worst case for the blur's error."""
    rng = np.random.Generator(np.random.Philox(0))
    return np.clip(rng.normal(0.5, 0.2, (side, side, 3)), 0.0, 1.0).astype(np.float32)
