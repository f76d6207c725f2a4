"""What a result looks like and how it came about: a page for a browser, or a picture of before, cloud and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.compose import CODES, NO_DATA
from cloud_removal.inference.consistency.score import THRESHOLD
from cloud_removal.inference.consistency.whole import METHOD, SUSPECT, USUAL
from cloud_removal.inference.ground_area import sides
from cloud_removal.inference.model import Card
from cloud_removal.inference.raster import Scene
from cloud_removal.inference.reports.page import Page, Row, Section
from cloud_removal.inference.reports.page import write as write_page
from cloud_removal.inference.reports.pictures import NO_DATA_COLOUR, gathered
from cloud_removal.inference.scene import Task
from cloud_removal.inference.summary import Summary, area_in_words

PANEL, PAGE = 700, 1400
"""Longest side in pixels of each picture in a PNG and on a page."""
DOTS_PER_INCH = 100
MEANING = "PROVENANCE_"
"""What the tags of a provenance raster that tell of its codes begin with."""


@dataclass(frozen=True)
class Told:
    """What a page tells beside its pictures."""

    summary: Summary
    settings: dict[str, Any]
    """What the result depends on, by option."""
    legend: dict[str, str]
    """The tags of the provenance raster."""
    notes: Sequence[str]


def write(file: Path, scene: Scene, task: Task, finished: Blocks, told: Told) -> None:
    """Writes the report of a finished scene as `file`, which ends in .html or .png, says."""
    if file.suffix.lower() == ".html":
        write_page(file, page(scene, task, told), gathered(task, finished, PAGE))
        return
    small = gathered(task, finished, PANEL, codes=())
    title = f"{scene.path.name}  ({scene.width} x {scene.height} px)"
    draw(file, title, small.before, small.opacity, small.after)


def page(scene: Scene, task: Task, told: Told) -> Page:
    """What the page of a finished scene says."""
    settings = [(name, _in_words(value)) for name, value in told.settings.items() if value is not None]
    settings.append(("brightness", task.scaling.kind))
    return Page(
        title=scene.path.name,
        subtitle=_described(scene),
        thresholds=(task.thresholds.keep_below, task.thresholds.opaque_above),
        rows=rows(told.summary, told.legend),
        sections=(
            *consistency(told.summary),
            Section("Settings", settings),
            Section("Model", model_facts(task.model.card)),
        ),
        notes=told.notes,
        warnings=warnings(told.summary),
    )


def _in_words(value: Any) -> str:
    """A setting as people read it."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def rows(summary: Summary, legend: dict[str, str]) -> list[Row]:
    """What became of the pixels: shares of those that hold data, and how much that is on the ground."""
    total = max(1, sum(summary.pixels.values()))
    valid = max(1, total - summary.pixels.get(NO_DATA, 0) + summary.left + summary.doubtful)
    made = []
    for code in sorted(CODES, key=lambda code: (code == NO_DATA, code)):
        count, meaning = summary.pixels.get(code, 0), legend.get(f"{MEANING}{code}")
        if meaning is None and not count:
            continue
        of, of_what = (total, " (share of the whole scene)") if code == NO_DATA else (valid, "")
        area = None if summary.areas is None else area_in_words(summary.areas.get(code, 0.0))
        made.append(Row(code, f"{code} {meaning or ''}".strip() + of_what, f"{100 * count / of:.1f} %", area))
    return made


def consistency(summary: Summary) -> list[Section]:
    """How well what was predicted under thin cloud fits the input, where there is any."""
    found = summary.consistency
    if found is None:
        return []
    looked = f"{found.pixels} pixels under thin cloud" + (", in squares all over the scene" if found.sampled else "")
    facts = [
        ("looked at", looked),
        ("do not fit the input", f"{100 * found.share:.2f} % (a score beyond {THRESHOLD:g} standard deviations)"),
        ("mean residual", f"{found.residual:.3g} (in the input's units)"),
        ("what that means", f"{METHOD}. Of a good prediction about {100 * USUAL:g} % do not fit."),
    ]
    return [Section("Consistency with the input", facts)]


