"""Polygon masks per second that reach training, beside OpenCV alone and beside what a training step takes."""

import dataclasses
import itertools
import os
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from benchmarks.table import Row, seconds
from cloud_removal.config import Run
from cloud_removal.data.masks import DISC, Hole, draw_hole, vertices

SIZE = 256
BATCH = 64
AIM = 8000.0


def measure(quick: bool) -> list[Row]:
    """Rows of the masks: OpenCV alone and with all that is drawn, on one core; through tf.data, on all cores."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        count, repeats = (20, 1) if quick else (2000, 5)
        rows = [
            Row(f"poly {SIZE} px, OpenCV alone, one core", count / seconds(_drawn_only(count), repeats), "masks/s"),
            Row(f"poly {SIZE} px, one core", count / seconds(_drawn(count), repeats), "masks/s"),
        ]
        delivered = _delivered(4 if quick else 200)
    finally:
        cv2.setNumThreads(threads)
    run, consumed = _consumed(quick)
    return [
        *rows,
        Row(f"poly {SIZE} px, batches by tf.data, {os.cpu_count()} cores", delivered, "masks/s", AIM),
        Row(f"training step of the default inpaint preset, {run.size} px", consumed, "pictures/s"),
        Row("masks over training", delivered / consumed, "x"),
    ]


def masks(index: int) -> dict[str, np.ndarray]:
    """A batch of polygons with their windows, drawn and numbered as training batches are."""
    from cloud_removal.data.batches import generator

    hole = np.empty((BATCH, SIZE, SIZE, 1), np.float32)
    window = np.empty((BATCH, 2), np.float32)
    for position in range(BATCH):
        drawn = draw_hole("poly", generator(0, "training", index, position), SIZE)
        hole[position, ..., 0], window[position] = drawn.mask, drawn.window
    return {"hole": hole, "window": window}


def _drawn_only(count: int) -> Callable[[], None]:
    """Polygon and disc of corners that are there already, into an array that is there already."""
    rng = np.random.Generator(np.random.Philox(0))
    corners, mask = [vertices(rng, SIZE) for _ in range(count)], np.zeros((SIZE, SIZE), np.uint8)

    def draw() -> None:
        for corner in corners:
            mask.fill(0)
            cv2.fillPoly(mask, [corner], 1)
            cv2.circle(mask, (int(corner[0, 0]), int(corner[0, 1])), round(DISC * SIZE), 1, cv2.FILLED)

    return draw


def _drawn(count: int) -> Callable[[], list[Hole]]:
    """All that a mask takes: corners, polygon, disc, local window."""

    def draw() -> list[Hole]:
        rng = np.random.Generator(np.random.Philox(0))
        return [draw_hole("poly", rng, SIZE) for _ in range(count)]

    return draw


def _delivered(count: int) -> float:
    """Masks per second that come out of the dataset when nothing else is done; what waited already not counted."""
    from cloud_removal.data.endless import endless

    batches = iter(endless(masks, {"hole": (BATCH, SIZE, SIZE, 1), "window": (BATCH, 2)}))
    for _ in itertools.islice(batches, 8):
        pass
    start = time.perf_counter()
    for _ in itertools.islice(batches, count):
        pass
    return count * BATCH / (time.perf_counter() - start)


def _consumed(quick: bool) -> tuple[Run, float]:
    """The default preset of train_inpaint.py, and its pictures per second where generator and discriminator both train
    and never wait for data."""
    import tensorflow as tf

    import configure
    from cloud_removal.data.holes import completion_batches
    from cloud_removal.training.environment import build, make_deterministic
    from cloud_removal.training.step import Step

    run = configure.INPAINT[configure.INPAINT_DEFAULT]
    own: Any = run.options
    run = dataclasses.replace(run, options=dataclasses.replace(own, completion_steps=0, discriminator_steps=0))
    if quick:
        run = dataclasses.replace(run, batch_size=1, size=32)
    make_deterministic()  # As in training.
    step = Step(build(run), tf.Variable(0, dtype=tf.int64))
    batch = next(iter(completion_batches(run, "training").take(1)))
    return run, run.batch_size / seconds(lambda: float(step.run(batch)["reconstruction"]), 1 if quick else 5)
