"""Systems in double precision, also where they say float32: two ways to compute a step then differ by what they do.

In single precision they differ by rounding, too: a first batch norm 1e-5 off turns signs before a ReLU, and after a few
layers and a step of Adam a gradient is some percent another one.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import keras
import tensorflow as tf
from keras import DTypePolicy

SINGLE, DOUBLE = tf.float32, tf.float64


@contextlib.contextmanager
def double_precision() -> Iterator[None]:
    """In here what is built and called as float32 is float64: networks, optimizers, variables, constants, casts.

    Not what `tf.data` makes (see `doubled`). Names are not counted anew from 1 when a system is built.
    """
    parsed = DTypePolicy._parse_name
    with (
        mock.patch.object(DTypePolicy, "_parse_name", lambda self, name: parsed(self, _wide(name))),
        mock.patch.multiple(
            keras.ops, cast=_asked_wide(keras.ops.cast), convert_to_tensor=_asked_wide(keras.ops.convert_to_tensor)
        ),
        mock.patch.multiple(tf, float32=DOUBLE, constant=_made_wide(tf.constant), zeros=_made_wide(tf.zeros)),
        mock.patch.object(keras.utils, "clear_session"),  # It would end the scope of the next line.
        tf.variable_creator_scope(_wide_variable),
        _defaults(),
    ):
        yield


def doubled(values: Any) -> Any:
    """`values`, tensors in any nest, with those of float32 as float64."""
    return tf.nest.map_structure(lambda value: tf.cast(value, DOUBLE) if value.dtype == SINGLE else value, values)


def _wide(name: Any) -> Any:
    return DOUBLE.name if name == SINGLE.name else name


def _asked_wide(convert: Callable[..., Any]) -> Callable[..., Any]:
    """`convert` of a value and the name of a type."""
    return lambda value, dtype=None, **others: convert(value, _wide(dtype), **others)


def _made_wide(make: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """`make` of a value and a type, where float32 is what it takes by itself."""

    def made(value: Any, *dtype: Any, **others: Any) -> tf.Tensor:
        tensor = make(value, *dtype, **others)
        return tensor if dtype or others.get("dtype") else doubled(tensor)

    return made


def _wide_variable(make: Callable[..., tf.Variable], **given: Any) -> tf.Variable:
    """A variable of numbers; Keras makes its own from functions, in its own types."""
    if callable(given["initial_value"]):
        return make(**given)
    value = doubled(tf.convert_to_tensor(given["initial_value"]))
    return make(**given | {"initial_value": tf.cast(value, given["dtype"] or value.dtype)})


@contextlib.contextmanager
def _defaults() -> Iterator[None]:
    """Those of Keras, and afterwards what they were."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(DOUBLE.name)
    keras.config.set_dtype_policy(policy.name)  # Of the same name, but parsed in here.
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
