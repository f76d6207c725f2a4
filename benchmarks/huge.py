"""Memory of `remove` on rasters up to 1,200 megapixels: it must not grow with them. Not among what runs unless named.

Of each size once with formulas in place of the networks (`benchmarks.formula`): windows, files and caches are those of
a run with the bundled models, only the networks' own memory is missing. The smallest and the largest also with the
bundled models. Everything that can be written is written. Needs 48 GB of disk for a while.

Each run is a process of its own: `python -m benchmarks.huge RASTER bundled|formula`.
"""

import json
import math
import multiprocessing
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.remove import in_own_process, peak_memory
from benchmarks.scenes import write_scene
from benchmarks.table import Row

SIZES = ((10980, 10980), (21960, 21960), (30000, 40000))
"""Rows and columns: a Sentinel-2 scene, four times its pixels, ten times."""
QUICK_SIZES = ((250, 250), (500, 500), (600, 800))
BUNDLED, FORMULA = "bundled", "formula"
ROOM = 40
"""Bytes of disk a pixel: the raster, finished windows, results, and twice those that are made into COGs."""


def measure(quick: bool) -> list[Row]:
    """Rows of peak memory and seconds by size, with formulas and with the bundled models."""
    sizes = QUICK_SIZES if quick else SIZES
    found: dict[tuple[str, tuple[int, int]], dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        _refuse_little_room(Path(folder), max(map(math.prod, sizes)))
        for size in sizes:
            source = Path(folder) / "scene.tif"
            _written(source, size)
            for models in (FORMULA,) if size == sizes[1] else (FORMULA, BUNDLED):
                found[models, size] = in_own_process("benchmarks.huge", source, models)
            source.unlink()
    return rows(found)


def rows(found: dict[tuple[str, tuple[int, int]], dict[str, float]]) -> list[Row]:
    """The table of what `run` found out, by models and size."""
    table = []
    for models in (FORMULA, BUNDLED):
        some = {size: numbers for (kind, size), numbers in found.items() if kind == models}
        first, *_ = some
        for (height, width), numbers in some.items():
            name = f"{width} x {height}, {models}"
            megapixels = height * width / 1e6
            peak = numbers["peak_bytes"] / 2**30
            table.append(Row(f"{name}: peak memory", peak, "GiB", 3.0, at_most=True))
            table.append(Row(f"{name}: time", numbers["seconds"] / megapixels, "s/MP"))
            if (height, width) != first:
                growth = 100.0 * (numbers["peak_bytes"] / some[first]["peak_bytes"] - 1.0)
                more = f"at {height * width / math.prod(first):.3g} times the pixels"
                table.append(Row(f"{name}: peak memory grows", growth, "%", 10.0, at_most=True, note=more))
    return table


def run(source: Path, models: str) -> dict[str, float]:
    """Removes the clouds of `source` and writes all that can be written beside. Returns seconds, and bytes at most."""
    from benchmarks import formula
    from cloud_removal.inference.holes.completer import CompleterModel
    from cloud_removal.inference.model import Model, read_card
    from cloud_removal.inference.pipeline import remove
    from cloud_removal.inference.settings import Settings
    from cloud_removal.model_folder import DEFAULT, INPAINT

    model: Model = Model.load(DEFAULT) if models == BUNDLED else formula.bright(read_card(DEFAULT))
    filling = CompleterModel.load(INPAINT) if models == BUNDLED else formula.grey(INPAINT)
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        place = Path(folder)
        summary = remove(
            source, place / "clear.tif", model, Settings(scale=10000.0), inpaint=filling, cloud=place / "cloud.tif",
            provenance=place / "codes.tif", report=place / "page.html", cog=True,
        )  # fmt: skip
    return {"seconds": summary.seconds, "peak_bytes": peak_memory()}


def _written(source: Path, size: tuple[int, int]) -> None:
    """Makes the scene in a process that ends: its memory is not that of the others."""
    process = multiprocessing.get_context("spawn").Process(target=write_scene, args=(source, *size))
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"The scene of {size[1]} x {size[0]} px could not be made.")


def _refuse_little_room(folder: Path, pixels: int) -> None:
    needed, free = ROOM * pixels, shutil.disk_usage(folder).free
    if free < needed:
        raise RuntimeError(f"{folder} has {free / 1e9:.0f} GB free; {needed / 1e9:.0f} are needed. Set TMPDIR.")


if __name__ == "__main__":
    print(json.dumps(run(Path(sys.argv[1]), sys.argv[2])))
