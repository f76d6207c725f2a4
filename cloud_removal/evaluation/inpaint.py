"""Judges ways to fill holes on clear pictures: scores inside the hole per picture, then their means.

Every picture gets one hole, a seeded polygon with a disc as in training; what was there is the truth.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloud_removal.data.decode import read_rgb
from cloud_removal.data.masks import draw_mask
from cloud_removal.errors import InputError
from cloud_removal.evaluation import metrics
from cloud_removal.evaluation.evaluate import SMALLEST_SIDE
from cloud_removal.evaluation.fillers import Filler
from cloud_removal.evaluation.metrics import Mask, Picture
from cloud_removal.evaluation.texture import STRIDES, rim, stride_power, texture

HOLE = "poly"
LARGEST = 256
"""Side in pixels of the square in the middle of a picture in which its hole is drawn; the picture's if that is less."""
TRUTH = "truth"
"""What the scores of the clear picture itself stand under: its texture is not exactly 1 either."""
MARKS = tuple(f"stride_{stride}" for stride in STRIDES)
RATIOS = ("texture", "rim", *MARKS)
"""Measures whose mean is the geometric one: half and double make one."""
MEASURES = ("mae", "psnr", "ssim", *RATIOS)
COLUMNS = {
    "mae": ("MAE /255", 9, ".2f"), "psnr": ("PSNR dB", 8, ".2f"), "ssim": ("SSIM", 7, ".4f"),
    "texture": ("texture", 8, ".3f"), "rim": ("rim", 7, ".3f"), "checkerboard": ("checkerboard", 13, ".3f"),
}  # fmt: skip
Scores = dict[str, float]


@dataclass(frozen=True)
class Holed:
    """A clear picture uint8 (H, W, 3), and the hole bool (H, W) that is to be filled."""

    name: str
    clear: Picture
    hole: Mask


@dataclass(frozen=True)
class Filled:
    """One picture, what each method made of it, and the scores of that."""

    holed: Holed
    pictures: dict[str, Picture]
    scores: dict[str, Scores]


def holed_pictures(folder: Path, names: Iterable[str], seed: int = 0) -> Iterator[Holed]:
    """The pictures of these names, one at a time, each with a hole that depends on `seed`, its name and size alone."""
    for name in names:
        clear = read_rgb(folder / name)
        if min(clear.shape[:2]) < 2 * SMALLEST_SIDE:
            raise InputError(f"{folder / name} is {clear.shape[:2]} pixels; sides of {2 * SMALLEST_SIDE} are needed.")
        yield Holed(name, clear, hole_for(name, clear.shape[:2], seed))


def hole_for(name: str, shape: tuple[int, ...], seed: int = 0) -> Mask:
    """The hole, bool of `shape`, of the picture called `name`."""
    side = min(*shape, LARGEST)
    top, left = ((length - side) // 2 for length in shape)
    hole = np.zeros(shape, bool)
    hole[top : top + side, left : left + side] = draw_mask(HOLE, np.random.default_rng([seed, *name.encode()]), side)
    return hole


def judge(pictures: Iterable[Holed], methods: Mapping[str, Filler]) -> Iterator[Filled]:
    """Has every method fill every hole, and scores it; a method is shown a picture whose hole is black."""
    for holed in pictures:
        ragged = np.where(holed.hole[..., None], np.uint8(0), holed.clear)
        results = {TRUTH: holed.clear} | {name: fill(ragged, holed.hole) for name, fill in methods.items()}
        yield Filled(holed, results, _scores(results, holed))


def scores(result: Picture, holed: Holed) -> Scores:
    """All `MEASURES` of one result inside the hole; the marks of strides in proportion to those in the truth."""
    power, natural = stride_power(result, holed.hole), stride_power(holed.clear, holed.hole)
    return {
        "mae": metrics.mae(result, holed.clear, holed.hole),
        "psnr": metrics.psnr(result, holed.clear, holed.hole),
        "ssim": metrics.ssim(result, holed.clear, holed.hole),
        "texture": texture(result, holed.hole),
        "rim": rim(result, holed.hole),
    } | {f"stride_{stride}": power[stride] / natural[stride] for stride in STRIDES}


def means(found: Sequence[Scores]) -> dict[str, Any]:
    """The mean of each measure over the pictures that have it; `checkerboard` is the largest of the marks."""
    result: dict[str, Any] = {}
    for name in MEASURES:
        values = [picture[name] for picture in found if np.isfinite(picture[name])]
        if not values:
            result[name] = None
        elif name in RATIOS:
            result[name] = float(np.exp(np.mean(np.log(np.maximum(values, 1e-6)))))
        else:
            result[name] = float(np.mean(values))
    marks = [result[name] for name in MARKS if result[name] is not None]
    return result | {"checkerboard": max(marks, default=None), "pictures": len(found)}


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The means of each method, a row each."""
    width = max(map(len, ("method", *found)))
    lines = [f"{'method':<{width}}{''.join(f'{text:>{size}}' for text, size, _ in COLUMNS.values())}"]
    for name, values in found.items():
        cells = (_cell(values[measure], size, form) for measure, (_, size, form) in COLUMNS.items())
        lines.append(f"{name:<{width}}{''.join(cells)}")
    return "\n".join(lines)


def _scores(results: Mapping[str, Picture], holed: Holed) -> dict[str, Scores]:
    return {name: scores(result, holed) for name, result in results.items()}


def _cell(value: float | None, width: int, form: str) -> str:
    return f"{'-' if value is None else format(value, form):>{width}}"
