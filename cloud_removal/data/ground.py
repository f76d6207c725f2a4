"""Ground to cut training pictures from: folders of pictures of any size, and tile stores."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cloud_removal.data.decode import is_picture, read_rgb
from cloud_removal.data.tiles import INDEX, Store, mirrored, read_store
from cloud_removal.errors import EmptyDatasetError, InputError

IN_MEMORY = 2**30
"""Bytes of decoded pictures kept in memory; what comes after waits in a memory-mapped temporary file."""
WINDOW = 256
"""A picture counts as one place for each square of this side that it has room for."""


class GroundSource(Protocol):
    """Clear ground, cut into squares at will."""

    def __len__(self) -> int:
        """How many places there are to cut from."""
        ...

    def crop(self, index: int, rng: np.random.Generator, size: int) -> np.ndarray:
        """uint8 (size, size, 3) from place `index`, at a position that `rng` draws."""
        ...


class Pictures:
    """A list of uint8 pictures (H, W, 3) of any sizes as a GroundSource; a large one has many places.

    Where a picture is smaller than the square asked for, it is mirrored at its borders if that makes up at most half
    of it again, else the square is laid out with several pictures of the same group.
    """

    def __init__(self, pictures: Sequence[np.ndarray], groups: Sequence[int] | None = None):
        self.pictures = pictures
        self.groups = np.asarray(groups if groups is not None else [0] * len(pictures))
        self.last = np.cumsum([max(1, round(p.shape[0] * p.shape[1] / WINDOW**2)) for p in pictures])

    def __len__(self) -> int:
        return int(self.last[-1])

    def crop(self, index: int, rng: np.random.Generator, size: int) -> np.ndarray:
        """uint8 (size, size, 3) from the picture that has place `index`."""
        number = int(np.searchsorted(self.last, index, side="right"))
        picture = self.pictures[number]
        if size <= 1.5 * min(picture.shape[:2]):
            return mirrored(square(picture, rng, size), size)
        return self._laid_out(number, rng, size)

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


def square(picture: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    """At most size x size of the picture, at a random place."""
    height, width = picture.shape[:2]
    top = int(rng.integers(max(height - size, 0) + 1))
    left = int(rng.integers(max(width - size, 0) + 1))
    return picture[top : top + size, left : left + size]


class Chosen(Sequence[np.ndarray]):
    """Some of the tiles of a store, in order; nothing is read before it is asked for."""

    def __init__(self, tiles: np.ndarray, numbers: Sequence[int]):
        self.tiles, self.numbers = tiles, np.asarray(numbers)

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
        number = int(np.searchsorted(self.last, index, side="right"))
        before = int(self.last[number - 1]) if number else 0
        return self.sources[number].crop(index - before, rng, size)


def open_ground(
    folders: Sequence[Path],
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
    for store in map(read_store, stores):
        numbers, groups = _chosen_tiles(store, hold_out, validation_share, split)
        if numbers:
            sources.append(Pictures(Chosen(store.tiles, numbers), groups))
    if len(files) == 1 and not stores:
        sources.append(Pictures([_rows(read_rgb(files[0]), validation_share, split)]))
    elif chosen := _chosen(files, validation_share, split):
        sources.append(Pictures(_decoded(chosen), _numbered([path.parent for path in chosen])))
    if not sources:
        raise EmptyDatasetError(
            f"No pictures for {split} in {', '.join(map(str, folders))}. Expected .jpg, .png or .tif files or a tile "
            f"store of `prepare ground`; check {option}, or leave it out for the built-in procedural ground."
        )
    return sources[0] if len(sources) == 1 else Joined(sources)


def find(
    folders: Sequence[Path], hold_out: Sequence[str] = (), option: str = "--data.ground"
) -> tuple[list[Path], list[Path]]:
    """Tile stores and picture files under `folders`, which may be pictures, too; sorted, without `hold_out`."""
    stores: list[Path] = []
    files: list[Path] = []
    for folder in folders:
        if folder.is_file() and is_picture(folder):
            files.append(folder)
            continue
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder or picture. Expected a folder of pictures; check {option}.")
        inside = [p for p in sorted(folder.rglob("*")) if not _held_out(p.relative_to(folder), hold_out)]
        stores += [p.parent for p in inside if p.name == INDEX]
        files += [p for p in inside if p.is_file() and is_picture(p)]
    return stores, files


def _held_out(path: Path, hold_out: Sequence[str]) -> bool:
    return any(part in hold_out for part in path.parts)


def _chosen(files: Sequence[Path], share: float, split: str) -> list[Path]:
    """The files of `split`: of each folder its last names for validation; of very few files the very last one."""
    chosen: list[Path] = []
    for parent in sorted({path.parent for path in files}):
        here = [path for path in files if path.parent == parent]
        mine = part(len(here), share, "validation")
        chosen += here[mine.start : mine.stop]
    validation = set(chosen or files[-1:])
    return [path for path in files if (path in validation) == (split == "validation")]


def _rows(picture: np.ndarray, share: float, split: str) -> np.ndarray:
    """The rows of an only picture that belong to `split`; at least one either way."""
    kept = min(max(round(len(picture) * (1.0 - share)), 1), max(len(picture) - 1, 1))
    return picture[kept:] if split == "validation" and len(picture) > 1 else picture[:kept]


def _chosen_tiles(
    store: Store, hold_out: Sequence[str], share: float, split: str
) -> tuple[list[int], list[int]]:
    """Numbers of the tiles of `split`, and of the folder each came from: of each folder its last for validation."""
    numbers: list[int] = []
    folders: list[Path] = []
    for folder in sorted({origin.file.parent for origin in store.origins}):
        if _held_out(folder, hold_out):
            continue
        here = [n for origin in store.origins if origin.file.parent == folder for n in origin.numbers]
        mine = part(len(here), share, split)
        numbers += here[mine.start : mine.stop]
        folders += [folder] * len(mine)
    return numbers, _numbered(folders)


def _numbered(folders: Sequence[Path]) -> list[int]:
    places = {folder: number for number, folder in enumerate(sorted(set(folders)))}
    return [places[folder] for folder in folders]


def part(count: int, share: float, split: str) -> range:
    """Which of `count` things in order belong to `split` ("training" or "validation", the end)."""
    kept = count - round(count * share)
    return range(kept, count) if split == "validation" else range(kept)


def _decoded(files: Iterable[Path]) -> list[np.ndarray]:
    """Each file as uint8; the first gibibyte in memory, the rest mapped from a temporary file that has no name."""
    pictures: list[np.ndarray] = []
    spill, held = None, 0
    for path in files:
        picture = read_rgb(path)
        held += picture.nbytes
        if held > IN_MEMORY:
            spill = spill or tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the maps of it
            offset = spill.seek(0, 2)
            spill.write(picture.tobytes())
            spill.flush()
            picture = np.memmap(spill, np.uint8, "r", offset, picture.shape)
        pictures.append(picture)
    return pictures
