"""What comes out of the finished runs: numbers.json, table.md, curves, pictures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cures import judge, numbers, page, sheets
from benchmarks.cures.runs import ALONE, BASELINE, CURES, FIRST, VARIANTS, Experiment, finished, run_of, stored
from cloud_removal import plots
from cloud_removal.config import to_json
from cloud_removal.files import write_atomically, write_result

NUMBERS, TABLE, PICTURES = "numbers.json", "table.md", "pictures"


def write(experiment: Experiment, facts: Mapping[str, Any]) -> list[Path]:
    """Compares the runs of `experiment` that are finished, and writes everything. Returns the files.

    `facts` about the machine go into the numbers.
    """
    runs = {name: run.run_dir for name in VARIANTS if finished(run := run_of(name, experiment))}
    found = dict(facts) | {"experiment": to_json(experiment), "precision": stored(runs[FIRST]).precision}
    held_out = judge.held_out(runs[FIRST], experiment.judged)
    found["methods"] = judge.judged_without_network(held_out)
    found["runs"] = {name: measured(name, runs, experiment.size) for name in runs}
    for name, values in found["runs"].items():
        values["scores"] = judge.judged(runs[name], held_out)
    dcgan = found["runs"].get(BASELINE, {}).get("ms_per_step")
    for values in found["runs"].values():
        values["to_dcgan"] = values["ms_per_step"] / dcgan if dcgan and values["ms_per_step"] else None
    output = experiment.output
    write_atomically(output / NUMBERS, (json.dumps(found, indent=1) + "\n").encode())
    curves = draw(runs, found["runs"])
    for name, content in curves.items():
        write_atomically(output / f"{name}.png", content)
    write_atomically(output / TABLE, page.section(found, {name: f"{name}.png" for name in curves}).encode())
    files = [output / name for name in (NUMBERS, TABLE, *(f"{name}.png" for name in curves))]
    files += pictures(output, output / PICTURES)
    return files + (publish(experiment.page, found, curves) if experiment.page else [])


def pictures(output: Path, folder: Path) -> list[Path]:
    """Draws into `folder` what the runs in `output` made of real ground, as its numbers.json names them."""
    found = json.loads((output / NUMBERS).read_text(encoding="utf-8"))
    return sheets.write({name: output / name for name in found["runs"]}, found["experiment"]["size"], folder)


def measured(name: str, runs: Mapping[str, Path], side: int) -> dict[str, Any]:
    """What log and samples of one run say; its pictures have `side` pixels."""
    run, lines = stored(runs[name]), plots.read_log(runs[name] / "log.jsonl")
    variant = VARIANTS[name]
    values: dict[str, Any] = {"title": variant.title, "options": variant.words}
    values |= numbers.of_log(lines, run, numbers.starts_of(runs[name]))
    if name == FIRST:
        return values
    shown = sheets.snapshots(runs, name, side)
    completed = np.stack([columns[numbers.COMPLETED] for columns in shown.values()])
    hole = next(iter(shown.values()))[numbers.HOLE][..., 0] > 0
    return values | numbers.restlessness(completed, hole) | {"snapshots": list(shown)}


def draw(runs: Mapping[str, Path], found: Mapping[str, Any]) -> dict[str, bytes]:
    """PNGs by name, of what there is."""

    def logs(names: Mapping[str, str]) -> dict[str, Any]:
        return {title: plots.read_log(runs[name] / "log.jsonl") for title, name in names.items() if name in runs}

    cures = logs({variant.title: name for name, variant in CURES.items()})
    objectives = logs(page.of_objectives())
    changes = {
        found[name]["title"]: (since_the_start(found[name]["snapshots"]), found[name]["changes"])
        for name in (ALONE, *CURES)
        if name in found
    }
    drawn = {"cures": plots.duels(cures)} if cures else {}
    drawn |= {"objectives": plots.duels(objectives)} if len(objectives) > 1 else {}
    return drawn | ({"changes": plots.over_steps(changes, "change, digital numbers")} if changes else {})


def since_the_start(snapshots: Sequence[int]) -> list[int]:
    """The later of `snapshots` in steps of the completion network, without those of the discriminator alone."""
    return [step - snapshots[0] for step in snapshots[1:]]


def publish(target: Path, found: Mapping[str, Any], curves: Mapping[str, bytes]) -> list[Path]:
    """Writes the results into the page `target`, and the curves, which show no picture of the ground, beside it."""
    names = {name: f"{target.stem}_{name}.png" for name in curves}
    text = page.between_marks(target.read_text(encoding="utf-8"), page.section(found, names), target)
    for name, content in curves.items():
        write_result(target.with_name(names[name]), content, "Name a page in a folder that can be written.")
    write_result(target, text.encode(), "Name a page that can be written.")
    return [target, *(target.with_name(name) for name in names.values())]
