"""Whether windows are served faster together: eight in one request beside eight requests, through the same graph.

What a server does with a request beside the graph (network, JSON or protobuf) is not in it.
"""

from typing import Any

import numpy as np

from benchmarks.table import Row, seconds

BATCH = 8
SIDES = (256, 512, 1024)
QUICK_SIDES = (64,)


def measure(quick: bool) -> list[Row]:
    """Rows of the signature `restore` of the bundled model, windows of several sizes, together and one by one."""
    from cloud_removal.inference.model import Model
    from cloud_removal.model_folder import DEFAULT

    model = Model.load(DEFAULT)
    return [row for side in (QUICK_SIDES if quick else SIDES) for row in _rows(model, side, 1 if quick else 5)]


def _rows(model: Any, side: int, repeats: int) -> list[Row]:
    images, context = windows(model, BATCH, side)
    parts = [(images[i : i + 1], None if context is None else context[i : i + 1]) for i in range(BATCH)]
    one_by_one = seconds(lambda: [model.restore(*part) for part in parts], repeats)
    together = seconds(lambda: model.restore(images, context), repeats)
    megapixels = BATCH * side * side / 1e6
    return [
        Row(f"serving {side} px: {BATCH} windows, a request each", megapixels / one_by_one, "MP/s"),
        Row(f"serving {side} px: {BATCH} windows in one request", megapixels / together, "MP/s"),
        Row(f"serving {side} px: one request over {BATCH}", one_by_one / together, "x"),
    ]


def windows(model: Any, count: int, side: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Pictures (count, side, side, 3) of noise, and statistics for all their places where the model takes any."""
    images = np.random.default_rng(0).random((count, side, side, 3), np.float32)
    if model.card.context is None:
        return images, None
    cells = side // model.card.grid.stride
    statistics = model.context(images)[:, None, None]
    return images, np.ascontiguousarray(np.broadcast_to(statistics, (count, cells, cells, statistics.shape[-1])))
