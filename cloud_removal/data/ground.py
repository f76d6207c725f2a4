"""Ground to cut training pictures from: folders of pictures of any size, and tile stores, here or elsewhere."""

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import numpy as np

from cloud_removal.config import Location, Url
from cloud_removal.data.decode import is_picture
from cloud_removal.data.record_index import is_shard
from cloud_removal.data.storage import Local, Storage, open_storage
from cloud_removal.data.store import INDEX, Store, Tiles, read_shards, read_store
from cloud_removal.data.tiles import mirrored
from cloud_removal.errors import EmptyDatasetError, InputError

IN_MEMORY = 2**30
"""Bytes of decoded pictures kept in memory; what comes after waits in a memory-mapped temporary file."""
WINDOW = 256
"""A picture counts as one place for each square of this side that it has room for."""
Groups = Sequence[int] | np.ndarray | None


class GroundSource(Protocol):
    """Clear ground, cut into squares at will."""

    def __len__(self) -> int:
        """How many places there are to cut from."""
        ...

    def crop(self, index: int, rng: np.random.Generator, size: int) -> np.ndarray:
        """uint8 (size, size, 3) from place `index`, at a position that `rng` draws."""
        ...

    def gamma(self, index: int) -> float:
        """Which root of the light place `index` displays: 1 where light counts as displayed as it is."""
        ...


class Pictures:
    """A list of uint8 pictures (H, W, 3) of any sizes as a GroundSource; a large one has many places.

    Where a picture is smaller than the square asked for, it is mirrored at its borders if that makes up at most half
    of it again, else the square is laid out with several pictures of the same group. `each` is how many places every
    picture has, where that is known without a look at them; `gamma` which root of the light they display.
    """

    def __init__(self, pictures: Tiles, groups: Groups = None, each: int | None = None, gamma: float = 1.0):
        self.pictures, self.root = pictures, gamma
        self.groups = np.asarray(groups if groups is not None else [0] * len(pictures))
        counts = (places(*pictures[n].shape[:2]) if each is None else each for n in range(len(pictures)))
        self.last = np.cumsum(np.fromiter(counts, np.int64, len(pictures)))

    def __len__(self) -> int:
        return int(self.last[-1])

    def crop(self, index: int, rng: np.random.Generator, size: int) -> np.ndarray:
        """uint8 (size, size, 3) from the picture that has place `index`."""
        number = int(np.searchsorted(self.last, index, side="right"))
        picture = self.pictures[number]
        if size <= 1.5 * min(picture.shape[:2]):
            return mirrored(square(picture, rng, size), size)
        return self._laid_out(number, rng, size)

    def gamma(self, index: int) -> float:
        """The same of all places."""
        return self.root

    def _laid_out(self, number: int, rng: np.random.Generator, size: int) -> np.ndarray:
        """A square of several pictures of one group, each turned at random, beginning with picture `number`."""
        alike = np.flatnonzero(self.groups == self.groups[number])
        side = max(16, min(self.pictures[number].shape[:2]))
        laid = np.empty((size, size, 3), np.uint8)
        for top in range(0, size, side):
            for left in range(0, size, side):
                piece = mirrored(square(self.pictures[number], rng, side), side)
                piece = np.rot90(piece, int(rng.integers(4)))
                laid[top : top + side, left : left + side] = piece[: size - top, : size - left]
                number = int(alike[rng.integers(len(alike))])
        return laid


def places(height: int, width: int) -> int:
    """How many places a picture has room for."""
    return max(1, round(height * width / WINDOW**2))


def square(picture: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """At most size x size of the picture, at a random place."""
    height, width = picture.shape[:2]
    top = int(rng.integers(max(height - size, 0) + 1))
    left = int(rng.integers(max(width - size, 0) + 1))
    return picture[top : top + size, left : left + size]


class Chosen:
    """Some of the tiles of a store, in order; nothing is read before it is asked for."""

    def __init__(self, tiles: Tiles, numbers: np.ndarray):
        self.tiles, self.numbers = tiles, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, place: Any) -> Any:
        return self.tiles[self.numbers[place]]


