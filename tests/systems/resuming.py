"""Runs stopped and gone on with, variable by variable."""

import dataclasses
import shutil

import numpy as np
import tensorflow as tf

from cloud_removal import plots
from cloud_removal.training import checkpoint, environment, loop, saves
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


def differing_after_two_stretches(run, folder, first):
    """Paths of the variables in which `run` ends differently where it lost all after step `first` and went on there.

    The second stretch starts from a copy of the unbroken run's folder, so that the first is trained once for both.
    """
    whole, broken = (dataclasses.replace(run, run_dir=folder / name) for name in ("whole", "broken"))
    trained(dataclasses.replace(whole, checkpoint_every=first))
    shutil.copytree(whole.run_dir, broken.run_dir)
    saves.discard_after(broken.run_dir / "checkpoints", first)
    assert [path.stem for path in (broken.run_dir / "checkpoints").glob("*.index")] == [f"ckpt-{first}"]
    said = trained(broken)
    assert f"Going on from step {first} in {broken.run_dir}." in said
    last = f"ckpt-{run.steps}"
    return differing(*(checkpoint.read_values(end.run_dir / "checkpoints" / last) for end in (whole, broken)))


def trained(run):
    """Trains `run` to its end; what was said."""
    said, drawing = [], Drawing(plots.grid, plots.png, plots.curves)
    assert loop.train(run, environment.build(run), drawing, said.append, "python train.py") == 0
    return said
