"""Pictures of real ground that the runs completed, for looking at; they are not ours to publish."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.cures.numbers import COMPLETED, GROUND, HOLE, Pictures, samples
from benchmarks.cures.runs import ALONE, BASELINE, FIRST, OBJECTIVES, stored
from cloud_removal import plots
from cloud_removal.files import write_atomically

OVER_TIME = (BASELINE, "without-history")
TIMES = 12
"""Most snapshots of a strip: the last ones."""
ROWS = 3
"""Pictures of a strip."""


def write(runs: Mapping[str, Path], side: int, folder: Path) -> list[Path]:
    """Draws what the runs, name to folder, have pictures for into `folder`. Returns the files.

    A strip for the baseline and the one without history: the same completions, a column a snapshot. A sheet "completion
    only" beside "completion + discriminator", and one with all objectives. The pictures are twice their size.
    """
    folder.mkdir(parents=True, exist_ok=True)
    last = {name: columns[max(columns)] for name, path in runs.items() if (columns := samples(path, side))}
    drawn: dict[str, dict[str, Pictures]] = {}
    for name in OVER_TIME:
        if name in last:
            drawn[f"over_time_{name}"] = over_time(snapshots(runs, name, side))
    if {ALONE, BASELINE} <= set(last):
        drawn["discriminator"] = {
            "completion only": last[ALONE][COMPLETED],
            "completion + discriminator": last[BASELINE][COMPLETED],
        } | known(last[BASELINE])
    if set(OBJECTIVES) & set(last):
        titles = {"dcgan": BASELINE} | {name: name for name in OBJECTIVES}
        drawn["objectives"] = {title: last[name][COMPLETED] for title, name in titles.items() if name in last}
        drawn["objectives"] |= known(last[FIRST])
    files = []
    for name, sheet in drawn.items():
        files.append(folder / f"{name}.png")
        write_atomically(files[-1], plots.png(plots.grid({title: enlarged(shown) for title, shown in sheet.items()})))
    return files


def snapshots(runs: Mapping[str, Path], name: str, side: int) -> dict[int, Pictures]:
    """By step, the sample columns of run `name` at equal distances, before them those of the run that it started from.

    A run that was stopped has shown its pictures then too; these are left out, and so are those that it showed while
    its discriminator was trained alone, for they are the same.
    """
    run = stored(runs[name])
    start = cast(Any, run.options).discriminator_steps
    before = samples(runs[FIRST], side)
    shown = {step: columns for step, columns in samples(runs[name], side).items() if step > start}
    return {start: before[max(before)]} | {s: columns for s, columns in shown.items() if s % run.sample_every == 0}


def over_time(shown: Mapping[int, Pictures]) -> dict[str, Pictures]:
    """The completions of the first pictures at the last steps, then what was there."""
    steps = list(shown)[-TIMES:]
    columns = {f"step {step}": shown[step][COMPLETED][:ROWS] for step in steps}
    return columns | {title: pictures[:ROWS] for title, pictures in known(shown[steps[-1]]).items()}


def known(columns: Pictures) -> dict[str, Pictures]:
    """The truth, and what the network is given of it."""
    return {"truth": columns[GROUND], "ragged": np.where(columns[HOLE] > 0, np.uint8(0), columns[GROUND])}


def enlarged(pictures: Pictures) -> np.ndarray:
    """uint8 (B, S, S, 3) twice as large, in [0, 1]."""
    return pictures.repeat(2, axis=1).repeat(2, axis=2).astype(np.float32) / np.float32(255.0)
