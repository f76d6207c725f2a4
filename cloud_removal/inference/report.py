"""One picture of a result: before, cloud and after, side by side, at a size a person looks at."""

from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

PANEL = 700
"""Longest side of each picture in pixels."""
DOTS_PER_INCH = 100
NO_DATA = "#30507a"
"""Colour of what holds no data, in all three."""


class Thumbnails:
    """Small copies of a scene's pictures, gathered area by area."""

    def __init__(self, height: int, width: int):
        self.scale = min(1.0, PANEL / max(height, width))
        self.height, self.width = max(1, round(height * self.scale)), max(1, round(width * self.scale))
        self.pictures: dict[str, NDArray[np.float32]] = {}

    def add(self, name: str, top: int, left: int, values: NDArray[np.float32]) -> None:
        """Takes in an area (H, W, C) whose upper left corner lies at row `top`, column `left` of the scene."""
        canvas = self.pictures.setdefault(name, np.zeros((self.height, self.width, values.shape[2]), np.float32))
        rows = [min(round(y * self.scale), self.height) for y in (top, top + values.shape[0])]
        columns = [min(round(x * self.scale), self.width) for x in (left, left + values.shape[1])]
        size = columns[1] - columns[0], rows[1] - rows[0]
        if min(size) > 0:
            small = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
            canvas[rows[0] : rows[1], columns[0] : columns[1]] = small.reshape(size[1], size[0], -1)


def draw(
    file: Path, title: str, before: NDArray[np.float32], cloud: NDArray[np.float32], after: NDArray[np.float32]
) -> None:
    """Writes a PNG of `before` and `after` (H, W, 3) in [0, 1] and `cloud` (H, W), opacity, NaN without data."""
    height, width = cloud.shape
    enlarge = max(1.0, min(PANEL / max(height, width), 8.0))
    panel = width * enlarge / DOTS_PER_INCH, height * enlarge / DOTS_PER_INCH
    figure = Figure(figsize=(3 * panel[0] + 1.4, panel[1] + 1.0), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=18)
    missing = np.isnan(cloud)[:, :, np.newaxis]
    before, after = (np.where(missing, to_rgb(NO_DATA), picture) for picture in (before, after))
    panels = figure.subplots(1, 3)
    smooth = "nearest" if enlarge >= 3 else "antialiased"
    panels[0].imshow(before, interpolation=smooth)
    shown = panels[1].imshow(cloud, cmap="gray", vmin=0, vmax=1, interpolation=smooth)
    panels[2].imshow(after, interpolation=smooth)
    for axes, name in zip(panels, ("before", "cloud (opacity)", "after"), strict=True):
        axes.set_title(name, fontsize=16)
        axes.set_xticks([])
        axes.set_yticks([])
    panels[1].set_facecolor(NO_DATA)
    figure.colorbar(shown, ax=panels[1], fraction=0.03, pad=0.01)
    figure.savefig(file, format="png")


def stretched(
    before: NDArray[np.float32], after: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both brought to a range that can be seen: 0.5 to 99.5 percent of the values of `after` where it is `valid`."""
    low, high = np.percentile(after[valid], (0.5, 99.5)) if valid.any() else (0.0, 1.0)
    span = np.float32(max(high - low, 1e-3))
    return np.clip((before - np.float32(low)) / span, 0, 1), np.clip((after - np.float32(low)) / span, 0, 1)
