"""What a handful of real pairs is worth: a model adapted to some of them, judged on the others, fold by fold.

    python -m benchmarks.few_pairs --pairs DIR --minutes 10

trains as `train_defog.py --data.pairs DIR --init defog --minutes 10` does, on all parts but one at a time.
"""

import contextlib
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from benchmarks.experiment import command, load, show
from benchmarks.table import machine
from cloud_removal.cli import DONE
from cloud_removal.config import Data, Run, to_json
from cloud_removal.data.pairs import names_of_pairs
from cloud_removal.errors import expect
from cloud_removal.evaluation.evaluate import Judged, Method, Restored, Scores, judge, means, read_pairs, table
from cloud_removal.evaluation.metrics import Picture, to_8_bit
from cloud_removal.files import write_atomically
from configure import DEFOG, DEFOG_OF_PAIRS

if TYPE_CHECKING:
    from cloud_removal.inference.model import Model

NUMBERS, TABLE, PANEL = "numbers.json", "table.md", "panel.png"
NOTHING, BEFORE, AFTER, ALONE, LINES = (
    "do nothing", "before", "adapted", "adapted, network alone", "straight lines, fitted with the truth",
)  # fmt: skip
SIDES = ("cloud", "clear")
SHOWN = 8
"""Rows of the panel."""


@dataclass(frozen=True)
class Folds:
    """Adapts a model to real pairs, each time to all but one part of them, and judges it on that part.

    The same command goes on where it was stopped.
    """

    pairs: Path
    """Folder of real pairs (cloud/NAME and clear/NAME)."""
    output: Path = Path("runs/few_pairs")
    """Folder of the runs, and of what comes out: numbers.json, table.md, panel.png (real pictures)."""
    folds: int = 5
    """How many parts; 2 or more."""
    parts: Literal["random", "stretches"] = "random"
    """random: pairs of every kind are in every part. stretches: of the sorted names, neighbours in which often show the
    same ground, so that what is judged on is of a kind that was not learned from."""
    minutes: float = 10.0
    """Minutes of training for each."""
    preset: str = DEFOG_OF_PAIRS
    """Preset of train_defog.py."""
    init: Path = Path("defog")
    """Model that is adapted: a model folder, or the name of a bundled one."""
    ground: tuple[Path, ...] = ()
    """Folders of clear ground to be mixed in under simulated clouds, half of each batch."""
    learning_rate: float | None = None
    """None: that of the preset."""
    size: int | None = None
    """Side of the training pictures in pixels; None: that of the preset."""
    ema: float | None = None
    """Momentum of the average of the weights; None: that of the preset."""
    only: tuple[int, ...] = ()
    """Numbers of the parts to be judged, from 0, instead of all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the folds. Returns the exit code: 0, 1 after a CloudRemovalError, 130 or 143 after a signal."""
    return command(Folds, "benchmarks.few_pairs", run, arguments)


def run(folds: Folds, again: str) -> int:
    """Trains what is not trained yet, judges, prints. `again` is printed as the way to go on."""
    names = names_of_pairs(folds.pairs)
    expect(folds.preset in DEFOG, "preset", folds.preset, f"one of {', '.join(DEFOG)}")
    expect(2 <= folds.folds <= len(names), "folds", folds.folds, f"2 to {len(names)}, the number of pairs")
    busy = load("less is trained in the same time")
    rows: list[Judged] = []
    for number, held_out in chosen(folds, names):
        code = adapt(folds, number, sorted(set(names) - set(held_out)), again)
        if code:
            return code
        rows += judge(read_pairs(folds.pairs, held_out), methods(folds, number))
    files = write(folds, rows, busy)
    show(files[1], files)
    return DONE


def chosen(folds: Folds, names: Sequence[str]) -> list[tuple[int, list[str]]]:
    """The number of each part that is asked for, and its names."""
    order = np.array(names)
    if folds.parts == "random":
        order = np.random.default_rng(0).permutation(order)
    parts = enumerate(np.array_split(order, folds.folds))
    return [(number, sorted(part.tolist())) for number, part in parts if not folds.only or number in folds.only]


def adapt(folds: Folds, number: int, names: Sequence[str], again: str) -> int:
    """Trains run `number` on the pairs `names`, where that is not done yet. Returns the exit code."""
    from cloud_removal.cli.train import Training, run_training

    linked(folds.pairs, folder(folds, number) / "pairs", names)
    print(f"Part {number}: adapting to {len(names)} pairs", file=sys.stderr, flush=True)
    with contextlib.redirect_stdout(sys.stderr):
        return run_training(Training(run_of(folds, number), preset=folds.preset), again)


