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
from cloud_removal.data.masks import DISC, draw_holes, vertices

SIZE = 256
AIM = 8000.0


def measure(quick: bool) -> list[Row]:
    """Rows of the masks: OpenCV alone and with all that is drawn, on one core; through tf.data, on all cores."""
    import configure

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    run = configure.INPAINT[configure.INPAINT_DEFAULT]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        batches, repeats = (2, 1) if quick else (125, 5)
        count = batches * run.batch_size
        rows = [
            Row(f"poly {SIZE} px, OpenCV alone, one core", count / seconds(_drawn_only(count), repeats), "masks/s"),
            Row(f"poly {SIZE} px, one core", count / seconds(_drawn(batches, run.batch_size), repeats), "masks/s"),
        ]
        delivered, spent = _delivered(dataclasses.replace(run, size=SIZE), 4 if quick else 500)
    finally:
        cv2.setNumThreads(threads)
    title = f"poly {SIZE} px, batches of {run.batch_size} by tf.data, {os.cpu_count()} cores"
    consumed = _consumed(run, quick)
    return [
        *rows,
        Row(title, delivered, "masks/s", AIM, note=f"{1e6 * spent:.0f} µs of the processors for a mask"),
        Row(f"training step of the default inpaint preset, {run.size} px", consumed, "pictures/s"),
        Row("masks over training", delivered / consumed, "x"),
    ]


def _drawn_only(count: int) -> Callable[[], None]:
    """Polygon and disc of corners that are there already, into an array that is there already."""
    corners = vertices(np.random.Generator(np.random.Philox(0)), count, SIZE)
    mask = np.zeros((SIZE, SIZE), np.uint8)

    def draw() -> None:
        for corner in corners:
            mask.fill(0)
            cv2.fillPoly(mask, [corner], 1)
            cv2.circle(mask, (int(corner[0, 0]), int(corner[0, 1])), round(DISC * SIZE), 1, cv2.FILLED)

    return draw


def _drawn(batches: int, count: int) -> Callable[[], None]:
    """All that batches of `count` masks take: corners, polygons, discs, local windows."""

    def draw() -> None:
        rng = np.random.Generator(np.random.Philox(0))
        for _ in range(batches):
            draw_holes("poly", rng, count, SIZE)

    return draw


def _delivered(run: Run, count: int) -> tuple[float, float]:
    """Masks per second that come out of the dataset when nothing else is done, and seconds of all processors for each.

    They are made as those of `run`'s training are; batches that waited already are not counted.
    """
    from cloud_removal.data.endless import endless
    from cloud_removal.data.holes import hole_shapes, make_holes, whole

    batches = iter(endless(lambda i: make_holes(run, "training", i), hole_shapes(run), whole=whole(soft_edge=False)))
    for _ in itertools.islice(batches, 8):
        pass
    start, spent = time.perf_counter(), time.process_time()
    for _ in itertools.islice(batches, count):
        pass
    masks = count * run.batch_size
    return masks / (time.perf_counter() - start), (time.process_time() - spent) / masks


def _consumed(run: Run, quick: bool) -> float:
    """Pictures per second of a training step of `run` where generator and discriminator both train and never wait for
    data."""
    import tensorflow as tf

    from cloud_removal.data.holes import completion_batches
    from cloud_removal.training.environment import build, make_deterministic
    from cloud_removal.training.step import Step

    own: Any = run.options
    run = dataclasses.replace(run, options=dataclasses.replace(own, completion_steps=0, discriminator_steps=0))
    if quick:
        run = dataclasses.replace(run, batch_size=1, size=32)
    make_deterministic()  # As in training.
    step = Step(build(run), tf.Variable(0, dtype=tf.int64))
    batch = next(iter(completion_batches(run, "training").take(1)))
    return run.batch_size / seconds(lambda: float(step.run(batch)["reconstruction"]), 1 if quick else 5)
