"""Judges pictures made out of noise beside real ones: copies, collapse, and how their power falls with detail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cloud_removal.evaluation.copies import Neighbours, Pictures, near_shares, neighbours, spread, verdict
from cloud_removal.evaluation.spectrum import fine_share, spectrum_slope

COLUMNS = {
    "slope": ("spectrum slope", 16, ".2f"), "slope_deviation": ("±", 6, ".2f"), "fine": ("fine detail", 13, ".2%"),
    "spread": ("spread /255", 13, ".1f"), "distance": ("nearest /255", 14, ".1f"),
    "relative": ("relative", 10, ".3f"), "near": ("near", 7, ".0%"),
}  # fmt: skip
"""Title, width and format of each measure."""


@dataclass(frozen=True)
class Judged:
    """The measures of each group of pictures by name, what follows, and the nearest training pictures."""

    scores: dict[str, dict[str, float]]
    places: int
    """Places that the held-out pictures show."""
    verdict: str
    neighbours: dict[str, Neighbours]


def judge(groups: Mapping[str, Pictures], training: Iterable[Pictures], places: int) -> Judged:
    """Judges groups of pictures (N, S, S, 3) in [0, 1]: `copies.GENERATED`, `HELD_OUT` and `SEEN`, S at least 16.

    `training` are the training pictures, in batches; the held-out ones show `places` different places. Measures:
    exponent of the spectrum and its standard deviation from picture to picture; share of the power in fine detail
    (median); spread of the pictures; distance to the nearest training picture, in digital numbers and over the mean
    distance to all (medians); share that is near.
    """
    found = neighbours(groups, training)
    shares = near_shares(found)
    scores = {name: _scores(pictures, found[name], shares[name]) for name, pictures in groups.items()}
    return Judged(scores, places, verdict(shares, places, min(map(len, groups.values()))), found)


def table(scores: Mapping[str, Mapping[str, float]]) -> str:
    """A row for each group."""
    width = max(map(len, ("pictures", *scores)))
    lines = [f"{'pictures':<{width}}{''.join(f'{title:>{size}}' for title, size, _ in COLUMNS.values())}"]
    for name, values in scores.items():
        cells = (f"{format(values[measure], form):>{size}}" for measure, (_, size, form) in COLUMNS.items())
        lines.append(f"{name:<{width}}{''.join(cells)}")
    return "\n".join(lines)


def report(judged: Judged) -> dict[str, Any]:
    """All of it as plain JSON values, the distances of single pictures too; what is no number as None."""
    single = {
        name: {"distance": group.distance.tolist(), "relative": group.relative.tolist()}
        for name, group in judged.neighbours.items()
    }
    means = {
        name: {measure: value if np.isfinite(value) else None for measure, value in values.items()}
        for name, values in judged.scores.items()
    }
    return {"means": means, "held_out_places": judged.places, "verdict": judged.verdict, "pictures": single}


def _scores(pictures: Pictures, found: Neighbours, near: float) -> dict[str, float]:
    slopes = [spectrum_slope(picture) for picture in pictures]
    slopes = [slope for slope in slopes if np.isfinite(slope)]
    fine = [share for share in map(fine_share, pictures) if np.isfinite(share)]
    return {
        "slope": float(np.mean(slopes)) if slopes else float("nan"),
        "slope_deviation": float(np.std(slopes)) if slopes else float("nan"),
        "fine": float(np.median(fine)) if fine else float("nan"),
        "spread": spread(pictures),
        "distance": float(np.median(found.distance)),
        "relative": float(np.median(found.relative)),
        "near": near,
    }
