"""Tile stores to read from: memory-mapped, in TFRecord shards, here or elsewhere; nothing is read before it is needed.

A store is a folder with `index.json`, which says where each tile is from. Its tiles are in `tiles.npy`, uint8
(N, size, size, 3), or in TFRecord shards. Shards that others wrote have no such file, and are a store all the same.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cloud_removal.config import Location
from cloud_removal.data.record_index import index_of, read_index, refuse_cut_off
from cloud_removal.data.storage import Local, Storage, open_storage
from cloud_removal.errors import InputError

INDEX = "index.json"
TILES = "tiles.npy"
AGAIN = "Run `prepare ground` again."
HEAD = 128
"""Bytes before the first tile of TILES, as `np.lib.format` writes them of an array of four dimensions."""


class Tiles(Protocol):
    """Tiles by number. Threads may read at the same time."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: Any) -> Any:
        """uint8 (H, W, 3)."""
        ...


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
    """An open tile store: its tiles, the origin of each, and the side of all in pixels where that is known.

    `gamma`: which root of the light the tiles display.
    """

    tiles: Tiles
    origins: tuple[Origin, ...]
    side: int | None = None
    gamma: float = 1.0


class Ranges:
    """The tiles of a file TILES elsewhere, each fetched when it is asked for. InputError where the file is cut off."""

    def __init__(self, storage: Storage, count: int, side: int):
        self.storage, self.count, self.side = storage, count, side

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> np.ndarray:
        size = self.side * self.side * 3
        start = HEAD + int(number) * size
        content = self.storage.read(TILES, start, start + size)
        if len(content) < size:
            raise InputError(f"{self.storage.at(TILES)}: cut off in tile {number}. Copy the store again.")
        return np.frombuffer(content, np.uint8).reshape(self.side, self.side, 3)


def read_store(folder: Location | Storage) -> Store:
    """Opens a store made by `tiles.cut`. Raises InputError where it is incomplete or not one."""
    storage = open_storage(folder) if isinstance(folder, (Path, str)) else folder
    where = storage.at("").rstrip("/")
    content = storage.read(INDEX)
    try:
        index = json.loads(content)
        count, side, shards = index["count"], index["size"], "shards" in index
        gamma = float(index.get("gamma", 1.0))
        origins = tuple(Origin(Path(o["file"]), o["first"], o["count"]) for o in index["origins"])
        tiles = _sharded(storage, side) if shards else _mapped(storage, count, side)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{where}: not a complete tile store ({error}). {AGAIN}") from error
    if len(tiles) != count:
        raise InputError(f"{where}: {INDEX} says {count} tiles, and there are {len(tiles)}. {AGAIN}")
    return Store(tiles, origins, side, gamma)


def read_shards(storage: Storage, names: Sequence[str]) -> Store:
    """TFRecord files that others wrote as a store, each of whose records is a picture of any size."""
    from cloud_removal.data.records import Records

    index = index_of(storage, names)
    counts = np.diff(index.last, prepend=0)
    shards = zip(names, index.last - counts, counts, strict=True)
    origins = tuple(Origin(Path(name), int(first), int(count)) for name, first, count in shards)
    return Store(Records(storage, index), origins)


def _sharded(storage: Storage, side: int) -> Tiles:
    from cloud_removal.data.records import Records  # TensorFlow, which cutting tiles does without.

    index = read_index(storage)
    if isinstance(storage, Local):  # Elsewhere it shows when the record is read.
        refuse_cut_off(storage, index)
    return Records(storage, index, side)


def _mapped(storage: Storage, count: int, side: int) -> Tiles:
    """The file TILES, memory-mapped where it can be."""
    shape = (count, side, side, 3)
    if isinstance(storage, Local):
        tiles = np.load(storage.folder / TILES, mmap_mode="r")
        held = tiles.shape, tiles.dtype
    else:
        head = io.BytesIO(storage.read(TILES, 0, HEAD))
        np.lib.format.read_magic(head)
        found, _, kind = np.lib.format.read_array_header_1_0(head)
        held, tiles = (found, kind), Ranges(storage, count, side)
    if held != (shape, np.uint8):
        raise InputError(f"{storage.at('').rstrip('/')}: {INDEX} and {TILES} do not belong together. {AGAIN}")
    return tiles
