"""Training pictures per second that the data pipeline delivers, beside what the default training step consumes."""

import dataclasses
import itertools
import os
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from benchmarks.table import Row
from cloud_removal.config import Data, Run

ENOUGH = 3.0
"""Times what the training step consumes that the pipeline should deliver."""


def measure(quick: bool) -> list[Row]:
    """Rows of the pipeline: one core, all cores through tf.data, and all cores over the training step."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import configure

    preset = configure.DEFOG[configure.DEFOG_DEFAULT]
    with tempfile.TemporaryDirectory() as folder:
        _photographs(Path(folder), 4 if quick else 64)
        data = Data(ground=(Path(folder),), validation_share=0.0)
        rows = []
        for size in (32,) if quick else (256, preset.size):
            run = dataclasses.replace(preset, size=size, batch_size=2 if quick else preset.batch_size, data=data)
            count = 2 if quick else 20
            rows.append(Row(f"batches of {size} px, one core", _one_core(run, count), "pictures/s", 60.0))
            delivered = _delivered(run, count)
            rows.append(Row(f"batches of {size} px, tf.data, {os.cpu_count()} cores", delivered, "pictures/s"))
        consumed = _consumed(run, quick)
        rows.append(Row("training step of the default preset, fixed batch", consumed, "pictures/s"))
        rows.append(Row("pipeline over training step", delivered / consumed, "x", ENOUGH))
    return rows


def _photographs(folder: Path, count: int) -> None:
    """Pictures of 256 px cut from procedural ground, as JPEG."""
    from cloud_removal.data.terrain import terrain

    ground = np.rint(terrain(np.random.Generator(np.random.Philox(0)), 1024) * 255).astype(np.uint8)[..., ::-1]
    for number in range(count):
        top, left = 96 * (number // 8), 96 * (number % 8)
        cv2.imwrite(str(folder / f"{number:03}.jpg"), ground[top : top + 256, left : left + 256])


def _one_core(run: Run, count: int) -> float:
    """Pictures per second of processor time, in one thread."""
    from cloud_removal.data.batches import make_batch, open_sources

    cv2.setNumThreads(1)
    sources = open_sources(run, "training")
    make_batch(sources, run, "training", 0)
    start = time.process_time()
    for index in range(count):
        make_batch(sources, run, "training", index)
    return count * run.batch_size / (time.process_time() - start)


def _delivered(run: Run, count: int) -> float:
    """Pictures per second that come out of the dataset when nothing else is done; what waited already not counted."""
    from cloud_removal.data.batches import restoration_batches

    batches = iter(restoration_batches(run, "training"))
    for _ in itertools.islice(batches, count):
        pass
    start = time.perf_counter()
    for _ in itertools.islice(batches, 2 * count):
        pass
    return 2 * count * run.batch_size / (time.perf_counter() - start)


def _consumed(run: Run, quick: bool) -> float:
    """Pictures per second that the training step takes where it never waits."""
    from benchmarks.training_step import default_spec, training_step

    spec = {"batch_size": run.batch_size, "size": max(run.size, 64), "precision": "auto"}
    step, _ = training_step(default_spec() | spec)
    for _ in range(2):
        step()
    steps = 1 if quick else 10
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return steps * run.batch_size / (time.perf_counter() - start)
