"""Other dates of a scene: each of its cloudy pixels from the date with the thinnest cloud, in the scene's brightness.

Source: seed 000, `mod_replace`. Each date is warped to the scene's grid and put through the network, like the scene
itself, in the windows where that is needed; its brightness is matched on ground that is clear on both.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cloud_removal.errors import InputError, OptionError
from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.blocks import Layer, Partial
from cloud_removal.inference.compose import BLEND, OPAQUE, Piece, Thresholds
from cloud_removal.inference.dates.matching import Matching, match
from cloud_removal.inference.dates.merge import FEATHER, Date, Rule, merged
from cloud_removal.inference.dates.warped import opened_on
from cloud_removal.inference.holes.inpaint import grown
from cloud_removal.inference.masks.foreign import Mask, OpenMask, over
from cloud_removal.inference.model import Model
from cloud_removal.inference.raster import Scene, open_scene
from cloud_removal.inference.scene import Task, nodes_of, restore
from cloud_removal.inference.stages import Advance
from cloud_removal.inference.statistics import spread
from cloud_removal.inference.windows import Area, Window

UNTOUCHED = Thresholds(1.0, 1.0)
"""No opacity is above 1: all pixels stay as the sensor saw them."""
THIN_ERROR = 0.4
"""By how much of full brightness ground is wrong from which cloud of opacity 1 was taken off; of thinner cloud, in
proportion. Measured with simulated cloud over real ground: from opacity 0.1 to 0.4 it is nearly a straight line."""
CLEAR, ENOUGH = (0, 1, 2), 0.1
"""By how many times BLEND more than clear opacity may be where brightness is matched: no more than is needed for so
large a share of the pixels with data."""
PIECE = 768
"""Largest side in pixels of what is merged at once."""


@dataclass(frozen=True)
class Dates:
    """Takes cloudy pixels from other dates."""

    paths: tuple[Path, ...]
    prepared: Callable[[Scene, Model], Task]
    """The statistics pass over a date: how its values become pictures."""
    above: float | None = None
    """Opacity from which pixels are taken from other dates; None: see `_above`."""
    thin: bool = True
    """Thin cloud is taken off, also where a date is taken; else all stays as the sensors saw it."""
    bands: tuple[int, ...] | None = None
    masks: tuple[Mask, ...] = ()
    """Where another program sees cloud and shadow on each of the dates; either none or one each."""
    say: Callable[[str], None] = lambda line: None
    with_opacity: ClassVar[bool] = True
    """The thinnest cloud is looked for."""

    def check(self, scene: Scene, output: Path) -> None:
        """Refuses dates that are the scene itself, given twice, of another kind, or that lie elsewhere."""
        if self.above is not None and not 0.0 <= self.above <= 1.0:
            raise OptionError(f"--date-above {self.above}: expected an opacity between 0 and 1.")
        if self.masks and len(self.masks) != len(self.paths):
            raise OptionError(
                f"--other-mask: {len(self.masks)} given for {len(self.paths)} of --other-date. Give one for each, in "
                "the same order."
            )
        known = {scene.content(): scene.path}
        for path, mask in self._masked():
            with opened_on(scene, path) as other, over(other, mask):
                content = self._content(path)
            if content in known:
                raise InputError(f"{path} holds the same as {known[content]}: it has nothing to add. Leave one out.")
            known[content] = path

    def identity(self) -> dict[str, Any]:
        """What a killed run must have in common with the one that goes on from it."""
        return {
            "other dates": [f"{path.name} {self._content(path)}" for path in self.paths],
            **({"other masks": [list(mask.identity().values()) for mask in self.masks]} if self.masks else {}),
            "date-above": self.above,
            "thin cloud": "removed" if self.thin else "left",
        }

    def legend(self) -> dict[str, str]:
        """Tags of the provenance raster."""
        names = ", ".join(path.name for path in self.paths)
        removed = ", thin cloud removed there" if self.thin else ""
        above = {} if self.above is None else {"DATE_ABOVE": f"{self.above:g}"}
        if self.masks:
            above["OTHER_MASKS"] = ", ".join(mask.path.name for mask in self.masks)
        return {"PROVENANCE_3": f"taken from another date ({names}){removed}, in this one's brightness", **above}

    def remarks(self) -> list[str]:
        """What a user should know of it."""
        return []

    def loaded(self) -> "Dates":
        """The scene's model is the dates', too."""
        return self

    def applied(self, task: Task, finished: Blocks, advance: Advance) -> tuple[Blocks, dict[str, Any]]:
        """`finished` with pixels of other dates where those are clearer."""
        scene = task.source
        assert isinstance(scene, Scene)
        rule = self._rule(task)
        cloudy = [window for window in finished.windows if (_hidden(finished, window.core, rule) > rule.above).any()]
        if not cloudy:
            return finished, {"as_seen": not self.thin}
        squares = list(spread(scene.height, scene.width))
        wanted = frozenset(w.index for w in finished.windows if w in cloudy or any(map(w.core.common, squares)))
        total = len(self.paths) * scene.height * scene.width + sum(map(_pixels, cloudy))
        dates = []
        for number, (path, mask) in enumerate(self._masked(), 1):
            with opened_on(scene, path) as other, over(other, mask) as floor:
                seen = _Seen(finished.partial, f"date{number}", wanted)
                self._restored(task, other, floor, finished.windows, seen, lambda done: advance(done, total))
                blocks = Blocks(seen, [window for window in finished.windows if window.index in wanted])
                matching = self._matched(task, other, finished, blocks, squares, rule)
                nodata = tuple(other.source.nodatavals[band - 1] for band in other.bands)
                dates.append(_Looked(blocks, matching, self._above(task, other, matching, rule), nodata))
        store = Layer(finished.partial, "dated")
        for window in cloudy:
            if not store.has(window):
                store.save(window, _piece(task, finished, dates, window, rule))
            advance(_pixels(window), total)
        return Blocks(store, finished.windows), {"as_seen": not self.thin}

    def _rule(self, task: Task) -> Rule:
        keep_below, opaque_above = task.thresholds.keep_below, task.thresholds.opaque_above
        above = min(keep_below + BLEND, opaque_above) if self.above is None else max(keep_below, self.above)
        return Rule(keep_below, above, opaque_above, self.thin)

    def _above(self, task: Task, other: Scene, matching: Matching, rule: Rule) -> float:
        """Opacity from which a date is nearer to what is under the cloud than the ground without the cloud is.

        That is as wrong as the cloud is opaque; the date as it is on clear ground.
        """
        if self.above is not None or not self.thin:
            return rule.above
        errors = [error / abs(span) for error, span in zip(matching.error, task.scaling.span, strict=True)]
        error = sum(errors) / len(errors)
        above = min(error / THIN_ERROR, rule.opaque_above)
        if above > rule.above:
            self.say(
                f"{other.path.name}: looks different where both are clear (by {error:.2f} of full brightness); it is "
                f"taken where opacity is over {above:.2f}, --date-above sets another"
            )
        return max(above, rule.above)

    def _masked(self) -> Iterator[tuple[Path, Mask | None]]:
        """Each date and its mask."""
        return zip(self.paths, self.masks or [None] * len(self.paths), strict=True)

    def _restored(
        self,
        task: Task,
        other: Scene,
        floor: OpenMask | None,
        windows: Sequence[Window],
        seen: "_Seen",
        advance: Callable[[int], None],
    ) -> None:
        """Puts the windows of a date that are wanted through the network."""
        prepared = self.prepared(other, task.model)
        if floor is not None:
            prepared = dataclasses.replace(prepared, mask=_Unshaded(floor))
            for line in floor.remarks():
                self.say(line)
        if not self.thin:
            prepared = dataclasses.replace(prepared, thresholds=UNTOUCHED)
        restore(prepared, windows, nodes_of(prepared, seen, f"context-{seen.name}"), seen, advance)

    def _matched(
        self, task: Task, other: Scene, finished: Blocks, blocks: Blocks, squares: list[Area], rule: Rule
    ) -> Matching:
        """The date's brightness, from squares all over the scene: clear on both if that is enough of them, else under a
        trace of cloud, where that was taken off (see `thin`)."""
        limits = [rule.keep_below + step * BLEND for step in CLEAR]
        pairs: list[list[tuple[NDArray, NDArray]]] = [[] for _ in limits]
        pixels = 0
        for area in squares:
            there, here = other.read(area)[1].all(axis=0), task.source.read(area)[1].all(axis=0)
            opacity = np.where(there & here, np.maximum(_hidden(finished, area, rule), _opacity(blocks, area)), np.nan)
            theirs, ours = blocks.values(area), finished.values(area)
            pixels += int(np.count_nonzero(np.isfinite(opacity)))
            for found, limit in zip(pairs, limits, strict=True):
                found.append((theirs[:, opacity <= limit], ours[:, opacity <= limit]))
        enough = [found for found in pairs if sum(x.shape[1] for x, _ in found) >= ENOUGH * pixels]
        matching = match(*(np.concatenate(some, axis=1) for some in zip(*[*enough, pairs[-1]][0], strict=True)))
        if not matching.pixels:
            self.say(
                f"{other.path.name}: hardly anything is clear both there and in the input; its brightness is taken as "
                "it is"
            )
        return matching

    def _content(self, path: Path) -> str:
        with open_scene(path, self.bands, math.inf) as date:  # Its size was looked at when it was checked.
            return date.content()


@dataclass(frozen=True)
class _Looked:
    """A date after the network."""

    blocks: Blocks
    matching: Matching
    above: float
    """Opacity of the reference from which it is taken."""
    nodata: tuple[float | None, ...]

    def over(self, area: Area) -> Date:
        """What of it lies in an area; nothing where it was not looked at."""
        values = np.zeros((3, area.height, area.width), self.blocks.partial.dtype)
        for there, here, piece in self.blocks.pieces(area):
            values[:, *there] = piece.values[:, *here]
        opacity = _opacity(self.blocks, area)
        present = np.isfinite(opacity)
        for plane, nodata in zip(values, self.nodata, strict=True):
            present &= np.isfinite(plane)
            if nodata is not None:
                present &= plane != nodata
        return Date(self.matching.applied(values), np.where(present, opacity, np.float32(np.nan)), self.above)


@dataclass(frozen=True)
class _Unshaded:
    """The mask of a date: what it sees in shadow is of as little use as what is under opaque cloud."""

    mask: OpenMask

    def floor(self, area: Area, thresholds: Thresholds) -> NDArray[np.float32]:
        """Opacity (H, W) that a pixel has at least."""
        return np.maximum(self.mask.floor(area, thresholds), self.mask.shadow(area).astype(np.float32))

    def shadow(self, area: Area) -> NDArray[np.bool_]:
        """Where (H, W) there is a cloud's shadow and no cloud."""
        return self.mask.shadow(area)


