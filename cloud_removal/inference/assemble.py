"""From raw blocks to files: the result with all that came with the input, the opacity and the provenance.

Every file is written in a hidden folder beside its place, opened again and compared with the blocks, and renamed.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags

from cloud_removal.errors import OutputError
from cloud_removal.inference import cog, strips
from cloud_removal.inference.blocks import Partial
from cloud_removal.inference.colour_profile import profile_for
from cloud_removal.inference.compose import Piece
from cloud_removal.inference.raster import GDAL_ERRORS, Scene
from cloud_removal.inference.strips import Checksums, Fill
from cloud_removal.inference.windows import Area, Window

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


class Blocks:
    """All windows of a finished scene, read by area."""

    def __init__(self, partial: Partial, windows: Sequence[Window]):
        self.partial, self.windows = partial, windows

    def pieces(self, area: Area) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice], Piece]]:
        """Where in `area`, where in the piece, the piece: for all that meet it."""
        for window in self.windows:
            common = window.core.common(area)
            if common is not None:
                yield common.inside(area), common.inside(window.core), self.partial.load(window)

    def values(self, area: Area, out: NDArray | None = None) -> NDArray:
        """The three bands (3, H, W), written to `out` where it is given."""
        result = np.empty((3, area.height, area.width), self.partial.dtype) if out is None else out
        for there, here, piece in self.pieces(area):
            result[:, *there] = piece.values[:, *here]
        return result

    def provenance(self, area: Area) -> NDArray[np.uint8]:
        """(1, H, W)."""
        result = np.empty((1, area.height, area.width), np.uint8)
        for there, here, piece in self.pieces(area):
            result[0][there] = piece.provenance[here]
        return result

    def opacity(self, area: Area) -> NDArray[np.float32]:
        """(1, H, W), NaN where there is no data."""
        result = np.empty((1, area.height, area.width), np.float32)
        for there, here, piece in self.pieces(area):
            result[0][there] = piece.opacity[here]
        return result


def result(scene: Scene, blocks: Blocks, file: Path, optimised: bool = False) -> None:
    """Writes the scene with its three bands replaced, everything else as it came; `optimised`: as a COG."""
    every = list(scene.written)
    others = [band for band in every if band not in scene.bands]

    def fill(area: Area, out: NDArray) -> None:
        if every == list(scene.bands):
            blocks.values(area, out)
            return
        out[[every.index(band) for band in scene.bands]] = blocks.values(area)
        if others:
            out[[every.index(band) for band in others]] = scene.read_bands(others, area)

    profile = {"dtype": scene.dtype, "count": len(every), "nodata": scene.nodata}
    overviews = cog.AVERAGED if optimised else None
    _written(scene, file, profile, fill, _masked(scene), functools.partial(carry_over, output=file), overviews)


def opacity(scene: Scene, blocks: Blocks, file: Path, optimised: bool = False) -> None:
    """Writes the opacity: float32 with NaN where there is no data (`optimised`: as a COG), or 8 bits (round(255·a)) as
    PNG."""

    def fill(area: Area, out: NDArray) -> None:
        out[:] = blocks.opacity(area)

    def fill_eight_bits(area: Area, out: NDArray) -> None:
        out[:] = np.rint(255.0 * np.nan_to_num(blocks.opacity(area)))

    if file.suffix.lower() == ".png":
        _written(scene, file, {"dtype": "uint8", "count": 1}, fill_eight_bits)
    else:
        overviews = cog.AVERAGED if optimised else None
        _written(scene, file, {"dtype": "float32", "count": 1, "nodata": np.nan}, fill, overviews=overviews)


def provenance(scene: Scene, blocks: Blocks, file: Path, tags: dict[str, str], optimised: bool = False) -> None:
    """Writes the provenance codes, 0 tagged as nodata, with `tags` that explain them; `optimised`: as a COG."""

    def fill(area: Area, out: NDArray) -> None:
        out[:] = blocks.provenance(area)

    def add_tags(_: Scene, target: Any) -> None:
        target.update_tags(**tags)

    overviews = cog.COMMONEST if optimised else None  # Codes have no mean.
    _written(scene, file, {"dtype": "uint8", "count": 1, "nodata": 0}, fill, extras=add_tags, overviews=overviews)


def measured(
    scene: Scene, file: Path, fill: Fill, names: Sequence[str], tags: dict[str, str], optimised: bool = False
) -> None:
    """Writes a float32 band for each of `names`, NaN where there is nothing, with `tags`; `optimised`: as a COG."""

    def describe(_: Scene, target: Any) -> None:
        target.update_tags(**tags)
        target.descriptions = names

    profile = {"dtype": "float32", "count": len(names), "nodata": np.nan}
    overviews = cog.AVERAGED if optimised else None
    _written(scene, file, profile, fill, extras=describe, overviews=overviews)


def carry_over(scene: Scene, target: Any, output: Path) -> None:
    """Copies what is neither a pixel nor the grid: tags, names, units, colours, RPCs, the profile if `output` can."""
    source = scene.source
    for space in (None, *source.tag_namespaces()):
        if space in ("IMAGE_STRUCTURE", "DERIVED_SUBDATASETS", "rio_creation_kwds", "COLOR_PROFILE", "RPC"):
            continue
        if values := source.tags(ns=space):
            target.update_tags(ns=space, **values)
    for place, band in enumerate(scene.written, 1):
        values = source.tags(band)
        if band in scene.bands:  # Their pixels have changed.
            values = {name: value for name, value in values.items() if not name.startswith("STATISTICS_")}
        if values:
            target.update_tags(place, **values)

    def written(of_bands: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(of_bands[band - 1] for band in scene.written)

    if any(written(source.descriptions)):
        target.descriptions = [name or "" for name in written(source.descriptions)]
    if profile := profile_for(scene, output):
        target.update_tags(ns="COLOR_PROFILE", SOURCE_ICC_PROFILE=profile)
    if target.colorinterp != written(source.colorinterp):
        target.colorinterp = written(source.colorinterp)
    target.scales, target.offsets = written(source.scales), written(source.offsets)
    if any(written(source.units)):
        target.units = [unit or "" for unit in written(source.units)]
    if source.rpcs is not None:
        target.rpcs = source.rpcs


def _masked(scene: Scene) -> bool:
    if scene.with_mask:
        return True
    flags = scene.source.mask_flag_enums[scene.bands[0] - 1]
    return MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags and MaskFlags.nodata not in flags


def _written(
    scene: Scene,
    file: Path,
    profile: dict[str, Any],
    fill: Fill,
    masked: bool = False,
    extras: Callable[[Scene, Any], None] | None = None,
    overviews: str | None = None,
) -> None:
    """Writes `file` as its suffix says, and reads it again. Raises OutputError where it cannot be completed.

    `overviews`: how those of a COG are made; None: it is to be none.
    """
    png = file.suffix.lower() == ".png"
    tiff = file.with_suffix(".plain.tif") if png or overviews else file
    try:
        with without_libtiff_noise():
            with rasterio.open(tiff, "w", **_profile(scene, profile, file)) as target:
                if extras is not None:
                    extras(scene, target)
                if overviews:
                    cog.mark_tags(target)
                checksums = strips.write(target, scene, fill, masked)
            if png:
                rasterio.shutil.copy(tiff, file, driver="PNG")
            elif overviews:
                cog.optimise(tiff, file, overviews)
            if tiff != file:
                tiff.unlink()
            with ThreadPoolExecutor(1, "sync") as pool:
                synced = pool.submit(_sync, file)
                _verify(scene, file, checksums, masked)
                synced.result()
    except GDAL_ERRORS as error:
        raise OutputError(
            f"{file.name} could not be written whole ({_reason(error)}); is the disk full? Nothing is left behind."
        ) from error


@contextlib.contextmanager
def without_libtiff_noise() -> Iterator[None]:
    """Keeps libtiff's own lines off stderr: it prints failures to write past GDAL, which raises them anyway."""
    sys.stderr.flush()
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    before = os.dup(2)
    os.dup2(writing, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)
        os.close(writing)
        with os.fdopen(reading, "rb") as caught:
            lines = (caught.read() or b"").splitlines(keepends=True)
        os.write(2, b"".join(line for line in lines if not line.startswith(b"_tiff")))


