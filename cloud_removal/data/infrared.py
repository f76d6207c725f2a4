"""Infrared weather-satellite pictures as cloud thickness maps, as the seed made its cloud layers.

In these pictures grey is temperature, brighter is colder; the coldest tops may be coloured. Coast lines, grids, labels
and a legend are drawn over them at places that never change. Thickness is how much colder than the ground a pixel is:
not an optical thickness (high thin cloud looks thicker than it is), but cloud in real shapes.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from cloud_removal.data.decode import read_rgb
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError

SUFFIXES = (".gif", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
OVERLAY = "overlay.png"
COLOURED = 24  # Difference between channels from which a pixel counts as coloured, beyond JPEG's own colour noise.
LEAST_RANGE = 64.0  # Grey levels between ground and coldest top at least: noise over clear ground is no cloud.
ENOUGH_FRAMES = 8  # Fewer say little about what never changes, or about the warm ground.


def read_frames(
    folder: Path, overlay: Path | None = None, left_out: Callable[[InputError], None] | None = None
) -> tuple[list[Path], np.ndarray]:
    """Paths and frames, uint8 (N, H, W, 3), of all pictures in `folder`; they must be of one size.

    `overlay.png`, and the file `overlay`, are no frames. `left_out` is called with what is wrong with a picture that
    cannot be read, or that is not of the size of most (without it, that is raised).
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Expected a folder of infrared pictures of one view.")
    masks = {folder / OVERLAY} if overlay is None else {folder / OVERLAY, folder / overlay.name}
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p not in masks)
    if not paths:
        raise EmptyDatasetError(f"No infrared pictures in {folder}. Expected {', '.join(SUFFIXES)} files.")
    frames: dict[Path, np.ndarray] = {}
    for path in paths:
        try:
            frames[path] = read_rgb(path)
        except InputError as error:
            _pass_over(error, left_out)
    if not frames:
        raise InputError(
            f"None of the {len(paths)} pictures of {folder} can be read. Mend them, or name another folder."
        )
    ((shape, count),) = Counter(frame.shape for frame in frames.values()).most_common(1)
    if 2 * count <= len(frames):
        left_out = None  # Two views, and nothing says which is meant.
    alike = next(path for path, frame in frames.items() if frame.shape == shape)
    for path in [path for path, frame in frames.items() if frame.shape != shape]:
        other = InputError(
            f"{path} is {_size(frames.pop(path).shape)} pixels, {alike.name} is {_size(shape)}. Expected frames of one "
            "view; put other views in folders of their own."
        )
        _pass_over(other, left_out)
    return list(frames), np.stack(list(frames.values()))


def _pass_over(error: InputError, left_out: Callable[[InputError], None] | None) -> None:
    if left_out is None:
        raise error
    left_out(error)


def _size(shape: Sequence[int]) -> str:
    return f"{shape[1]}x{shape[0]}"


