"""What every training script runs: options over a preset, one system, the loop."""

import argparse
import dataclasses
import math
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from cloud_removal.cli import DONE, FAILED, report
from cloud_removal.cli.quiet import import_tensorflow
from cloud_removal.config import Run
from cloud_removal.errors import CloudRemovalError, OptionError, WorkerError
from cloud_removal.model_folder import CARD, version_of

if TYPE_CHECKING:
    from cloud_removal.systems import System
    from cloud_removal.systems.workers import Workers

import_tensorflow()  # Before configure.py does it, which every training script imports after this module.
MODEL = "model"
"""Folder in a run folder with the model that did best on the real pairs kept from training."""


@dataclass(frozen=True)
class Training:
    """A run, as the command line takes it."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    preset: str = ""
    """Preset whose values are the defaults of all other options."""
    dry_run: bool = False
    """Say what would be trained, try one step, write nothing."""


def train(
    script: str, presets: Mapping[str, Run], default: str, argv: Sequence[str] | None = None, of_pairs: str = ""
) -> int:
    """Parses the command line of training script `script` over its presets and trains. Returns the exit code.

    `default` is the preset that options start from, `of_pairs`, if any, that where real pairs are given.
    """
    import tensorflow as tf

    from cloud_removal.data.endless import unreadable
    from cloud_removal.training.interrupt import leave_at_once

    leave_at_once("Stopped before the first step; nothing has changed.")
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        training = parse(script, presets, default, words, of_pairs)
        return train_together(training, [script, *words])
    except WorkerError as error:
        report(error)
        sys.stderr.flush()
        os._exit(FAILED)  # TensorFlow's threads may wait for the others for ever.
    except CloudRemovalError as error:
        return report(error)
    except tf.errors.OpError as error:  # From the threads that read pictures.
        if (reason := unreadable(error)) is None:
            raise
        return report(reason)


def parse(script: str, presets: Mapping[str, Run], default: str, words: Sequence[str], of_pairs: str = "") -> Training:
    """The settings asked for. OptionError lists the right presets or systems where there is none of that name."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False, prog=f"python {script}")
    first.add_argument("--preset")
    first.add_argument("--system")
    first.add_argument("--data.pairs", dest="pairs")
    known, _ = first.parse_known_args(words)
    name = preset_name(presets, (known.pairs and of_pairs) or default, known.preset, known.system)
    start = Training(presets[name], preset=name)
    parsed = tyro.cli(
        Training, args=list(words), default=start, prog=f"python {script}", description=_help(presets, name)
    )
    if parsed.run.system != presets[name].system:
        raise OptionError(f"Preset {name} is of system {presets[name].system}, not {parsed.run.system}.")
    return parsed


def preset_name(presets: Mapping[str, Run], default: str, preset: str | None, system: str | None) -> str:
    """Which preset the options start from: the one named, or the default one of the system named."""
    if preset is not None and preset not in presets:
        raise OptionError(f"There is no preset {preset!r}. The presets are: {', '.join(presets)}.")
    systems = list(dict.fromkeys(run.system for run in presets.values()))
    if system is not None and system not in systems:
        raise OptionError(f"There is no system {system!r} here. The systems are: {', '.join(systems)}.")
    if preset is not None:
        return preset
    if system is None or presets[default].system == system:
        return default
    return next(name for name, run in presets.items() if run.system == system)


def train_together(training: Training, words: Sequence[str]) -> int:
    """Trains alone or as one of several workers, as the run's strategy has it; `words` are the script and its options.

    Returns the exit code.
    """
    from cloud_removal.training.strategy import workers_of

    with workers_of(training.run, [sys.executable, sys.argv[0], *words[1:]], say) as workers:
        return run_training(training, f"python {shlex.join(words)}", workers)


def run_training(training: Training, command: str, workers: "Workers | None" = None) -> int:
    """Sets precision and seeds, builds the system and trains it, alone or as one of `workers`.

    `command` is said as the way to go on. Returns the exit code.
    """
    from cloud_removal import plots
    from cloud_removal.systems.workers import ALONE
    from cloud_removal.training import environment
    from cloud_removal.training.crew import synchronise
    from cloud_removal.training.follow import agreed, follow
    from cloud_removal.training.loop import train as loop
    from cloud_removal.training.record import Drawing
    from cloud_removal.training.resume import check_same_system
    from cloud_removal.training.run_folder import stored_run

    run, workers = training.run, workers or ALONE
    environment.check_options(run)
    old = stored_run(run.run_dir) if workers.chief else None
    check_same_system(old, run)
    if run.deterministic:
        environment.make_deterministic()
    stored = old.precision if old is not None and run.precision == "auto" else run.precision
    if workers.chief:
        run = dataclasses.replace(run, precision=environment.choose_precision(stored))
    run = agreed(workers, run)
    system = environment.build(run)
    synchronise(system, workers)
    environment.check_size(run, system)
    environment.check_average(run, system)
    if not workers.chief:
        return try_steps(run, system) if training.dry_run else follow(system)
    weights = sum(network.count_params() for network in system.networks.values())
    say(f"System {run.system}, preset {training.preset}, {weights:,} weights, {run.precision}.")
    if training.dry_run:
        return try_steps(run, system)
    code = loop(run, system, Drawing(plots.grid, plots.png, plots.curves), say, command)
    if code == DONE:
        export_best(run)
    return code


def export_best(run: Run) -> None:
    """Exports the weights that did best on the real pairs kept from training to the folder MODEL of the run, if there
    are any and they are not there yet."""
    from cloud_removal.cli.export import Command
    from cloud_removal.training.run_folder import BEST

    folder = run.run_dir / MODEL
    exported, kept = version_of(folder), list((run.run_dir / BEST).glob("*.json"))
    if not kept or (exported and (exported / CARD).stat().st_mtime > max(file.stat().st_mtime for file in kept)):
        return
    Command(run.run_dir, folder).run()


def try_steps(run: Run, system: "System") -> int:
    """Two training steps without writing anything: what they cost, on stdout."""
    import tensorflow as tf

    from cloud_removal.training.record import Meter
    from cloud_removal.training.step import Step

    system.prepare()
    step = Step(system, tf.Variable(0, dtype=tf.int64, trainable=False))
    batches = iter(system.batches("training", 0).take(3))
    with system.workers.talking():
        step.run(next(batches))  # Compiles.
        meter = Meter()
        for batch in batches:
            scalars = step.run(batch)
            meter.add(run.batch_size, 0.0)
    if not system.workers.chief:
        return DONE
    step.check_losses()
    there = {name: float(value) for name, value in scalars.items() if not math.isnan(float(value))}
    losses = ", ".join(f"{name} {value:.4g}" for name, value in there.items())
    print(f"One step works: {losses}; {meter.read()['images_per_second']:.1f} img/s. Nothing was written.")
    return 0


def say(message: str) -> None:
    """A line for the user, beside the progress line on stderr."""
    from tqdm import tqdm

    tqdm.write(message, file=sys.stderr)


def _help(presets: Mapping[str, Run], name: str) -> str:
    return f"Trains system {presets[name].system}. Presets: {', '.join(presets)}; the defaults below are of {name}."
