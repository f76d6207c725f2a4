"""Error bars measured: how wide they must be over one part of the ground, and whether they hold over another.

Pixels of a picture are wrong together, mostly by one brightness: few are drawn of each, and many pictures.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud_removal.config import Augmentation, Simulation
from cloud_removal.data.augment import draw, noisy
from cloud_removal.data.clouds import simulate
from cloud_removal.data.ground import GroundSource
from cloud_removal.evaluation import conformal
from cloud_removal.evaluation.metrics import Picture, to_8_bit

Truth = NDArray[np.float32]
"""What stands under the cloud, (H, W, 3) in [0, 1]."""
AT_ONCE = 4
"""Pictures worked on at a time: some are drawn while the network looks at others."""
EACH = 64
"""Pixels drawn of each picture, among those that were changed."""
FEWEST = 20
"""Pictures in which a class must have been seen: fewer say nothing of others."""
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0)
"""Half-widths, of pictures in [0, 1], for which is told what is left and how wrong it is."""


@dataclass(frozen=True)
class Recipe:
    """How pictures are drawn: as a model's own training did."""

    simulation: Simulation
    augmentation: Augmentation
    size: int
    """Side in pixels."""


class Seen(NamedTuple):
    """A picture without its cloud, as error bars see it."""

    result: Picture
    """uint8 (H, W, 3)."""
    within: NDArray[np.integer]
    """(H, W) number of the class of each pixel; negative where it has none."""
    expected: NDArray[np.float32]
    """(H, W): what its error is a multiple of."""


Treat = Callable[[Picture], Iterable[Seen]]
"""What becomes of a cloudy picture; classes may be told apart in several results of it."""


class Pixels(NamedTuple):
    """Pixels drawn from many pictures, all (N,)."""

    within: NDArray[np.integer]
    expected: NDArray[np.float32]
    error: NDArray[np.float32]
    """The largest absolute error of the three channels, in [0, 1]."""
    picture: NDArray[np.integer]


def simulated(source: GroundSource, recipe: Recipe, seed: int, number: int) -> tuple[Picture, Truth]:
    """Picture `number` of `source` under simulated clouds, 8 bits, and what stands under them, cloud shadow included.

    A function of `seed` and `number`.
    """
    rng = np.random.default_rng([seed, number])
    ground, gamma = draw(source, rng, recipe.augmentation, recipe.size)
    cloudy = simulate(ground, rng, recipe.simulation, gamma=gamma)
    aerial = noisy(cloudy.aerial, rng, recipe.augmentation)
    return to_8_bit(aerial), cloudy.ground * (np.float32(1.0) - cloudy.shadow)


def drawn(
    picture: Callable[[int], tuple[Picture, Truth]], count: int, treat: Treat, each: int = EACH, seed: int = 0
) -> Iterator[Pixels]:
    """Of each of `count` pictures `each` of the pixels that have a class, and how wrong `treat` is there.

    Several pictures are worked on at a time, in threads; they come in order.
    """

    def one(number: int) -> Pixels:
        return _of_picture(number, *picture(number), treat, each, seed)

    with ThreadPoolExecutor(AT_ONCE, "calibrate") as pool:
        yield from pool.map(one, range(count))


def _of_picture(number: int, cloudy: Picture, truth: Truth, treat: Treat, each: int, seed: int) -> Pixels:
    every = list(treat(cloudy))
    places = np.flatnonzero(np.any([seen.within >= 0 for seen in every], axis=0))
    some = np.random.default_rng([seed, number]).choice(places, min(each, places.size), replace=False)
    parts = []
    for seen in every:
        mine = some[seen.within.flat[some] >= 0]
        off = seen.result.reshape(-1, 3)[mine] / np.float32(255.0) - truth.reshape(-1, 3)[mine]
        error = np.abs(off).max(axis=1, initial=0.0)
        parts.append(Pixels(seen.within.flat[mine], seen.expected.flat[mine], error, np.full(mine.size, number)))
    return joined(parts)


def joined(parts: Iterable[Pixels]) -> Pixels:
    """The pixels of several pictures."""
    return Pixels(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def factors(pixels: Pixels, classes: int, coverage: float) -> list[float | None]:
    """What `expected` of each class is to be multiplied by; None where too few pictures show any of it."""
    found: list[float | None] = []
    for kind in range(classes):
        here = pixels.within == kind
        factor = conformal.quantile(pixels.error[here] / pixels.expected[here], coverage)
        enough = np.unique(pixels.picture[here]).size >= FEWEST and np.isfinite(factor)
        found.append(max(factor, 1e-6) if enough else None)
    return found


def widths(pixels: Pixels, by_class: Sequence[float | None]) -> NDArray[np.float64]:
    """Half-widths of pixels, NaN where none is known."""
    known = np.array([np.nan if factor is None else factor for factor in by_class])
    return known[pixels.within] * pixels.expected


def judged(
    pixels: Pixels, by_class: Sequence[float | None], names: Sequence[str], beside: Sequence[int] = ()
) -> dict[str, Any]:
    """Whether intervals hold the truth: of each class and of all pixels, and what is left below some thresholds.

    Classes `beside` are told of on their own, not among all: those are pixels of another result of the same pictures.
    """
    half = widths(pixels, by_class)
    classes = []
    for kind, (name, factor) in enumerate(zip(names, by_class, strict=True)):
        here = pixels.within == kind
        seen = {"pixels": int(np.count_nonzero(here)), "pictures": int(np.unique(pixels.picture[here]).size)}
        classes.append({"name": name, "factor": factor} | _figures(pixels, half, here) | seen)
    every = np.isfinite(half) & ~np.isin(pixels.within, beside)
    accepted = conformal.accepted(pixels.error[every], half[every], np.array(THRESHOLDS))
    enough = 1 + sum(one.share < 1.0 for one in accepted)  # All are below the first that leaves nothing out.
    left = [
        {"threshold": one.threshold, "share": rounded(one.share), "error": rounded(one.error)}
        for one in accepted[:enough]
        if one.share
    ]
    return {"classes": classes} | _figures(pixels, half, every) | {"accepted": left}


def _figures(pixels: Pixels, half: NDArray[np.float64], here: NDArray[np.bool_]) -> dict[str, float | None]:
    known = here & np.isfinite(half)
    width = rounded(float(half[known].mean())) if known.any() else None
    error = rounded(float(pixels.error[here].mean())) if here.any() else None
    held = rounded(conformal.covered(pixels.error[known], half[known])) if known.any() else None
    return {"covered": held, "half_width": width, "error": error}


def rounded(value: float) -> float:
    """To what such figures are exact to, and more."""
    return round(value, 4)
