"""What tells best how far a result may be off: a number for each class of opacity, formulas, or further passes.

    python -m benchmarks.uncertainty --data.ground DIR ... [--pairs DIR ...]

Of each candidate that says how large errors are to be expected, a factor for each class is calibrated on one half of
the ground and tried on the other (`evaluation.conformal`). Printed are the mean half-width at 90 %, how many intervals
hold, and the area under the risk-coverage curve; with --pairs the same of real pairs, by the factors found. Half-widths
and errors are in 255ths; pixels are those under thin cloud.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import tyro
from numpy.typing import NDArray

from cloud_removal.cli.calibrate import recipe_of
from cloud_removal.data.ground import open_ground
from cloud_removal.data.pairs import names_of_pairs
from cloud_removal.evaluation import conformal
from cloud_removal.evaluation.calibration import Truth, simulated
from cloud_removal.evaluation.evaluate import read_pairs
from cloud_removal.evaluation.metrics import Picture
from cloud_removal.inference.compose import THIN
from cloud_removal.inference.model import Model
from cloud_removal.inference.picture import Treated, treated
from cloud_removal.inference.uncertainty.calibration import Classes
from cloud_removal.model_folder import DEFAULT

EACH = 128
BRIGHTER = (0.96, 1.04)
"""Factors on the picture's brightness."""
KEPT_OUT = 10
"""The last pairs of a folder, which nothing is chosen by."""


class Drawn(NamedTuple):
    """Pixels under thin cloud: their class, opacity, largest error, and by how much passes differ there."""

    within: NDArray
    opacity: NDArray
    error: NDArray
    change: NDArray
    turned: NDArray
    brightened: NDArray
    around: NDArray


def expectations(pixels: Drawn) -> dict[str, NDArray]:
    """What each candidate expects errors to be a multiple of, by opacity a and more, and how many passes it takes."""
    share = pixels.opacity / (1.0 - pixels.opacity)
    from_opacity = pixels.change / np.maximum(pixels.opacity * (1.0 - pixels.opacity), 0.05)
    return {
        "a number for each class (1)": np.ones_like(share),
        "0.4 + a (1)": 0.4 + pixels.opacity,
        "0.3 + a / (1 - a) (1)": 0.3 + share,
        "0.1 + change (1)": 0.1 + pixels.change,
        "0.2 + change (1)": 0.2 + pixels.change,
        "colour and opacity, propagated (1)": np.hypot(0.1, np.hypot(share, from_opacity)),
        "0.05 + spread of turns and flips (8)": 0.05 + pixels.turned,
        "0.05 + spread of brightness (3)": 0.05 + pixels.brightened,
        "0.05 + spread of context (5)": 0.05 + pixels.around,
        "0.4 + a + all spreads (14)": 0.4 + pixels.opacity + pixels.turned + pixels.brightened + pixels.around,
    }


@dataclass(frozen=True)
class Ground:
    """Where ground is."""

    ground: tuple[Path, ...]
    """Folders of clear pictures that the model did not learn from."""


