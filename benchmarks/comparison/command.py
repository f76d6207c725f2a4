"""Trains the runs that are not finished, judges all that are asked for, writes and prints the table."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison.runs import chosen, train
from benchmarks.comparison.settings import Comparison
from benchmarks.experiment import check_page, load, show
from benchmarks.table import machine
from cloud_removal.cli import DONE
from cloud_removal.config import to_json
from cloud_removal.errors import OptionError, expect
from cloud_removal.files import write_atomically, write_result

NUMBERS, TABLE = "numbers.json", "table.md"
Section = Callable[[Mapping[str, Any]], str]
"""Numbers -> the Markdown that shows them."""


def run(comparison: Comparison, section: Section, again: str) -> int:
    """Trains, judges, prints. `again` is printed as the way to go on. Returns the exit code."""
    names = chosen(comparison)
    check(comparison, names)
    busy = load("less is trained in the same time")
    code = train(names, comparison, again)
    if code:
        return code
    files = write(names, comparison, section, busy)
    show(comparison.output / TABLE, files)
    return DONE


def check(comparison: Comparison, names: Sequence[str]) -> None:
    """Refuses, before the work, what could not be trained alike, judged or written."""
    from benchmarks.comparison.scores import data_sets

    expect(comparison.minutes > 0, "minutes", comparison.minutes, "more than 0")
    for name in ("judged", "steps", "width"):
        value = getattr(comparison, name)
        expect(value is None or value >= 1, name, value, "1 or more")
    for name in ("pairs", "a", "b"):
        if getattr(comparison.data, name):
            raise OptionError(
                f"--data.{name}: not all that is compared learns from it. All see simulated clouds over --data.ground; "
                "to judge on real pairs give --pairs."
            )
    if len({folder.name for folder in comparison.pairs}) < len(comparison.pairs):
        raise OptionError("--pairs: two folders have the same name, by which they are told apart. Rename one.")
    data_sets(comparison)
    check_page(comparison.page, len(names) == len(comparison.variants), comparison.usual_page)


def write(names: Sequence[str], comparison: Comparison, section: Section, busy: float) -> list[Path]:
    """Judges the finished runs `names` and writes everything. Returns the files."""
    from benchmarks.comparison import scores
    from benchmarks.cures.page import between_marks

    found = {
        "machine": machine(),
        "load_before": busy,
        "comparison": to_json(comparison),
        "runs": {name: scores.of_training(name, comparison) for name in names},
        "scores": {},
    }
    judges, output = scores.methods(names, comparison), comparison.output
    files = [output / NUMBERS, output / TABLE]
    for title, pairs in scores.data_sets(comparison).items():
        print(f"judging on {title} ...", file=sys.stderr, flush=True)
        found["scores"][title], rows = scores.judged(pairs, judges)
        files.append(output / f"{title}.png")
        write_atomically(files[-1], scores.panel(rows, {name: comparison.variants[name].title for name in names}))
    text = section(found)
    write_atomically(files[0], (json.dumps(found, indent=1) + "\n").encode())
    write_atomically(files[1], text.encode())
    if comparison.page is not None:
        whole = between_marks(comparison.page.read_text(encoding="utf-8"), text, comparison.page)
        write_result(comparison.page, whole.encode(), "Name a page that can be written.")
        files.append(comparison.page)
    return files