def warnings(summary: Summary) -> list[str]:
    """What must not be overlooked."""
    said = []
    if summary.left:
        said.append(f"{summary.left} pixels under opaque cloud were left without data.")
    if summary.doubtful:
        said.append(f"{summary.doubtful} pixels whose uncertainty was above --abstain were left without data.")
    if summary.too_deep:
        said.append(
            f"{100 * summary.too_deep:.1f} % of what was generated lies farther than {summary.deepest:.0f} px from "
            "ground that was seen, more than the model learned to fill: do not trust it."
        )
    if summary.consistency and summary.consistency.share > SUSPECT:
        said.append(
            f"{100 * summary.consistency.share:.1f} % of the pixels under thin cloud show detail that the input does "
            "not: see where with --residual."
        )
    return said


def model_facts(card: Card) -> list[tuple[str, str]]:
    """Of the model's card: its name, what it learned from, under which licence, how long."""
    trained = card.values.get("training")
    trained = trained if isinstance(trained, dict) else {}
    data = trained.get("data")
    learned = "; ".join(map(str, data)) if isinstance(data, list) else data
    facts = {
        "name": card.title,
        "system": card.values.get("system"),
        "opacity": "concluded from what it changed" if card.implied else "seen by the network",
        "trained on": learned,
        "licence of that": trained.get("licence"),
        "training steps": trained.get("steps"),
    }
    return [(name, str(value)) for name, value in facts.items() if value is not None]


def _described(scene: Scene) -> str:
    """Size, type, bands and place of a scene in a line."""
    source = scene.source
    parts = [f"{scene.width} × {scene.height} px", scene.dtype, f"bands {', '.join(map(str, scene.bands))}"]
    if source.crs is None:
        return " · ".join([*parts, "no coordinates" if not scene.georeferenced else "no coordinate system"])
    code = source.crs.to_epsg()
    metres = sides(source, scene.height / 2, scene.width / 2)
    parts.append(f"EPSG:{code}" if code else "a coordinate system of its own")
    return " · ".join(parts if metres is None else [*parts, f"pixels of {metres[1]:.3g} × {metres[0]:.3g} m"])


def draw(
    file: Path, title: str, before: NDArray[np.float32], cloud: NDArray[np.float32], after: NDArray[np.float32]
) -> None:
    """Writes a PNG of `before` and `after` (H, W, 3) in [0, 1] and `cloud` (H, W), opacity, NaN without data."""
    height, width = cloud.shape
    enlarge = max(1.0, min(PANEL / max(height, width), 8.0))
    panel = width * enlarge / DOTS_PER_INCH, height * enlarge / DOTS_PER_INCH
    figure = Figure(figsize=(3 * panel[0] + 1.4, panel[1] + 1.0), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=18)
    missing = np.isnan(cloud)[:, :, np.newaxis]
    before, after = (np.where(missing, to_rgb(NO_DATA_COLOUR), picture) for picture in (before, after))
    panels = figure.subplots(1, 3)
    smooth = "nearest" if enlarge >= 3 else "antialiased"
    panels[0].imshow(before, interpolation=smooth)
    shown = panels[1].imshow(cloud, cmap="gray", vmin=0, vmax=1, interpolation=smooth)
    panels[2].imshow(after, interpolation=smooth)
    for axes, name in zip(panels, ("before", "cloud (opacity)", "after"), strict=True):
        axes.set_title(name, fontsize=16)
        axes.set_xticks([])
        axes.set_yticks([])
    panels[1].set_facecolor(NO_DATA_COLOUR)
    figure.colorbar(shown, ax=panels[1], fraction=0.03, pad=0.01)
    figure.savefig(file, format="png")
