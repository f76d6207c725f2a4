"""A cloud mask that another program made: read on the scene's grid, widened, and turned into a floor for opacity.

It is combined with what the network sees by the maximum: where the mask sees cloud, cloud it is, and where it sees
none, the network's own opacity decides. What a place becomes does not depend on how the scene is cut.
"""

import contextlib
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterWindow

from cloud_removal.errors import InputError, OptionError
from cloud_removal.inference.compose import BLEND, Thresholds
from cloud_removal.inference.ground_area import sides
from cloud_removal.inference.masks.kinds import CLOUD, FILL, KINDS, SHADOW, THIN, UNCOVERED, UNKNOWN, Classes
from cloud_removal.inference.raster import GDAL_ERRORS, Scene, content_of, open_raster, reason
from cloud_removal.inference.windows import Area

FARTHEST = 1000
"""Pixels that a mask may be widened by."""
SIDE = 2048
"""Side in pixels of what is counted at once."""
WORDS = {
    CLOUD: "cloud",
    THIN: "thin cloud",
    SHADOW: "shadow",
    FILL: "no data",
    UNCOVERED: "not covered",
}
TOLERANCE = 1e-4
"""Pixels by which a place in the mask may be wrong after warping, for speed. What is warped is worked out in blocks of
its own, and so does not depend on the windows that are read."""


@dataclass(frozen=True)
class Mask:
    """A mask and how it is to be taken."""

    path: Path
    kind: str
    """One of `kinds.KINDS`."""
    dilate: str = "0"
    """How far cloud and shadow are widened: `3` pixels of the scene or `30m`."""
    cloud_is_thin: bool = False
    """What the mask calls cloud is restored as thin cloud, and not taken for opaque."""
    full: float | None = None
    """The value that stands for certainty in a mask of probabilities; None: 1."""
    threshold: float | None = None
    """Probability from 0 to 1 above which there is cloud; None: as the kind says."""

    def check(self) -> None:
        """Refuses options that cannot be meant. Raises OptionError."""
        if self.kind not in KINDS:
            raise OptionError(f"--mask-kind {self.kind}: expected one of {', '.join(KINDS)}.")
        _distance(self.dilate)
        for option, value in (("scale", self.full), ("threshold", self.threshold)):
            if value is not None and KINDS[self.kind].threshold is None:
                raise OptionError(f"--mask-{option}: a mask of kind {self.kind} holds no probabilities; leave it out.")
        if self.full is not None and not 0.0 < self.full < math.inf:
            raise OptionError(f"--mask-scale {self.full:g}: expected the value that means certainty, e.g. 100.")
        if self.threshold is not None and not 0.0 <= self.threshold < 1.0:
            raise OptionError(f"--mask-threshold {self.threshold:g}: expected a probability, 0 to 1, e.g. 0.4.")

    def identity(self) -> dict[str, Any]:
        """What a killed run must have in common with the one that goes on from it."""
        with open_raster(self.path, math.inf) as source:  # Its size was looked at when it was opened.
            held = f"{self.path.name} {content_of(source)}"
        taken = (self.kind, self.dilate, "thin" if self.cloud_is_thin else "opaque", self.full, self.threshold)
        return {"mask": held, "mask taken as": " ".join(map(str, taken))}

    def legend(self) -> dict[str, str]:
        """Tags of the provenance raster."""
        taken = "thin cloud" if self.cloud_is_thin else "opaque cloud"
        return {"MASK": f"{self.path.name} ({self.kind}), its cloud taken as {taken}", "MASK_DILATE": self.dilate}

    @contextlib.contextmanager
    def opened(self, scene: Scene) -> Iterator["OpenMask"]:
        """The mask on the grid of `scene`. Raises InputError or OptionError where that cannot be."""
        self.check()
        with open_raster(self.path, scene.most) as source, contextlib.ExitStack() as stack:
            self._refuse_unusable(source)
            warped = None if _one_grid(source, scene) else stack.enter_context(_warped(source, scene, self.path))
            yield OpenMask(self, scene, source, warped)

    def _refuse_unusable(self, source: Any) -> None:
        if source.count != 1:
            raise InputError(f"{self.path} has {source.count} bands; a mask has one: gdal_translate -b takes it out.")
        dtype = source.dtypes[0]
        if np.dtype(dtype).kind not in "uif":
            raise InputError(f"{self.path} holds values of type {dtype}, which no mask does.")
        if KINDS[self.kind].threshold is not None and self.full is None and np.dtype(dtype).kind != "f":
            raise OptionError(
                f"--mask {self.path} holds whole numbers ({dtype}): say with --mask-scale which one means certainty, "
                "e.g. 100 (Earth Engine) or 255 (Sentinel Hub)."
            )


