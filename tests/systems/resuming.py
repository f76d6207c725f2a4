"""Runs stopped and gone on with, variable by variable."""

import dataclasses

import numpy as np
import tensorflow as tf

from cloud_removal import plots
from cloud_removal.training import checkpoint, environment, loop
from cloud_removal.training.record import Drawing


def built(run):
    """A new system, and its variables by path."""
    system = environment.build(run)
    return system, checkpoint.variables(system, tf.Variable(0, dtype=tf.int64, trainable=False))


def arrays(found):
    return {path: np.asarray(checkpoint._tensorflow(variable)) for path, variable in found.items()}


def differing(one, other):
    assert one.keys() == other.keys()
    return [path for path in one if not np.array_equal(one[path], other[path])]


def differing_after_two_stretches(run, folder, first=None):
    """Paths of the variables in which `run`, trained in `folder` in one stretch and in two, ends differently.

    The first of the two ends after `first` steps; None: after one, by the clock, so that a schedule of all steps holds.
    """
    whole, halves = (dataclasses.replace(run, run_dir=folder / name) for name in ("whole", "halves"))
    short = dataclasses.replace(halves, steps=first) if first else dataclasses.replace(halves, minutes=0.0)
    for stretch in (whole, short, halves):
        drawing = Drawing(plots.grid, plots.png, plots.curves)
        assert loop.train(stretch, environment.build(stretch), drawing, lambda line: None, "python train.py") == 0
    last = f"ckpt-{run.steps}"
    return differing(*(checkpoint.read_values(end.run_dir / "checkpoints" / last) for end in (whole, halves)))
