"""A picture in memory through all that `remove` does to a raster: context, windows, thresholds, blending."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.compose import BLEND, OPAQUE, Piece, Thresholds
from cloud_removal.inference.holes.completer import CompleterModel
from cloud_removal.inference.holes.inpaint import DILATE, fill_picture, hole_of
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
    restored = treated(model, picture, raw=raw, window=window)
    result = restored if inpaint is None else filled(restored, inpaint)
    return result.picture, result.opacity


class Treated(NamedTuple):
    """What `remove` makes of a picture."""

    picture: NDArray[np.uint8]
    """(H, W, 3)."""
    opacity: NDArray[np.float32]
    """(H, W) in [0, 1]."""
    provenance: NDArray[np.uint8]
    """(H, W), codes of `compose`."""


def treated(model: Model, picture: NDArray[np.uint8], *, raw: bool = False, window: int = WINDOW) -> Treated:
    """The same before anything is filled, with where each pixel comes from."""
    keep_below = -BLEND if raw else model.card.keep_below
    task = Task(_InMemory(picture), model, EIGHT_BIT, Thresholds(keep_below, model.card.opaque_above))
    store, (height, width) = _Canvas(picture.shape[:2]), picture.shape[:2]
    restore(task, plan(height, width, window, model.card.grid), task.nodes(), store, lambda pixels: None)
    return Treated(store.picture, store.opacity, store.provenance)


def filled(before: Treated, inpaint: CompleterModel) -> Treated:
    """The same with its opaque cloud, and the edge of it, filled."""
    hole = hole_of(before.provenance, DILATE)
    provenance = np.where(hole, np.uint8(OPAQUE), before.provenance)
    return Treated(fill_picture(inpaint, before.picture, hole), before.opacity, provenance)


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
        self.opacity, self.provenance = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)

    def has(self, window: Window) -> bool:
        """Nothing is there from before."""
        return False

    def save(self, window: Window, piece: Piece) -> None:
        """Lays the window's core in its place."""
        core = np.s_[window.core.top : window.core.bottom, window.core.left : window.core.right]
        self.picture[core] = piece.values.transpose(1, 2, 0)
        self.opacity[core] = piece.opacity
        self.provenance[core] = piece.provenance
