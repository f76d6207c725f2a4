"""The stage that looks for cloud shadow and brightens it; what is too dark is left to other dates or inpainting."""

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference import metadata
from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.blocks import Layer
from cloud_removal.inference.compose import KEPT, OPAQUE, SHADOW, THIN, Piece, to_type
from cloud_removal.inference.holes.inpaint import grown
from cloud_removal.inference.raster import Scene
from cloud_removal.inference.scene import Task
from cloud_removal.inference.shadows import survey
from cloud_removal.inference.shadows.shade import BRIGHTEST, LEAST, Shade, margin, shade
from cloud_removal.inference.shadows.sun import Ray, Sun
from cloud_removal.inference.shadows.survey import Cells, Found, brightness, casting, darkness
from cloud_removal.inference.stages import Advance
from cloud_removal.inference.windows import Area, Window

PIECE = 768
"""Largest side in pixels of what is brightened at once."""


@dataclass(frozen=True)
class Shadows:
    """Brightens the shadows of clouds."""

    sun: Sun
    say: Callable[[str], None] = lambda line: None
    with_opacity: ClassVar[bool] = True
    """Clouds cast what is looked for."""

    def check(self, scene: Scene, output: Path) -> None:
        """Refuses what cannot be meant, or not of this scene."""
        self.sun.check()
        self._known(scene)[0].ray(scene)

    def identity(self) -> dict[str, Any]:
        """What a killed run must have in common with the one that goes on from it."""
        return {"shadows": "brightened", **{f"shadows: {k}": v for k, v in dataclasses.asdict(self.sun).items()}}

    def legend(self) -> dict[str, str]:
        """Tags of the provenance raster."""
        given = {
            "SUN_AZIMUTH_GIVEN": self.sun.azimuth,
            "SUN_ELEVATION_GIVEN": self.sun.elevation,
            "CLOUD_HEIGHT": self.sun.cloud_height,
        }
        return {
            "PROVENANCE_5": "shadow of a cloud, brightened",
            "SHADOW_LEAST": f"{LEAST:g}",
            "SHADOW_DEEP": f"gain over {BRIGHTEST:g}: treated as if it were opaque cloud",
            **{name: f"{value}" for name, value in given.items() if value is not None},
        }

    def remarks(self) -> list[str]:
        """What it does is known only when it has looked."""
        return []

    def loaded(self) -> "Shadows":
        """It has no model."""
        return self

    def applied(self, task: Task, finished: Blocks, advance: Advance) -> tuple[Blocks, dict[str, Any]]:
        """`finished` with its shadows brightened; what is too dark counts as opaque."""
        scene = task.source
        assert isinstance(scene, Scene)
        cells = survey.gathered(task, finished)
        found = self._found(scene, cells)
        if found is None:
            return finished, {}
        by_mask = bool(cells.shaded.any())
        store, total = Layer(finished.partial, "shaded"), scene.height * scene.width
        for window in finished.windows:
            if not store.has(window) and (piece := _piece(task, finished, window, found, by_mask)) is not None:
                store.save(window, piece)
            advance(window.core.height * window.core.width, total)
        return Blocks(store, finished.windows), {}

    def _found(self, scene: Scene, cells: Cells) -> Found | None:
        """Where the shadows of the scene are and how dark; says what was concluded."""
        name = scene.path.name
        if cells.shaded.any():
            found = survey.found_by_mask(cells)
            self._say_found(name, "where the mask has them", found)
            return found
        sun, said = self._known(scene)
        if said:
            self.say(f"{name}: the sun stands at {', '.join(said)}")
        ray = sun.ray(scene)
        if ray is not None and ray.nearest is not None and ray.nearest == ray.farthest:
            rows, columns = (round(ray.nearest * part) for part in ray.toward)
        else:
            match = survey.matched(cells, ray)
            if match is None or not match.clear:
                self.say(_nothing_matches(name, ray))
                return None
            rows, columns = match.rows, match.columns
        found = survey.found_at(cells, rows, columns)
        self._say_found(name, f"{_way(rows, columns)} from their clouds", found)
        return found

    def _say_found(self, name: str, where: str, found: Found | None) -> None:
        if found is None:
            self.say(f"{name}: no shadow was brightened: {where} the ground is hardly darker than around it")
            return
        left = ", ".join(f"{100 * np.exp(-depth):.0f}" for depth in found.depth)
        self.say(f"{name}: shadows {where}, with {left} % of the light in red, green, blue")

    def _known(self, scene: Scene) -> tuple[Sun, list[str]]:
        return self.sun.completed(metadata.tags(scene.source, scene.path))


