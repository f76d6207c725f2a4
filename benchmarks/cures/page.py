"""The results as Markdown: tables, curves, and how they were measured; everything in it comes from numbers.json."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.cures.runs import BASELINE, CURES, OBJECTIVES, VARIANTS
from cloud_removal.errors import InputError

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
QUALITY = {
    "MAE": ("mae", ".2f"), "SSIM": ("ssim", ".3f"), "texture": ("texture", ".2f"), "rim": ("rim", ".2f"),
    "checkerboard": ("checkerboard", ".2f"),
}  # fmt: skip
TRAINING = {
    "loss_G": ("loss_G", ".3f"), "loss_G, last tenth": ("loss_G_last", ".3f"),
    "loss_D": ("loss_D", ".3f"), "loss_D, last tenth": ("loss_D_last", ".3f"),
    "G waits": ("generator_waits", ".0%"), "D waits": ("discriminator_waits", ".0%"), "flips": ("gate_flips", ".0f"),
    "alarm": ("collapse_alarm", ".0%"), "change": ("change", ".2f"), "swing": ("swing", "+.2f"),
}  # fmt: skip
TIME = {
    "ms a step": ("ms_per_step", ".0f"), "to dcgan": ("to_dcgan", ".2f"), "updates of G": ("generator_updates", ".0f"),
}  # fmt: skip


def section(numbers: Mapping[str, Any], curves: Mapping[str, str]) -> str:
    """The Markdown of `numbers`; `curves` are the links of those that were drawn, by name."""
    runs = numbers["runs"]
    trained = {title(name): runs[name] for name in CURES if name in runs}
    objectives = {name: runs[key] for name, key in of_objectives().items() if key in runs}
    scores = numbers["methods"] | {title(name): runs[name]["scores"] for name in VARIANTS if name in runs}
    parts = [how(numbers)]
    if trained:
        parts += ["### Both networks, cure by cure", picture(curves, "cures"), table(trained, TRAINING)]
        parts += [picture(curves, "changes")]
    if len(objectives) > 1:
        parts += ["### Objectives", picture(curves, "objectives"), table(objectives, TRAINING | TIME)]
    parts += ["### On held-out pictures, inside the hole", table(scores, QUALITY)]
    return "\n\n".join(part for part in parts if part) + "\n"


def of_objectives() -> dict[str, str]:
    """Objective -> name of its run."""
    return {"gan": "gan", "dcgan": BASELINE} | {name: name for name in OBJECTIVES}


def title(name: str) -> str:
    """What a run is called in the tables."""
    variant = VARIANTS[name]
    return f"{variant.title}: `{variant.words}`" if variant.words else variant.title


def how(numbers: Mapping[str, Any]) -> str:
    """How it was measured, in words."""
    own, machine = numbers["experiment"], numbers["machine"]
    ground = " and ".join(f"`{Path(folder).name}`" for folder in own["data"]["ground"]) or "procedural ground"
    return (
        f"Measured on {ground} ({machine['processor']}, {machine['cores']} cores, {numbers['precision']}): pictures of "
        f"{own['size']} px, {own['batch_size']} a step; {own['completion_steps']} steps of the completion network "
        f"alone, then {own['discriminator_steps']} of each run's discriminator, then {own['steps']} of both, which are "
        f"those in the tables; {numbers['methods']['truth']['pictures']} held-out pictures."
    )


def picture(curves: Mapping[str, str], name: str) -> str:
    """The link of a curve, nothing where it was not drawn."""
    alternatives = {
        "cures": "loss_G and loss_D of each run, and when a network waits",
        "objectives": "loss_G and loss_D under each objective",
        "changes": "How much the completions of the same pictures change from one snapshot to the next",
    }
    return f"![{alternatives[name]}]({curves[name]})" if name in curves else ""


def table(rows: Mapping[str, Mapping[str, Any]], columns: Mapping[str, tuple[str, str]]) -> str:
    """A Markdown table: a row each, a dash for what it has not."""
    lines = [["", *columns], ["---", *("---:" for _ in columns)]]
    lines += [[name, *(cell(row.get(key), form) for key, form in columns.values())] for name, row in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: float | None, form: str) -> str:
    """A number as text."""
    return "–" if value is None else format(value, form)


def between_marks(text: str, measured: str, where: Path) -> str:
    """The page `text` with `measured` between its two marks. InputError where it has none."""
    if not re.search(f"{re.escape(BEGIN)}.*{re.escape(END)}", text, re.DOTALL):
        raise InputError(f"{where} has no place for results. Expected the lines {BEGIN} and {END} in it.")
    before, rest = text.split(BEGIN, 1)
    return f"{before}{BEGIN}\n\n{measured}\n{END}{rest.split(END, 1)[1]}"
