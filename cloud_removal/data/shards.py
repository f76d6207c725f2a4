"""Tiles into TFRecord files of a bounded size, with the index that lets each be read by its number."""

import contextlib
import os
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from cloud_removal.data.record_index import AROUND, INDEX, Index
from cloud_removal.data.records import example
from cloud_removal.errors import OutputError


class ShardWriter:
    """Writes tiles into `tiles-00000-of-00003.tfrecord` … of a folder, each of about `most` bytes, and their INDEX.

    Written by TensorFlow's own writer. OutputError where that fails.
    """

    def __init__(self, folder: Path, most: int):
        self.folder, self.most = folder, most
        self.shards: list[array[int]] = []
        self.sizes: list[int] = []
        self.open: tf.io.TFRecordWriter | None = None

    def append(self, tile: np.ndarray) -> None:
        """Writes a tile, uint8 (H, W, 3), RGB."""
        content = example(tile)
        if self.open is None or self.sizes[-1] + len(content) + AROUND > self.most:
            self._begin()
        assert self.open is not None
        with self._told():
            self.open.write(content)
        self.shards[-1].append(self.sizes[-1])
        self.sizes[-1] += len(content) + AROUND

    def count(self) -> int:
        """How many tiles were written."""
        return sum(map(len, self.shards))

    def cut_back(self, count: int) -> None:
        """Takes all tiles after the first `count` away again; a shard begins with the next."""
        self.close()
        while self.count() > count:
            too_many = self.count() - count
            shard, path = self.shards[-1], self._path(len(self.shards) - 1)
            if too_many >= len(shard):
                path.unlink()
                del self.shards[-1], self.sizes[-1]
            else:
                self.sizes[-1] = shard[-too_many]
                del shard[-too_many:]
                os.truncate(path, self.sizes[-1])

    def finish(self) -> dict[str, object]:
        """Gives the shards their names, which tell how many there are, and writes INDEX. Returns the names."""
        self.close()
        names = [f"tiles-{n:05}-of-{len(self.shards):05}.tfrecord" for n in range(len(self.shards))]
        for number, name in enumerate(names):
            self._path(number).rename(self.folder / name)
        starts = np.concatenate([np.array(shard, np.int64) for shard in self.shards] or [np.zeros(0, np.int64)])
        last = np.cumsum([len(shard) for shard in self.shards])
        (self.folder / INDEX).write_bytes(Index(tuple(names), np.array(self.sizes), last, starts).packed())
        return {"format": 2, "shards": names}

    def close(self) -> None:
        """Lets go of the open file."""
        file, self.open = self.open, None
        if file is not None:
            with self._told():
                file.close()

    def _begin(self) -> None:
        self.close()
        with self._told():
            self.open = tf.io.TFRecordWriter(str(self._path(len(self.shards))))
        self.shards.append(array("q"))
        self.sizes.append(0)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.OpError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.message}). Is the disk full?") from error

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.partial"
