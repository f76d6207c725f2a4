"""The passes over one scene: its statistics, its picture-wide context, then window by window through the network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference import context as contexts
from cloud_removal.inference.blocks import Partial
from cloud_removal.inference.buffers import Buffers
from cloud_removal.inference.compose import Piece, Thresholds, compose, grey_where_missing
from cloud_removal.inference.context import Nodes
from cloud_removal.inference.feather import Feather
from cloud_removal.inference.model import Model
from cloud_removal.inference.overlap import overlapped
from cloud_removal.inference.scaling import Scaling
from cloud_removal.inference.windows import Area, Window, extend, groups

PIXELS_A_BATCH = 1 << 20
"""Windows are put through the network together up to so many pixels (a larger window alone)."""


class Source(Protocol):
    """What windows are read from."""

    height: int
    width: int
    nodata: float | None

    def read(self, area: Area) -> tuple[NDArray, NDArray[np.bool_]]:
        """Values (3, H, W) of red, green and blue, and where each of them holds data (3, H, W)."""
        ...


class Mask(Protocol):
    """What another program says of where clouds are."""

    def floor(self, area: Area, thresholds: Thresholds) -> NDArray[np.float32]:
        """Opacity (H, W) that a pixel has at least."""
        ...

    def shadow(self, area: Area) -> NDArray[np.bool_]:
        """Where (H, W) there is a cloud's shadow and no cloud."""
        ...


class Store(Protocol):
    """Where finished windows go."""

    @property
    def folder(self) -> Path | None:
        """Where a file may lie that is needed meanwhile; None: anywhere."""
        ...

    def has(self, window: Window) -> bool:
        """Whether it is there already."""
        ...

    def save(self, window: Window, piece: Piece) -> None:
        """Keeps it."""
        ...


@dataclass(frozen=True)
class Task:
    """A scene, how its values become pictures, and what is to be done with them."""

    source: Source
    model: Model
    scaling: Scaling
    thresholds: Thresholds
    median: NDArray[np.float32] = field(default_factory=lambda: np.full(3, 0.5, np.float32))
    """Stands in for pixels without data, in [0, 1] per band."""
    mask: Mask | None = None
    """Combined with the network's opacity by the maximum."""

    def picture(
        self, area: Area, out: NDArray[np.float32] | None = None
    ) -> tuple[NDArray, NDArray[np.bool_], NDArray[np.float32]]:
        """Values and where they hold data, as read, and the picture (H, W, 3) in [0, 1], holes filled, in `out`."""
        values, present = self.source.read(area)
        if present.all():
            return values, present, self.scaling.to_network(values, out)
        picture = self.scaling.to_network(np.where(present, values, values.dtype.type(0)), out)
        grey_where_missing(picture, present, self.median)
        return values, present, picture

    def nodes(self) -> Nodes | None:
        """Picture-wide statistics over the scene, None where the network has none."""
        card = self.model.card
        if card.context is None:
            return None

        def read(area: Area, out: NDArray[np.float32]) -> bool:
            _, present, _ = self.picture(area, out)
            return bool(present.any())

        source, context = self.source, card.context
        return contexts.measure(
            source.height, source.width, context.window, context.spacing, context.size, card.grid.smallest,
            read, self.model.context,
        )  # fmt: skip


def nodes_of(task: Task, store: Partial, name: str) -> Nodes | None:
    """Picture-wide statistics of a task, kept in `store` under `name`, so that a run that goes on has the same."""
    card = task.model.card
    kept = None if card.context is None else store.load_array(name)
    if card.context is not None and kept is not None:
        return Nodes(kept, card.context.spacing)
    nodes = task.nodes()
    if nodes is not None:
        store.save_array(name, nodes.values)
    return nodes


