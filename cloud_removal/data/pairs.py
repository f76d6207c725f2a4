"""Real pairs of a cloudy and a clear picture of one place, with the opacity estimated from the two."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cloud_removal.config import Location, PairAugmentation
from cloud_removal.data.augment import draw_pair
from cloud_removal.data.decode import is_picture
from cloud_removal.data.storage import Local, Storage, open_storage
from cloud_removal.errors import EmptyDatasetError, InputError

COARSE = 15
"""Side in pixels of the windows in which the straight line from clear to cloudy is sought."""
FINE = 5
"""Side in pixels of the windows in which the opacity counts as even."""
CLOUD_SHARES = (0.005, 0.02, 0.1)
"""Shares of the pixels, those that brightened most, whose mean is tried as the cloud's colour."""
KEPT_SHARE = 0.15
"""Least share of the pairs that is kept for validation: what is adapted to a few pairs is chosen by these."""
CLEARLY = 0.8
"""The error with another colour must be under this share of that with the even veil's."""


@dataclass(frozen=True)
class Pair:
    """One place seen twice: uint8 (H, W, 3), and the share of it that the cloud hides, uint8 (H, W), 255 = all.

    `colour` (3,) in [0, 1] is that of the cloud.
    """

    cloudy: np.ndarray
    clear: np.ndarray
    opacity: np.ndarray
    colour: np.ndarray


