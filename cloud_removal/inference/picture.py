"""A picture in memory through all that `remove` does to a raster: context, windows, thresholds, blending."""

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.completer import CompleterModel
from cloud_removal.inference.compose import BLEND, Piece, Thresholds
from cloud_removal.inference.inpaint import DILATE, fill_picture, hole_in
from cloud_removal.inference.model import Model
from cloud_removal.inference.scaling import Scaling
from cloud_removal.inference.scene import Task, restore
from cloud_removal.inference.settings import WINDOW
from cloud_removal.inference.windows import Area, Window, plan

EIGHT_BIT = Scaling((0.0,) * 3, (255.0,) * 3, "8 bit")


def restore_picture(
    model: Model,
    picture: NDArray[np.uint8],
    *,
    raw: bool = False,
    window: int = WINDOW,
    inpaint: CompleterModel | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """8-bit RGB picture (H, W, 3) -> what `remove` makes of it with its defaults, and the opacity (H, W) in [0, 1].

    `raw`: the network's ground everywhere, clear pixels not kept. `window`: largest side of a window's core.
    `inpaint`: fills what opaque cloud hides.
    """
    keep_below = -BLEND if raw else model.card.keep_below
    thresholds = Thresholds(keep_below, model.card.opaque_above)
    source = _InMemory(picture)
    task = Task(source, model, EIGHT_BIT, thresholds)
    store = _Canvas(picture.shape[:2])
    windows = plan(source.height, source.width, window, model.card.grid)
    restore(task, windows, task.nodes(), store, lambda pixels: None)
    if inpaint is None:
        return store.picture, store.opacity
    hole = hole_in(Blocks(store, windows), Area(0, 0, source.height, source.width), task, DILATE)  # type: ignore[arg-type]
    return fill_picture(inpaint, store.picture, hole), store.opacity


class _InMemory:
    """A picture as windows are read from it."""

    nodata: float | None = None

    def __init__(self, picture: NDArray[np.uint8]):
        self.height, self.width = picture.shape[:2]
        self._bands = np.ascontiguousarray(picture.transpose(2, 0, 1))

    def read(self, area: Area) -> tuple[NDArray, NDArray[np.bool_]]:
        """Values and presence (3, H, W)."""
        values = self._bands[:, area.top : area.bottom, area.left : area.right]
        return values, np.ones(values.shape, bool)


class _Canvas:
    """Where finished windows are put together."""

    folder = None
    """They need none."""

    def __init__(self, shape: tuple[int, ...]):
        self.picture = np.zeros((*shape, 3), np.uint8)
        self.opacity = np.zeros(shape, np.float32)
        self._pieces: dict[int, Piece] = {}

    def has(self, window: Window) -> bool:
        """Nothing is there from before."""
        return False

    def save(self, window: Window, piece: Piece) -> None:
        """Lays the window's core in its place."""
        core = np.s_[window.core.top : window.core.bottom, window.core.left : window.core.right]
        self.picture[core] = piece.values.transpose(1, 2, 0)
        self.opacity[core] = piece.opacity
        self._pieces[window.index] = piece

    def load(self, window: Window) -> Piece:
        """A finished window."""
        return self._pieces[window.index]
