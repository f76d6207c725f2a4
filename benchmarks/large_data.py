"""Training on more pictures than memory: memory and batches a second of a tile store, shards, and shards elsewhere.

Batches are drawn in a process of its own (`python -m benchmarks.large_data DATA MEBIBYTES BATCHES`) that may not
take more than so many mebibytes beside what it has before it opens the data: RLIMIT_DATA of Linux, which counts
memory of the process's own and not pages of files, which the system takes back when it needs them. Resident memory is
told apart the same way: RssAnon is the process's own.
"""

import dataclasses
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from benchmarks.remove import in_own_process
from benchmarks.table import Row
from cloud_removal.config import Data, Location, Run, location
from cloud_removal.data import record_index
from cloud_removal.data.storage import Local
from cloud_removal.data.store import INDEX, TILES

AWAY = 0.05
"""Seconds that a part of a file takes to come from the simulated object store."""
ENOUGH = 1.0
"""Times what the training step consumes that must come."""
TIMES = 3.0
"""How many times as large as the memory allowed the data is at least."""


@dataclass(frozen=True)
class Extent:
    """How much is drawn from."""

    side: int
    """Of the picture that tiles are cut from, in pixels; a multiple of that of the tiles."""
    tile: int
    times: int
    """How often its tiles stand in the store."""
    allowed: int
    """Mebibytes that the process may take."""
    batches: int


FULL = Extent(side=4096, tile=512, times=40, allowed=384, batches=60)
QUICK = Extent(side=512, tile=128, times=2, allowed=384, batches=4)


def measure(quick: bool) -> list[Row]:
    """Rows of a store and shards here, and of both AWAY from here; and of what the training step takes."""
    extent = QUICK if quick else FULL
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        _in_process(_picture, Path(folder) / "ground.png", extent)
        for kind in ("store", "tfrecord"):
            data = Path(folder) / kind
            _in_process(_cut, Path(folder) / "ground.png", data, extent, kind)
            size = sum(file.stat().st_size for file in data.iterdir())
            for name, place in ((kind, str(data)), (f"{kind}, {1000 * AWAY:.0f} ms away", f"away://{data}")):
                numbers = in_own_process("benchmarks.large_data", place, extent.allowed, extent.batches)
                found[name] = numbers | {"size": size}
            for file in data.iterdir():
                file.unlink()
    from benchmarks.pipeline import _consumed

    run = _run()
    return rows(found, extent.allowed, _consumed(run, quick) / run.batch_size)


def rows(found: dict[str, dict[str, float]], allowed: int, consumed: float) -> list[Row]:
    """The table of what `drawn` found out by kind of data; `consumed` batches a second are what training takes."""
    table = [Row("training step of the default preset", consumed, "batches/s")]
    for name, numbers in found.items():
        size = numbers["size"] / 2**20
        table += [
            Row(f"{name}: data over memory allowed", size / allowed, "x", TIMES, note=f"{size:,.0f} MiB"),
            Row(f"{name}: own memory taken", numbers["taken"] / 2**20, "MiB", allowed, at_most=True),
            Row(f"{name}: own memory of the whole process", numbers["own"] / 2**20, "MiB"),
            Row(f"{name}: pages of files", numbers["pages"] / 2**20, "MiB", note="taken back at need"),
            Row(f"{name}: batches", numbers["rate"], "batches/s", ENOUGH * consumed),
        ]
    return table


