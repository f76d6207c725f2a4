"""The training loop: one for every system. It only asks, after each step, what it is time for."""

import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.errors import DivergedError
from cloud_removal.systems import System
from cloud_removal.systems.base import Batch, Scalars
from cloud_removal.training.averages import averaged_weights
from cloud_removal.training.checkpoint import Checkpoints, variables
from cloud_removal.training.initialize import initialize
from cloud_removal.training.interrupt import Interrupt
from cloud_removal.training.record import Drawing, Meter, Record
from cloud_removal.training.resume import go_on
from cloud_removal.training.run_folder import CHECKPOINTS, stored_run, write_config
from cloud_removal.training.step import Step

Say = Callable[[str], None]
DONE = 0


def train(run: Run, system: System, drawing: Drawing, say: Say, command: str) -> int:
    """Trains `system` in `run.run_dir` up to `run.steps`, from where it stopped before. Returns the exit code.

    0: the steps or minutes are reached; 130 or 143: stopped by a signal. `command` is what is printed to go on.
    """
    counter = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
    step = Step(system, counter)
    found = variables(system, counter)
    store = Checkpoints(run.run_dir / CHECKPOINTS, say)
    saved = go_on(store, found, stored_run(run.run_dir), run, say)
    if saved is None and run.init is not None:
        initialize(system, run.init, say)
    start, seconds = (saved.step, saved.seconds) if saved else (0, 0.0)
    if start >= run.steps or (run.minutes is not None and seconds >= 60 * run.minutes):
        say(f"Nothing to do: {run.run_dir} has {start} steps in {seconds / 60:.1f} minutes; raise --steps to train on.")
        return DONE
    write_config(run)
    store.discard_after(start)
    with Interrupt() as interrupt:
        stretch = Stretch(system, step, Record(run, start, drawing), lambda n, s: store.save(found, n, s), seconds)
        code = stretch.go(start, interrupt)
    how = f"go on with: {command}" if code else "done"
    say(f"Stopped after step {int(counter)}; saved in {run.run_dir}; {how}")
    return code


class Stretch:
    """One uninterrupted stretch of training."""

    def __init__(self, system: System, step: Step, record: Record, save: Callable[[int, float], object], before: float):
        self.system, self.run, self.step, self.record, self.save = system, system.run, step, record, save
        self.before = before
        self.meter = Meter()
        self.last_saved = -1
        self.sample_batch: Batch | None = None
        self.sample = tf.function(system.samples)

    def go(self, start: int, interrupt: Interrupt) -> int:
        """Steps until the total, the time or a signal ends it; returns the exit code."""
        run, number = self.run, start
        batches = iter(self.system.batches("training", start))
        try:
            while True:
                waiting = time.perf_counter()
                batch = next(batches)
                self.meter.add(run.batch_size, time.perf_counter() - waiting)
                scalars = self.step.run(batch)
                number += 1
                self.record.bar.update()
                over = number >= run.steps or self._time_is_up()
                if number % run.log_every == 0 or over:
                    self._log(number, scalars)
                if number % run.checkpoint_every == 0 or over or interrupt.code:
                    self._save(number)
                if number % run.sample_every == 0 or over or interrupt.code:
                    self._show(number)
                if over:
                    return DONE
                if interrupt.code:
                    return self._stop(number, interrupt.code)
        finally:
            del batches  # Before the interpreter ends: its threads call Python.
            self.record.close()

    def seconds(self) -> float:
        """Training time of the run, all stretches."""
        return self.before + self.meter.seconds()

    def _time_is_up(self) -> bool:
        return self.run.minutes is not None and self.seconds() >= 60 * self.run.minutes

    def _stop(self, number: int, code: int) -> int:
        """The signal may have come after this step's save was decided."""
        if self.last_saved != number:
            self._save(number)
            self._show(number)
        return code

    def _log(self, number: int, scalars: Scalars) -> None:
        self._check()
        values = {name: float(value) for name, value in scalars.items()}
        rate = {"learning_rate": self.step.learning_rate(), "seconds": self.seconds()}
        self.record.log(number, values | self.meter.read() | rate)

    def _save(self, number: int) -> None:
        self._check()
        self.save(number, self.seconds())
        self.last_saved = number

    def _show(self, number: int) -> None:
        """Sample grid and curves; always of the same validation pictures."""
        if self.sample_batch is None:
            self.sample_batch = next(iter(self.system.batches("validation", 0).take(1)))
        with averaged_weights(self.system):
            columns = {title: np.asarray(images) for title, images in self.sample(self.sample_batch).items()}
        self.record.samples(number, columns)
        self.record.curves()

    def _check(self) -> None:
        try:
            self.step.check()
        except DivergedError as error:
            raise DivergedError(
                f"{error} The last checkpoint in {self.run.run_dir} is kept: "
                "try a lower --learning-rate, --clip-norm 1, or --precision float32."
            ) from error
