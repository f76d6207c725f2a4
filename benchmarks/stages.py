"""Where the processor's time goes in `remove`: core-seconds of each step, with all threads that libraries start.

The steps run one after another here, so that what the process spends meanwhile belongs to one of them. A scene runs in
a process of its own: `python -m benchmarks.stages SIDE MODEL`.
"""

import contextlib
import functools
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

REST = "rest"


class Record:
    """Core-seconds by step; a step within another is called "outer: inner" and not charged to the outer one."""

    def __init__(self, clock: Callable[[], float] = time.process_time):
        self.spent: dict[str, float] = defaultdict(float)
        self._clock, self._since = clock, clock()
        self._running: list[str] = []

    def charge(self) -> None:
        """Charges what was spent since the last time to the step that runs."""
        now = self._clock()
        self.spent[": ".join(self._running) or REST] += now - self._since
        self._since = now

    def timed(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """`function` as a step."""

        @functools.wraps(function)
        def step(*args: Any, **options: Any) -> Any:
            self.charge()
            self._running.append(name)
            try:
                return function(*args, **options)
            finally:
                self.charge()
                self._running.pop()

        return step


@contextlib.contextmanager
def recorded() -> Iterator[Record]:
    """All steps of `remove` inside run in turn and are recorded."""
    from cloud_removal.inference import assemble, blocks, context, model, pipeline, raster, scaling, scene, strips

    record = Record()
    steps: tuple[tuple[Any, str, str], ...] = (
        (raster.Scene, "content", "hashing"),
        (pipeline, "fingerprint", "hashing"),
        (raster.Scene, "sample", "statistics"),
        (context, "measure", "context"),
        (pipeline, "restore", "windows"),
        (assemble, "result", "assembling"),
        (strips, "first_difference", "verifying"),
        (raster.Scene, "read", "reading"),
        (scaling.Scaling, "to_network", "scaling"),
        (model.Model, "context", "network"),
        (model.Model, "restore", "network"),
        (scene, "compose", "compositing"),
        (blocks.Partial, "save", "raw blocks"),
    )
    with contextlib.ExitStack() as patches:
        for room in (scene, context, strips):
            patches.enter_context(mock.patch.object(room, "overlapped", in_turn))
        for owner, name, title in steps:
            patches.enter_context(mock.patch.object(owner, name, record.timed(getattr(owner, name), title)))
        yield record
        record.charge()


def in_turn(
    items: Iterable[Any], read: Callable[..., Any], compute: Callable[..., Any], write: Callable[..., None]
) -> None:
    """What `inference.overlap.overlapped` does, in one thread."""
    for item in items:
        loaded = read(item)
        write(loaded, compute(loaded))


def run(side: int, model: Path) -> dict[str, float]:
    """Core-seconds by step of `remove` on a made-up scene of `side` × `side` px, costliest first."""
    from benchmarks.scenes import write_scene
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.pipeline import remove
    from cloud_removal.inference.settings import Settings

    loaded = Model.load(model)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "scene.tif"
        write_scene(source, side)
        with recorded() as record:
            remove(source, Path(folder) / "clear.tif", loaded, Settings(scale=10000.0))
    return dict(sorted(record.spent.items(), key=lambda step: -step[1]))


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]), Path(sys.argv[2]))))