def drawn(data: Location, allowed: int, count: int) -> dict[str, float]:
    """Draws `count` training batches of the default preset. Returns bytes taken, own and of files, and batches/s."""
    import itertools

    from cloud_removal.data.batches import restoration_batches

    for _ in restoration_batches(_run(), "training").take(3):  # Libraries and threads are there before it counts.
        pass
    before = memory()
    limit(memory()["VmData"] + allowed * 2**20)
    batches = iter(restoration_batches(_run(data), "training"))
    peak = dict.fromkeys(before, 0)
    start = time.perf_counter()
    for number, _ in enumerate(itertools.islice(batches, count)):
        peak = {name: max(peak[name], held) for name, held in memory().items()}
        if number == count // 5:  # What had been made before anything was drawn is not counted.
            start = time.perf_counter()
    rate = (count - 1 - count // 5) / (time.perf_counter() - start)
    own = peak["RssAnon"]
    return {"taken": own - before["RssAnon"], "own": own, "pages": peak["RssFile"], "rate": rate}


def memory() -> dict[str, int]:
    """Bytes of this process: VmData, which RLIMIT_DATA limits, and of what is resident RssAnon and RssFile."""
    with open("/proc/self/status", encoding="utf-8") as lines:
        told = dict(line.split(":", 1) for line in lines)
    return {name: int(told[name].split()[0]) * 1024 for name in ("VmData", "RssAnon", "RssFile")}


def limit(most: int) -> None:
    """From now on this process has at most so many bytes of its own."""
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def _run(*data: Location) -> Run:
    import configure

    return dataclasses.replace(configure.DEFOG[configure.DEFOG_DEFAULT], data=Data(ground=data))


def repeated(store: Path, times: int, copy: Callable[[Path, Path], object] = shutil.copyfile) -> None:
    """Makes a store, or shards, that many times as large, of the same tiles again and again."""
    index = json.loads((store / INDEX).read_text())
    if "shards" in index:
        before = record_index.read_index(Local(store))
        names = [f"{number}-{name}" for number in range(times - 1) for name in before.names]
        for name in names:
            copy(store / name.partition("-")[2], store / name)
        each = int(before.last[-1])
        last = np.concatenate([before.last + number * each for number in range(times)])
        sizes, starts = np.tile(before.sizes, times), np.tile(before.starts, times)
        after = record_index.Index((*before.names, *names), sizes, last, starts)
        (store / record_index.INDEX).write_bytes(after.packed())
        index["shards"] = after.names
    else:
        tiles = np.load(store / TILES)
        count, *shape = tiles.shape
        held = np.lib.format.open_memmap(store / TILES, "w+", np.uint8, (times * count, *shape))
        for number in range(times):
            held[number * count : (number + 1) * count] = tiles
    count = times * index["count"]
    index |= {"count": count, "origins": [{"file": "ground.png", "first": 0, "count": count}]}
    (store / INDEX).write_text(json.dumps(index))


def _picture(file: Path, extent: Extent) -> None:
    """Procedural ground with the noise of a sensor, as PNG."""
    from cloud_removal.data.terrain import terrain

    rng = np.random.Generator(np.random.Philox(3))
    ground = cv2.resize(terrain(rng, min(extent.side, 1024)), (extent.side, extent.side))
    noisy = ground * 255 + 6 * rng.standard_normal(ground.shape, np.float32)
    cv2.imwrite(str(file), np.clip(noisy, 0, 255).astype(np.uint8)[..., ::-1])


def _cut(picture: Path, data: Path, extent: Extent, kind: str) -> None:
    from cloud_removal.data.tiles import cut

    cut(picture, data, extent.tile, kind="store" if kind == "store" else "tfrecord", shard=2**25)
    repeated(data, extent.times)


def _in_process(function: object, *arguments: object) -> None:
    """Calls it in a process that ends: its memory is not that of the others."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)  # type: ignore[arg-type]
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("The data could not be made.")


def _open_the_far_away() -> None:
    """Files of this machine under away://, each part of which takes AWAY seconds to come, as from an object store."""
    import fsspec
    from fsspec.implementations.local import LocalFileSystem

    class Away(LocalFileSystem):
        protocol = "away"

        def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: object) -> bytes:
            time.sleep(AWAY)
            return bytes(super().cat_file(path, start, end, **options))

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return str(super()._strip_protocol(path.removeprefix("away://")))

    fsspec.register_implementation("away", Away, clobber=True)


if __name__ == "__main__":
    _open_the_far_away()
    print(json.dumps(drawn(location(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
