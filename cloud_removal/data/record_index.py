"""Where the records of TFRecord files begin, so that each can be read by its number."""

import contextlib
import io
import re
import struct
import sys
import zipfile
from array import array
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from cloud_removal.config import Url
from cloud_removal.data.crc32c import masked_crc32c
from cloud_removal.data.storage import READERS, Local, Remote, Storage
from cloud_removal.errors import InputError
from cloud_removal.files import write_atomically

INDEX = "record-index.npz"
"""File beside shards that says where their records begin."""
NAME = re.compile(r"\.tfrecords?(-\d{5}-of-\d{5})?$")
HEADER = struct.Struct("<QI")
"""What stands before a record: its bytes, and their checksum."""
AROUND = HEADER.size + 4
"""Bytes of a record beside its content: the header, and the checksum of the content."""
BLOCK = 2**16
"""Bytes read at once where only headers are sought."""


def is_shard(name: str) -> bool:
    """Whether a file is called as TFRecord files are: `x.tfrecord`, `x.tfrecord-00000-of-00010`."""
    return NAME.search(name) is not None


@dataclass(frozen=True)
class Index:
    """Where the records of some shards begin.

    `names` of the shards, `sizes` in bytes (S,), `last` the number of records up to the end of each (S,), and
    `starts`, the byte of its shard at which a record begins (N,); int64.
    """

    names: tuple[str, ...]
    sizes: np.ndarray
    last: np.ndarray
    starts: np.ndarray

    def record(self, number: int) -> tuple[int, int, int, int]:
        """Number of its shard, number there, first byte and the byte after the last of record `number` of all."""
        shard = int(np.searchsorted(self.last, number, side="right"))
        there = number - (int(self.last[shard - 1]) if shard else 0)
        stop = self.sizes[shard] if number + 1 == self.last[shard] else self.starts[number + 1]
        return shard, there, int(self.starts[number]), int(stop)

    def packed(self) -> bytes:
        """The content of the file INDEX."""
        content = io.BytesIO()
        np.savez(content, names=np.array(self.names), sizes=self.sizes, last=self.last, starts=self.starts)
        return content.getvalue()


def index_of(storage: Storage, names: Sequence[str]) -> Index:
    """Where the records of shards begin: as the file INDEX beside them says, or else by reading through their headers.

    What was found is kept in that file, where a folder of this machine may be written to and the file does not tell of
    further shards, and else as long as the program runs. InputError names a shard that is cut off, or no TFRecord file.
    """
    told: tuple[str, ...] = ()
    if storage.has(INDEX):
        index = read_index(storage)
        told = index.names
        if index.names == tuple(names) and not _outdated(storage, index):
            return index
    if isinstance(storage, Remote):
        return _indexed_once(storage.folder, tuple(names))
    index = _indexed(storage, names)
    if isinstance(storage, Local) and all(name in names or not storage.has(name) for name in told):
        with contextlib.suppress(OSError):  # It may not be written to: the index is made again the next time.
            write_atomically(storage.folder / INDEX, index.packed())
    return index


def length_of(header: bytes, where: str) -> int:
    """Bytes of the record that `header` stands before."""
    length, checksum = HEADER.unpack(header)
    if masked_crc32c(header[:8]) != checksum:
        raise InputError(f"{where} is damaged, or the file is no TFRecord file, or a compressed one.")
    return int(length)


def read_index(storage: Storage) -> Index:
    """The file INDEX of a folder; InputError where it is damaged."""
    try:
        with np.load(io.BytesIO(storage.read(INDEX)), allow_pickle=False) as file:
            names = tuple(map(str, file["names"]))
            return Index(names, file["sizes"], file["last"], file["starts"])
    except (ValueError, KeyError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{storage.at(INDEX)}: damaged ({error}). Remove it.") from error


def refuse_cut_off(storage: Storage, index: Index) -> None:
    """InputError with the first record that is missing, where a shard is not as long as when it was written."""
    for shard, (name, size) in enumerate(zip(index.names, index.sizes, strict=True)):
        held = storage.size(name)
        if held != size:
            first = int(index.last[shard - 1]) if shard else 0
            missing = int(np.searchsorted(index.starts[first : index.last[shard]], held, side="right")) - 1
            raise InputError(
                f"{storage.at(name)} has {held} bytes and should have {size}: cut off in record {missing}. "
                "Fetch or write the file again."
            )


def _outdated(storage: Storage, index: Index) -> bool:
    """Whether a shard was changed since. Elsewhere the shards are not looked at one by one: reading a record shows."""
    if not isinstance(storage, Local):
        return False
    made = (storage.folder / INDEX).stat().st_mtime
    shards = [(storage.folder / name).stat() for name in index.names]
    return any(s.st_size != size or s.st_mtime > made for s, size in zip(shards, index.sizes, strict=True))


@lru_cache(maxsize=16)
def _indexed_once(folder: Url, names: tuple[str, ...]) -> Index:
    return _indexed(Remote(folder), names)


def _indexed(storage: Storage, names: Sequence[str]) -> Index:
    print(f"Finding the records of {len(names)} TFRecord file(s) in {storage.at('')}", file=sys.stderr)
    with ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(lambda name: _starts(storage, name), names))
    counts = np.array([len(starts) for starts, _ in found])
    starts = np.concatenate([starts for starts, _ in found])
    return Index(tuple(names), np.array([size for _, size in found]), np.cumsum(counts), starts)


def _starts(storage: Storage, name: str) -> tuple[np.ndarray, int]:
    """At which bytes the records of a shard begin, and its size in bytes."""
    size = storage.size(name)
    starts, begin, block, at = array("q"), 0, b"", 0
    while at < size:
        where = f"{storage.at(name)}: record {len(starts)}"
        if at + HEADER.size > begin + len(block):
            begin, block = at, storage.read(name, at, min(at + max(BLOCK, HEADER.size), size))
        header = block[at - begin : at - begin + HEADER.size]
        if len(header) < HEADER.size:
            raise InputError(f"{where} is cut off. Fetch or write the file again.")
        starts.append(at)
        at += length_of(header, where) + AROUND
    if at > size:
        raise InputError(f"{storage.at(name)}: record {len(starts) - 1} is cut off. Fetch or write the file again.")
    return np.array(starts, np.int64), size
