"""The training loop: one for every system. It only asks, after each step, what it is time for."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.data.endless import unreadable
from cloud_removal.errors import DivergedError, InputError, OutputError, WorkerError
from cloud_removal.systems import System
from cloud_removal.systems.base import Batch, Scalars
from cloud_removal.training import saves
from cloud_removal.training.averages import averaged_weights
from cloud_removal.training.checkpoint import save, variables
from cloud_removal.training.initialize import initialize
from cloud_removal.training.interrupt import Interrupt
from cloud_removal.training.record import Drawing, Meter, Record
from cloud_removal.training.resume import go_on
from cloud_removal.training.run_folder import CHECKPOINTS, begin, stored_run
from cloud_removal.training.saves import Say
from cloud_removal.training.step import Step
from cloud_removal.training.validation import Validation, validation_of

DONE = 0


def train(run: Run, system: System, drawing: Drawing, say: Say, command: str) -> int:
    """Trains `system` in `run.run_dir` up to `run.steps`, from where it stopped before. Returns the exit code.

    0: the steps or minutes are reached; 130 or 143: stopped by a signal. `command` is printed as the way to go on.
    """
    counter = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    step = Step(system, counter)
    found = variables(system, counter)
    folder = run.run_dir / CHECKPOINTS
    saved = go_on(found, stored_run(run.run_dir), run, say)
    if saved is None and run.init is not None:
        initialize(system, run.init, say)
    start, seconds = (saved.step, saved.seconds) if saved else (0, 0.0)
    validation = validation_of(system, found, say)
    if validation is not None:
        validation.go_on(start)
    aim = _aim(system, validation) if saved else None
    _, over = system.workers.agree(None, bool(aim) or _reached(run, start, seconds))
    if over:
        say(
            f"Nothing left to do: {run.run_dir} has {start} steps in {seconds / 60:.1f} minutes of training. "
            + (f"{aim}." if aim else "To train on, raise --steps (the total) or --minutes.")
        )
        return DONE
    system.prepare()
    begin(run, start, command)
    saves.discard_after(folder, start)
    system.workers.hand_out(found.values())
    shown = next(iter(system.batches("validation", 0).take(1)))  # First: what fails here fails before any work.
    batches = iter(system.batches("training", start))
    try:
        with Interrupt() as interrupt, Record(run, start, drawing) as record:
            stretch = Stretch(step, record, lambda number, so_far: save(folder, found, number, so_far), shown, seconds)
            code = stretch.go(batches, start, interrupt, validation)
    except OSError as error:
        raise OutputError(
            f"{error.filename or run.run_dir} cannot be written ({error.strerror}). The last checkpoint is intact; "
            "make room, then run the same command to go on."
        ) from error
    with suppress(WorkerError):  # All is saved: the others may go, if they have not.
        system.workers.agree(code or None, True)
    end = f"To go on: {command}" if code else f"{_aim(system, validation) or 'Training is complete'}."
    say(f"Saved step {int(counter)} in {run.run_dir}. {end}")
    if validation is not None and code == DONE:
        say(validation.told())
    return code


class Stretch:
    """One uninterrupted stretch of training.

    `save` writes the checkpoint of a step, given the seconds of training so far; `shown` are the pictures of the
    sample grids; `before` are the seconds of the stretches before this one.
    """

    def __init__(self, step: Step, record: Record, save: Callable[[int, float], object], shown: Batch, before: float):
        self.step, self.record, self.save, self.shown, self.before = step, record, save, shown, before
        self.system, self.run = step.system, step.system.run
        self.meter = Meter()

    def go(self, batches: Iterator[Batch], start: int, interrupt: Interrupt, validation: Validation | None) -> int:
        """Steps until the total, the time, an aim or a signal ends it. Returns the exit code."""
        number, run = start, self.run
        if validation is not None and start == 0:
            self.record.log(0, validation.judge(0, 0.0))
        while True:
            waiting = time.perf_counter()
            batch = next_batch(batches, number)
            self.meter.add(run.batch_size, time.perf_counter() - waiting)
            with self.system.workers.talking():
                scalars = self.step.run(batch)
            number += 1
            full = _reached(run, number, self.seconds())
            judged: dict[str, float] = {}
            if validation is not None and (full or validation.is_due(number)):
                self._check(self.step.check_weights)
                judged = validation.judge(number, self.seconds())
            logged = number % run.log_every == 0 or bool(judged)
            over = full or bool(logged and _aim(self.system, validation))
            code, over = self.system.workers.agree(interrupt.code, over)
            last = over or code is not None
            if logged or last:
                self._log(number, scalars, judged)
            if number % run.checkpoint_every == 0 or last:
                self._save(number)
            if number % run.sample_every == 0 or last:
                self._show(number)
            self.record.bar.update()
            if last:
                return DONE if code is None else code

    def seconds(self) -> float:
        """Training time of the run, all stretches."""
        return self.before + self.meter.seconds()

    def _log(self, number: int, scalars: Scalars, judged: dict[str, float]) -> None:
        self._check(self.step.check_losses)
        values = {name: float(value) for name, value in scalars.items()}
        rate = {"learning_rate": self.step.learning_rate(), "seconds": self.seconds()}
        self.record.log(number, values | judged | self.meter.read() | rate)

    def _save(self, number: int) -> None:
        self._check(self.step.check_losses)
        self._check(self.step.check_weights)
        self.save(number, self.seconds())

    def _show(self, number: int) -> None:
        """Sample grid and curves."""
        with averaged_weights(self.system):
            columns = {title: np.asarray(images) for title, images in self.system.samples(self.shown).items()}
        self.record.samples(number, columns)
        self.record.curves()

    def _check(self, check: Callable[[], None]) -> None:
        try:
            check()
        except DivergedError as error:
            raise DivergedError(
                f"{error} The last checkpoint in {self.run.run_dir} is kept; "
                "try a lower --learning-rate, --clip-norm 1, or --precision float32."
            ) from error


def next_batch(batches: Iterator[Batch], number: int) -> Batch:
    """Batch `number`; InputError in one line where a picture of it cannot be read."""
    try:
        return next(batches)
    except tf.errors.OpError as error:
        lines = [line for line in error.message.splitlines() if "Error: " in line]
        reason = unreadable(error) or (lines or [error.message])[0].strip()
        raise InputError(f"Batch {number} cannot be made: {reason}") from error


def _aim(system: System, validation: Validation | None) -> str | None:
    """Why training has reached its end before the last step, None while it has not."""
    return system.finished() or (validation.finished() if validation is not None else None)


def _reached(run: Run, steps: int, seconds: float) -> bool:
    return steps >= run.steps or (run.minutes is not None and seconds >= 60 * run.minutes)