class Joined:
    """Several ground sources as one."""

    def __init__(self, sources: Sequence[GroundSource]):
        self.sources = sources
        self.last = np.cumsum([len(source) for source in sources])

    def __len__(self) -> int:
        return int(self.last[-1])

    def crop(self, index: int, rng: np.random.Generator, size: int) -> np.ndarray:
        """uint8 (size, size, 3) from the source that has place `index`."""
        source, place = self._place(index)
        return source.crop(place, rng, size)

    def gamma(self, index: int) -> float:
        """That of the source that has place `index`."""
        source, place = self._place(index)
        return source.gamma(place)

    def _place(self, index: int) -> tuple[GroundSource, int]:
        """The source that has place `index`, and which of its own it is."""
        number = int(np.searchsorted(self.last, index, side="right"))
        return self.sources[number], index - (int(self.last[number - 1]) if number else 0)


@dataclass(frozen=True)
class PictureFile:
    """A picture in a folder, here or elsewhere."""

    storage: Storage
    name: str

    @property
    def at(self) -> str:
        """Its path or address."""
        return self.storage.at(self.name)

    @property
    def folder(self) -> str:
        """That of the folder it lies in."""
        return self.storage.at(_parent(self.name))

    def read(self) -> np.ndarray:
        """uint8 (H, W, 3)."""
        return self.storage.picture(self.name)


def open_ground(
    folders: Sequence[Location],
    hold_out: Sequence[str] = (),
    validation_share: float = 0.05,
    split: str = "training",
    option: str = "--data.ground",
) -> GroundSource:
    """All pictures and tile stores under `folders`, without the sub-folders named in `hold_out`.

    The validation part is the end of each folder's names (of each store's tiles): neighbouring files often show
    overlapping ground, so a random part would not be independent. Raises EmptyDatasetError where nothing is left; its
    message names the `option` that gave the folders.
    """
    stores, files = find(folders, hold_out, option)
    sources: list[GroundSource] = []
    for store in stores:
        numbers, groups = _chosen_tiles(store, hold_out, validation_share, split)
        if len(numbers):
            each = places(store.side, store.side) if store.side else 1  # Else each would have to be read.
            sources.append(Pictures(Chosen(store.tiles, numbers), groups, each, store.gamma))
    if len(files) == 1 and not stores:
        sources.append(Pictures([_rows(files[0].read(), validation_share, split)]))
    elif chosen := _chosen(files, validation_share, split):
        sources.append(Pictures(_decoded(chosen), _numbered([file.folder for file in chosen])))
    if not sources:
        raise EmptyDatasetError(
            f"No pictures for {split} in {', '.join(map(str, folders))}. Expected .jpg, .png or .tif files or a tile "
            f"store of `prepare ground`; check {option}, or leave it out for the built-in procedural ground."
        )
    return sources[0] if len(sources) == 1 else Joined(sources)


def find(
    folders: Sequence[Location], hold_out: Sequence[str] = (), option: str = "--data.ground"
) -> tuple[list[Store], list[PictureFile]]:
    """Tile stores and pictures under `folders`, which may be single files, too; sorted, without `hold_out`.

    Stores are opened: those of `prepare ground`, and of each folder the TFRecord files that others wrote.
    """
    stores: list[Store] = []
    files: list[PictureFile] = []
    for folder in folders:
        storage, names = _names(folder, option)
        inside = [name for name in names if not _held_out(PurePosixPath(name), hold_out)]
        made = sorted({_parent(name) for name in inside if PurePosixPath(name).name == INDEX})
        stores += [read_store(storage.below(parent)) for parent in made]
        shards = [name for name in inside if is_shard(name) and _parent(name) not in made]
        for parent in sorted({_parent(name) for name in shards}):
            mine = [PurePosixPath(name).name for name in shards if _parent(name) == parent]
            stores.append(read_shards(storage.below(parent), mine))
        files += [PictureFile(storage, name) for name in inside if is_picture(Path(name))]
    return stores, files


