"""`remove`: one picture or raster in, its ground out, with everything the scene contract promises."""

import dataclasses
import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cloud_removal.inference import assemble, blocks, colour_profile, sensors, targets
from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.blocks import Partial
from cloud_removal.inference.compose import Thresholds
from cloud_removal.inference.consistency.whole import Check, Figure
from cloud_removal.inference.dates.stage import UNTOUCHED, Dates
from cloud_removal.inference.holes.completer import CompleterModel
from cloud_removal.inference.holes.stage import Abstaining, Treatment
from cloud_removal.inference.masks.foreign import OpenMask, over
from cloud_removal.inference.model import Card, Model, fingerprint, read_card
from cloud_removal.inference.raster import Say, Scene, open_scene, quiet_gdal, remarks
from cloud_removal.inference.reports.report import Told
from cloud_removal.inference.reports.report import write as write_report
from cloud_removal.inference.scaling import choose
from cloud_removal.inference.scene import Task, nodes_of, restore
from cloud_removal.inference.settings import DEFAULTS, Settings, check_settings, thresholds
from cloud_removal.inference.shadows.stage import Shadows
from cloud_removal.inference.stages import Advance, Progress, Stage
from cloud_removal.inference.summary import Summary, counted
from cloud_removal.inference.targets import Targets
from cloud_removal.inference.uncertainty.bars import ErrorBars
from cloud_removal.inference.uncertainty.stage import Doubtful
from cloud_removal.inference.windows import Window, plan
from cloud_removal.model_folder import DEFAULT


def remove(
    source: Path,
    output: Path,
    model: Path | Model = DEFAULT,
    settings: Settings = DEFAULTS,
    *,
    other_dates: Sequence[Path] = (),
    inpaint: Path | CompleterModel | None = None,
    cloud: Path | None = None,
    provenance: Path | None = None,
    report: Path | None = None,
    residual: Path | None = None,
    uncertainty: Path | None = None,
    cog: bool = False,
    overwrite: bool = False,
    say: Say = lambda line: None,
    advance: Advance = lambda done, total: None,
) -> Summary:
    """Takes the clouds off `source` and writes `output` (GeoTIFF or PNG), and what is wanted beside it.

    Cloudy pixels come from `other_dates` of the place where those are clearer. `residual`: how far what was predicted
    under thin cloud does not fit the input; `uncertainty`: how far each pixel may be off.
    `inpaint` is a model that fills what opaque cloud hides; without one the network's own guess stays there. `cog`:
    GeoTIFFs are cloud-optimised.

    `say` is told what a user should know, a line each; `advance` the pixels just finished and their total. Raises a
    CloudRemovalError, leaving nothing behind, where anything is wrong. A killed run goes on when called again.
    """
    stages = [Treatment(inpaint, settings.abstain, settings.dilate)]
    wanted = Targets(output, cloud, provenance, report, cog, residual, uncertainty=uncertainty)
    return processed(source, wanted, model, settings, stages, other_dates, overwrite, say, advance)


