"""A scene before and after, its opacity and provenance, at a size a person looks at, gathered window by window."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.compose import CODES
from cloud_removal.inference.scene import Task
from cloud_removal.inference.windows import Area

NO_DATA_COLOUR = "#30507a"
"""Of what holds no data."""


@dataclass(frozen=True)
class Pictures:
    """Small pictures of a scene, all alike in size."""

    before: NDArray[np.float32]
    """(H, W, 3) in [0, 1], as `after`."""
    after: NDArray[np.float32]
    opacity: NDArray[np.float32]
    """(H, W) in [0, 1], NaN without data."""
    shares: dict[int, NDArray[np.float32]] = field(default_factory=dict)
    """Which part of a pixel (H, W), 0 to 1, is of a provenance code, for those codes that occur."""
    scale: float = 1.0
    """Pixels for each of the scene's."""


class Thumbnails:
    """Small copies of a scene's pictures, gathered area by area; their longest side has `longest` px at most."""

    def __init__(self, height: int, width: int, longest: int):
        self.scale = min(1.0, longest / max(height, width))
        self.height, self.width = max(1, round(height * self.scale)), max(1, round(width * self.scale))
        self.pictures: dict[str, NDArray[np.float32]] = {}

    def add(self, name: str, area: Area, values: NDArray[np.float32]) -> None:
        """Takes in an `area` (H, W, C) of the scene."""
        canvas = self.pictures.setdefault(name, np.zeros((self.height, self.width, values.shape[2]), np.float32))
        rows = [min(round(y * self.scale), self.height) for y in (area.top, area.bottom)]
        columns = [min(round(x * self.scale), self.width) for x in (area.left, area.right)]
        size = columns[1] - columns[0], rows[1] - rows[0]
        if min(size) > 0:
            small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
            canvas[rows[0] : rows[1], columns[0] : columns[1]] = small.reshape(size[1], size[0], -1)


def gathered(task: Task, finished: Blocks, longest: int, codes: Iterable[int] = CODES) -> Pictures:
    """The pictures of a finished scene; memory is bounded by a window and `longest`, pixels of their longest side.

    Values of more than 8 bits are brought to a range that can be seen.
    """
    small = Thumbnails(task.source.height, task.source.width, longest)
    for area in (window.core for window in finished.windows):
        values, _, before = task.picture(area)
        small.add("before", area, before)
        small.add("after", area, np.nan_to_num(task.scaling.to_network(finished.values(area))))
        small.add("opacity", area, finished.opacity(area)[0][..., None])
        provenance = finished.provenance(area)[0]
        for code in codes:
            share = provenance == code
            if share.any():
                small.add(f"{code}", area, share.astype(np.float32)[..., None])
    before, after = small.pictures["before"], small.pictures["after"]
    opacity = small.pictures["opacity"][..., 0]
    if values.dtype != np.uint8:
        before, after = stretched(before, after, np.isfinite(opacity))
    shares = {code: small.pictures[f"{code}"][..., 0] for code in codes if f"{code}" in small.pictures}
    return Pictures(before, after, opacity, shares, small.scale)


def stretched(
    before: NDArray[np.float32], after: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both brought to a range that can be seen: 0.5 to 99.5 percent of the values of `after` where it is `valid`."""
    low, high = np.percentile(after[valid], (0.5, 99.5)) if valid.any() else (0.0, 1.0)
    span = np.float32(max(high - low, 1e-3))
    return np.clip((before - np.float32(low)) / span, 0, 1), np.clip((after - np.float32(low)) / span, 0, 1)
