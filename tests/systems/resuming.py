"""Runs stopped and gone on with, variable by variable."""

import numpy as np
import tensorflow as tf

from cloud_removal.training import checkpoint, environment


def built(run):
    """A new system, and its variables by path."""
    system = environment.build(run)
    return system, checkpoint.variables(system, tf.Variable(0, dtype=tf.int64, trainable=False))


def arrays(found):
    return {path: np.asarray(checkpoint._tensorflow(variable)) for path, variable in found.items()}


def differing(one, other):
    assert one.keys() == other.keys()
    return [path for path in one if not np.array_equal(one[path], other[path])]
