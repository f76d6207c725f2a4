"""What comes after the network: stages, each of which makes finished windows into other finished windows.

A stage reads windows and writes those that it changes anew beside them (`blocks.Layer`), so that it works from what
was there before it began, goes on after a kill, and needs memory for one window. What it makes of a place must not
depend on how the scene was cut. Stages follow one another in a fixed order: shadows (too deep ones count as opaque
cloud from there on), other dates, opaque cloud.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, Self

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.raster import Scene
from cloud_removal.inference.scene import Task

Advance = Callable[[int, int], None]
"""Is told of the pixels just finished and of all that are to be done."""


class Stage(Protocol):
    """One step from the network's answer to the result."""

    @property
    def with_opacity(self) -> bool:
        """Whether it reads the opacity of finished windows, which is not kept otherwise."""
        ...

    def check(self, scene: Scene, output: Path) -> None:
        """Raises a CloudRemovalError, before any work is done, where it cannot do its own."""
        ...

    def identity(self) -> dict[str, Any]:
        """What a killed run must have in common with the one that goes on from it."""
        ...

    def legend(self) -> dict[str, str]:
        """Tags of the provenance raster: PROVENANCE_n for each code that only this stage makes, and its settings."""
        ...

    def remarks(self) -> list[str]:
        """What a user should know of it, a line each."""
        ...

    def loaded(self) -> Self:
        """The same with its models in memory."""
        ...

    def applied(self, task: Task, finished: Blocks, advance: Advance) -> tuple[Blocks, dict[str, Any]]:
        """`finished` with it done, and fields of the `Summary` that tell of it."""
        ...


class Progress:
    """Pixels done, of the scene and then of each stage on top of it."""

    def __init__(self, pixels: int, advance: Advance):
        """`pixels` of the scene, which come first; `advance` is told of all."""
        self._total, self._advance = pixels, advance

    def windows(self, done: int) -> None:
        """Pixels of the scene are done."""
        self._advance(done, self._total)

    def stage(self) -> Advance:
        """What the next stage tells of its own pixels."""
        before = self._total

        def advance(done: int, own: int) -> None:
            self._total = before + own
            self._advance(done, self._total)

        return advance
