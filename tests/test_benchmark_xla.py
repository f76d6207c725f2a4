import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from benchmarks.double import double_precision, doubled
from benchmarks.xla import Taken, deviation, farthest

NAN, INF = float("nan"), float("inf")


def made() -> dict[str, str]:
    """The type of everything that a system makes, said to be float32 or not said at all."""
    layer = keras.layers.Dense(2, dtype="float32")
    answer = layer(np.ones((1, 3)))
    optimizer = keras.optimizers.Adam()
    optimizer.build(layer.trainable_variables)
    tensors = {
        "weight": layer.kernel, "answer": answer, "moment": optimizer.variables[-1], "variable": tf.Variable([0.5]),
        "constant": tf.constant(0.5), "zeros": tf.zeros([2]), "cast": tf.cast(1, tf.float32),
        "keras cast": keras.ops.cast(1, "float32"), "network": keras.layers.Conv2D(1, 1)(np.ones((1, 4, 4, 1))),
    }  # fmt: skip
    return {name: tf.as_dtype(tensor.dtype).name for name, tensor in tensors.items()}


def test_in_double_precision_all_of_a_system_is_float64_and_afterwards_nothing_is():
    keras.config.set_dtype_policy("float32")
    with double_precision():
        keras.config.set_dtype_policy("float32")  # As every system does that is built.
        inside = made()
    assert set(inside.values()) == {"float64"}, inside
    assert set(made().values()) == {"float32"} and keras.config.floatx() == "float32"


def test_whole_numbers_and_small_floats_stay_what_they_are_in_double_precision():
    with double_precision():
        kinds = [tf.Variable(0, dtype=tf.int64), tf.constant([1, 2]), tf.zeros([2], tf.float16), doubled(tf.range(2))]
    assert [kind.dtype.name for kind in kinds] == ["int64", "int32", "float16", "int32"]


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        (2.0, 1.0, 0.5), (NAN, NAN, 0.0), (NAN, 1.0, 1.0), (1e-9, 2e-9, 1e-6), (INF, 1.0, 1.0), (INF, INF, 0.0),
        (INF, NAN, 1.0),
    ],
)  # fmt: skip
def test_scalars_differ_by_their_share_and_wholly_where_one_is_missing(one, other, apart):
    assert math.isclose(deviation(one, other), apart, abs_tol=1e-12)


def test_the_scalar_farthest_apart_is_named_with_its_step():
    some = Taken([{"loss": 1.0, "norm": 2.0}, {"loss": 1.0, "norm": 4.0}], 0.0)
    others = Taken([{"loss": 1.0, "norm": 2.0}, {"loss": 1.1, "norm": 3.0}], 0.0)
    assert farthest(some, others) == (0.25, "norm of step 1")
