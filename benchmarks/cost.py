"""What a megapixel costs `remove` at 1, 16 and 120 megapixels, its model warm; and what runs at the same time.

A pass over a scene reads, computes and writes at once. Here its three stages are timed one after another, each alone
with all cores, and then together: what they take together lies between the slowest and the sum.

All of it in a process of its own: `python -m benchmarks.cost SIDE ...`.
"""

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.remove import in_own_process
from benchmarks.scenes import write_scene
from benchmarks.stages import in_turn
from benchmarks.table import Row

SIDES, QUICK_SIDES = (1000, 4000, 10980), (96, 128, 160)
REPEATS = 9
"""Of the smallest scene; the others take long enough."""
WINDOWS, RASTER = "windows", "raster"
STAGES = {
    WINDOWS: ("reading", "network", "compositing and writing"),
    RASTER: ("reading blocks", "compressing and writing", "checksums"),
}
"""What is read, computed and written at once: in the pass of windows, and where the result is assembled."""

Pass = Callable[..., None]
"""As `inference.overlap.overlapped`."""


@dataclass
class Spent:
    """Seconds of one pass: of its three stages, and from beginning to end."""

    stages: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    wall: float = 0.0


def measure(quick: bool) -> list[Row]:
    """Rows of seconds a megapixel by size, and of what overlaps with what."""
    sides = QUICK_SIDES if quick else SIDES
    return rows(sides, in_own_process("benchmarks.cost", *sides))


def rows(sides: tuple[int, ...], found: dict[str, Any]) -> list[Row]:
    """The table of what `run` found out about scenes of `sides` px a side."""
    each = [1e6 * seconds / side**2 for side, seconds in zip(sides, found["seconds"], strict=True)]
    *_, megapixels = sizes = [side**2 / 1e6 for side in sides]
    table = [Row("model loaded in", found["load"], "s")]
    table += [Row(f"remove {size:.4g} MP, warm", cost, "s/MP") for size, cost in zip(sizes, each, strict=True)]
    more = [100.0 * (cost / each[-1] - 1.0) for cost in each]
    table.append(Row(f"{sizes[0]:.4g} MP dearer than {megapixels:.4g}", more[0], "%", 25.0, at_most=True))
    table.append(Row(f"{sizes[1]:.4g} and {megapixels:.4g} MP differ by", abs(more[1]), "%", 10.0, at_most=True))
    for name, stages in STAGES.items():
        alone, together = found["alone"][name], found["together"][name]["wall"]
        table += [Row(f"{name}: {stage} alone", s, "s") for stage, s in zip(stages, alone["stages"], strict=True)]
        slowest = max(alone["stages"])
        bottleneck = stages[alone["stages"].index(slowest)]
        table.append(Row(f"{name}: one after another", alone["wall"], "s"))
        table.append(Row(f"{name}: together", together, "s", alone["wall"], at_most=True))
        aim = 1.25 if name == WINDOWS else None
        table.append(Row(f"{name}: over the slowest alone", together / slowest, "x", aim, True, f"it is {bottleneck}"))
    return table


def run(sides: list[int]) -> dict[str, Any]:
    """Removes the clouds of made-up scenes of `sides` px a side; the passes of the middle one are taken apart."""
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.pipeline import remove
    from cloud_removal.inference.settings import Settings
    from cloud_removal.model_folder import DEFAULT

    start = time.perf_counter()
    loaded = Model.load(DEFAULT)
    load = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "clear.tif"

        def seconds(side: int) -> float:
            source = Path(folder) / f"{side}.tif"
            if not source.exists():
                write_scene(source, side)
            return remove(source, output, loaded, Settings(scale=10000.0), overwrite=True).seconds

        for side in sides[:2]:  # The first run of a shape of window is not like the others.
            seconds(side)
        smallest = sorted(seconds(sides[0]) for _ in range(REPEATS))[REPEATS // 2]
        with timed(overlapping=False) as alone:
            seconds(sides[1])
        with timed(overlapping=True) as together:
            middle = seconds(sides[1])
        spent = [smallest, middle, *map(seconds, sides[2:])]
    return {"load": load, "seconds": spent, "alone": _as_json(alone), "together": _as_json(together)}


@contextlib.contextmanager
def timed(overlapping: bool) -> Iterator[dict[str, Spent]]:
    """The passes of `remove` inside, by name: their stages one after another, or at the same time as always."""
    from cloud_removal.inference import context, scene, strips

    found = {WINDOWS: Spent(), RASTER: Spent()}
    with contextlib.ExitStack() as patches:
        for room, name in ((scene, WINDOWS), (strips, RASTER)):
            way = room.overlapped if overlapping else in_turn
            patches.enter_context(mock.patch.object(room, "overlapped", clocked(way, found[name])))
        if not overlapping:
            patches.enter_context(mock.patch.object(context, "overlapped", in_turn))
        yield found


def clocked(way: Pass, spent: Spent) -> Pass:
    """The pass `way`, which adds to `spent` what it and each of its stages takes."""

    def stage(number: int, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*things: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*things)
            finally:
                spent.stages[number] += time.perf_counter() - start

        return run

    def timed_pass(items: Iterable[Any], *functions: Callable[..., Any]) -> None:
        start = time.perf_counter()
        way(items, *(stage(number, function) for number, function in enumerate(functions)))
        spent.wall += time.perf_counter() - start

    return timed_pass


def _as_json(found: dict[str, Spent]) -> dict[str, dict[str, Any]]:
    return {name: {"stages": spent.stages, "wall": spent.wall} for name, spent in found.items()}


if __name__ == "__main__":
    print(json.dumps(run([int(side) for side in sys.argv[1:]])))
