"""What the log and the samples of a run say, as numbers."""

import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cloud_removal import plots
from cloud_removal.config import Run
from cloud_removal.systems.inpaint import DISCRIMINATOR

HOLE, COMPLETED, GROUND = 1, 2, 3
"""Columns of the sample grids of the inpainting system."""
Lines = Sequence[Mapping[str, Any]]
Pictures = NDArray[np.uint8]


def of_log(lines: Lines, run: Run, starts: Sequence[int]) -> dict[str, Any]:
    """Losses, gate, alarm and time of a run; None for what it has not (a run of the completion network alone).

    `last` is the mean over the last tenth of the steps. `starts` are the steps after which a stretch of training began.
    Steps of the discriminator alone are left out.
    """
    lines = [line for line in lines if line["phase"] != DISCRIMINATOR]
    found: dict[str, Any] = {}
    for title, name in (("loss_G", "adversarial"), ("loss_D", "discriminator")):
        values = [line[name] for line in lines if line.get(name) is not None]
        found[title] = mean(values)
        found[f"{title}_last"] = mean(values[-max(1, len(values) // 10) :])
    duel = found["loss_D"] is not None
    return found | {
        "gate_flips": lines[-1]["gate_flips"] if duel else None,
        "generator_waits": mean([1.0 - line["gate_generator"] for line in lines]) if duel else None,
        "discriminator_waits": mean([1.0 - line["gate_discriminator"] for line in lines]) if duel else None,
        "generator_updates": sum(line["gradient_norm_generator"] is not None for line in lines),
        "collapse_alarm": mean([line["collapse_alarm"] for line in lines]),
        "ms_per_step": ms_per_step(lines, run, starts),
    }


def ms_per_step(lines: Lines, run: Run, starts: Sequence[int]) -> float | None:
    """Mean milliseconds of a step, without those that compiled it, saved, or showed pictures; None where all did."""
    times = []
    for before, after in itertools.pairwise(lines):
        first, last = before["step"], after["step"]
        idle = all(step % run.sample_every and step % run.checkpoint_every for step in range(first, last))
        if idle and not any(first <= start < last for start in starts):
            times.append(1000.0 * (after["seconds"] - before["seconds"]) / (last - first))
    return mean(times)


def starts_of(run_dir: Path) -> list[int]:
    """The steps after which the stretches of a run began."""
    return [json.loads(line)["start"] for line in (run_dir / "commands.jsonl").read_text().splitlines()]


def samples(run_dir: Path, side: int) -> dict[int, Pictures]:
    """By step, the columns of each sample grid of a run: uint8 (columns, rows, side, side, 3)."""
    read = {}
    for path in sorted((run_dir / "samples").glob("*.png")):
        grid = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        read[int(path.stem)] = plots.cells(grid, side)
    return read


def restlessness(completed: Pictures, hole: NDArray[np.bool_]) -> dict[str, Any]:
    """How completions (T, B, S, S, 3) of the same pictures with holes (B, S, S) change from one time to the next.

    `changes`: T - 1 mean absolute changes inside the holes, in digital numbers; `change`: their mean. `swing`: the mean
    cosine between a change and the one after it: 1 where they go one way, 0 where they have nothing to do with each
    other, -1 where each takes back the one before. None where there are too few times.
    """
    steps = np.diff(completed[:, hole].astype(np.float64), axis=0).reshape(len(completed) - 1, -1)
    changes = [float(value) for value in np.abs(steps).mean(axis=1)]
    lengths = np.linalg.norm(steps, axis=1)
    cosines = (steps[1:] * steps[:-1]).sum(axis=1) / np.maximum(lengths[1:] * lengths[:-1], 1e-9)
    return {"change": mean(changes), "swing": mean([float(value) for value in cosines]), "changes": changes}


def mean(values: Sequence[float]) -> float | None:
    """None of nothing."""
    return float(np.mean(values)) if values else None
