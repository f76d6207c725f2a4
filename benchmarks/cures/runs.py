"""The runs that are compared: from one shared completion network on, each differs from the baseline in one thing."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from cloud_removal.config import Data, Run
from cloud_removal.errors import CheckpointError, OptionError

FIRST, ALONE, BASELINE = "completion", "completion-only", "baseline"
RATE, WARMUP, WEIGHT = 3e-4, 50, 0.01
BASE = {"discriminator": "masked", "adversarial": "dcgan"}


@dataclass(frozen=True)
class Experiment:
    """Shows on ground of your own what each cure and each objective of train_inpaint.py does.

    A completion network is trained alone; from its weights all other runs go on, each different from the baseline in
    one thing. Leave the machine alone meanwhile: other work falsifies the times. The same command goes on.
    """

    data: Data = Data()
    output: Path = Path("runs/cures")
    """Folder of the runs, and of what comes out: numbers.json, table.md, curves, and pictures/ (real ground)."""
    only: tuple[str, ...] = ()
    """Names of runs to train, instead of all."""
    page: Path | None = None
    """Markdown page to write the results into, between its two comments "measured"; the curves go beside it."""
    completion_steps: int = 1500
    """Steps of the completion network alone, from which all others start."""
    discriminator_steps: int = 200
    """Steps that give the discriminator of each other run its start, as GLCIC has it; 0: both begin at once."""
    steps: int = 1000
    """Steps of each other run in which the completion network is trained."""
    snapshots: int = 20
    """How often a run shows what it makes of the same pictures."""
    size: int = 96
    """Side of the pictures in pixels."""
    width: int = 16
    """Base width of the generator."""
    discriminator_width: int = 16
    """Base width of the discriminator."""
    batch_size: int = 16
    seed: int = 0
    judged: int = 96
    """Held-out pictures on which each run is judged in the end, rounded up to whole batches."""


@dataclass(frozen=True)
class Variant:
    """One run of the experiment."""

    title: str
    changes: dict[str, Any] = field(default_factory=dict)
    """Options of the inpainting system in which it differs from the baseline."""

    @property
    def words(self) -> str:
        """The same as on the command line of train_inpaint.py."""
        values = {name: f"{value:g}" if isinstance(value, float) else value for name, value in self.changes.items()}
        return " ".join(f"--{name.replace('_', '-')} {value}" for name, value in values.items())


CURES = {
    BASELINE: Variant("all three cures"),
    "without-gate": Variant("without the balance gate", {"balance": 0.0}),
    "strict-gate": Variant("a gate of ratio 1.2 instead of 8", {"balance": 1.2}),
    "without-history": Variant("without the history of fakes", {"history": 0.0}),
    "without-local": Variant("without the local discriminator", {"discriminator": "global"}),
    "without-any": Variant("without any cure", {"balance": 0.0, "history": 0.0, "discriminator": "global"}),
}
OBJECTIVES = {name: Variant(f"objective {name}", {"adversarial": name}) for name in ("gan", "lsgan", "wgan", "wgan-gp")}
VARIANTS = {FIRST: Variant("the start of all"), ALONE: Variant("completion only"), **CURES, **OBJECTIVES}
"""All runs, in the order in which they are trained. The baseline's objective is dcgan."""


def run_of(name: str, experiment: Experiment) -> Run:
    """The settings of run `name`: preset `plain`, smaller, at a constant rate, without a moving average of the weights.

    A moving average would hide how completions swing to and fro. The discriminator is the seed's of whole picture and
    hole, so that its local half can be taken away, and that all objectives can train it.
    """
    import configure

    plain = configure.INPAINT["plain"]
    duel = name not in (FIRST, ALONE)
    start = experiment.discriminator_steps if duel else 0
    changes = VARIANTS[name].changes
    steps = experiment.completion_steps if name == FIRST else experiment.steps
    options: Any = dataclasses.replace(
        cast(Any, plain.options),
        width=experiment.width,
        adversarial_weight=WEIGHT,
        discriminator_width=experiment.discriminator_width,
        completion_steps=0 if duel else steps,
        discriminator_steps=start,
        **BASE | changes,
    )
    every = max(1, steps // experiment.snapshots)
    return dataclasses.replace(
        plain,
        options=options,
        data=experiment.data,
        run_dir=experiment.output / name,
        init=None if name == FIRST else experiment.output / FIRST,
        init_partly="discriminator" in changes or changes.get("adversarial") == "wgan",  # Whose critic has a norm.
        steps=start + steps,
        batch_size=experiment.batch_size,
        size=experiment.size,
        seed=experiment.seed,
        learning_rate=RATE,
        schedule="constant",
        warmup=min(WARMUP, steps),
        ema=None,
        log_every=1,
        sample_every=every,
        checkpoint_every=every,
    )


def chosen(experiment: Experiment) -> list[str]:
    """The runs that are asked for, and the one they start from, in order. OptionError where a name is wrong."""
    wrong = sorted(set(experiment.only) - set(VARIANTS))
    if wrong:
        raise OptionError(f"--only {' '.join(wrong)}: there is no such run; there are {', '.join(VARIANTS)}.")
    return [name for name in VARIANTS if not experiment.only or name in (FIRST, *experiment.only)]


def stored(run_dir: Path) -> Run:
    """The settings that the run in `run_dir` was trained with."""
    from cloud_removal.training.run_folder import stored_run

    run = stored_run(run_dir)
    if run is None:
        raise CheckpointError(f"{run_dir} holds no run. Expected one of `make experiments`.")
    return run


def finished(run: Run) -> bool:
    """Whether `run` was trained to its end. CheckpointError where its folder holds a run with other settings."""
    from cloud_removal.training import saves
    from cloud_removal.training.resume import changed_options
    from cloud_removal.training.run_folder import CHECKPOINTS, stored_run

    old = stored_run(run.run_dir)
    if old is None:
        return False
    changed = changed_options(old, dataclasses.replace(run, precision=old.precision))
    if changed:
        words = "; ".join(f"{name} was {before}, now {after}" for name, (before, after) in changed.items())
        raise CheckpointError(
            f"{run.run_dir} was trained with other settings ({words}), which cannot be compared. Name another folder "
            "by --output, or give the old settings."
        )
    saved = saves.newest(run.run_dir / CHECKPOINTS, lambda line: None)
    return saved is not None and saved.step >= run.steps


def train(names: Sequence[str], experiment: Experiment, command: str) -> int:
    """Trains those of `names` that are not finished. Returns the exit code: 0, or 130 or 143 after a signal."""
    from cloud_removal.cli.train import Training, run_training, say

    runs = {name: run_of(name, experiment) for name in names}
    waiting = [name for name, run in runs.items() if not finished(run)]  # All are looked at before any is trained.
    for number, name in enumerate(waiting, start=1):
        variant = VARIANTS[name]
        say(f"Run {number} of {len(waiting)}, {name}: {variant.title} {variant.words}".rstrip())
        code = run_training(Training(runs[name], preset="plain"), command)
        if code:
            return code
    return 0
