"""Judges methods on pairs of a cloudy and a clear picture, real or simulated: scores per picture, then their means.

A method is a function from a cloudy 8-bit RGB picture to a restored one; where it comes from is not this file's
affair. "Cloud" is where the pair differs (`metrics.cloud_mask`), the same for every method.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cloud_removal.config import Simulation
from cloud_removal.data.clouds import simulate
from cloud_removal.data.decode import is_picture, read_rgb
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError
from cloud_removal.evaluation import metrics
from cloud_removal.evaluation.metrics import Picture

CLOUD = (
    f"where cloudy and clear differ by more than {metrics.CLOUD_DIFFERENCE} of the range in a channel, "
    "averaged over 5x5 pixels"
)
HAZE_OPACITY = (0.3, 0.6)
HAZE = Simulation(
    kinds=(0.0, 0.0, 1.0, 0.0), veil_opacity=HAZE_OPACITY, veil_brightness=(0.4, 1.0), tint=(0.9, 1.1),
    haze_wavelength=(0.0, 0.3), haze_share=0.4, blur=2.0, blur_share=0.3,
)  # fmt: skip
"""The haze that every model is judged on alike; written out, so that other defaults of training do not change it."""
SMALLEST_SIDE = 11
"""Pixels: the window of SSIM."""
COLUMNS = {
    "psnr": ("PSNR dB", 8, ".2f"), "ssim": ("SSIM", 7, ".4f"), "mae": ("MAE /255", 9, ".2f"),
    "spectral_angle": ("angle °", 8, ".2f"), "gradient_energy_ratio": ("gradient", 9, ".3f"),
}  # fmt: skip
Scores = dict[str, dict[str, float]]
"""{place: {measure: value}} of one picture, or the means over pictures."""


@dataclass(frozen=True)
class Pair:
    """One place, cloudy and clear: uint8 (H, W, 3) of one size."""

    name: str
    cloudy: Picture
    clear: Picture


@dataclass(frozen=True)
class Restored:
    """What a method gives back: picture uint8 (H, W, 3) and, of those that know it, opacity (H, W) in [0, 1]."""

    picture: Picture
    opacity: np.ndarray | None = None


@dataclass(frozen=True)
class Judged:
    """One pair, and what each method made of it."""

    pair: Pair
    restored: dict[str, Restored]
    scores: dict[str, Scores]


Method = Callable[[Picture], Restored]


def judge(pairs: Iterable[Pair], methods: Mapping[str, Method]) -> Iterator[Judged]:
    """Runs every method on every pair and scores it."""
    for pair in pairs:
        cloud = metrics.cloud_mask(pair.cloudy, pair.clear)
        restored = {name: method(pair.cloudy) for name, method in methods.items()}
        scores = {name: metrics.scores(result.picture, pair.clear, cloud) for name, result in restored.items()}
        yield Judged(pair, restored, scores)


def means(scores: Sequence[Scores]) -> dict[str, dict[str, Any]]:
    """Per place, the mean of each measure over the pictures that have it, and how many `pictures` have that place.

    Of the gradient energy ratio it is the geometric mean: half and double make one.
    """
    result: dict[str, dict[str, Any]] = {}
    for place in metrics.PLACES:
        here = [picture[place] for picture in scores if picture[place]]
        values = {name: [p[name] for p in here if np.isfinite(p[name])] for name in metrics.MEASURES}
        result[place] = {name: _mean(name, v) for name, v in values.items()}
        result[place]["pictures"] = len(here)
    return result


def table(scores: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The means of each method, a row for each place."""
    width = max(len(name) for name in scores)
    title = "".join(f"{text:>{size}}" for text, size, _ in COLUMNS.values())
    lines = [f"{'method':<{width}}  {'place':<8}{title}{'pictures':>10}"]
    for name, places in scores.items():
        for place, values in places.items():
            numbers = "".join(_cell(values[measure], *COLUMNS[measure][1:]) for measure in metrics.MEASURES)
            lines.append(f"{name:<{width}}  {place:<8}{numbers}{values['pictures']:>10}")
    return "\n".join(lines)


def chosen(names: Sequence[str], only: Sequence[str]) -> list[str]:
    """Those of the sorted `names` that `only` lists: names (with or without ending), first:N, last:N; all if empty.

    OptionError for a name that is not there and for another word than first and last.
    """
    if not only:
        return list(names)
    found: set[str] = set()
    for word in only:
        found |= _chosen_by(word, names)
    return [name for name in names if name in found]


def read_pairs(folder: Path, names: Iterable[str]) -> Iterator[Pair]:
    """The pairs of these names, one at a time. InputError where one cannot be read or its sizes differ."""
    for name in names:
        cloudy, clear = read_rgb(folder / "cloud" / name), read_rgb(folder / "clear" / name)
        if cloudy.shape != clear.shape:
            raise InputError(f"{folder}: cloud/{name} is {cloudy.shape[:2]} pixels and clear/{name} {clear.shape[:2]}.")
        yield Pair(name, cloudy, _large_enough(clear, folder / "clear" / name))


def names_of_ground(folder: Path, option: str = "--simulated") -> list[str]:
    """Names of the pictures in `folder`, given by `option`, sorted; EmptyDatasetError where there is none."""
    names = sorted(path.name for path in folder.iterdir() if is_picture(path)) if folder.is_dir() else []
    if not names:
        raise EmptyDatasetError(f"No pictures in {folder}. {option} expects a folder of clear .jpg, .png or .tif.")
    return names


def hazy_pairs(folder: Path, names: Iterable[str], seed: int = 0) -> Iterator[Pair]:
    """Clear pictures of `folder` and the same under simulated `HAZE` of mean opacity 0.3 to 0.6.

    The haze of a picture is a function of `seed`, its name and its size alone, whichever others are judged.
    """
    for name in names:
        clear = _large_enough(read_rgb(folder / name), folder / name)
        generator = np.random.default_rng([seed, *name.encode()])
        while True:
            hazy = simulate(clear.astype(np.float32) / np.float32(255.0), generator, HAZE)
            if HAZE_OPACITY[0] <= float(hazy.opacity.mean()) <= HAZE_OPACITY[1]:
                break
        yield Pair(name, metrics.to_8_bit(hazy.aerial), clear)


def _mean(measure: str, values: Sequence[float]) -> float | None:
    if not values:
        return None
    if measure == "gradient_energy_ratio":
        return float(np.exp(np.mean(np.log(np.maximum(values, 1e-6)))))
    return float(np.mean(values))


def _chosen_by(word: str, names: Sequence[str]) -> set[str]:
    kind, _, count = word.partition(":")
    if kind in ("first", "last") and count.isdecimal() and int(count) > 0:
        return set(names[: int(count)] if kind == "first" else names[-int(count) :])
    found = {name for name in names if word in (name, Path(name).stem)}
    if not found:
        raise OptionError(f"--only {word}: there is no such name. Give names, first:N or last:N; e.g. {names[0]}.")
    return found


def _large_enough(picture: Picture, path: Path) -> Picture:
    if min(picture.shape[:2]) < SMALLEST_SIDE:
        raise InputError(f"{path} is {picture.shape[:2]} pixels; SSIM needs sides of {SMALLEST_SIDE} or more.")
    return picture


def _cell(value: float | None, width: int, form: str) -> str:
    return f"{'-' if value is None else format(value, form):>{width}}"