class _Seen(Layer):
    """The windows of a date that are wanted; of others nothing is, so that they count as done."""

    def __init__(self, base: Partial, name: str, wanted: frozenset[int]):
        super().__init__(base, name)
        self.name, self._wanted = name, wanted

    def has(self, window: Window) -> bool:
        return window.index not in self._wanted or super().has(window)


def _piece(task: Task, finished: Blocks, dates: list[_Looked], window: Window, rule: Rule) -> Piece:
    """A window with pixels of other dates."""
    before = finished.partial.load(window)
    piece = Piece(np.array(before.values), np.array(before.provenance), np.array(before.opacity))
    for part in _parts(window.core):
        seen = grown(part, FEATHER, task.source.height, task.source.width)
        here = part.inside(seen)
        if not (_hidden(finished, part, rule) > rule.above).any():
            continue
        taken = merged(finished.values(seen), _hidden(finished, seen, rule), [date.over(seen) for date in dates], rule)
        place = part.inside(window.core)
        present = task.source.read(part)[1]
        taken.written(piece, place, here, present, task.source.nodata)
    return piece


def _opacity(blocks: Blocks, area: Area) -> NDArray[np.float32]:
    """Opacity (H, W), NaN where there is no data or no window."""
    opacity = np.full((area.height, area.width), np.nan, np.float32)
    for there, here, piece in blocks.pieces(area):
        opacity[there] = piece.opacity[here]
    return opacity


def _hidden(blocks: Blocks, area: Area, rule: Rule) -> NDArray[np.float32]:
    """Opacity (H, W) of the reference; where it is deep in shadow, as if opaque cloud were over it."""
    opacity = _opacity(blocks, area)
    opaque = np.isfinite(opacity) & (blocks.provenance(area)[0] == OPAQUE)
    return np.where(opaque, np.maximum(opacity, np.float32(rule.opaque_above)), opacity)


def _parts(core: Area) -> Iterator[Area]:
    for top in range(core.top, core.bottom, PIECE):
        for left in range(core.left, core.right, PIECE):
            yield Area(top, left, min(PIECE, core.bottom - top), min(PIECE, core.right - left))


def _pixels(window: Window) -> int:
    return window.core.height * window.core.width