@contextlib.contextmanager
def over(scene: Scene, mask: Mask | None) -> Iterator["OpenMask | None"]:
    """The mask on the grid of `scene`, all its codes known to be right; where it says fill, the scene is without data.

    Raises InputError or OptionError where it cannot be used.
    """
    if mask is None:
        yield None
        return
    with mask.opened(scene) as opened:
        opened.counts = opened.survey()
        if FILL in opened.counts:
            scene.empty = opened.empty
        yield opened


class OpenMask:
    """A mask on the grid of a scene; any thread may read it."""

    def __init__(self, mask: Mask, scene: Scene, source: Any, warped: Any):
        self.mask, self._source, self._warped = mask, source, warped
        self._shape = scene.height, scene.width
        self._reach = _reach(mask.dilate, scene)
        self._lock = threading.Lock()
        self.counts: dict[int, int] = {}
        """Pixels of the scene by class, where they were counted."""
        self._assumed = warped is None and not (_placed(source) and _placed(scene.source))

    def classes(self, area: Area) -> Classes:
        """Classes of `kinds` (H, W), widened: CLEAR, SHADOW, THIN, CLOUD or FILL."""
        down, across = (math.floor(reach) for reach in self._reach)
        top, left = max(0, area.top - down), max(0, area.left - across)
        bottom, right = min(self._shape[0], area.bottom + down), min(self._shape[1], area.right + across)
        seen = Area(top, left, bottom - top, right - left)
        found = self._read(seen)
        widened = np.zeros(found.shape, np.uint8)
        for which in (SHADOW, THIN, CLOUD):
            widened[_widened(found == which, self._reach)] = which
        widened[found == FILL] = FILL
        return widened[area.inside(seen)]

    def floor(self, area: Area, thresholds: Thresholds) -> NDArray[np.float32]:
        """Least opacity (H, W): 1 under cloud, where thin cloud just begins to be restored fully under thin, 0 else."""
        below_opaque = np.nextafter(np.float32(thresholds.opaque_above), np.float32(0))
        thin = min(np.float32(thresholds.keep_below + BLEND), below_opaque)
        table = np.zeros(UNKNOWN + 1, np.float32)
        table[THIN], table[CLOUD] = thin, thin if self.mask.cloud_is_thin else 1.0
        return table[self.classes(area)]

    def shadow(self, area: Area) -> NDArray[np.bool_]:
        """Where (H, W) the mask sees shadow and no cloud."""
        return self.classes(area) == SHADOW

    def empty(self, area: Area) -> NDArray[np.bool_]:
        """Where (H, W) the mask says that the product holds no data."""
        return self._read(area) == FILL

    def survey(self) -> dict[int, int]:
        """Pixels of the scene by class, not widened.

        Raises InputError where codes occur that this kind of mask does not have.
        """
        counts = np.zeros(UNKNOWN + 1, np.int64)
        height, width = self._shape
        for top in range(0, height, SIDE):
            for left in range(0, width, SIDE):
                area = Area(top, left, min(SIDE, height - top), min(SIDE, width - left))
                found = self._read(area)
                counts += np.bincount(found.ravel(), minlength=len(counts))
                if counts[UNKNOWN]:
                    self._refuse_unknown(area, found)
        return {code: int(count) for code, count in enumerate(counts) if count}

    def remarks(self) -> list[str]:
        """What a user should know of the mask."""
        mask, total = self.mask, sum(self.counts.values())
        shares = [
            f"{100 * self.counts[code] / total:.1f} % {what}" for code, what in WORDS.items() if code in self.counts
        ]
        said = [f"mask {mask.path.name} ({mask.kind}): {', '.join(shares) or 'no cloud'}"]
        if self._assumed:
            said.append(
                f"mask {mask.path.name}: taken to lie pixel by pixel on the scene, for not both say where they lie"
            )
        return said

    def _refuse_unknown(self, area: Area, found: Classes) -> None:
        values = np.unique(self._values(area)[0][found == UNKNOWN])
        some = ", ".join(f"{value:g}" for value in values[:5]) + (" ..." if len(values) > 5 else "")
        kind = KINDS[self.mask.kind]
        cure = "--mask-scale" if kind.threshold is not None else "--mask-kind"
        raise InputError(
            f"{self.mask.path} holds {some} in rows {area.top} to {area.bottom - 1}, not known to masks of kind "
            f"{self.mask.kind} ({kind.title}; {kind.source}). Give another {cure}."
        )

    def _read(self, area: Area) -> Classes:
        values, covered = self._values(area)
        kind = KINDS[self.mask.kind]
        threshold = self.mask.threshold if self.mask.threshold is not None else kind.threshold
        found = kind.classes(values, self._source.nodata, self.mask.full or 1.0, threshold or 0.0)
        if covered is not None:
            found[~covered] = UNCOVERED
        return found

    def _values(self, area: Area) -> tuple[NDArray, NDArray[np.bool_] | None]:
        """Values (H, W), and where the mask reaches at all; None: everywhere."""
        window = RasterWindow(area.left, area.top, area.width, area.height)
        try:
            with self._lock:
                if self._warped is None:
                    return self._source.read(1, window=window), None
                values, alpha = self._warped.read([1, 2], window=window)
                return values, alpha > 0
        except (*GDAL_ERRORS, OSError) as error:
            raise InputError(
                f"{self.mask.path} cannot be read (rows {area.top} to {area.bottom - 1}): {reason(error)}. The file is "
                "truncated or damaged; fetch or make it again."
            ) from error