def run_of(folds: Folds, number: int) -> Run:
    """The settings of run `number`: those of `train_defog.py --data.pairs … --init … --minutes …`."""
    preset = DEFOG[folds.preset]
    changed = {name: getattr(folds, name) for name in ("learning_rate", "size", "ema")}
    return dataclasses.replace(
        preset,
        data=Data(ground=folds.ground, pairs=folder(folds, number) / "pairs"),
        run_dir=folder(folds, number),
        minutes=folds.minutes,
        init=folds.init,
        **{name: value for name, value in changed.items() if value is not None},
    )


def folder(folds: Folds, number: int) -> Path:
    """Where run `number` is."""
    return folds.output / f"part{number}"


def linked(source: Path, target: Path, names: Sequence[str]) -> None:
    """A folder of pairs at `target` that holds the `names` of `source` alone, by links."""
    for side in SIDES:
        (target / side).mkdir(parents=True, exist_ok=True)
        for name in names:
            link = target / side / name
            if not link.exists():
                link.symlink_to((source / side / name).resolve())


def methods(folds: Folds, number: int) -> dict[str, Method]:
    """What is judged: doing nothing, `remove` before and after, the network alone, and what no network can know."""
    from cloud_removal.cli.train import MODEL
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.picture import restore_picture
    from cloud_removal.model_folder import find

    def restored(model: "Model", raw: bool) -> Method:
        return lambda picture: Restored(restore_picture(model, picture, raw=raw)[0])

    before, after = Model.load(find(folds.init, "--init")), Model.load(folder(folds, number) / MODEL)
    return {
        NOTHING: Restored,
        BEFORE: restored(before, False),
        AFTER: restored(after, False),
        ALONE: restored(after, True),
    }


def straight_lines(cloudy: Picture, clear: Picture) -> Picture:
    """`cloudy` under the straight line of each channel that comes nearest to `clear` (least squares): a ceiling for
    what evens out a veil, and nothing that could be known without the truth."""
    lines = [np.polyfit(cloudy[..., c].ravel(), clear[..., c].ravel(), 1) for c in range(3)]
    return to_8_bit(np.stack([np.polyval(line, cloudy[..., c]) for c, line in enumerate(lines)], -1) / 255.0)


def over_pixels(scores: Sequence[Scores], clear: Sequence[int]) -> float:
    """MAE outside clouds, where all `clear` pixels of all pictures count alike: in digital numbers.

    In the mean over pictures the few pixels at the rim of a cloud that covers all else count as much as a clear scene.
    """
    errors = [(p["outside"]["mae"], count) for p, count in zip(scores, clear, strict=True) if p["outside"]]
    return sum(error * count for error, count in errors) / max(1, sum(count for _, count in errors))


def write(folds: Folds, rows: Sequence[Judged], busy: float) -> list[Path]:
    """Writes the means, the table and the panel. Returns the files."""
    from cloud_removal import plots
    from cloud_removal.cli.evaluate import stacked
    from cloud_removal.evaluation import metrics

    clouds = [metrics.cloud_mask(row.pair.cloudy, row.pair.clear) for row in rows]
    scores: dict[str, list[Any]] = {name: [row.scores[name] for row in rows] for name in rows[0].scores}
    scores[LINES] = [
        metrics.scores(straight_lines(row.pair.cloudy, row.pair.clear), row.pair.clear, cloud)
        for row, cloud in zip(rows, clouds, strict=True)
    ]
    found = {name: means(values) for name, values in scores.items()}
    clear = [int(np.sum(~cloud)) for cloud in clouds]
    together = {name: over_pixels(values, clear) for name, values in scores.items()}
    numbers = {"machine": machine(), "load_before": busy, "folds": to_json(folds), "scores": found}
    numbers["mae_of_all_pixels_outside"] = together
    shown = rows[:: max(1, len(rows) // SHOWN)][:SHOWN]
    columns: dict[str, list[Picture]] = {"cloudy": [row.pair.cloudy for row in shown]}
    columns |= {name: [row.restored[name].picture for row in shown] for name in (BEFORE, AFTER)}
    columns["clear"] = [row.pair.clear for row in shown]
    panel = plots.png(plots.grid({title: stacked(pictures) for title, pictures in columns.items()}))
    said = ", ".join(f"{name} {error:.2f}" for name, error in together.items())
    text = f"{folds.pairs.name}, {len(rows)} pairs\n\n{table(found)}\n\nMAE of all pixels outside clouds: {said}\n"
    files = [folds.output / name for name in (NUMBERS, TABLE, PANEL)]
    for path, content in zip(files, (json.dumps(numbers, indent=1).encode(), text.encode(), panel), strict=True):
        write_atomically(path, content)
    return files


if __name__ == "__main__":
    sys.exit(main())
