"""`evaluate --task inpaint`: scores of a model, and of simple methods beside it, inside holes of clear pictures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cloud_removal.cli.progress import with_bar
from cloud_removal.errors import ModelError
from cloud_removal.files import write_result
from cloud_removal.model_folder import INPAINT, version_of

if TYPE_CHECKING:
    import numpy as np

    from cloud_removal.cli.evaluate import Command
    from cloud_removal.evaluation.fillers import Filler
    from cloud_removal.evaluation.inpaint import Filled


def evaluate_holes(command: "Command") -> None:
    """Judges as `command` says, then prints and writes."""
    from cloud_removal.cli.evaluate import ANOTHER, shown_rows
    from cloud_removal.evaluation import inpaint
    from cloud_removal.evaluation.evaluate import chosen, names_of_ground

    folder = command.ground or (command.pairs or Path()) / "clear"
    names = chosen(names_of_ground(folder, "--ground" if command.ground else "--pairs"), command.only)
    title, methods = fillers(command)
    shown = shown_rows(command.panel_rows, len(names)) if command.panel else set()
    found: dict[str, dict[str, Any]] = {name: {} for name in (inpaint.TRUTH, *methods)}
    rows = []
    pictures = inpaint.holed_pictures(folder, names)
    for index, filled in enumerate(with_bar(inpaint.judge(pictures, methods), len(names))):
        for name, scores in filled.scores.items():
            found[name][filled.holed.name] = scores
        if index in shown:
            rows.append(filled)
    means = {name: inpaint.means(list(scores.values())) for name, scores in found.items()}
    print(f"{title} on {folder}, inside one hole ({inpaint.HOLE}) a picture, {len(names)} pictures")
    print(inpaint.table(means))
    if command.json is not None:
        report = {"model": title, "task": "inpaint", "data": str(folder), "only": list(command.only), "means": means}
        report["pictures"] = {name: {p: _no_nan(v) for p, v in scores.items()} for name, scores in found.items()}
        write_result(command.json, json.dumps(report, indent=1, allow_nan=False).encode(), ANOTHER)
    if command.panel is not None:
        write_result(command.panel, panel(rows), ANOTHER)


def fillers(command: "Command") -> "tuple[str, dict[str, Filler]]":
    """The model's title, and the methods by name: first the mean colour, last the model as `remove` fills with it."""
    from cloud_removal.evaluation.fillers import PEERS, mean_colour
    from cloud_removal.inference.holes.completer import CompleterModel
    from cloud_removal.inference.holes.inpaint import fill_picture

    if command.model is None and version_of(INPAINT) is None:
        raise ModelError(
            "There is no bundled model that fills holes. Give one with --model; the command export writes it."
        )
    model = CompleterModel.load(command.model or INPAINT, "--model")
    methods: dict[str, Filler] = {"mean colour": mean_colour} | (PEERS if command.peers else {})
    if command.raw:
        methods["network alone"] = lambda picture, hole: fill_picture(model, picture, hole, raw=True)
    methods["remove"] = lambda picture, hole: fill_picture(model, picture, hole)
    return model.card.title, methods


def panel(rows: "list[Filled]") -> bytes:
    """PNG: a row for each picture kept, with its hole, filled by each method, clear."""
    import numpy as np

    from cloud_removal import plots
    from cloud_removal.cli.evaluate import stacked
    from cloud_removal.evaluation.inpaint import TRUTH

    columns: dict[str, list[np.ndarray]] = {"ragged": [_ragged(row) for row in rows]}
    columns |= {name: [row.pictures[name] for row in rows] for name in rows[0].pictures if name != TRUTH}
    columns["clear"] = [row.holed.clear for row in rows]
    return plots.png(plots.grid({title: stacked(pictures) for title, pictures in columns.items()}))


def _ragged(row: "Filled") -> "np.ndarray":
    import numpy as np

    return np.where(row.holed.hole[..., None], np.uint8(0), row.holed.clear)


def _no_nan(scores: dict[str, float]) -> dict[str, float | None]:
    return {name: value if value == value else None for name, value in scores.items()}
