"""Tile stores cut from rasters of any size with bounded memory: one memory-mapped file, or TFRecord shards."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import cv2
import numpy as np
import rasterio
from rasterio.windows import Window

from cloud_removal.data.decode import RASTER, is_picture, open_raster, raster_limits, read_rgb, window_rgb
from cloud_removal.data.store import INDEX, TILES, Store, read_store
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError
from cloud_removal.files import new_folder

Format = Literal["store", "tfrecord"]
SHARD = 256 * 2**20
"""Bytes of a shard unless another size is asked for."""
CACHE = 256
"""Mebibytes of decoded blocks that GDAL keeps (its own default is a share of the machine's memory)."""
VALID = 0.98
"""Smallest share of valid pixels of a tile that is kept."""

LeftOut = Callable[[InputError], None]
"""Takes what is wrong with a file that is passed over."""


@dataclass(frozen=True)
class Tone:
    """How values in [0, 1] are displayed: (gain · value + offset) ** (1 / gamma), clipped. At first as they are.

    Products differ in it. USGS's LandsatLook pictures show the root of the reflectance at the top of the atmosphere,
    others stretch it evenly.
    """

    gain: float = 1.0
    offset: float = 0.0
    gamma: float = 1.0

    def displayed(self, tile: np.ndarray) -> np.ndarray:
        """The tile, uint8, as it is displayed, uint8."""
        if self == Tone():
            return tile
        light = np.clip(self.gain * np.arange(256) / 255.0 + self.offset, 0.0, 1.0)
        return cv2.LUT(tile, np.rint(255.0 * light ** (1.0 / self.gamma)).astype(np.uint8))


def cut(
    source: Path,
    destination: Path,
    size: int = 512,
    report: Callable[[Path], None] | None = None,
    left_out: LeftOut | None = None,
    kind: Format = "store",
    shard: int = SHARD,
    tone: Tone = Tone(),
) -> Store:
    """Cuts a picture, or all pictures under a folder, into the tile store `destination`, and opens it.

    Rasters are read window by window, so memory does not grow with them; 16-bit and float ones are stretched by
    percentiles of the whole raster. Tiles lie evenly over a picture; one smaller than a tile is mirrored at its
    borders, and left out if it is less than half as large. Tiles with more than 2 % of nodata are left out. `report`
    is called with each file before it is cut, `left_out` with what is wrong with one of several that cannot be used
    (without it, that is raised). `kind` says whether the tiles go into one memory-mapped file, or TFRecord files of
    about `shard` bytes each, `tone` how the tiles are displayed. The store appears complete or not at all.
    """
    if size < 16:
        raise OptionError(f"Tiles of {size} pixels; at least 16 are needed (--size).")
    if not (tone.gain > 0.0 and tone.gamma > 0.0 and abs(tone.offset) < 1.0):
        raise OptionError(f"{tone}: expected a --gain and a --gamma over 0, and an --offset between -1 and 1.")
    if shard < 1:
        raise OptionError(f"Shards of {shard} bytes; at least 1 MiB is needed (--shard-size).")
    files = _pictures(source)
    with new_folder(destination) as partial:
        writer = _writer(kind, partial, size, shard)
        try:
            _write(files, source if source.is_dir() else source.parent, partial, size, writer, tone, report, left_out)
        finally:
            writer.close()
    return read_store(destination)


def _pictures(source: Path) -> list[Path]:
    if not source.exists():
        raise InputError(f"{source}: no such file or folder. Expected a picture, or a folder of them.")
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file() and is_picture(p))
    if not files:
        raise EmptyDatasetError(f"No pictures in {source}. Expected .jpg, .png or .tif files.")
    return files


class Writer(Protocol):
    """Where tiles go."""

    def append(self, tile: np.ndarray) -> None:
        """Writes a tile, uint8 (size, size, 3)."""
        ...

    def count(self) -> int:
        """How many were written."""
        ...

    def cut_back(self, count: int) -> None:
        """Takes all but the first `count` away again."""
        ...

    def finish(self) -> dict[str, object]:
        """Makes what was written complete. Returns what INDEX has to say of it."""
        ...

    def close(self) -> None:
        """Lets go of open files."""
        ...


class FileWriter:
    """Tiles into the file TILES; its header, whose length does not depend on the count, comes twice."""

    def __init__(self, folder: Path, size: int):
        self.size, self.written = size, 0
        self.file = (folder / TILES).open("wb")
        self._header()
        self.head = self.file.tell()

    def append(self, tile: np.ndarray) -> None:
        """See Writer."""
        self.file.write(tile.tobytes())
        self.written += 1

    def count(self) -> int:
        """See Writer."""
        return self.written

    def cut_back(self, count: int) -> None:
        """See Writer."""
        self.written = count
        self.file.seek(self.head + count * self.size * self.size * 3)
        self.file.truncate()

    def finish(self) -> dict[str, object]:
        """See Writer."""
        self.file.seek(0)
        self._header()
        self.file.close()
        return {"format": 1}

    def close(self) -> None:
        """See Writer."""
        self.file.close()

    def _header(self) -> None:
        shape = (self.written, self.size, self.size, 3)
        np.lib.format.write_array_header_1_0(self.file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _writer(kind: Format, folder: Path, size: int, shard: int) -> Writer:
    if kind == "store":
        return FileWriter(folder, size)
    from cloud_removal.data.shards import ShardWriter

    return ShardWriter(folder, shard)


def _write(
    files: Sequence[Path],
    root: Path,
    partial: Path,
    size: int,
    writer: Writer,
    tone: Tone,
    report: Callable[[Path], None] | None,
    left_out: LeftOut | None,
) -> None:
    """Tiles and index into the folder `partial`."""
    origins: list[dict[str, object]] = []
    usable = 0
    for file in files:
        if report:
            report(file)
        first = writer.count()
        added = _append(writer, file, size, tone, left_out if len(files) > 1 else None)
        usable += added is not None
        if added:
            origins.append({"file": file.relative_to(root).as_posix(), "first": first, "count": added})
    if not usable:
        raise InputError(f"None of the {len(files)} pictures of {root} can be used. Mend them, or name another folder.")
    if not writer.count():
        raise EmptyDatasetError(
            f"No tile of {size} pixels without nodata could be cut from {files[0] if len(files) == 1 else root}. "
            "Take a smaller --size."
        )
    index = writer.finish() | {"count": writer.count(), "size": size, "gamma": tone.gamma, "origins": origins}
    (partial / INDEX).write_text(json.dumps(index, indent=1) + "\n")


def _append(writer: Writer, file: Path, size: int, tone: Tone, left_out: LeftOut | None) -> int | None:
    """Writes the tiles of a picture. Returns how many; None, and nothing is written, where it is left out."""
    first = writer.count()
    try:
        for tile in _tiles(file, size):
            writer.append(tone.displayed(tile))
    except InputError as error:  # It may be damaged only further down.
        if left_out is None:
            raise
        writer.cut_back(first)
        left_out(error)
        return None
    return writer.count() - first


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
