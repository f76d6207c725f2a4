"""What the finished runs are worth: exported, and judged on the same held-out pictures, simulated and real."""

import contextlib
import dataclasses
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.comparison.settings import Comparison
from cloud_removal.evaluation.evaluate import Method, Pair, Restored, judge, means, read_pairs
from cloud_removal.evaluation.metrics import Picture, to_8_bit
from cloud_removal.model_folder import version_of

if TYPE_CHECKING:
    from cloud_removal.evaluation.evaluate import Judged

MODELS, SIMULATED = "models", "simulated"
NOTHING, ALONE, REMOVE = "do nothing", "network alone", "remove"
HELD_OUT_BATCH = 8
"""Pictures of a held-out batch: what they show must not depend on the batches of any run."""
SHOWN = 6
"""Rows of a picture."""


def exported(name: str, comparison: Comparison) -> Path:
    """The model folder of the finished run `name`; written where there is none yet."""
    from cloud_removal.cli.export import Command

    folder = comparison.output / MODELS / name
    if version_of(folder) is None:
        with contextlib.redirect_stdout(sys.stderr):
            Command(comparison.output / name, folder).run()
    return folder


def methods(names: Sequence[str], comparison: Comparison) -> dict[str, Method]:
    """What is judged, by name: doing nothing, and of each run the network alone and what `remove` makes with it."""
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.picture import restore_picture

    def restored(model: Model, raw: bool) -> Method:
        return lambda picture: Restored(restore_picture(model, picture, raw=raw)[0])

    found: dict[str, Method] = {NOTHING: Restored}
    for name in names:
        model = Model.load(exported(name, comparison))
        found |= {f"{name}, {ALONE}": restored(model, True), f"{name}, {REMOVE}": restored(model, False)}
    return found


def data_sets(comparison: Comparison) -> dict[str, Iterator[Pair]]:
    """The pairs that all are judged on, by the name of their set; errors of their folders come at once."""
    from cloud_removal.data.pairs import names_of_pairs
    from cloud_removal.evaluation.evaluate import chosen

    found: dict[str, Iterator[Pair]] = {SIMULATED: simulated_pairs(comparison)}
    for folder in comparison.pairs:
        found[folder.name] = read_pairs(folder, chosen(names_of_pairs(folder), comparison.pairs_only))
    return found


def simulated_pairs(comparison: Comparison) -> Iterator[Pair]:
    """The first `judged` held-out pictures under simulated clouds, and the ground as the light falls on it."""
    from cloud_removal.data.batches import restoration_batches

    run = dataclasses.replace(comparison.held_out(), batch_size=HELD_OUT_BATCH)
    batches = restoration_batches(run, "validation").take(-(-comparison.judged // HELD_OUT_BATCH))
    number = 0
    for batch in batches:
        lit = batch["ground"] * (1.0 - batch["shadow"])
        for cloudy, clear in zip(to_8_bit(batch["aerial"].numpy()), to_8_bit(lit.numpy()), strict=True):
            if number < comparison.judged:
                yield Pair(str(number), cloudy, clear)
            number += 1


def judged(pairs: Iterable[Pair], judges: Mapping[str, Method]) -> tuple[dict[str, Any], "list[Judged]"]:
    """The mean scores of each method over `pairs`, and what all made of the first few."""
    scores: dict[str, list[Any]] = {name: [] for name in judges}
    rows: list[Judged] = []
    for one in judge(pairs, judges):
        for name, values in one.scores.items():
            scores[name].append(values)
        if len(rows) < SHOWN:
            rows.append(one)
    return {name: means(values) for name, values in scores.items()}, rows


def panel(rows: "Sequence[Judged]", titles: Mapping[str, str]) -> bytes:
    """PNG: a row for each picture: cloudy, what the network of each run makes of it, clear. `titles` by run."""
    from cloud_removal import plots
    from cloud_removal.cli.evaluate import stacked

    columns: dict[str, list[Picture]] = {"cloudy": [row.pair.cloudy for row in rows]}
    for name, title in titles.items():
        columns[title] = [row.restored[f"{name}, {ALONE}"].picture for row in rows]
    columns["clear"] = [row.pair.clear for row in rows]
    return plots.png(plots.grid({title: stacked(pictures) for title, pictures in columns.items()}))


def of_training(name: str, comparison: Comparison) -> dict[str, Any]:
    """How the finished run `name` was trained: steps, minutes, pictures seen, and the weights that are exported."""
    from cloud_removal.training.checkpoint import restore_run

    run, system, saved = restore_run(comparison.output / name, lambda line: None)
    served = [network for key, network in system.networks.items() if key not in system.training_only]
    return {
        "preset": comparison.variants[name].preset,
        "weights": sum(network.count_params() for network in served),
        "steps": saved.step,
        "minutes": saved.seconds / 60.0,
        "pictures": saved.step * run.batch_size,
        "precision": run.precision,
    }
