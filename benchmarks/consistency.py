"""How well content that was never there is found in predictions under thin cloud, how often what is there is doubted.

`python -m benchmarks.consistency`: simulated thin cloud and veils with sensor noise over procedural ground; into each
prediction roads are painted, the score of `inference.consistency` is asked for, and the areas under the ROC curves and
the false alarms are printed as tables for docs/consistency.md.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
import tyro
from numpy.typing import NDArray

from cloud_removal.config import Simulation
from cloud_removal.data.clouds import simulate
from cloud_removal.data.ground import open_ground
from cloud_removal.data.terrain import terrain
from cloud_removal.inference.consistency.score import THRESHOLD, judged
from cloud_removal.inference.consistency.whole import SUSPECT

CONTRASTS = (0.05, 0.10, 0.15)
OPACITIES = (0.2, 0.35, 0.5, 0.7)
"""Ends of the ranges of true opacity by which the tables are cut."""
THIN = (0.05, 0.75)
"""True opacity of what counts as thin cloud, where no model says so."""
NOISE = (0.005, 0.02)
"""Standard deviation of the sensor's noise."""
GAIN, OFFSET = (0.85, 1.15), (-0.1, 0.1)
"""Errors of a prediction that is too flat or too strong, too dark or too bright, as a whole."""
ROADS = 3
CLOUDS = Simulation(kinds=(0.5, 0.0, 0.5, 0.0), shadow_share=0.0, blur_share=0.0)

Picture = NDArray[np.float32]
Opacity = Literal["estimated", "constant", "true", "regressed"]


@dataclass(frozen=True)
class Scene:
    """A simulated picture, (H, W, 3) each in [0, 1], and the true opacity (H, W)."""

    seen: Picture
    ground: Picture
    opacity: Picture
    roads: NDArray[np.bool_]
    """Where roads are painted (H, W)."""
    contrast: float
    """Of those roads, negative for dark ones."""


@dataclass(frozen=True)
class Scores:
    """Absolute scores of one kind of prediction."""

    planted: dict[tuple[float, int], list[NDArray]] = field(default_factory=dict)
    """On planted pixels, by contrast and range of opacity."""
    beside: list[NDArray] = field(default_factory=list)
    """On the other pixels under as much cloud of the same pictures."""
    unplanted: list[NDArray] = field(default_factory=list)
    """On all pixels under thin cloud of pictures without roads, a picture each."""

    def every(self) -> NDArray:
        """Those of all planted pixels."""
        return np.concatenate([some for each in self.planted.values() for some in each])

    def area(self, cell: tuple[float, int] | None = None) -> float:
        """Area under the ROC curve, of all planted pixels or those of a cell."""
        return auroc(self.every() if cell is None else np.concatenate(self.planted[cell]), np.concatenate(self.beside))

    def found(self) -> float:
        """Share of the planted pixels beyond the threshold."""
        return float((self.every() > THRESHOLD).mean())

    def false_alarms(self) -> tuple[float, float, float]:
        """Share of the pixels of unplanted pictures beyond the threshold, in all and in the worst picture, and the
        share of these pictures of which a user would be warned."""
        shares = np.array([(some > THRESHOLD).mean() for some in self.unplanted if some.size])
        of_all = float((np.concatenate(self.unplanted) > THRESHOLD).mean())
        return of_all, float(shares.max()), float((shares > SUSPECT).mean())


@dataclass(frozen=True)
class Detection:
    """Plants roads in predictions under thin cloud and measures how well they are found."""

    ground: Annotated[tuple[Path, ...], tyro.conf.arg(name="data.ground")] = ()
    """Folders of clear pictures; without any the ground is procedural."""
    scenes: int = 60
    size: int = 256
    """Side of a scene in pixels."""
    seed: int = 0
    model: Path | None = Path("defog")
    """Model folder, NAME or NAME/VERSION, whose predictions are judged beside true ground."""
    opacity: Opacity = "estimated"
    """Opacity that the check goes by: its own estimate from the input; the same everywhere; the true one; or, which
    is not independent, regressed from input and judged ground in the wider surroundings of a pixel."""

    def run(self) -> None:
        """Prints the tables."""
        found = self.scores(self._model())
        print(table(found))
        for name, scores in found.items():
            print(f"\n{name}\n{cells(scores)}")

    def scores(self, model: Any = None) -> dict[str, Scores]:
        """Scores by kind of prediction: true ground, true ground with errors, and what `model` makes of the picture."""
        found: dict[str, Scores] = {}
        for number, scene in enumerate(self.simulated()):
            rng = _generator(self.seed + 1, number)
            thin = (scene.opacity > THIN[0]) & (scene.opacity < THIN[1])
            off = np.clip(rng.uniform(*GAIN) * (scene.ground - 0.4) + 0.4 + rng.uniform(*OFFSET), 0.0, 1.0)
            kinds = {"true ground": (scene.ground, thin), "true ground, brightness and contrast off": (off, thin)}
            if model is not None:
                kinds[model.card.title] = _predicted(model, scene.seen)
            for name, (prediction, where) in kinds.items():
                self._count(found.setdefault(name, Scores()), scene, prediction.astype(np.float32), where)
        return found

    def simulated(self) -> Iterator[Scene]:
        """The scenes; each depends on the seed and its number only."""
        source = open_ground(self.ground, split="training") if self.ground else None
        for number in range(self.scenes):
            rng = _generator(self.seed, number)
            if source is None:
                clear = terrain(rng, self.size)
            else:
                clear = source.crop(int(rng.integers(len(source))), rng, self.size).astype(np.float32) / np.float32(255)
            cloudy = simulate(clear, rng, CLOUDS)
            noise = rng.uniform(*NOISE) * rng.standard_normal(clear.shape)
            seen = np.rint(np.clip(cloudy.aerial + noise, 0.0, 1.0) * 255).astype(np.float32) / np.float32(255)
            sign = 1.0 if rng.random() < 0.5 else -1.0
            contrast = sign * CONTRASTS[number % len(CONTRASTS)]
            yield Scene(seen, clear, cloudy.opacity[..., 0], roads(rng, self.size), contrast)

    def _model(self) -> Any:
        if self.model is None:
            return None
        from cloud_removal.inference.model import Model
        from cloud_removal.model_folder import DEFAULT

        return Model.load(DEFAULT if self.model == Path("defog") else self.model)

    def _count(self, scores: Scores, scene: Scene, prediction: Picture, where: NDArray[np.bool_]) -> None:
        """Adds a scene with and without its roads."""
        scores.unplanted.append(self._score(scene, prediction, where)[where])
        painted = np.clip(prediction + np.float32(scene.contrast) * scene.roads[..., np.newaxis], 0.0, 1.0)
        score, part = self._score(scene, painted.astype(np.float32), where), np.digitize(scene.opacity, OPACITIES) - 1
        judged_here = where & (part >= 0) & (part < len(OPACITIES) - 1)
        scores.beside.append(score[judged_here & ~scene.roads])
        for place in range(len(OPACITIES) - 1):
            on_road = score[judged_here & scene.roads & (part == place)]
            scores.planted.setdefault((abs(scene.contrast), place), []).append(on_road)

    def _score(self, scene: Scene, prediction: Picture, where: NDArray[np.bool_]) -> Picture:
        through = None
        if self.opacity == "true":
            through = 1.0 - scene.opacity
        elif self.opacity == "constant":
            through = np.full_like(scene.opacity, 1.0 - float(np.mean(THIN)))
        elif self.opacity == "regressed":
            through = _regressed(scene.seen, prediction)
        return np.abs(judged(scene.seen, prediction, where, through).score)


