"""Training on more pictures than memory: in small here, in full by `python -m benchmarks large_data`."""

import dataclasses
import json
import os
import resource
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import large_data
from cloud_removal.config import Data, Run
from cloud_removal.data import store
from cloud_removal.data.batches import make_batch, open_sources
from cloud_removal.data.store import read_store
from cloud_removal.data.tiles import cut

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux limits a process's own data")
SIDE, COUNT, LINKS = 512, 768, 96
MIB = 2**20
ALLOWED = 128 * MIB


@contextmanager
def limited(more):
    """This process may take so many bytes beside what it has."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (large_data.memory()["VmData"] + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.fixture
def tiles(tmp_path):
    """A store of 576 MiB, most of which takes no room on the disk."""
    held = np.lib.format.open_memmap(tmp_path / store.TILES, "w+", np.uint8, (COUNT, SIDE, SIDE, 3))
    held[:: COUNT // 8, ::64] = np.arange(8, dtype=np.uint8)[:, None, None, None] + 1
    origins = [{"file": "a.tif", "first": 0, "count": COUNT}]
    (tmp_path / store.INDEX).write_text(json.dumps({"count": COUNT, "size": SIDE, "origins": origins}))
    return tmp_path


@pytest.fixture
def shards(tmp_path):
    """Shards of as much, of which there is but one under many names."""
    picture = np.random.default_rng(0).integers(0, 255, (2 * SIDE, COUNT // LINKS // 2 * SIDE, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    cut(tmp_path / "a.png", tmp_path / "shards", SIDE, kind="tfrecord")
    large_data.repeated(tmp_path / "shards", LINKS, copy=os.link)
    return tmp_path / "shards"


@pytest.mark.parametrize("kind", ["tiles", "shards"])
def test_batches_of_data_larger_than_the_memory_allowed_are_those_drawn_without_a_limit(kind, request):
    folder = request.getfixturevalue(kind)
    assert sum(file.stat().st_size for file in folder.iterdir()) > 4 * ALLOWED
    run = dataclasses.replace(Run("unet", batch_size=4, size=64), data=Data(ground=(folder,)))

    def batches():
        sources = open_sources(run, "training")
        return [make_batch(sources, run, "training", index)["ground"] for index in range(4)]

    with limited(ALLOWED):
        drawn = batches()
    np.testing.assert_array_equal(drawn, batches())


def test_a_store_repeated_holds_its_tiles_again_and_again(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (16, 32, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    for kind in ("store", "tfrecord"):
        before = cut(tmp_path / "a.png", tmp_path / kind, 16, kind=kind, shard=1)
        first = np.stack([before.tiles[0], before.tiles[1]])
        large_data.repeated(tmp_path / kind, 3)
        after = read_store(tmp_path / kind).tiles
        np.testing.assert_array_equal(np.stack([after[n] for n in range(len(after))]), np.tile(first, (3, 1, 1, 1)))


def test_the_limit_is_one_that_reading_everything_would_not_keep(tiles):
    with limited(ALLOWED), pytest.raises(MemoryError):
        np.array(read_store(tiles).tiles)


def test_memory_beyond_what_is_allowed_and_batches_slower_than_the_step_are_missed():
    numbers = {"size": 2048 * MIB, "taken": 300 * MIB, "own": 900 * MIB, "pages": 0, "rate": 2.0}
    found = {row.name: row for row in large_data.rows({"store": numbers}, allowed=256, consumed=3.0)}
    assert found["store: data over memory allowed"].value == 8.0
    assert [name for name, row in found.items() if row.reached is False] == [
        "store: own memory taken",
        "store: batches",
    ]
