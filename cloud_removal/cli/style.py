"""`evaluate --task style`: what of pictures a model keeps in its place, and how near it brings their colours."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud_removal.cli.progress import with_bar
from cloud_removal.errors import OptionError
from cloud_removal.files import write_result

if TYPE_CHECKING:
    from cloud_removal.cli.evaluate import Command
    from cloud_removal.evaluation.style import Reference, Tally, Translated, Translator

PICTURES, REFERENCE = "--pictures", "--reference"


def evaluate_style(command: "Command") -> None:
    """Judges as `command` says, then prints and writes."""
    from cloud_removal.cli.evaluate import ANOTHER, shown_rows
    from cloud_removal.evaluation import style
    from cloud_removal.evaluation.evaluate import chosen, names_of_ground

    folder = command.pictures or Path()
    names = chosen(names_of_ground(folder, PICTURES), command.only)
    others = names_of_ground(command.reference, REFERENCE) if command.reference else []
    title, model = translator(command)
    reference = style.reference_of(command.reference, others) if command.reference else None
    methods: dict[str, Translator] = {style.BEFORE: lambda picture: picture}
    if command.peers and reference is not None:
        methods[style.LINES] = style.straight_lines(style.reference_of(folder, names).colours, reference.colours)
    methods[style.AFTER] = model
    tally, rows = style.Tally(methods), []
    shown = shown_rows(command.panel_rows, len(names)) if command.panel else set()
    for index, translated in enumerate(with_bar(style.judge(folder, names, methods), len(names))):
        tally.add(translated)
        if index in shown:
            rows.append(translated)
    means = tally.means(reference)
    print(heading(title, command, len(names), len(others), reference))
    print(style.table(means))
    if command.json is not None:
        report = _report(title, command, means, tally, reference)
        write_result(command.json, json.dumps(report, indent=1, allow_nan=False).encode(), ANOTHER)
    if command.panel is not None:
        write_result(command.panel, panel(rows, command.reference, others), ANOTHER)


def translator(command: "Command") -> "tuple[str, Translator]":
    """The model's title, and its network's answer everywhere, as `remove --keep-below 0` takes it."""
    from cloud_removal.inference.model import Model
    from cloud_removal.inference.picture import restore_picture

    if command.model is None:
        raise OptionError(
            "--task style judges a translation, and none is bundled. Give one with --model; the command export writes "
            "it of a run of train_translate.py."
        )
    model = Model.load(command.model)
    return model.card.title, lambda picture: restore_picture(model, picture, raw=True)[0]


def heading(title: str, command: "Command", count: int, others: int, reference: "Reference | None") -> str:
    """What was judged, on what, beside what."""
    text = f"{title} on {command.pictures}, {count} pictures"
    if reference is None:
        return text
    apart = "" if reference.halves is None else f", whose halves are {reference.halves:.2f} /255 apart"
    return f"{text}; colours beside {command.reference}, {others} pictures{apart}"


def panel(rows: "list[Translated]", folder: Path | None, others: list[str]) -> bytes:
    """PNG: a row for each picture kept, by each method, and beside it one of the reference, of another place."""
    from cloud_removal import plots
    from cloud_removal.cli.evaluate import stacked
    from cloud_removal.data.decode import read_rgb

    columns = {name: [row.results[name] for row in rows] for name in rows[0].results}
    if folder is not None:
        beside = [others[number * len(others) // len(rows)] for number in range(len(rows))]
        columns["of the reference"] = [read_rgb(folder / name) for name in beside]
    return plots.png(plots.grid({title: stacked(pictures) for title, pictures in columns.items()}))


def _report(
    title: str, command: "Command", means: dict[str, Any], tally: "Tally", reference: "Reference | None"
) -> dict[str, Any]:
    """All scores as plain JSON values; what is not a number is null."""
    return {
        "model": title,
        "task": "style",
        "data": str(command.pictures),
        "only": list(command.only),
        "reference": str(command.reference) if reference else None,
        "reference_halves": reference.halves if reference else None,
        "means": means,
        "pictures": {
            method: {name: {m: v if v == v else None for m, v in one.items()} for name, one in scores.items()}
            for method, scores in tally.scores.items()
        },
    }