def processed(
    source: Path,
    wanted: Targets,
    model: Path | Model,
    settings: Settings,
    stages: Sequence[Stage],
    other_dates: Sequence[Path],
    overwrite: bool,
    say: Say,
    advance: Advance,
) -> Summary:
    """Puts `source` through the network, merges it with `other_dates`, and then through the `stages` in order."""
    started, notes = time.monotonic(), list[str]()
    say = _noting(say, notes)
    check_settings(settings)
    shadows = [Shadows(settings.shadows, say)] if settings.shadows else []
    stages = [*shadows, *_dates(other_dates, settings, say), *stages]
    with quiet_gdal():
        for path in (source, *other_dates, *settings.files()):
            targets.check(wanted, path, overwrite)
        opened = open_scene(source, settings.bands, settings.max_pixels)
        with opened as scene, over(scene, settings.mask) as mask:
            if settings.drop_others:
                scene.drop_others()
            targets.check_kind(scene, wanted.output)
            card = model.card if isinstance(model, Model) else read_card(model)
            bars = _error_bars(card, settings, wanted, stages)
            stages = [*stages, *_doubtful(bars, settings)]
            for stage in stages:
                stage.check(scene, wanted.output)
            with_opacity = bool(wanted.cloud or wanted.report or bars or any(stage.with_opacity for stage in stages))
            identity = _identity(scene, card, settings, wanted) | (bars.identity() if bars else {})
            for stage in stages:
                identity |= stage.identity()
            unfinished = blocks.opened(wanted.output, identity, scene.dtype, with_opacity, overwrite)
            with unfinished as partial, targets.hidden(wanted):
                for line in [*_remarks(scene, card, wanted, stages), *_told(mask), *_told(bars)]:
                    say(line)
                loaded = model if isinstance(model, Model) else Model.from_card(card)
                stages = [stage.loaded() for stage in stages]
                task = dataclasses.replace(task_for(scene, loaded, settings, say), mask=mask)
                windows = plan(scene.height, scene.width, settings.window, card.grid)
                if len(windows) > 1 and not card.grid.exact:
                    say(_inexact(card, settings))
                progress = Progress(scene.height * scene.width, advance)
                seen = task if settings.thin else dataclasses.replace(task, thresholds=UNTOUCHED)
                finished = _restored(seen, windows, partial, progress)
                told: dict[str, Any] = {}
                for stage in stages:
                    finished, more = stage.applied(task, finished, progress.stage())
                    told |= more
                told["consistency"] = _assembled(scene, finished, wanted, task, settings, stages, bars)
                pixels, areas = counted(scene, finished)
                summary = Summary(wanted.output, pixels, time.monotonic() - started, areas=areas, **told)
                if wanted.report is not None:
                    telling = Told(summary, identity, _legend(task.thresholds, settings, stages), notes)
                    write_report(targets.hidden_files(wanted)["report"], scene, task, finished, telling)
                targets.publish(wanted)
    return summary


def _dates(paths: Sequence[Path], settings: Settings, say: Say) -> list[Dates]:
    """The stage that merges other dates, where there are any."""
    prepared = functools.partial(task_for, settings=settings, say=say)
    above, thin, bands = settings.date_above, settings.thin, settings.bands
    return [Dates(tuple(paths), prepared, above, thin, bands, settings.date_masks, say)] if paths else []


def _noting(say: Say, notes: list[str]) -> Say:
    """`say`, which also keeps in `notes` what was said."""

    def noting(line: str) -> None:
        notes.append(line)
        say(line)

    return noting


def _remarks(scene: Scene, card: Card, wanted: Targets, stages: Sequence[Stage]) -> list[str]:
    """What a user should know before the work begins."""
    said = [*remarks(scene), *colour_profile.remarks(scene, wanted.output)]
    said += [line for stage in stages for line in stage.remarks()]
    return said + ([_implied(card)] if card.implied else [])


def _told(something: OpenMask | ErrorBars | None) -> list[str]:
    """What a user should know of it, where there is any."""
    return something.remarks() if something else []


def _error_bars(card: Card, settings: Settings, wanted: Targets, stages: Sequence[Stage]) -> ErrorBars | None:
    """How far pixels may be off, where that is asked for. ModelError where the model's card does not say."""
    if wanted.uncertainty is None and settings.abstain_above is None:
        return None
    return ErrorBars.of(card, stages)


def _doubtful(bars: ErrorBars | None, settings: Settings) -> list[Doubtful]:
    """The stage that leaves without data what is too uncertain, where that is wanted."""
    above = settings.abstain_above
    return [] if bars is None or above is None else [Doubtful(bars, above, settings.abstain)]


def _inexact(card: Card, settings: Settings) -> str:
    """What a user should know of a network for which no halo makes tiled equal whole."""
    return (
        f"{card.title} looks at each window as a whole: windows are blended over {card.grid.overlap(settings.window)} "
        "px, but tiled does not equal whole, and results depend on --window"
    )


