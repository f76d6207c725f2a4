"""What a run leaves behind for people: log.jsonl, TensorBoard, sample grids, curves and the progress line."""

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tqdm import tqdm

from cloud_removal.config import Run
from cloud_removal.files import write_atomically

LOG = "log.jsonl"
SAMPLES_SHOWN = 6
"""Most rows of a sample grid."""


MEASURED = ("images_per_second", "data_wait", "learning_rate", "seconds", "loss_scale")
"""What is logged beside the losses, or how its name begins."""


@dataclass(frozen=True)
class Drawing:
    """How pictures are made; given from above, because plotting is no part of training."""

    grid: Callable[[Mapping[str, np.ndarray]], np.ndarray]
    """Columns of images (B, H, W, 1 or 3) in [0, 1] by title -> one uint8 (H, W, 3) RGB picture."""
    png: Callable[[np.ndarray], bytes]
    """uint8 (H, W, 3) RGB -> the bytes of a PNG."""
    curves: Callable[[Path], bytes]
    """A run folder -> the bytes of a PNG with the curves of its log."""


def cut_log(path: Path, step: int) -> None:
    """Keeps only the whole lines of the log at `path` up to `step`; what came later will come again."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):  # Torn by a crash.
            continue
    write_atomically(path, "".join(kept).encode())


class Record:
    """Writes the record of one stretch of training that starts after step `start`; used in a `with`."""

    def __init__(self, run: Run, start: int, drawing: Drawing):
        self.run, self.drawing = run, drawing
        (run.run_dir / "samples").mkdir(parents=True, exist_ok=True)
        cut_log(run.run_dir / LOG, start or -1)  # What was judged before the first step will be judged again.
        self.board = tensorboard_writer(run.run_dir / "tensorboard", start)
        self.bar = _progress_bar(run.steps, start)

    def __enter__(self) -> "Record":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.close()
        self.board.close()

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """One line of log.jsonl, TensorBoard scalars, and the text of the progress line; all flushed at once."""
        line = {"step": step, "time": round(time.time(), 3)} | {name: _json_number(v) for name, v in values.items()}
        with open(self.run.run_dir / LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        with self.board.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self.board.flush()
        self.bar.set_postfix_str(_postfix(values, self.run.minutes), refresh=False)

    def samples(self, step: int, columns: Mapping[str, np.ndarray]) -> None:
        """samples/STEP.png and the same picture in TensorBoard."""
        grid = self.drawing.grid({title: images[:SAMPLES_SHOWN] for title, images in columns.items()})
        write_atomically(self.run.run_dir / "samples" / f"{step:08d}.png", self.drawing.png(grid))
        with self.board.as_default(step):
            tf.summary.image("samples", grid[np.newaxis])
        self.board.flush()

    def curves(self) -> None:
        """curves.png of the whole run so far."""
        write_atomically(self.run.run_dir / "curves.png", self.drawing.curves(self.run.run_dir))


def tensorboard_writer(folder: Path, start: int) -> Any:
    """A TensorBoard writer; what earlier stretches wrote after step `start` is no longer shown.

    TensorBoard forgets by a session's start at a step, which TensorFlow 2 cannot write itself.
    """
    marks = EventFileWriter(str(folder))
    marks.add_event(Event(step=start + 1, wall_time=time.time(), session_log=SessionLog(status=SessionLog.START)))
    marks.close()
    return tf.summary.create_file_writer(str(folder))


class Meter:
    """Measures pictures per second and the share of time spent waiting for data since it was last read."""

    def __init__(self) -> None:
        self.begin = self.since = time.perf_counter()
        self.waited, self.pictures = 0.0, 0

    def add(self, pictures: int, waited: float) -> None:
        """One step over so many `pictures`, for which `waited` seconds were spent."""
        self.pictures += pictures
        self.waited += waited

    def read(self) -> dict[str, float]:
        """images_per_second and data_wait since the last reading."""
        now = time.perf_counter()
        elapsed = max(now - self.since, 1e-9)
        values = {"images_per_second": self.pictures / elapsed, "data_wait": self.waited / elapsed}
        self.since, self.waited, self.pictures = now, 0.0, 0
        return values

    def seconds(self) -> float:
        """Since it was made."""
        return time.perf_counter() - self.begin


def _progress_bar(steps: int, start: int) -> tqdm:
    """On a terminal it moves all the time, in a file every half a minute."""
    interval = 0.2 if sys.stderr.isatty() else 30.0
    return tqdm(total=steps, initial=start, unit="step", file=sys.stderr, dynamic_ncols=True, mininterval=interval)


def _postfix(values: Mapping[str, float], minutes: float | None) -> str:
    """Losses, speed, share of the time spent waiting for data, and the time allowed if there is a limit."""
    there = {name: value for name, value in values.items() if not name.startswith(MEASURED) and not math.isnan(value)}
    shown = [f"{name} {value:.4g}" for name, value in there.items()]
    if "images_per_second" in values:
        shown += [f"{values['images_per_second']:.1f} img/s", f"waiting for data {values['data_wait']:.0%}"]
        shown += [f"{values['seconds'] / 60:.0f} of {minutes:g} min"] if minutes else []
    return ", ".join(shown)


def _json_number(value: float) -> float | None:
    """JSON has no infinity and no NaN."""
    return round(value, 8) if math.isfinite(value) else None
