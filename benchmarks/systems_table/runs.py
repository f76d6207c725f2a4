"""The runs that are compared: one a system, in all that can be equal alike, each for the same time."""

import dataclasses
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from benchmarks.cures.runs import finished
from cloud_removal.config import Data, Run
from cloud_removal.errors import CheckpointError, OptionError
from cloud_removal.files import write_atomically

if TYPE_CHECKING:
    from cloud_removal.systems import System

BUDGET = "budget.json"
"""In the folder of a run: for how many minutes how many steps were thought to be right."""
WARM, TRIED, TRIED_SECONDS = 5, 10, 20.0
"""Steps before a run is timed; fewest steps, and seconds, for which it is."""


@dataclass(frozen=True)
class Comparison:
    """Trains pix2pix, the same without its discriminator, CycleGAN and the U-Net alike, and puts them in one table.

    Each begins from nothing and trains for --minutes on the same ground under the same simulated clouds; its learning
    rate comes to its end with them. Leave the machine alone meanwhile. The same command goes on where it was stopped.
    """

    data: Data = Data()
    pairs: tuple[Path, ...] = ()
    """Folders of real pairs (cloud/NAME and clear/NAME) to judge on, none of which is trained on."""
    pairs_only: tuple[str, ...] = ()
    """Names of these to judge on, first:N or last:N, instead of all."""
    output: Path = Path("runs/systems")
    """Folder of the runs, the exported models, and of what comes out: numbers.json, table.md, and pictures."""
    minutes: float = 60.0
    """Minutes of training for each."""
    steps: int | None = None
    """Train each for so many steps instead."""
    only: tuple[str, ...] = ()
    """Names of runs to train and judge, instead of all."""
    page: Path | None = None
    """Markdown page to write the table into, between its two comments "measured"."""
    size: int = 128
    """Side of the pictures in pixels, in training and of the held-out simulated ones."""
    width: int | None = None
    """Base width of all networks; None: those of the presets."""
    seed: int = 0
    judged: int = 96
    """Held-out simulated pictures on which each is judged."""


@dataclass(frozen=True)
class Variant:
    """One run of the comparison."""

    title: str
    presets: str
    """Which presets of configure.py `preset` is one of."""
    preset: str
    options: dict[str, Any] = field(default_factory=dict)
    """Options of its system that differ from the preset's."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of its run that do."""


UNET, PIX2PIX, L1, CYCLEGAN = "unet", "pix2pix", "pix2pix-l1", "cyclegan"
NARROW = "pix2pix-narrow"
VARIANTS = {
    # The U-Net's own preset has a rate that stays as it is, for weeks of training.
    UNET: Variant("U-Net", "DEFOG", "unet8", settings={"learning_rate": 2e-4, "schedule": "linear"}),
    L1: Variant("pix2pix, L1 alone", "TRANSLATE", NARROW, {"adversarial_weight": 0.0}),
    PIX2PIX: Variant("pix2pix", "TRANSLATE", NARROW),
    CYCLEGAN: Variant("CycleGAN, without pairs", "TRANSLATE", "cyclegan-narrow"),
}
"""All runs, in the order in which they are trained."""


def run_of(name: str, comparison: Comparison, steps: int = 1) -> Run:
    """The settings of run `name`, for `steps` steps: those of its preset, on the clouds and the ground of all."""
    import configure

    variant, common = VARIANTS[name], configure.TRANSLATE[NARROW]
    preset: Run = getattr(configure, variant.presets)[variant.preset]
    widths = {} if comparison.width is None else {"width": comparison.width}
    if comparison.width is not None and hasattr(preset.options, "discriminator_width"):
        widths["discriminator_width"] = comparison.width
    return dataclasses.replace(
        preset,
        options=dataclasses.replace(cast(Any, preset.options), **widths | variant.options),
        data=comparison.data,
        simulation=common.simulation,
        augmentation=common.augmentation,
        run_dir=comparison.output / name,
        steps=steps,
        size=comparison.size,
        seed=comparison.seed,
        **variant.settings,
    )


