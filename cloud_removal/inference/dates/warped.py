"""Rasters of other dates on the grid of a scene: read as they are where they share it, else warped."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, Resampling
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds

from cloud_removal.errors import InputError
from cloud_removal.inference.raster import GDAL_ERRORS, Scene, open_scene
from cloud_removal.inference.statistics import Sample
from cloud_removal.inference.windows import Area

BLOCK = 512
"""Side of the pieces, on the scene's grid, in which a raster is warped. What GDAL makes of a place depends a little on
what is asked for at once, so that is always the same."""
CACHE_BYTES = 128 << 20
"""Of warped blocks; windows share their halo with the next."""
TOLERANCE = 1e-3
"""Pixels by which a place may be warped wrongly, for speed."""


@contextlib.contextmanager
def opened_on(scene: Scene, path: Path) -> Iterator[Scene]:
    """The raster `path` on the grid of `scene`, the same bands of it.

    Raises a CloudRemovalError where it is no raster of the same kind, cannot be warped, or lies somewhere else.
    """
    with open_scene(path, scene.bands, scene.most) as other:
        _refuse_other_kind(scene, other)
        if same_grid(scene, other):
            yield other
            return
        _refuse_unwarpable(scene, other)
        _refuse_elsewhere(scene, other)
        with WarpedVRT(other.source, **_options(scene, other)) as virtual:
            yield Warped(virtual, other)


class Warped(Scene):
    """A raster as a scene's grid shows it. One thread at a time may read."""

    def __init__(self, virtual: Any, other: Scene):
        super().__init__(_Tagged(virtual, other.source), other.path, other.bands)
        self.masked = False
        self._alpha = virtual.count if virtual.nodata is None else None
        """Band that says where there is data; None: the nodata value does."""
        self._blocks: OrderedDict[tuple[int, int], NDArray] = OrderedDict()
        bands = len(self.bands) + (self._alpha is not None)
        self._most = max(4, CACHE_BYTES // (BLOCK * BLOCK * bands * np.dtype(self.dtype).itemsize))

    def read(self, area: Area) -> tuple[NDArray, NDArray[np.bool_]]:
        planes = np.empty((len(self.bands) + (self._alpha is not None), area.height, area.width), self.dtype)
        for top in range(area.top // BLOCK * BLOCK, area.bottom, BLOCK):
            for left in range(area.left // BLOCK * BLOCK, area.right, BLOCK):
                block = Area(top, left, min(BLOCK, self.height - top), min(BLOCK, self.width - left))
                common = block.common(area)
                if common is not None:
                    planes[:, *common.inside(area)] = self._block(block)[:, *common.inside(block)]
        values = planes[: len(self.bands)]
        present = self._present(values, area)
        if self._alpha is not None:
            present &= planes[-1] > 0
        return values, present

    def sample(self) -> Sample:
        try:
            return super().sample()
        except InputError as error:
            raise InputError(f"{self.path} holds no data where the reference date lies. Leave it out.") from error

    def _block(self, block: Area) -> NDArray:
        """Bands, and the one that says where there is data, from the blocks last read if it is one of them."""
        key = block.top, block.left
        if key not in self._blocks:
            more = [] if self._alpha is None else [self._alpha]
            self._blocks[key] = self.read_bands([*self.bands, *more], block)
            if len(self._blocks) > self._most:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(key)
        return self._blocks[key]


class _Tagged:
    """A warped raster with the tags of the file it is made of, which tell of its values."""

    def __init__(self, virtual: Any, source: Any):
        self._virtual, self._source = virtual, source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._virtual, name)

    def tags(self, bidx: int = 0, ns: str | None = None) -> dict[str, str]:
        """As rasterio's."""
        return self._source.tags(bidx, ns)


def same_grid(scene: Scene, other: Scene) -> bool:
    """Whether both have the same pixels in the same places."""
    a, b = scene.source, other.source
    points = [[(p.row, p.col, p.x, p.y) for p in source.gcps[0]] for source in (a, b)]
    place = max(abs(a.transform.a) + abs(a.transform.b), 1e-12) * 1e-3
    same_place = all(abs(x - y) <= place for x, y in zip(_corners(a), _corners(b), strict=True))
    return a.shape == b.shape and a.crs == b.crs and same_place and points[0] == points[1]


def _corners(source: Any) -> list[float]:
    """Coordinates of three corners."""
    grid = source.transform
    corners = (0, 0), (source.width, 0), (0, source.height)
    return [value for x, y in corners for value in (grid.a * x + grid.b * y + grid.c, grid.d * x + grid.e * y + grid.f)]


def _options(scene: Scene, other: Scene) -> dict[str, Any]:
    """Nodata values warp by band; otherwise a band is added that says where there is data."""
    grid = scene.source
    options = {
        "crs": grid.crs, "transform": grid.transform, "height": scene.height, "width": scene.width,
        "resampling": Resampling.cubic, "tolerance": TOLERANCE, "UNIFIED_SRC_NODATA": "NO",
    }  # fmt: skip
    if other.nodata is not None and not other.masked:
        return options | {"src_nodata": other.nodata, "nodata": other.nodata}
    return options | {"add_alpha": ColorInterp.alpha not in other.source.colorinterp}


def _refuse_other_kind(scene: Scene, other: Scene) -> None:
    if scene.dtype != other.dtype:
        raise InputError(
            f"{other.path} holds {other.dtype} values, {scene.path} {scene.dtype}: they are not of one product. Give "
            f"dates of the same type, or convert it with: gdal_translate -ot."
        )
    if _colours(scene) != _colours(other):
        raise InputError(
            f"{other.path} has {_colours(other)} bands, {scene.path} {_colours(scene)}: the same --bands would mean "
            "other colours. Give dates with the same bands."
        )


def _colours(scene: Scene) -> int:
    return sum(kind != ColorInterp.alpha for kind in scene.source.colorinterp)


def _refuse_unwarpable(scene: Scene, other: Scene) -> None:
    grids = f"({other.width}x{other.height} px against {scene.width}x{scene.height}) or lies elsewhere"
    for one in (scene, other):
        if one.source.crs is None:
            raise InputError(
                f"{other.path} has another grid than {scene.path} {grids}, and {one.path} has no coordinate reference "
                "system to warp it by. Give it one, e.g. with gdal_edit.py -a_srs, or bring both to one grid."
            )
        if one.source.transform.b or one.source.transform.d:
            raise InputError(
                f"{other.path} has another grid than {scene.path}, and {one.path} is rotated, which cannot be warped. "
                "Bring it north up first, e.g. with gdalwarp."
            )


def _refuse_elsewhere(scene: Scene, other: Scene) -> None:
    west, south, east, north = scene.source.bounds
    try:
        theirs = transform_bounds(other.source.crs, scene.source.crs, *other.source.bounds)
    except GDAL_ERRORS as error:
        raise InputError(f"{other.path} cannot be brought to the coordinates of {scene.path}: {error}.") from error
    overlaps = (
        min(theirs[2], max(west, east)) > max(theirs[0], min(west, east))
        and min(theirs[3], max(south, north)) > max(theirs[1], min(south, north))
    )  # fmt: skip
    if not (np.isfinite(theirs).all() and overlaps):
        raise InputError(f"{other.path} does not overlap {scene.path}. Give dates of the same place.")