def _names(folder: Location, option: str) -> tuple[Storage, list[str]]:
    """The files under a folder, or the one that is named instead of it, and the folder they lie in."""
    single = PurePosixPath(folder).name
    if not (is_picture(Path(single)) or is_shard(single)):
        single = ""
    if isinstance(folder, Url):
        if single:
            return open_storage(Url(folder.rpartition("/")[0])), [single]
        storage = open_storage(folder)
        return storage, [INDEX] if storage.has(INDEX) else storage.files()
    if single and folder.is_file():
        return Local(folder.parent), [single]
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder or picture. Expected a folder of pictures; check {option}.")
    storage = Local(folder)
    return storage, storage.files()


def _parent(name: str) -> str:
    """The folder of a file, empty for the topmost."""
    return name.rpartition("/")[0]


def _held_out(path: Path | PurePosixPath, hold_out: Sequence[str]) -> bool:
    return any(part in hold_out for part in path.parts)


def _chosen(files: Sequence[PictureFile], share: float, split: str) -> list[PictureFile]:
    """The files of `split`: of each folder its last names for validation; of very few files the very last one."""
    chosen: list[PictureFile] = []
    for folder in {file.folder for file in files}:
        here = [file for file in files if file.folder == folder]
        mine = part(len(here), share, "validation")
        chosen += here[mine.start : mine.stop]
    validation = {file.at for file in chosen or files[-1:]}
    return [file for file in files if (file.at in validation) == (split == "validation")]


def _rows(picture: np.ndarray, share: float, split: str) -> np.ndarray:
    """The rows of an only picture that belong to `split`: for validation a quarter, or `WINDOW` (fewer would be laid
    out as a patchwork), or more by its share."""
    height = len(picture)
    wanted = max(round(height * share), min(WINDOW, height // 4) if share else 0)
    kept = min(max(height - wanted, 1), max(height - 1, 1))
    return picture[kept:] if split == "validation" and len(picture) > 1 else picture[:kept]


def _chosen_tiles(store: Store, hold_out: Sequence[str], share: float, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the tiles of `split`, and of the folder each came from: of each folder its last for validation."""
    numbers, folders = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for place, folder in enumerate(sorted({origin.file.parent for origin in store.origins})):
        if _held_out(folder, hold_out):
            continue
        origins = [origin for origin in store.origins if origin.file.parent == folder]
        here = np.concatenate([np.arange(o.first, o.first + o.count) for o in origins])
        mine = part(len(here), share, split)
        numbers.append(here[mine.start : mine.stop])
        folders.append(np.full(len(mine), place))
    return np.concatenate(numbers), np.concatenate(folders)


def _numbered(folders: Sequence[str]) -> list[int]:
    numbers = {folder: number for number, folder in enumerate(sorted(set(folders)))}
    return [numbers[folder] for folder in folders]


def part(count: int, share: float, split: str) -> range:
    """Which of `count` things in order belong to `split` ("training" or "validation", the end)."""
    kept = count - round(count * share)
    return range(kept, count) if split == "validation" else range(kept)


def _decoded(files: Iterable[PictureFile]) -> list[np.ndarray]:
    """Each file as uint8; the first gibibyte in memory, the rest mapped from a temporary file that has no name."""
    pictures: list[np.ndarray] = []
    spill, held = None, 0
    for file in files:
        picture = file.read()
        held += picture.nbytes
        if held > IN_MEMORY:
            spill = spill or tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the maps of it
            offset = spill.seek(0, 2)
            spill.write(picture.tobytes())
            spill.flush()
            picture = np.memmap(spill, np.uint8, "r", offset, picture.shape)
        pictures.append(picture)
    return pictures