def _profile(scene: Scene, own: dict[str, Any], file: Path) -> dict[str, Any]:
    source = scene.source
    side = min(strips.TILE, -(-max(scene.height, scene.width) // 16) * 16)
    profile: dict[str, Any] = {
        "driver": "GTiff", "height": scene.height, "width": scene.width, "tiled": True, "blockxsize": side,
        "blockysize": side, "compress": "deflate", "zlevel": 1, "num_threads": os.cpu_count() or 1,
        "predictor": 3 if np.dtype(own["dtype"]).kind == "f" else 2, "bigtiff": "IF_SAFER", "interleave": "pixel",
    }  # fmt: skip
    whole = own["count"] == len(scene.written)
    colours = tuple(source.colorinterp[band - 1] for band in scene.written) if whole else (ColorInterp.gray,)
    profile["photometric"] = "RGB" if colours[:3] == RGB else "MINISBLACK"
    if ColorInterp.alpha in colours:
        profile["alpha"] = "YES"
    points, crs = source.gcps
    if points:
        profile |= {"gcps": points, "crs": crs}
    else:
        profile |= {"crs": source.crs, "transform": None if source.transform.is_identity else source.transform}
    return profile | own


def _verify(scene: Scene, file: Path, written: Checksums, masked: bool) -> None:
    """Reads the whole file again: a full disk may go unnoticed until here."""
    png = file.suffix.lower() == ".png"
    with rasterio.open(file) as target:
        same_grid = target.crs == scene.source.crs and target.transform.almost_equals(scene.source.transform, 0.0)
    if not png and not scene.source.gcps[0] and not same_grid:
        raise OutputError(f"{file.name} does not hold the georeference of {scene.path}; nothing is left behind.")
    wrong = strips.first_difference(file, written, masked, in_order=png)
    if wrong is not None:
        raise OutputError(f"{file.name} reads back differently at row {wrong.top}; is the disk full or failing?")


def _sync(file: Path) -> None:
    with contextlib.closing(os.fdopen(os.open(file, os.O_RDONLY))) as stream:
        os.fsync(stream.fileno())


def _reason(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split()).rstrip(".")