def chosen(comparison: Comparison) -> list[str]:
    """The runs that are asked for, in order. OptionError where a name is wrong."""
    wrong = sorted(set(comparison.only) - set(VARIANTS))
    if wrong:
        raise OptionError(f"--only {' '.join(wrong)}: there is no such run; there are {', '.join(VARIANTS)}.")
    return [name for name in VARIANTS if not comparison.only or name in comparison.only]


def train(names: Sequence[str], comparison: Comparison, command: str) -> int:
    """Trains those of `names` that are not finished. Returns the exit code: 0, or 130 or 143 after a signal."""
    from cloud_removal.cli.train import Training, run_training, say

    for name in names:  # All are looked at before any is trained.
        steps = known_steps(name, comparison)
        if steps is None or not finished(run_of(name, comparison, steps)):
            built(run_of(name, comparison))
    for number, name in enumerate(names, start=1):
        variant, steps = VARIANTS[name], known_steps(name, comparison)
        if steps is not None and finished(run_of(name, comparison, steps)):
            continue
        say(f"Run {number} of {len(names)}, {name}: {variant.title}")
        run = run_of(name, comparison, steps or settled_steps(name, comparison))
        code = run_training(Training(run, preset=variant.preset), command)
        if code:
            return code
    return 0


def known_steps(name: str, comparison: Comparison) -> int | None:
    """The steps of run `name`, None while they are not settled. CheckpointError where they were for other minutes."""
    from cloud_removal.training.run_folder import stored_run

    file = comparison.output / name / BUDGET
    if comparison.steps is not None:
        return comparison.steps
    if not file.exists():
        if stored_run(file.parent) is not None:
            raise CheckpointError(f"{file.parent} was trained for a number of steps, not of minutes. {_mend()}")
        return None
    try:
        budget = json.loads(file.read_text(encoding="utf-8"))
        minutes, steps = float(budget["minutes"]), int(budget["steps"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{file} cannot be read ({error!r}). {_mend()}") from error
    if minutes != comparison.minutes:
        raise CheckpointError(f"{file.parent}: {minutes:g} minutes were set, now {comparison.minutes:g}. {_mend()}")
    return steps


def settled_steps(name: str, comparison: Comparison) -> int:
    """As many steps as `minutes` are enough for on this machine, measured; noted in the folder of the run."""
    seconds = seconds_per_step(run_of(name, comparison))
    steps = max(1, round(60.0 * comparison.minutes / seconds))
    folder = comparison.output / name
    folder.mkdir(parents=True, exist_ok=True)
    budget = {"minutes": comparison.minutes, "steps": steps, "seconds_per_step": seconds}
    write_atomically(folder / BUDGET, (json.dumps(budget) + "\n").encode())
    return steps


def seconds_per_step(run: Run) -> float:
    """How long a training step of `run` takes, batches included, without those that compile it."""
    import tensorflow as tf

    from cloud_removal.training.environment import make_deterministic
    from cloud_removal.training.step import Step

    make_deterministic()
    system = built(run)
    system.prepare()
    step = Step(system, tf.Variable(0, dtype=tf.int64, trainable=False))
    batches = iter(system.batches("training", 0))
    for _ in range(WARM):
        step.run(next(batches))
    step.check_losses()  # Waits for them.
    start, count = time.perf_counter(), 0
    while count < TRIED or time.perf_counter() - start < TRIED_SECONDS:
        step.run(next(batches))
        count += 1
    step.check_losses()
    return (time.perf_counter() - start) / count


def built(run: Run) -> "System":
    """The system of `run`, not trained; OptionError where its options do not go together."""
    from cloud_removal.training import environment

    environment.check_options(run)
    system = environment.build(run)
    environment.check_size(run, system)
    environment.check_average(run, system)
    return system


def _mend() -> str:
    return "Name another folder by --output, or give the old settings."