def _nothing_matches(name: str, ray: Ray | None) -> str:
    if ray is None:
        told = "--sun-azimuth and --sun-elevation tell where to look"
    elif ray.nearest is None:
        told = "--cloud-height tells how far from the clouds they lie"
    else:
        told = "none there is clearly a cloud's"
    return f"{name}: no shadow was brightened: no dark places lie as the clouds do ({told})"


def _way(rows: int, columns: int) -> str:
    """A move in words."""
    down = f"{abs(rows)} px {'down' if rows > 0 else 'up'}" if rows else ""
    right = f"{abs(columns)} px to the {'right' if columns > 0 else 'left'}" if columns else ""
    return " and ".join(part for part in (down, right) if part) or "0 px"


def _piece(task: Task, finished: Blocks, window: Window, found: Found, by_mask: bool) -> Piece | None:
    """A window with its shadows brightened, None where it has none."""
    before = finished.partial.load(window)
    values, provenance, changed = np.array(before.values), np.array(before.provenance), False
    for part in _parts(window.core):
        place = part.inside(window.core)
        ground = np.isin(provenance[place], (KEPT, THIN))
        seen = grown(part, margin(found), task.source.height, task.source.width)
        cast = _cast(task, finished, seen, found, by_mask)
        if not ground.any() or not cast.any():
            continue
        light = brightness(finished.values(seen), task.scaling)
        shaded = shade(found, light, finished.opacity(seen)[0], cast, seen)
        here = part.inside(seen)
        treated = ground & shaded.changed[here]
        if treated.any():
            changed = True
            present = task.source.read(part)[1]
            _write(values[:, *place], task, shaded, here, treated & present)
            provenance[place][treated] = SHADOW
            provenance[place][treated & shaded.deep[here]] = OPAQUE
    return Piece(values, provenance, before.opacity) if changed else None


def _cast(task: Task, finished: Blocks, seen: Area, found: Found, by_mask: bool) -> NDArray[np.float32]:
    """Where in an area (H, W) clouds cast shadow, 0 to 1."""
    cast = np.zeros((seen.height, seen.width), np.float32)
    if by_mask and task.mask is not None:
        return np.asarray(task.mask.shadow(seen), np.float32)
    clouds = Area(seen.top - found.rows, seen.left - found.columns, seen.height, seen.width)
    for there, here, piece in finished.pieces(clouds):
        cast[there] = casting(np.nan_to_num(piece.opacity[here]), found.full)
    return cast


def _write(values: NDArray, task: Task, shaded: Shade, here: tuple[slice, slice], where: NDArray[np.bool_]) -> None:
    """Brightens `values` (3, h, w) of the raster in place, `where` (3, h, w)."""
    wide = np.float64 if values.dtype.itemsize > 2 else np.float32
    for band, dark in enumerate(darkness(task.scaling)):
        above = values[band].astype(wide) - wide(dark)
        with np.errstate(invalid="ignore"):  # Samples without data may be no numbers; they are not taken over.
            lighter = np.where(above * task.scaling.span[band] > 0, above * shaded.gain[band][here], above) + wide(dark)
        np.copyto(values[band], to_type(lighter, values.dtype, task.source.nodata), where=where[band])


def _parts(core: Area) -> Iterator[Area]:
    for top in range(core.top, core.bottom, PIECE):
        for left in range(core.left, core.right, PIECE):
            yield Area(top, left, min(PIECE, core.bottom - top), min(PIECE, core.right - left))