@dataclass(frozen=True)
class Comparison:
    """Compares candidates."""

    data: Ground
    model: Path = DEFAULT
    pictures: int = 240
    """Half of them to calibrate, half to try."""
    pairs: tuple[Path, ...] = field(default=())
    """Folders of real pairs; the last ten names of each are left out."""
    seed: int = 1

    def run(self) -> None:
        """Prints a row for each candidate."""
        model = Model.load(self.model)
        classes, recipe = Classes.of(model.card), recipe_of(model.card)
        halves = []
        for number, split in enumerate(("training", "validation")):
            ground = open_ground(self.data.ground, (), 0.5, split, "--data.ground")
            seed = 2 * self.seed + number
            pictures = (simulated(ground, recipe, seed, place) for place in range(self.pictures // 2))
            halves.append(_drawn(model, classes, pictures, self.seed))
        tried = {"simulated": halves[1]}
        for folder in self.pairs:
            names = names_of_pairs(folder)[:-KEPT_OUT]
            pairs = ((p.cloudy, p.clear.astype(np.float32) / np.float32(255.0)) for p in read_pairs(folder, names))
            tried[folder.name] = _drawn(model, classes, pairs, self.seed)
        columns = "".join(f"{name + ': half-width, covered, risk':>42}" for name in tried)
        print(f"{'expected error (passes)':<40}{columns}")
        first = expectations(halves[0])
        for name, expected in first.items():
            factors = _factors(halves[0], expected)
            row = "".join(_figures(pixels, expectations(pixels)[name], factors) for pixels in tried.values())
            print(f"{name:<40}{row}")


def _factors(pixels: Drawn, expected: NDArray) -> NDArray:
    scores = pixels.error / expected
    kinds = range(int(pixels.within.max()) + 1)
    return np.array([conformal.quantile(scores[pixels.within == kind], 0.9) for kind in kinds])


def _figures(pixels: Drawn, expected: NDArray, factors: NDArray) -> str:
    half = factors[np.minimum(pixels.within, factors.size - 1)] * expected
    covered, risk = conformal.covered(pixels.error, half), conformal.risk(pixels.error, half)
    return f"{255 * half.mean():>26.1f}{100 * covered:>7.1f} %{255 * risk:>7.1f}"


def _drawn(model: Model, classes: Classes, pictures: Iterable[tuple[Picture, Truth]], seed: int) -> Drawn:
    parts, stride = [], model.card.grid.stride
    for number, (picture, ground) in enumerate(pictures):
        height, width = (side // stride * stride for side in picture.shape[:2])
        cloudy, truth = picture[:height, :width], ground[:height, :width]
        result = treated(model, cloudy)
        thin = np.flatnonzero(result.provenance == THIN)
        some = np.random.default_rng([seed, number]).choice(thin, min(EACH, thin.size), replace=False)
        error = np.abs(result.picture / np.float32(255.0) - truth).max(axis=2)
        change = cv2.absdiff(result.picture, cloudy).max(axis=2) / np.float32(255.0)
        within = classes.within(result.provenance, result.opacity, False)
        spreads = (spread.flat[some] for spread in _spreads(model, cloudy, result))
        of_picture = (plane.flat[some] for plane in (within, result.opacity, error, change))
        parts.append(Drawn(*of_picture, *spreads))
    return Drawn(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _spreads(model: Model, cloudy: Picture, result: Treated) -> list[NDArray]:
    """Deviation, the largest of the bands, of what is made of the picture turned and flipped, brightened, and with the
    picture-wide statistics of its quarters."""
    turned = []
    for flip in (False, True):
        for quarters in range(4):
            seen = np.rot90(cloudy[:, ::-1] if flip else cloudy, quarters)
            back = np.rot90(_ground(model, seen), -quarters)
            turned.append(back[:, ::-1] if flip else back)
    plain, brightened = turned[0], []
    for factor in BRIGHTER:
        brighter = np.clip(np.rint(cloudy * factor), 0, 255).astype(np.uint8)
        brightened.append(_ground(model, brighter) / np.float32(factor))
    height, width = (side // 2 for side in cloudy.shape[:2])
    corners = [(top, left) for top in (0, height) for left in (0, width)]
    around = [_ground(model, cloudy, cloudy[top : top + height, left : left + width]) for top, left in corners]
    every = (turned, [plain, *brightened], [plain, *around])
    return [np.stack(passes).std(axis=0).max(axis=2) for passes in every]


def _ground(model: Model, picture: Picture, context_of: Picture | None = None) -> NDArray[np.float32]:
    """The network's ground of a picture, its statistics taken of all of it or of another one."""
    rows, columns = (side // model.card.grid.stride for side in picture.shape[:2])
    image = np.ascontiguousarray(picture[None], np.float32) / np.float32(255.0)
    if model.card.context is None:
        return model.restore(image)[0][0]
    looked = image if context_of is None else np.ascontiguousarray(context_of[None], np.float32) / np.float32(255.0)
    statistics = model.context(looked)[:, None, None]
    context = np.tile(statistics, (1, rows, columns, 1))
    return model.restore(image, context)[0][0]


if __name__ == "__main__":
    tyro.cli(Comparison, description=__doc__).run()
