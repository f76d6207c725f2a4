"""Whether made pictures are copies of training pictures: how near the nearest of these is, beside real pictures.

A picture is compared as what it shows coarsely, 16×16 mean colours, with every training picture in its eight turns and
flips. How near is near cannot be told from a distance alone: a smooth picture is near to all. So the nearest distance
is taken over the mean distance to all training pictures, and two kinds of real pictures are the measure: held-out ones,
which nobody can have learned by heart, and further views of the very training pictures, which are what copies would be.
Source of the comparison with held-out ones: Meehan et al. 2020, arXiv:2004.05675.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.float32]
"""(N, S, S, 3), in [0, 1]."""

COARSE = 16
"""Mean colours a side that pictures are compared by."""
TURNS = 8
"""Quarter turns, and the same of the flipped picture."""
NEAR = 0.05
"""Share of the held-out pictures that counts as near: those whose relative distance is least."""
CHANCE = 0.1
"""Share of pictures up to which being near may be chance, of some hundred that are no nearer than held-out ones."""
MANY = 0.2
"""Share of copies that may not escape notice."""
LEAST_PLACES = 20
"""Held-out places from which on the nearest 5 % of their pictures are not one place, which may be near by chance."""
GENERATED, HELD_OUT, SEEN = "generated", "held out", "of training"


@dataclass(frozen=True)
class Neighbours:
    """Of N pictures: the nearest training picture of each, turned as it fits, and how near it is."""

    pictures: Pictures
    nearest: Pictures
    distance: NDArray[np.float64]
    """(N,) root of the mean squared difference of coarse colours, in digital numbers of 8 bits."""
    relative: NDArray[np.float64]
    """(N,) that over the mean distance to all training pictures: 0 is a copy."""


class Search:
    """Looks for the nearest of training pictures, which are shown batch after batch and not kept."""

    def __init__(self, pictures: Pictures):
        self.pictures, self.nearest = pictures, np.zeros_like(pictures)
        self.coarse = coarse(pictures).reshape(len(pictures), -1)
        self.distance = np.full(len(pictures), np.inf)
        self.total, self.shown = np.zeros(len(pictures)), 0

    def show(self, training: Pictures, turned_coarse: NDArray[np.float32]) -> None:
        """Takes in further training pictures (B, S, S, 3), and what they show in each turn, (8, B, F)."""
        distances = np.stack([_distances(self.coarse, rows) for rows in turned_coarse])
        self.total += distances.mean(axis=0).sum(axis=1)
        self.shown += len(training)
        best = distances.min(axis=0).argmin(axis=1)
        for number, place in enumerate(best):
            turn = int(distances[:, number, place].argmin())
            if distances[turn, number, place] < self.distance[number]:
                self.distance[number] = distances[turn, number, place]
                self.nearest[number] = turned(training[place], turn)

    def result(self) -> Neighbours:
        """What has been found so far; at least one training picture must have been shown."""
        mean = np.maximum(self.total / self.shown, 1e-9)
        return Neighbours(self.pictures, self.nearest, self.distance, self.distance / mean)


def neighbours(groups: Mapping[str, Pictures], training: Iterable[Pictures]) -> dict[str, Neighbours]:
    """The nearest of the training pictures, which come in batches, for each picture of each group."""
    searches = {name: Search(pictures) for name, pictures in groups.items()}
    for batch in training:
        parts = coarse(batch)
        turns = np.stack([turned(parts, turn).reshape(len(batch), -1) for turn in range(TURNS)])
        for search in searches.values():
            search.show(batch, turns)
    return {name: search.result() for name, search in searches.items()}


def near_shares(found: Mapping[str, Neighbours]) -> dict[str, float]:
    """Of each group, the share of pictures that are nearer to training than 95 % of the held-out ones are.

    0.05 where a group is no nearer than those; `SEEN` says how much of it copies would make.
    """
    bound = np.quantile(found[HELD_OUT].relative, NEAR)
    return {name: float(np.mean(group.relative < bound)) for name, group in found.items()}


def verdict(shares: Mapping[str, float], places: int, pictures: int) -> str:
    """What follows from `near_shares`, in a sentence, where the held-out pictures show so many `places`.

    `pictures`: how many there are of each group.
    """
    if places < LEAST_PLACES:
        return (
            f"Cannot tell copies: the held-out pictures show too few places ({places}) to say how near is near. Train "
            f"with {LEAST_PLACES} or more held out: raise --data.validation-share, or give more --data.ground."
        )
    if shares[GENERATED] > CHANCE:
        return (
            f"Generated pictures are suspiciously near to training pictures: {shares[GENERATED]:.0%} are nearer than "
            f"95 % of the held-out pictures. Look at the nearest ones (--neighbours)."
        )
    most = copies_at_most(shares, pictures)
    if most > MANY:
        return (
            "Cannot tell copies: further views of the training pictures are hardly nearer to training than held-out "
            f"pictures are, and {most:.0%} of the generated ones could be such views. Judge more pictures (--judged), "
            "or show more training pictures (--bank)."
        )
    return (
        "No sign of copies: generated pictures are no nearer to training pictures than held-out ones are. At most "
        f"{most:.0%} of them can be views of training pictures, of which {shares[SEEN]:.0%} are that near."
    )


def copies_at_most(shares: Mapping[str, float], pictures: int) -> float:
    """The largest share of copies among the generated that agrees with `near_shares` of groups of so many `pictures`.

    Copies are as often near as further views of training pictures are. Both shares are taken at the unfavourable end
    of their exact one-sided 95 % confidence interval. Source: Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404.
    """
    from scipy.stats import beta  # As slow to import as all of the rest here.

    near, seen = (round(shares[name] * pictures) for name in (GENERATED, SEEN))
    upper = beta.ppf(0.95, near + 1, pictures - near) if near < pictures else 1.0
    lower = beta.ppf(0.05, seen, pictures - seen + 1) if seen else 0.0
    return float(min(1.0, upper / lower)) if lower else 1.0


def coarse(pictures: Pictures) -> NDArray[np.float32]:
    """(N, S, S, 3), S at least 16 -> (N, 16, 16, 3): mean colours of the parts, less the middle grey."""
    edges = np.linspace(0, pictures.shape[1], COARSE + 1).astype(int)
    sizes = np.diff(edges).astype(np.float32)
    sums = np.add.reduceat(np.add.reduceat(pictures, edges[:-1], axis=1), edges[:-1], axis=2)
    return sums / (sizes[:, np.newaxis, np.newaxis] * sizes[:, np.newaxis]) - np.float32(0.5)


def turned(pictures: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Pictures (..., S, S, 3) in turn or flip number `turn` of `TURNS`; 0 is as they are."""
    flipped = pictures[..., ::-1, :] if turn >= 4 else pictures
    return np.rot90(flipped, turn % 4, axes=(-3, -2))


def spread(pictures: Pictures) -> float:
    """How far two of the pictures are from each other, as `Neighbours.distance`: 0 where all are alike (collapse)."""
    return float(255.0 * np.sqrt(2.0 * coarse(pictures).astype(np.float64).var(axis=0).mean()))


def _distances(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N, B) in digital numbers between rows of `one` (N, F) and of `other` (B, F)."""
    products = (one @ other.T).astype(np.float64)
    squares = [np.square(rows, dtype=np.float64).sum(axis=1) for rows in (one, other)]
    squared = squares[0][:, np.newaxis] + squares[1] - 2.0 * products
    return 255.0 * np.sqrt(np.maximum(squared, 0.0) / one.shape[1])