def read_overlay(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Where lines and legend are drawn, bool (H, W), from a picture that is bright there and black elsewhere."""
    drawn = read_rgb(path).max(axis=2) > 127
    if drawn.shape != shape:
        raise InputError(
            f"{path} is {drawn.shape[1]}x{drawn.shape[0]} pixels, the frames are {shape[1]}x{shape[0]}. "
            "Expected an overlay of the same size."
        )
    return drawn


def find_overlay(frames: np.ndarray, tolerance: int = 0) -> np.ndarray:
    """Where lines and legend are drawn, bool (H, W): pixels that never change by more than `tolerance`.

    Raises OptionError with fewer than 8 frames: too much of the sky stands still in them.
    """
    if len(frames) < ENOUGH_FRAMES:
        raise OptionError(
            f"{len(frames)} frame(s) are too few to find the drawn lines by what never changes; expected "
            f"{ENOUGH_FRAMES}, or a mask of them with --overlay FILE."
        )
    lowest, highest = frames.min(axis=0), frames.max(axis=0)
    return (highest - lowest).max(axis=2) <= tolerance


def inside_legend(overlay: np.ndarray) -> tuple[slice, slice]:
    """The picture without legend: without the border rows and columns of which more than half is drawn."""
    rows = np.flatnonzero(overlay.mean(axis=1) <= 0.5)
    columns = np.flatnonzero(overlay.mean(axis=0) <= 0.5)
    if not rows.size or not columns.size:
        raise InputError("The overlay covers the whole picture. Expected drawn lines and a legend; check --overlay.")
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def coldness(frame: np.ndarray) -> np.ndarray:
    """Grey level uint8 (H, W) of a frame (H, W, 3), brighter is colder; coloured pixels, the coldest tops, are 255."""
    coloured = frame.max(axis=2).astype(np.int16) - frame.min(axis=2) > COLOURED
    return np.where(coloured, np.uint8(255), np.ascontiguousarray(frame[..., 1]))


def remove_overlay(cold: np.ndarray, overlay: np.ndarray) -> np.ndarray:
    """`cold` uint8 (H, W) with the pixels of `overlay` filled from around them (Telea, 2004)."""
    return cv2.inpaint(np.ascontiguousarray(cold), overlay.astype(np.uint8), 3, cv2.INPAINT_TELEA)


def times_of_day(names: Sequence[str]) -> np.ndarray | None:
    """Hours (N,) of frames whose names all end in digits HHMM after at least three more, as GOES' do; else None."""
    found = [re.search(r"\d{3,}([01]\d|2[0-3])([0-5]\d)$", name) for name in names]
    if not all(found):
        return None
    return np.array([int(m[1]) + int(m[2]) / 60 for m in found if m])


def backgrounds(cold: np.ndarray, hours: np.ndarray | None = None, percentile: float = 10.0) -> np.ndarray:
    """The warm ground under each frame, float32 (N, H, W): a per-pixel low percentile over the stack `cold`.

    With `hours` it is taken over the frames at most three hours of the day apart (if these are 8 at least): land is
    warmer by day. With fewer than 8 frames it is one level for each frame, its low percentile over the picture.
    """
    if len(cold) < ENOUGH_FRAMES:
        levels = np.percentile(cold, percentile, axis=(1, 2)).astype(np.float32)
        return np.broadcast_to(levels[:, None, None], cold.shape)
    whole = _low(cold, percentile)
    if hours is None:
        return np.broadcast_to(whole, cold.shape)
    apart = np.abs(hours[:, None] - hours[None, :])
    alike = np.minimum(apart, 24.0 - apart) <= 3.0
    return np.stack([_low(cold[near], percentile) if near.sum() >= ENOUGH_FRAMES else whole for near in alike])


def _low(cold: np.ndarray, percentile: float) -> np.ndarray:
    lowest = np.partition(cold, round((len(cold) - 1) * percentile / 100.0), axis=0)
    ground = lowest[round((len(cold) - 1) * percentile / 100.0)]
    return cv2.medianBlur(ground, 5).astype(np.float32)


def thickness(cold: np.ndarray, background: np.ndarray, coldest: float) -> np.ndarray:
    """Thickness float32 (H, W) in [0, 1]: 0 at the background's grey, 1 from the grey `coldest` on; 3x3 smoothed."""
    above = (cold.astype(np.float32) - background) / np.maximum(coldest - background, 1.0)
    return cv2.blur(np.clip(above, 0.0, 1.0), (3, 3))


def layers(
    names: Sequence[str], frames: np.ndarray, overlay: np.ndarray, tile: int, halve: bool = False
) -> Iterator[tuple[str, np.ndarray]]:
    """Name and uint8 (tile, tile) thickness map for each tile of each frame (N, H, W, 3), stretched to 0 … 255.

    Tiles cover the frame evenly; those with hardly a cloud (nothing above 0.2) are left out. `halve`: half resolution.
    """
    area = inside_legend(overlay)
    cold = np.stack([remove_overlay(coldness(f[area]), overlay[area]) for f in frames])
    coldest = float(np.percentile(cold[cold < 255], 99.9)) if (cold < 255).any() else 255.0
    grounds = backgrounds(cold, times_of_day(names))
    coldest = max(coldest, float(np.median(grounds)) + LEAST_RANGE)
    for name, frame, ground in zip(names, cold, grounds, strict=True):
        depth = thickness(frame, ground, coldest)
        if halve:
            depth = cv2.resize(depth, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        for top in _even(depth.shape[0], tile):
            for left in _even(depth.shape[1], tile):
                part = depth[top : top + tile, left : left + tile]
                if part.max() > 0.2:
                    yield f"{name}_{top:04d}_{left:04d}", stretched(part)


def stretched(depth: np.ndarray) -> np.ndarray:
    """`depth` (H, W) as uint8 over the full range 0 … 255."""
    low, high = float(depth.min()), float(depth.max())
    return np.rint((depth - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8)


def _even(length: int, tile: int) -> list[int]:
    """Where tiles begin that cover `length` evenly, overlapping where it is no multiple of `tile`."""
    count = -(-length // tile)
    return [round(i * (length - tile) / max(count - 1, 1)) for i in range(count)] if length > tile else [0]
