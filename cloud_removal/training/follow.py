"""What a worker does that is not the chief: the same steps, over its share of each batch. It writes nothing."""

import dataclasses
import json
from contextlib import suppress

import tensorflow as tf

from cloud_removal.config import Run, run_to_text, to_json
from cloud_removal.errors import OptionError, WorkerError
from cloud_removal.systems import System
from cloud_removal.systems.workers import Workers
from cloud_removal.training.checkpoint import variables
from cloud_removal.training.interrupt import Interrupt
from cloud_removal.training.loop import DONE, next_batch
from cloud_removal.training.resume import differing
from cloud_removal.training.step import Step

OWN = ("--strategy",)
"""Options in which workers may differ, beside the places of things."""


def agreed(workers: Workers, run: Run) -> Run:
    """`run` with the chief's precision, once all `workers` know that theirs is the chief's.

    OptionError in a worker that was started with other options.
    """
    text = workers.same_text(run_to_text(run))
    if workers.chief:
        return run
    chief = json.loads(text)
    if run.precision == "auto":
        run = dataclasses.replace(run, precision=chief["precision"])
    pairs = {name: pair for name, pair in differing(chief, to_json(run)).items() if name not in OWN}
    if pairs:
        words = "; ".join(f"{name} {own}, there {its}" for name, (its, own) in pairs.items())
        raise OptionError(
            f"Worker {workers.share.index} has other options than the chief: here {words}. "
            "Start the same command for every worker."
        )
    return run


def follow(system: System) -> int:
    """Trains `system` with the other workers, beginning with what the chief has restored, until all agree to stop.

    Returns the exit code, which is the chief's.
    """
    workers = system.workers
    counter = tf.Variable(0, dtype=tf.int64, trainable=False)
    step = Step(system, counter)
    found = variables(system, counter)
    _, over = workers.agree(None, False)
    if over:
        return DONE
    system.prepare()
    workers.hand_out(found.values())
    batches = iter(system.batches("training", int(counter)))
    with Interrupt() as interrupt:
        while True:
            batch = next_batch(batches, int(counter))
            with workers.talking():
                step.run(batch)
            code, over = workers.agree(interrupt.code, False)
            if over or code is not None:
                break
    with suppress(WorkerError):  # The chief has saved and gone.
        workers.agree(code, True)
    return DONE if code is None else code