def _one_grid(source: Any, scene: Scene) -> bool:
    """Whether pixel for pixel the mask is of the scene; so it is taken where one of them does not say where it lies."""
    if (source.height, source.width) != (scene.height, scene.width):
        return False
    placed = _placed(source) and _placed(scene.source)
    same = source.crs == scene.source.crs and source.transform.almost_equals(scene.source.transform, 1e-9)
    return same or not placed


def _placed(source: Any) -> bool:
    return source.crs is not None and not source.transform.is_identity


def _warped(source: Any, scene: Scene, path: Path) -> WarpedVRT:
    """The mask warped to the scene's grid: the nearest pixel's code, and an alpha band of where there is one."""
    for raster, name in ((source, path), (scene.source, scene.path)):
        if not _placed(raster):
            sizes = f"{path} is {source.width}x{source.height} px, {scene.path} {scene.width}x{scene.height} px"
            raise InputError(
                f"{sizes}, and {name} does not say where on Earth it lies (CRS and geotransform): give a mask of the "
                "scene's own grid."
            )
    try:
        return WarpedVRT(
            source, crs=scene.source.crs, transform=scene.source.transform, width=scene.width, height=scene.height,
            resampling=Resampling.nearest, tolerance=TOLERANCE, src_nodata=None, nodata=None, add_alpha=True,
        )  # fmt: skip
    except GDAL_ERRORS as error:
        raise InputError(f"{path} cannot be warped to the grid of {scene.path}: {reason(error)}.") from error


def _distance(text: str) -> tuple[float, bool]:
    """`3` or `30m` as a number, and whether it is in metres."""
    metres = text.strip().lower().endswith("m")
    try:
        value = float(text.strip().lower().removesuffix("m"))
    except ValueError:
        value = -1.0
    if not 0.0 <= value < math.inf:
        raise OptionError(f"--mask-dilate {text}: expected pixels or metres, 0 or more, e.g. 3 or 30m.")
    return value, metres


def _reach(text: str, scene: Scene) -> tuple[float, float]:
    """Rows and columns of the scene that a mask is widened by; metres as at its middle, to a tenth of a pixel."""
    value, metres = _distance(text)
    reach = (value, value)
    if metres:
        pixel = sides(scene.source, scene.height / 2, scene.width / 2)
        if pixel is None:
            raise OptionError(
                f"--mask-dilate {text}: {scene.path} does not say how large its pixels are; give it in pixels, e.g. 3."
            )
        reach = round(value / pixel[0], 1), round(value / pixel[1], 1)
    if max(reach) > FARTHEST:
        raise OptionError(f"--mask-dilate {text} is {max(reach):.0f} px of {scene.path}; at most {FARTHEST} can be.")
    return reach


def _widened(mask: NDArray[np.bool_], reach: tuple[float, float]) -> NDArray[np.bool_]:
    """`mask` (H, W) and all pixels whose centres lie in the ellipse of half axes `reach` (rows, columns) around it."""
    down, across = reach
    if max(reach) < 1.0 or not mask.any():
        return mask
    rows = mask.view(np.uint8)
    widened = np.zeros(mask.shape, np.uint8)
    for away in range(math.floor(down) + 1):
        half = math.floor(across * math.sqrt(max(0.0, 1.0 - (away / down) ** 2)) + 1e-9) if down else math.floor(across)
        wider = cv2.dilate(rows, np.ones((1, 2 * half + 1), np.uint8)) if half else rows
        widened[away:] |= wider[: len(wider) - away]
        widened[: len(wider) - away] |= wider[away:]
    return widened.view(bool)
