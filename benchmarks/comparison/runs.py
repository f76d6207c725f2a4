"""The runs that are compared, each trained for the same time: the steps of each are measured before it begins."""

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.comparison.settings import Comparison
from benchmarks.cures.runs import finished
from cloud_removal.config import Run
from cloud_removal.errors import CheckpointError, OptionError
from cloud_removal.files import write_atomically

if TYPE_CHECKING:
    from cloud_removal.systems import System

BUDGET = "budget.json"
"""In the folder of a run: for how many minutes how many steps were thought to be right."""
WARM, TRIED, TRIED_SECONDS = 5, 10, 20.0
"""Steps before a run is timed; fewest steps, and seconds, for which it is."""


def chosen(comparison: Comparison) -> list[str]:
    """The runs that are asked for, in order. OptionError where a name is wrong."""
    every = comparison.variants
    wrong = sorted(set(comparison.only) - set(every))
    if wrong:
        raise OptionError(f"--only {' '.join(wrong)}: there is no such run; there are {', '.join(every)}.")
    return [name for name in every if not comparison.only or name in comparison.only]


def train(names: Sequence[str], comparison: Comparison, command: str) -> int:
    """Trains those of `names` that are not finished. Returns the exit code: 0, or 130 or 143 after a signal."""
    from cloud_removal.cli.train import Training, run_training, say

    for name in names:  # All are looked at before any is trained.
        steps = known_steps(name, comparison)
        if steps is None or not finished(comparison.run_of(name, steps)):
            built(comparison.run_of(name))
    for number, name in enumerate(names, start=1):
        variant, steps = comparison.variants[name], known_steps(name, comparison)
        if steps is not None and finished(comparison.run_of(name, steps)):
            continue
        say(f"Run {number} of {len(names)}, {name}: {variant.title}")
        run = comparison.run_of(name, steps or settled_steps(name, comparison))
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
    seconds = seconds_per_step(comparison.run_of(name))
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