def auroc(positive: NDArray, negative: NDArray) -> float:
    """Probability that one of `positive` is higher than one of `negative`, ties half. NaN where one is empty."""
    if not positive.size or not negative.size:
        return float("nan")
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(below.mean() / (2 * ordered.size))


def roads(rng: np.random.Generator, size: int) -> NDArray[np.bool_]:
    """Where (size, size) a few winding roads of 2 to 5 px lie."""
    drawn = np.zeros((size, size), np.uint8)
    for _ in range(ROADS):
        place, way, length = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi), rng.uniform(0.25, 0.8) * size
        corners = [place]
        for turn in way + np.cumsum(rng.normal(0, 0.15, 8)):
            corners.append(corners[-1] + length / 8 * np.array([np.cos(turn), np.sin(turn)]))
        points = np.rint(np.array(corners) * 16).astype(np.int32)
        cv2.polylines(drawn, [points], False, 1, int(rng.integers(2, 6)), shift=4)
    return drawn > 0


def table(found: dict[str, Scores]) -> str:
    """A row for each kind of prediction, as Markdown."""
    lines = [
        f"| prediction | AUROC | planted pixels found (beyond {THRESHOLD:g}) | false alarms, unplanted | worst scene | "
        f"scenes over {SUSPECT:.0%} |",
        "|---|---|---|---|---|---|",
    ]
    for name, scores in found.items():
        mean, worst, warned = scores.false_alarms()
        numbers = f"{scores.area():.3f} | {scores.found():.0%} | {mean:.2%} | {worst:.1%} | {warned:.0%}"
        lines.append(f"| {name} | {numbers} |")
    return "\n".join(lines)


def cells(scores: Scores) -> str:
    """AUROC by contrast and opacity, as Markdown."""
    ranges = list(itertools.pairwise(OPACITIES))
    lines = ["| contrast | " + " | ".join(f"opacity {low:g}–{high:g}" for low, high in ranges) + " |"]
    lines.append("|---|" + "---|" * len(ranges))
    for contrast in CONTRASTS:
        areas = [scores.area((contrast, place)) for place in range(len(ranges))]
        lines.append(f"| {contrast:.2f} | " + " | ".join(f"{area:.3f}" for area in areas) + " |")
    return "\n".join(lines)


def _predicted(model: Any, seen: Picture) -> tuple[Picture, NDArray[np.bool_]]:
    """What `remove` makes of a picture, and where that is thin cloud removed."""
    from cloud_removal.inference.picture import restore_picture

    result, opacity = restore_picture(model, np.rint(seen * 255).astype(np.uint8))
    thin = (opacity > model.card.keep_below) & (opacity < model.card.opaque_above)
    return result.astype(np.float32) / np.float32(255), thin


def _regressed(seen: Picture, prediction: Picture) -> Picture:
    """Slope (H, W) of the input's detail over the prediction's around each pixel, without its next 5 px."""
    means = (some.mean(axis=2) for some in (seen, prediction))
    light, ground = (mean - cv2.GaussianBlur(mean, (0, 0), 6.0) for mean in means)

    def around(plane: Picture) -> Picture:
        wide, near = (cv2.boxFilter(plane, -1, (side, side), normalize=False) for side in (49, 11))
        return wide - near

    few = np.float32(0.002)  # A slope of 0.55 counts like so much variance of the ground's own.
    slope = (around(light * ground) + 0.55 * few) / (around(ground * ground) + few)
    return np.clip(slope, 0.05, 1.3).astype(np.float32)


def _generator(seed: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array([seed, number], np.uint64)))


if __name__ == "__main__":
    tyro.cli(Detection, description=__doc__).run()