def _implied(card: Card) -> str:
    """What a user should know of the opacity of a network that answers the ground alone."""
    return f"{card.title} finds no clouds: what counts as opacity is concluded from what it changed"


def task_for(scene: Scene, model: Model, settings: Settings, say: Say) -> Task:
    """The statistics pass: how the scene's values become pictures."""
    seen = scene.sample()
    tags = [(scene.source.scales[band - 1], scene.source.offsets[band - 1]) for band in scene.bands]
    by_sensor, said = (None, []) if settings.scale else sensors.of_scene(scene, settings.sensor, settings.baseline)
    for line in said:
        say(line)
    scaling = choose(seen.bands, scene.dtype, settings.scale, tags, str(scene.path), by_sensor)
    if scaling.kind.startswith("percentiles"):
        say(f"{scene.path.name}: brightness by {scaling.kind}; --sensor or --scale sets another")
    median = np.array(seen.median).reshape(3, 1, 1)
    return Task(scene, model, scaling, thresholds(model.card, settings), scaling.to_network(median)[0, 0])


def _restored(task: Task, windows: Sequence[Window], partial: Partial, progress: Progress) -> Blocks:
    """The context pass and the window pass; what a killed run had finished is not done again."""
    restore(task, windows, nodes_of(task, partial, "context"), partial, progress.windows)
    return Blocks(partial, windows)


def _assembled(
    scene: Scene,
    finished: Blocks,
    wanted: Targets,
    task: Task,
    settings: Settings,
    stages: Sequence[Stage],
    bars: ErrorBars | None,
) -> Figure | None:
    """Writes all rasters that are wanted into the hidden folders. Returns how well the result fits the input."""
    files = targets.hidden_files(wanted)
    abstaining = settings.abstain or settings.abstain_above is not None
    source = Abstaining(scene, finished) if abstaining else scene
    assemble.result(source, finished, files["output"], wanted.cog)
    if "cloud" in files:
        assemble.opacity(scene, finished, files["cloud"], wanted.cog)
    if "provenance" in files:
        legend = _legend(task.thresholds, settings, stages)
        assemble.provenance(scene, finished, files["provenance"], legend, wanted.cog)
    if "uncertainty" in files and bars is not None:
        bars.write(scene, finished, task.scaling, files["uncertainty"], wanted.cog)
    check = Check(task, finished)
    if "residual" in files:
        check.write(scene, files["residual"], wanted.cog)
    return check.figure()


def _legend(thresholds: Thresholds, settings: Settings, stages: Sequence[Stage]) -> dict[str, str]:
    """What the codes of a provenance raster mean, as tags."""
    legend = {
        "PROVENANCE_0": "no data",
        "PROVENANCE_1": "kept as the sensor saw it",
        **({"PROVENANCE_2": "thin cloud removed"} if settings.thin else {}),
        "KEEP_BELOW": f"{thresholds.keep_below:g}",
        "OPAQUE_ABOVE": f"{thresholds.opaque_above:g}",
        **(settings.mask.legend() if settings.mask else {}),
    }
    for stage in stages:
        legend |= stage.legend()
    return legend


def _identity(scene: Scene, card: Card, settings: Settings, wanted: Targets) -> dict[str, Any]:
    """What a killed run must have in common with the one that goes on from it."""
    limits = thresholds(card, settings)
    return {
        "input": f"{scene.path.name} {scene.content()}",
        "model": f"{card.title} {fingerprint(card)}",
        "bands": ",".join(map(str, scene.bands)),
        "bands of the result": ",".join(map(str, scene.written)),
        "scale": settings.scale,
        "sensor": settings.sensor,
        "baseline": settings.baseline,
        "keep-below": limits.keep_below,
        "opaque-above": limits.opaque_above,
        "window": settings.window,
        "results": ", ".join(f"{name} {path.name}" for name, path in wanted.wanted().items()),
        **({} if card.grid.exact else {"blended over": card.grid.overlap(settings.window)}),
        **(settings.mask.identity() if settings.mask else {}),
    }