class Pairs:
    """The pairs of a folder, decoded once; `draw` cuts augmented training pictures from them."""

    def __init__(self, pairs: Sequence[Pair]):
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def draw(
        self, rng: np.random.Generator, augmentation: PairAugmentation, size: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Cloudy and clear (size, size, 3) and opacity (size, size, 1), float32 in [0, 1], of a random pair."""
        pair = self.pairs[int(rng.integers(len(self.pairs)))]
        if rng.random() < augmentation.exchange:
            pair = exchanged(pair, self.pairs[int(rng.integers(len(self.pairs)))])
        return draw_pair(pair.cloudy, pair.clear, pair.opacity, rng, augmentation, size)


def exchanged(pair: Pair, other: Pair) -> Pair:
    """The cloud of `pair` over the clear picture of `other`, as large as both are."""
    height, width = (min(sides) for sides in zip(pair.opacity.shape, other.opacity.shape, strict=True))
    opacity, clear = pair.opacity[:height, :width], other.clear[:height, :width]
    hidden = opacity[..., None] / np.float32(255)
    cloudy = clear * (1 - hidden) + np.float32(255) * pair.colour * hidden
    return Pair(np.rint(cloudy).astype(np.uint8), clear, opacity, pair.colour)


def open_pairs(folder: Location, validation_share: float, split: str) -> Pairs:
    """The pairs folder/cloud/NAME, folder/clear/NAME of `split`, by name.

    For validation are some, at least one, evenly spread, since neighbours often show the same ground; a single pair is
    of both. InputError where a name stands on one side only or the two differ in size,
    EmptyDatasetError for none.
    """
    names = names_of_pairs(folder)
    kept = max(round(len(names) * max(validation_share, KEPT_SHARE)), 1)
    validation = [names[(2 * number + 1) * len(names) // (2 * kept)] for number in range(kept)]
    here = validation if split == "validation" else [name for name in names if name not in validation]
    storage = open_storage(folder)
    return Pairs([_read(storage, name) for name in here or names])


def names_of_pairs(folder: Location) -> list[str]:
    """Names that are both in folder/cloud and in folder/clear, sorted.

    InputError where a folder is missing or a name is on one side only, EmptyDatasetError where there is none.
    """
    sides = [open_storage(folder / name) for name in ("cloud", "clear")]
    for side in sides:
        if isinstance(side, Local) and not side.folder.is_dir():
            raise InputError(f"{side.folder}: no such folder. Pairs are cloud/NAME and clear/NAME.")
    cloudy, clear = ({name for name in side.files() if "/" not in name and is_picture(Path(name))} for side in sides)
    alone = sorted(cloudy ^ clear)
    if alone:
        lacking = sides[1] if alone[0] in cloudy else sides[0]
        raise InputError(f"{lacking.at(alone[0])} is missing ({len(alone)} name(s) are in cloud/ or clear/ only).")
    if not cloudy:
        raise EmptyDatasetError(f"No pairs in {folder}. Expected .jpg, .png or .tif files in cloud/ and clear/.")
    return sorted(cloudy)


def _read(storage: Storage, name: str) -> Pair:
    cloudy, clear = storage.picture(f"cloud/{name}"), storage.picture(f"clear/{name}")
    if cloudy.shape != clear.shape:
        sizes = f"cloud/{name} is {cloudy.shape[:2]} pixels and clear/{name} {clear.shape[:2]}"
        raise InputError(f"{storage.at('')}: {sizes}.")
    opacity, colour = estimate_opacity(cloudy / np.float32(255), clear / np.float32(255))
    return Pair(cloudy, clear, np.rint(opacity * 255).astype(np.uint8), colour)


def estimate_opacity(cloudy: np.ndarray, clear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Opacity float32 (H, W) in [0, 1] and the veil's colour (3,) from a pair, both float32 (H, W, 3) in [0, 1].

    Under a veil of colour A, cloudy = clear·(1 - a) + A·a: each pixel moves from its clear colour towards A, and the
    opacity a is the share of the way that it went. A is what explains the cloudy picture best among the colour found
    from the straight lines of `even_veil` (kept unless another is clearly better) and those of the pixels that
    brightened most (under thick cloud there is no straight line).
    """
    colour = even_veil(cloudy, clear)
    error, opacity = _explained(cloudy, clear, colour)
    error *= CLEARLY
    brighter = np.sum(cloudy - clear, axis=-1)
    for share in CLOUD_SHARES:
        other = cloudy[brighter >= np.quantile(brighter, 1.0 - share)].mean(axis=0)
        remaining, hidden = _explained(cloudy, clear, other)
        if remaining < error:
            error, opacity, colour = remaining, hidden, other
    return opacity, colour


def _explained(cloudy: np.ndarray, clear: np.ndarray, colour: np.ndarray) -> tuple[float, np.ndarray]:
    """How badly a veil of `colour` explains the pair (mean absolute error), and its opacity (H, W).

    The opacity is (cloudy - clear)·(A - clear) / |A - clear|², least squares in small windows.
    """
    whole = colour - clear
    moved = _mean(np.sum((cloudy - clear) * whole, axis=-1), FINE)
    length = _mean(np.sum(whole * whole, axis=-1), FINE)
    opacity = np.clip(moved / np.maximum(length, 1e-4), 0.0, 1.0)
    return float(np.abs(clear + opacity[..., None] * whole - cloudy).mean()), opacity


def even_veil(cloudy: np.ndarray, clear: np.ndarray) -> np.ndarray:
    """Colour (3,) of a veil through which the ground is seen, float32 in [0, 1].

    In each window, the straight line from clear to cloudy has slope 1 - a and intercept A·a, so A = intercept / a.
    The answer is the median of these A, weighted by what a window says about it: its opacity squared and variance.
    Where nothing is hidden at all, it is the colour of the brightest cloudy pixels.
    """
    colours = []
    for channel in range(3):
        x, y = clear[..., channel], cloudy[..., channel]
        mean_x, mean_y = _mean(x, COARSE), _mean(y, COARSE)
        variance = _mean(x * x, COARSE) - mean_x * mean_x + np.float32(1e-4)
        covariance = _mean(x * y, COARSE) - mean_x * mean_y
        opacity = np.clip(1.0 - covariance / variance, 0.0, 1.0)
        intercept = mean_y - (1.0 - opacity) * mean_x
        weight = np.where(opacity > 0.15, opacity**2, 0.0) * variance
        if weight.sum() > 0.0:
            colours.append(_weighted_median(np.clip(intercept / np.maximum(opacity, 0.15), 0.0, 1.0), weight))
        else:
            colours.append(float(np.percentile(y, 99)))
    return np.array(colours, np.float32)


def _mean(values: np.ndarray, window: int) -> np.ndarray:
    values = np.ascontiguousarray(values, np.float32)
    return cv2.blur(values, (window, window), borderType=cv2.BORDER_REFLECT)


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, axis=None)
    heap = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order[np.searchsorted(heap, heap[-1] / 2)]])