_Answers = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Ground (..., H, W, 3) and opacity (..., H, W)."""


@dataclass(frozen=True)
class _Batch:
    windows: Sequence[Window]
    values: list[NDArray]
    present: list[NDArray[np.bool_]]
    pictures: NDArray[np.float32] | None
    """(B, H, W, 3), given back when the network has seen them. None where there is no data in anything that the
    answers would be used for: nothing is asked of the network then."""


def restore(
    task: Task, windows: Sequence[Window], nodes: Nodes | None, store: Store, advance: Callable[[int], None]
) -> None:
    """Puts all windows that `store` does not have through the network; `advance` is told of finished pixels.

    A batch is done anew unless the store has all of it, and all that its answers are blended into, so that what is
    done does not depend on interruptions.
    """
    todo, columns = [], sum(window.core.top == 0 for window in windows)
    for batch in groups(windows, PIXELS_A_BATCH):
        if all(store.has(windows[index]) for window in batch for index in _shown_in(window, columns)):
            advance(_pixels(batch))
        else:
            todo.append(batch)
    buffers = Buffers()
    with Feather(store.folder) as feather:
        finished = _core_of if task.model.card.grid.exact else feather.blended

        def write(batch: _Batch, answers: _Answers | None) -> None:
            for place, window in enumerate(batch.windows):
                answer = None if answers is None else finished(window, answers[0][place], answers[1][place])
                if not store.has(window):
                    store.save(window, _piece(task, batch, place, answer))
            advance(_pixels(batch.windows))

        overlapped(
            todo, lambda batch: _read(task, batch, buffers), lambda batch: _asked(task, batch, nodes, buffers), write
        )


def pieces(task: Task, batch: Sequence[Window], nodes: Nodes | None) -> list[Piece]:
    """One batch of windows (`windows.groups`) put through a network for which windows are exact."""
    buffers = Buffers()
    read = _read(task, batch, buffers)
    answers = _asked(task, read, nodes, buffers)
    cores = [None if answers is None else _core_of(w, answers[0][i], answers[1][i]) for i, w in enumerate(batch)]
    return [_piece(task, read, place, core) for place, core in enumerate(cores)]


def seen_of(window: Window, height: int, width: int) -> Area:
    """What of a window's frame lies in a scene of `height` × `width` px."""
    frame = window.frame
    return Area(frame.top, frame.left, min(frame.height, height - frame.top), min(frame.width, width - frame.left))


def _shown_in(window: Window, columns: int) -> list[int]:
    """Indices of the windows in whose cores an answer shows: its own, and those that it is blended into."""
    below, beside = window.shared
    return [window.index + down * columns + right for down in (0, 1)[: 1 + below] for right in (0, 1)[: 1 + beside]]


def _core_of(window: Window, ground: NDArray[np.float32], opacity: NDArray[np.float32]) -> _Answers:
    core = window.core.inside(window.frame)
    return ground[core], opacity[core]


def _read(task: Task, windows: Sequence[Window], buffers: Buffers) -> _Batch:
    frame = windows[0].frame
    pictures = buffers.take((len(windows), frame.height, frame.width, 3), np.float32)
    values, presents, held = [], [], False
    for window, picture in zip(windows, pictures, strict=True):
        seen = seen_of(window, task.source.height, task.source.width)
        value, present, _ = task.picture(seen, picture[: seen.height, : seen.width])
        extend(picture, seen.height, seen.width)
        core = window.core.inside(seen)
        values.append(value[:, *core])
        presents.append(present[:, *core])
        held = held or bool(present[:, *window.used.inside(seen)].any())
    if held:
        return _Batch(windows, values, presents, pictures)
    buffers.give(pictures)
    return _Batch(windows, values, presents, None)


def _asked(task: Task, batch: _Batch, nodes: Nodes | None, buffers: Buffers) -> _Answers | None:
    if batch.pictures is None:
        return None
    stride = task.model.card.grid.stride
    context = None if nodes is None else np.stack([nodes.over(window.frame, stride) for window in batch.windows])
    answer = task.model.restore(batch.pictures, context)
    buffers.give(batch.pictures)
    return answer


def _piece(task: Task, batch: _Batch, place: int, answer: _Answers | None) -> Piece:
    values, present = batch.values[place], batch.present[place]
    if answer is None:
        shape = values.shape[1:]
        return Piece(values, np.zeros(shape, np.uint8), np.full(shape, np.nan, np.float32))
    ground, opacity = answer
    if task.mask is not None:
        opacity = np.maximum(opacity, task.mask.floor(batch.windows[place].core, task.thresholds))
    return compose(values, present, ground, opacity, task.scaling, task.thresholds, task.source.nodata)


def _pixels(windows: Sequence[Window]) -> int:
    return sum(window.core.height * window.core.width for window in windows)
