"""How well cloud shadow is found and brightened, on real ground under simulated clouds.

`python -m benchmarks.shadows DIR`: DIR holds clear 8-bit GeoTIFFs. Thick and thin clouds are simulated over each, so
high that their shadows lie beside them, once with shadow and once without. Prints a table for docs/shadows.md.
"""

import contextlib
import math
import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import rasterio
import tyro
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.shadows.sun import Sun

ELEVATION, COVERAGE, HEIGHT = 45.0, 0.2, 100.0
LEAST, NONE = 0.1, 0.02
"""Shares of the light taken away: from which a pixel counts as in shadow, up to which as lit; between, as neither."""
WAYS = ("nothing known", "azimuth", "azimuth, elevation, height")

Bands = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Finds and brightens the shadows of simulated clouds."""

    folder: tyro.conf.Positional[Path]
    """Folder of clear 8-bit GeoTIFFs: red, green and blue are bands 1, 2, 3."""

    def run(self) -> None:
        """Prints the table."""
        from cloud_removal.inference.model import Model
        from cloud_removal.model_folder import DEFAULT

        model, rows = Model.load(DEFAULT), dict[tuple[str, str], list[list[float]]]()
        with tempfile.TemporaryDirectory() as name:
            for seed, ground in enumerate(sorted(self.folder.glob("*.tif"))):
                for kind in ("thick", "thin"):
                    for height in (HEIGHT, 0.0):
                        scored = every_way(model, ground, kind, height, seed, Path(name))
                        for way, scores in scored.items():
                            rows.setdefault((f"{kind}, {'shadow' if height else 'none'}", way), []).append(scores)
                            print(ground.name, kind, height, way, np.round(scores, 3), flush=True)
        print(table(rows))


def every_way(
    model: "Model", ground: Path, kind: Literal["thick", "thin"], height: float, seed: int, folder: Path
) -> dict[str, list[float]]:
    """Scores of a scene by what is known of the sun."""
    from cloud_removal.cli.simulate import Command
    from cloud_removal.inference.shadows.sun import Sun

    azimuth = 40.0 + 90.0 * seed
    cloudy, cloud = folder / "cloudy.tif", folder / "cloud.tif"
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        Command(
            ground, cloudy, kind, COVERAGE, sun_azimuth=azimuth % 360, sun_elevation=ELEVATION, cloud_height=height,
            seed=seed, cloud=cloud, overwrite=True,
        ).run()  # fmt: skip
    suns = (Sun(), Sun(azimuth % 360), Sun(azimuth % 360, ELEVATION, f"{HEIGHT:g}"))
    clear, seen = bands(ground), bands(cloudy)
    free = bands(cloud, [1])[0] * 255 < 0.01
    with np.errstate(divide="ignore", invalid="ignore"):
        taken = np.median(np.where(clear > 0.05, 1 - seen / clear, 0.0), axis=0)
    shadow, lit = free & (taken > LEAST), free & (taken < NONE)
    before, _ = removed(model, cloudy, None, folder)
    scores = {}
    for way, sun in zip(WAYS, suns, strict=True):
        result, codes = removed(model, cloudy, sun, folder)
        found = codes == 5
        either = shadow | (found & lit)
        scores[way] = [
            share(shadow & found, either), share(shadow & found, shadow), share(found & lit, lit),
            error(before, clear, shadow), error(result, clear, shadow),
            error(before, clear, lit), error(result, clear, lit), float(found.any()),
        ]  # fmt: skip
    return scores


def removed(model: "Model", cloudy: Path, sun: "Sun | None", folder: Path) -> tuple[Bands, NDArray[np.uint8]]:
    """The ground (3, H, W) in [0, 1] and its provenance (H, W)."""
    from cloud_removal.inference.pipeline import remove
    from cloud_removal.inference.settings import Settings

    files = folder / "result.tif", folder / "codes.tif"
    remove(cloudy, files[0], model, Settings(shadows=sun), provenance=files[1], overwrite=True)
    with rasterio.open(files[1]) as source:
        return bands(files[0]), source.read(1)


def bands(file: Path, which: list[int] | None = None) -> Bands:
    """Bands (C, H, W) of 8 bits in [0, 1]."""
    with rasterio.open(file) as source:
        return np.asarray(source.read(which or [1, 2, 3]), np.float64) / 255.0


def share(some: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    """How many of the pixels; no number where there are none."""
    return float(some.sum() / of.sum()) if of.any() else float("nan")


def error(result: Bands, clear: Bands, where: NDArray[np.bool_]) -> float:
    """Root of the mean square error in digital numbers of 8 bits."""
    return float(255 * np.sqrt(np.mean((result - clear)[:, where] ** 2))) if where.any() else float("nan")


def table(rows: dict[tuple[str, str], list[list[float]]]) -> str:
    """Means over scenes, as Markdown."""
    lines = [
        "| clouds | known | scenes in which shadow was found | IoU | recall | lit called shadow | error in shadow |"
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for (kind, way), scores in rows.items():
        with warnings.catch_warnings(action="ignore"):  # Of what no scene has.
            iou, recall, wrong, before, after, *_, found = np.nanmean(scores, axis=0)
        cells = [kind, way, f"{found * len(scores):.0f} of {len(scores)}", f"{iou:.2f}", f"{recall:.2f}"]
        if math.isnan(recall):  # There is no shadow to be found.
            cells[3:] = "", ""
        errors = "" if math.isnan(before) else f"{before:.1f} → {after:.1f}"
        lines.append("| " + " | ".join([*cells, f"{100 * wrong:.2f} %", errors]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(Comparison, description=__doc__).run()
