"""Memory-mapped stores of tiles, cut from rasters of any size with bounded memory.

A store is a folder: `tiles.npy`, uint8 (N, size, size, 3), and `index.json`, which says where each tile is from.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import rasterio
from rasterio.windows import Window

from cloud_removal.data.decode import RASTER, is_picture, open_raster, raster_limits, read_rgb, window_rgb
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError
from cloud_removal.files import new_folder

INDEX = "index.json"
TILES = "tiles.npy"
FORMAT = 1
CACHE = 256
"""Mebibytes of decoded blocks that GDAL keeps (its own default is a share of the machine's memory)."""
VALID = 0.98
"""Smallest share of valid pixels of a tile that is kept."""

LeftOut = Callable[[InputError], None]
"""Takes what is wrong with a file that is passed over."""


@dataclass(frozen=True)
class Origin:
    """A picture that tiles were cut from: its path below the source, and the numbers of its tiles."""

    file: Path
    first: int
    count: int

    @property
    def numbers(self) -> range:
        """Numbers of its tiles in the store."""
        return range(self.first, self.first + self.count)


@dataclass(frozen=True)
class Store:
    """An open tile store: memory-mapped uint8 (N, size, size, 3), and the origin of each tile."""

    tiles: np.ndarray
    origins: tuple[Origin, ...]


def read_store(folder: Path) -> Store:
    """Opens a store made by `cut`. Raises InputError where it is incomplete or not one."""
    try:
        index = json.loads((folder / INDEX).read_text())
        origins = tuple(Origin(Path(o["file"]), o["first"], o["count"]) for o in index["origins"])
        tiles = np.load(folder / TILES, mmap_mode="r")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder}: not a complete tile store ({error}). Run `prepare ground` again.") from error
    if tiles.shape != (index.get("count"), index.get("size"), index.get("size"), 3) or tiles.dtype != np.uint8:
        raise InputError(f"{folder}: {INDEX} and {TILES} do not belong together. Run `prepare ground` again.")
    return Store(tiles, origins)


def cut(
    source: Path,
    destination: Path,
    size: int = 512,
    report: Callable[[Path], None] | None = None,
    left_out: LeftOut | None = None,
) -> Store:
    """Cuts a picture, or all pictures under a folder, into the tile store `destination`, and opens it.

    Rasters are read window by window, so memory does not grow with them; 16-bit and float ones are stretched by
    percentiles of the whole raster. Tiles lie evenly over a picture; one smaller than a tile is mirrored at its
    borders, and left out if it is less than half as large. Tiles with more than 2 % of nodata are left out. `report`
    is called with each file before it is cut, `left_out` with what is wrong with one of several that cannot be used
    (without it, that is raised). The store appears complete or not at all.
    """
    if size < 16:
        raise OptionError(f"Tiles of {size} pixels; at least 16 are needed (--size).")
    files = _pictures(source)
    with new_folder(destination) as partial:
        _write(files, source if source.is_dir() else source.parent, partial, size, report, left_out)
    return read_store(destination)


def _pictures(source: Path) -> list[Path]:
    if not source.exists():
        raise InputError(f"{source}: no such file or folder. Expected a picture, or a folder of them.")
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file() and is_picture(p))
    if not files:
        raise EmptyDatasetError(f"No pictures in {source}. Expected .jpg, .png or .tif files.")
    return files


def _write(
    files: Sequence[Path],
    root: Path,
    partial: Path,
    size: int,
    report: Callable[[Path], None] | None,
    left_out: LeftOut | None,
) -> None:
    """Tiles and index into the folder `partial`; the header, whose length does not depend on the count, comes twice."""
    origins: list[dict[str, object]] = []
    count = usable = 0
    with (partial / TILES).open("wb") as output:
        _header(output, 0, size)
        for file in files:
            if report:
                report(file)
            added = _append(output, file, size, left_out if len(files) > 1 else None)
            usable += added is not None
            if added:
                origins.append({"file": file.relative_to(root).as_posix(), "first": count, "count": added})
                count += added
        output.seek(0)
        _header(output, count, size)
    if not usable:
        raise InputError(f"None of the {len(files)} pictures of {root} can be used. Mend them, or name another folder.")
    if not count:
        raise EmptyDatasetError(
            f"No tile of {size} pixels without nodata could be cut from {files[0] if len(files) == 1 else root}. "
            "Take a smaller --size."
        )
    index = {"format": FORMAT, "count": count, "size": size, "origins": origins}
    (partial / INDEX).write_text(json.dumps(index, indent=1) + "\n")


def _append(output: BinaryIO, file: Path, size: int, left_out: LeftOut | None) -> int | None:
    """Writes the tiles of a picture. Returns how many; None, and nothing is written, where it is left out."""
    start, count = output.tell(), 0
    try:
        for tile in _tiles(file, size):
            output.write(tile.tobytes())
            count += 1
    except InputError as error:  # It may be damaged only further down.
        if left_out is None:
            raise
        output.seek(start)
        output.truncate()
        left_out(error)
        return None
    return count


def _header(output: BinaryIO, count: int, size: int) -> None:
    described = {"descr": "|u1", "fortran_order": False, "shape": (count, size, size, 3)}
    np.lib.format.write_array_header_1_0(output, described)


def _tiles(file: Path, size: int) -> Iterator[np.ndarray]:
    """The tiles of one picture, uint8 (size, size, 3), row by row."""
    if file.suffix.lower() in RASTER:
        with rasterio.Env(GDAL_CACHEMAX=CACHE), open_raster(file) as raster:
            between = raster_limits(raster)
            for top, left in _corners(raster.shape, size):
                height, width = min(size, raster.height - top), min(size, raster.width - left)
                tile, valid = window_rgb(raster, Window(left, top, width, height), between)
                if valid.mean() >= VALID:
                    yield mirrored(tile, size)
        return
    picture = read_rgb(file)
    for top, left in _corners(picture.shape[:2], size):
        yield mirrored(picture[top : top + size, left : left + size], size)


def _corners(shape: tuple[int, int], size: int) -> list[tuple[int, int]]:
    """Top left corners of tiles laid evenly over a picture; none where it is less than half a tile."""
    if min(shape) < size / 2:
        return []
    starts = [np.linspace(0, max(side - size, 0), max(1, round(side / size))).astype(int) for side in shape]
    return [(int(top), int(left)) for top in starts[0] for left in starts[1]]


def mirrored(picture: np.ndarray, size: int) -> np.ndarray:
    """`picture` (H, W, C) made up to at least size x size by mirroring at its borders."""
    down, right = max(size - picture.shape[0], 0), max(size - picture.shape[1], 0)
    if not down and not right:
        return picture
    top, left = down // 2, right // 2
    picture = np.ascontiguousarray(picture)
    return cv2.copyMakeBorder(picture, top, down - top, left, right - left, cv2.BORDER_REFLECT)
