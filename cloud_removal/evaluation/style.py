"""Judges translations of one kind of picture into another: what stayed in its place, and how near the colours came.

Nothing is paired: what a place should look like is not known, only pictures of the wanted kind are (the reference).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloud_removal.data.decode import read_rgb
from cloud_removal.evaluation import metrics
from cloud_removal.evaluation.edges import edge_correlation
from cloud_removal.evaluation.metrics import Picture

BEFORE, LINES, AFTER = "as it was", "straight lines", "translated"
"""Methods: nothing, `straight_lines`, the model."""
COLUMNS = {
    "edges": ("edges", 8, ".3f"), "least_edges": ("least", 8, ".3f"), "change": ("change /255", 13, ".2f"),
    "colours": ("colours /255", 14, ".2f"),
}  # fmt: skip
"""Title, width and format of each measure."""
LEVELS = 256
Translator = Callable[[Picture], Picture]
Scores = dict[str, float]


@dataclass(frozen=True)
class Translated:
    """One picture uint8 (H, W, 3), what each method made of it, and the scores of each."""

    name: str
    results: dict[str, Picture]
    scores: dict[str, Scores]


class Colours:
    """How often each of 256 levels occurs in each channel of the pictures taken in so far."""

    def __init__(self) -> None:
        self.counts = np.zeros((3, LEVELS), np.int64)

    def add(self, picture: Picture) -> None:
        """Takes in all pixels of a picture (H, W, 3) of 8 bits."""
        self.counts += [np.bincount(picture[..., channel].ravel(), minlength=LEVELS) for channel in range(3)]

    def distance(self, other: "Colours") -> float:
        """How far these colours are from `other` in digital numbers: 0 where each channel has the same distribution.

        Earth mover's distance of the two distributions of a channel, mean over the channels: between numbers it is
        the area between the cumulative distributions. Source: Rubner et al. 2000; in one dimension Vallender 1974.
        """
        return float(np.abs(np.cumsum(self._shares() - other._shares(), axis=1)).sum(axis=1).mean())

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (3,) of each channel, in digital numbers."""
        levels, shares = np.arange(LEVELS), self._shares()
        mean = shares @ levels
        return mean, np.sqrt(np.maximum(shares @ levels**2 - mean**2, 0.0))

    def _shares(self) -> np.ndarray:
        return np.asarray(self.counts / self.counts.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Reference:
    """The colours of pictures of the wanted kind, and how far one half of them is from the other: what is near."""

    colours: Colours
    halves: float | None
    """None of fewer than two pictures."""


def reference_of(folder: Path, names: Iterable[str]) -> Reference:
    """The colours of the pictures `names` in `folder`; the halves are every second one, and the others."""
    whole, halves = Colours(), (Colours(), Colours())
    count = 0
    for count, name in enumerate(names, start=1):
        picture = read_rgb(folder / name)
        whole.add(picture)
        halves[count % 2].add(picture)
    return Reference(whole, halves[0].distance(halves[1]) if count > 1 else None)


def straight_lines(own: Colours, wanted: Colours) -> Translator:
    """What gives pictures whose colours are `own` the mean and deviation of `wanted`, channel by channel.

    What a translation has to beat: it moves no edge and knows nothing of the ground. Source: Reinhard et al. 2001, in
    RGB instead of their colour space.
    """
    (mean, deviation), (aim, spread) = own.moments(), wanted.moments()
    factor = spread / np.maximum(deviation, 1.0)

    def translate(picture: Picture) -> Picture:
        return metrics.to_8_bit(((picture - mean) * factor + aim) / 255.0)

    return translate


def judge(folder: Path, names: Iterable[str], methods: Mapping[str, Translator]) -> Iterator[Translated]:
    """Runs every method on each of the pictures `names` in `folder` and scores it: `edges` as `edge_correlation`, and
    the mean absolute `change` in digital numbers. InputError where a picture cannot be read."""
    for name in names:
        picture = read_rgb(folder / name)
        results = {method: translate(picture) for method, translate in methods.items()}
        scores = {
            method: {"edges": edge_correlation(picture, result), "change": metrics.mae(result, picture)}
            for method, result in results.items()
        }
        yield Translated(name, results, scores)


class Tally:
    """The scores of all pictures by method and name, and the colours of all that each of `methods` made."""

    def __init__(self, methods: Iterable[str]):
        self.colours = {method: Colours() for method in methods}
        self.scores: dict[str, dict[str, Scores]] = {method: {} for method in self.colours}

    def add(self, translated: Translated) -> None:
        """Takes in one picture."""
        for method, result in translated.results.items():
            self.colours[method].add(result)
            self.scores[method][translated.name] = translated.scores[method]

    def means(self, reference: Reference | None) -> dict[str, dict[str, Any]]:
        """Of each method the means over pictures, the least edge correlation, how many `pictures` have edges at all,
        and how far all its `colours` are from the reference, where there is one."""
        found = {method: means(list(scores.values())) for method, scores in self.scores.items()}
        if reference is not None:
            for method, values in found.items():
                values["colours"] = self.colours[method].distance(reference.colours)
        return found


def means(scores: Sequence[Scores]) -> dict[str, Any]:
    """Of one method, without the colours."""
    edges = [picture["edges"] for picture in scores if np.isfinite(picture["edges"])]
    return {
        "edges": float(np.mean(edges)) if edges else None,
        "least_edges": min(edges, default=None),
        "change": float(np.mean([picture["change"] for picture in scores])),
        "pictures": len(edges),
    }


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each method; a dash for what it has not."""
    width = max(map(len, [*found, "method"]))
    titles = "".join(f"{title:>{size}}" for title, size, _ in COLUMNS.values())
    lines = [f"{'method':<{width}}{titles}{'pictures':>10}"]
    for name, values in found.items():
        numbers = "".join(_cell(values.get(key), size, form) for key, (_, size, form) in COLUMNS.items())
        lines.append(f"{name:<{width}}{numbers}{values['pictures']:>10}")
    return "\n".join(lines)


def _cell(value: float | None, width: int, form: str) -> str:
    return f"{'-' if value is None else format(value, form):>{width}}"
