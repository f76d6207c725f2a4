"""The passes over one scene as a graph of dask tasks: each reads its own part of the scene, and none runs until asked.

What the tasks do is what `remove` does, with the same windows in the same batches, so that the values are the same.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import InputError
from cloud_removal.inference import context as contexts
from cloud_removal.inference.compose import Piece, Thresholds
from cloud_removal.inference.context import Nodes
from cloud_removal.inference.model import Card, Model
from cloud_removal.inference.raster import held
from cloud_removal.inference.scaling import Scaling
from cloud_removal.inference.scene import PIXELS_A_BATCH, Task, pieces, seen_of
from cloud_removal.inference.statistics import Sample, sample, spread
from cloud_removal.inference.windows import Area, Window, groups, plan

if TYPE_CHECKING:
    import dask.array as da

Choose = Callable[[Sample], Scaling]
"""How the values of a scene become pictures, by its statistics."""


@dataclass(frozen=True)
class Work:
    """What is to be done with an array, told to every task."""

    height: int
    width: int
    nodata: float | None
    card: Card
    content: str
    """A hash of what the model computes with."""
    thresholds: Thresholds
    choose: Choose


@dataclass
class _Parts:
    """Parts of a scene (3, H, W) that are in memory, as what windows are read from."""

    height: int
    width: int
    nodata: float | None
    parts: Mapping[Area, NDArray]

    def read(self, area: Area) -> tuple[NDArray, NDArray[np.bool_]]:
        """Values (3, H, W) in one of the areas that are held, and where they hold data."""
        values = self.parts[area]
        return values, held(values, [self.nodata] * len(values))


@dataclass(frozen=True)
class _Brightness:
    """What the statistics pass finds."""

    scaling: Scaling
    median: NDArray[np.float32]


def restored(scene: "da.Array", work: Work, window: int) -> tuple["da.Array", "da.Array", "da.Array"]:
    """Values (3, H, W), opacity (H, W) float32 and provenance (H, W) uint8 of `scene` (3, H, W), none computed yet.

    `window`: largest side in pixels of a piece, which is a chunk of the results.
    """
    from dask import delayed

    def cut(area: Area) -> Any:
        return scene[:, area.top : area.bottom, area.left : area.right]

    areas = list(spread(work.height, work.width))
    found = delayed(_brightness, pure=True)(work, areas, [cut(area) for area in areas])
    nodes = _nodes(work, found, cut)
    windows = plan(work.height, work.width, window, work.card.grid)
    done: list[Any] = []
    for batch in groups(windows, PIXELS_A_BATCH):
        frames = [cut(seen_of(one, work.height, work.width)) for one in batch]
        answer = delayed(_pieces, pure=True)(work, found, nodes, batch, frames)
        done += [answer[place] for place in range(len(batch))]
    return (
        _joined(windows, done, "values", scene.dtype, (3,)),
        _joined(windows, done, "opacity", np.dtype(np.float32)),
        _joined(windows, done, "provenance", np.dtype(np.uint8)),
    )


def _nodes(work: Work, found: Any, cut: Callable[[Area], Any]) -> Any:
    """The task of the picture-wide statistics, None where the network has none."""
    from dask import delayed

    context = work.card.context
    if context is None:
        return None
    side = min(context.window, work.height), min(context.window, work.width)
    looks = [
        delayed(_looked, pure=True)(work, found, some, side, [cut(Area(*place, *side)) for place in some])
        for some in contexts.places(work.height, work.width, context.window, context.spacing)
    ]
    return delayed(_all_nodes, pure=True)(work, looks)


def _joined(
    windows: Sequence[Window], done: Sequence[Any], name: str, dtype: np.dtype, bands: tuple[int, ...] = ()
) -> "da.Array":
    """One array out of what the pieces hold under `name`."""
    import dask.array as da

    rows: dict[int, list[da.Array]] = {}
    for window, piece in zip(windows, done, strict=True):
        shape = (*bands, window.core.height, window.core.width)
        rows.setdefault(window.core.top, []).append(da.from_delayed(getattr(piece, name), shape, dtype=dtype))
    return da.block(list(rows.values()))


@functools.lru_cache(maxsize=2)
def _model(folder: Path, content: str) -> Model:
    """The model in `folder`, loaded once a process. `content` tells apart models exchanged under one name."""
    return Model.load(folder)


def _task(work: Work, found: _Brightness, parts: Mapping[Area, NDArray]) -> Task:
    source = _Parts(work.height, work.width, work.nodata, parts)
    model = _model(work.card.folder, work.content)
    return Task(source, model, found.scaling, work.thresholds, found.median)


def _brightness(work: Work, areas: Sequence[Area], parts: Sequence[NDArray]) -> _Brightness:
    source = _Parts(work.height, work.width, work.nodata, dict(zip(areas, parts, strict=True)))
    some = any(source.read(area)[1].any() for area in areas)
    seen = sample(work.height, work.width, source.read) if some else None
    if seen is None:
        raise InputError(
            f"The array holds no data at any of {len(areas)} places all over it: all there is nodata or NaN. "
            "Cut it to where there is data, or correct its nodata value."
        )
    scaling = work.choose(seen)
    median = np.array(seen.median).reshape(3, 1, 1)
    return _Brightness(scaling, scaling.to_network(median)[0, 0])


def _looked(
    work: Work, found: _Brightness, some: Sequence[contexts.Place], side: tuple[int, int], parts: Sequence[NDArray]
) -> dict[contexts.Place, NDArray[np.float32]]:
    areas = [Area(*place, *side) for place in some]
    task = _task(work, found, dict(zip(areas, parts, strict=True)))

    def read(area: Area, out: NDArray[np.float32]) -> bool:
        return bool(task.picture(area, out)[1].any())

    return contexts.looked(some, side, work.card.grid.smallest, read, task.model.context)


def _all_nodes(work: Work, looks: Sequence[dict[contexts.Place, NDArray[np.float32]]]) -> Nodes:
    context = work.card.context
    if context is None:
        raise TypeError(f"{work.card.title} takes no picture-wide statistics.")
    values = {place: value for look in looks for place, value in look.items()}
    return contexts.joined(work.height, work.width, context.window, context.spacing, context.size, values)


def _pieces(
    work: Work, found: _Brightness, nodes: Nodes | None, batch: Sequence[Window], frames: Sequence[NDArray]
) -> list[Piece]:
    areas = [seen_of(window, work.height, work.width) for window in batch]
    return pieces(_task(work, found, dict(zip(areas, frames, strict=True))), batch, nodes)
