"""Blending the answers of overlapping windows, for networks that look at each window as a whole.

Windows come row by row, so a core is finished as soon as its own answer is there: over its first columns the answer of
the window to the left fades out, then over its first rows that of the row above. Nothing is kept but what windows share
with the next ones: of one window to the right, of a row below.
"""

import math
import tempfile
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cloud_removal.inference.windows import Area, Window

FLOAT = 4
MOST_IN_MEMORY = 64 << 20
"""Bytes of a row's answers that are kept in memory; of wider scenes they lie in a file."""


class Feather:
    """Blends the answers of windows that come row by row."""

    def __init__(self, folder: Path | None, most_in_memory: int = MOST_IN_MEMORY):
        """`folder`: where the file for wide scenes lies, hidden and gone with the process; None: the system's own."""
        self._left: tuple[int, NDArray[np.float32]] | None = None
        """Index of the last window, and what it shares with the one to its right."""
        self._above = _Strips(folder, most_in_memory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._above.close()

    def blended(
        self, window: Window, ground: NDArray[np.float32], opacity: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Ground (H, W, 3) and opacity (H, W) of the `window`'s core from the network's answer in its frame.

        Where no answer came before (at the scene's upper and left borders, beside areas without data) it is taken as
        it is.
        """
        height, width, left = window.core.height, window.core.width, self._left
        answer = np.concatenate([ground, opacity[..., None]], axis=-1)[window.used.inside(window.frame)]
        row = answer[:, :width]
        if left is not None and left[0] == window.index - 1:
            _fade_in(row.swapaxes(0, 1), left[1].swapaxes(0, 1))
        self._left = (window.index, answer[:, width:].copy()) if window.shared[1] else None
        above = self._above.take(window.core)
        if above is not None:
            _fade_in(row, above)
        self._above.put(window.core, row[height:])
        return np.ascontiguousarray(row[:height, :, :3]), np.ascontiguousarray(row[:height, :, 3])


def ramp(length: int) -> NDArray[np.float32]:
    """Weight (`length`,) of the later answer, from nearly 0 to nearly 1 like half a wave; the earlier has the rest."""
    return np.square(np.sin(np.pi / 2 * (np.arange(length) + 0.5) / length)).astype(np.float32)


def _fade_in(later: NDArray[np.float32], earlier: NDArray[np.float32]) -> None:
    """Blends the first rows of `later` (H, W, C) in place with `earlier` (h, W, C), which they begin with."""
    shared = later[: len(earlier)]
    weight = ramp(len(earlier))[:, None, None]
    np.copyto(shared, earlier + weight * (shared - earlier))  # In this form exactly `earlier` where both are equal.


class _Strips:
    """What a row of windows shares with the next one, by the column where it begins."""

    def __init__(self, folder: Path | None, most_in_memory: int):
        place = None if folder is None else str(folder)
        self._file = tempfile.SpooledTemporaryFile(most_in_memory, dir=place)  # noqa: SIM115  # close() does.
        self._shapes: dict[tuple[int, int], tuple[int, ...]] = {}
        """Of each strip that waits, by where it begins."""

    def put(self, core: Area, strip: NDArray[np.float32]) -> None:
        """Keeps the rows (h, W, 4) below a core."""
        if len(strip):
            self._shapes[core.bottom, core.left] = strip.shape
            self._seek(core, strip.shape)
            self._file.write(np.ascontiguousarray(strip).data)

    def take(self, core: Area) -> NDArray[np.float32] | None:
        """Gives the rows (h, W, 4) with which a core begins, None where nothing was kept."""
        shape = self._shapes.pop((core.top, core.left), None)
        if shape is None:
            return None
        self._seek(core, shape)
        return np.frombuffer(self._file.read(FLOAT * math.prod(shape)), np.float32).reshape(shape)

    def close(self) -> None:
        """Lets go of memory and file."""
        self._file.close()

    def _seek(self, core: Area, shape: tuple[int, ...]) -> None:
        """All strips of a row are equally high, so that each has its place, where the row before had one."""
        rows, _, channels = shape
        self._file.seek(FLOAT * core.left * rows * channels)
