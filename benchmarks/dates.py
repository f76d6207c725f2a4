"""Decibels of other dates alone, of thin cloud removal alone, and of both together, on real ground seen several times.

`python -m benchmarks.dates DIR`: DIR holds clear rasters of one place on one grid, a year each (as NAIP has them).
Clouds are simulated over each, everywhere others; the year that is the input is the truth, so that errors count that
are due to another light and another season, too. Prints a table for docs/dates.md.
"""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import rasterio
import tyro
from numpy.typing import NDArray
from rasterio.windows import Window

LIGHT = ((0.8, 12.0), (1.15, -8.0))
"""Gains and offsets, in digital numbers of 8 bits, at which the same year is seen again."""
THIN, THICK = 0.5, 0.25
"""Shares of the ground under thin and under thick cloud, drawn independently of one another."""


@dataclass(frozen=True)
class Comparison:
    """Compares what other dates, thin cloud removal and both make of clouds over real ground."""

    folder: tyro.conf.Positional[Path]
    """Folder of clear 8-bit GeoTIFFs on one grid: red, green and blue are bands 1, 2, 3."""
    model: Path = Path("defog")
    """Model folder, NAME or NAME/VERSION."""
    size: int = 512
    """Side in pixels of the square in the middle that is used."""
    seeds: int = 3
    """How often clouds are drawn for each input."""
    years: int = 2
    """How many of the years are inputs, from the last backwards."""
    above: tuple[float, ...] = ()
    """Further values of --date-above to compare."""

    def run(self) -> None:
        """Prints the table."""
        from cloud_removal.inference.model import Model
        from cloud_removal.model_folder import DEFAULT

        model = Model.load(DEFAULT if self.model == Path("defog") else self.model)
        years = sorted(self.folder.glob("*.tif"))
        scores: dict[str, dict[str, list[tuple[float, float]]]] = {}
        with tempfile.TemporaryDirectory() as name:
            for truth, kind, cloudy in self.scenes(years, Path(name)):
                for method, result in self.methods(model, cloudy, Path(name)):
                    scores.setdefault(kind, {}).setdefault(method, []).append(scored(result, truth, cloudy[0]))
                print(*(f"{kind}: {m} {s[-1][1]:.2f}" for m, s in scores[kind].items()), sep="; ", flush=True)
        print(table(scores))

    def scenes(self, years: Sequence[Path], work: Path) -> Iterator[tuple[NDArray, str, list[Path]]]:
        """The truth (3, H, W), what other dates are, and the cloudy pictures, the input first."""
        grounds = [self._square(year) for year in years]
        for turn in range(self.seeds):
            for index in range(len(years) - 1, len(years) - 1 - self.years, -1):
                truth, seed = grounds[index], 100 * turn + 10 * index
                source = _clouded(truth, work / "input.tif", seed)
                relit = [np.clip(np.rint(truth * gain + offset), 1, 255).astype(np.uint8) for gain, offset in LIGHT]
                same = [_clouded(some, work / f"light{i}.tif", seed + 1 + i) for i, some in enumerate(relit)]
                yield truth, "same year, other light", [source, *same]
                others = [some for place, some in enumerate(grounds) if place != index]
                dates = [_clouded(some, work / f"year{i}.tif", seed + 4 + i) for i, some in enumerate(others)]
                yield truth, "other years", [source, *dates]

    def methods(self, model: Any, dates: Sequence[Path], work: Path) -> Iterator[tuple[str, NDArray]]:
        """What is compared, and its picture (3, H, W)."""
        from cloud_removal.inference.dates.composite import composite
        from cloud_removal.inference.pipeline import remove
        from cloud_removal.inference.settings import DEFAULTS

        source, *others = dates
        output = work / "output.tif"
        yield "nothing", _read(source)
        composite(dates, output, model, overwrite=True)
        yield "dates only", _read(output)
        remove(source, output, model, overwrite=True)
        yield "thin removal only", _read(output)
        remove(source, output, model, other_dates=others, overwrite=True)
        yield "hybrid", _read(output)
        for above in self.above:
            settings = dataclasses.replace(DEFAULTS, date_above=above)
            remove(source, output, model, settings, other_dates=others, overwrite=True)
            yield f"hybrid, --date-above {above:g}", _read(output)

    def _square(self, year: Path) -> NDArray[np.uint8]:
        with rasterio.open(year) as source:
            top, left = (source.height - self.size) // 2, (source.width - self.size) // 2
            return np.maximum(source.read([1, 2, 3], window=Window(left, top, self.size, self.size)), 1)


def scored(result: NDArray[np.uint8], truth: NDArray[np.uint8], source: Path) -> tuple[float, float]:
    """PSNR in decibels over all pixels, and over those that are cloudy in truth."""
    error = np.square(result.astype(np.float64) - truth)
    cloudy = _read(source.with_suffix(".opacity.tif"))[0] > 0.05
    return tuple(float(10 * np.log10(255.0**2 / some.mean())) for some in (error, error[:, cloudy]))  # type: ignore[return-value]


def table(scores: dict[str, dict[str, list[tuple[float, float]]]]) -> str:
    """Means over all scenes, as Markdown."""
    kinds = list(scores)
    lines = ["| | " + " | ".join(f"{kind}: all, cloudy" for kind in kinds) + " |", "|---|" + "---|" * len(kinds)]
    for method in scores[kinds[0]]:
        means = [np.mean(scores[kind][method], axis=0) for kind in kinds]
        lines.append(f"| {method} | " + " | ".join(f"{a:.2f}, {c:.2f} dB" for a, c in means) + " |")
    return "\n".join(lines)


def _clouded(ground: NDArray[np.uint8], file: Path, seed: int) -> Path:
    """A GeoTIFF of `ground` (3, H, W) under thin and thick cloud; the true opacity lies beside it."""
    from cloud_removal.cli.simulate import Command

    clear, thin = file.with_suffix(".clear.tif"), file.with_suffix(".thin.tif")
    grid = rasterio.Affine(5, 0, 500000, 0, -5, 5200000)
    with rasterio.open(
        clear, "w", driver="GTiff", dtype="uint8", count=3, height=ground.shape[1], width=ground.shape[2],
        crs="EPSG:32614", transform=grid,
    ) as target:  # fmt: skip
        target.write(ground)
    opacities = []
    steps: tuple[tuple[Literal["thin", "thick"], Path, Path, float], ...]
    steps = (("thin", clear, thin, THIN), ("thick", thin, file, THICK))
    for kind, source, output, share in steps:
        opacity = file.with_suffix(f".{kind}.opacity.tif")
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            Command(source, output, kind, share, cloud_height=0, seed=seed, cloud=opacity, overwrite=True).run()
        opacities.append(_read(opacity))
    with rasterio.open(opacity) as source:
        profile = source.profile
    with rasterio.open(file.with_suffix(".opacity.tif"), "w", **profile) as target:
        target.write(1 - (1 - opacities[0]) * (1 - opacities[1]))
    return file


def _read(file: Path) -> NDArray:
    with rasterio.open(file) as source:
        return source.read()


if __name__ == "__main__":
    tyro.cli(Comparison).run()
