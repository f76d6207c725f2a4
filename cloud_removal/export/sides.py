"""Sides of pictures as networks take them: large enough, multiples of the stride, the rest by reflection."""

import math

import tensorflow as tf


def smallest_side(smallest: int, stride: int) -> int:
    """Least height and width in pixels that a network of this `smallest` side and `stride` takes."""
    return math.ceil(max(smallest, stride) / stride) * stride


def multiple(side: tf.Tensor, stride: int) -> tf.Tensor:
    """`side` rounded up to a multiple of `stride`."""
    return -(-side // stride) * stride


def reflected(image: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """`image` (B, h, w, C) continued below and to the right by reflection, over and over if need be.

    As numpy.pad's "reflect": the border itself is not repeated, unless it is all there is.
    """
    for axis, wanted in ((1, height), (2, width)):
        given = tf.shape(image)[axis]
        period = tf.maximum(2 * (given - 1), 1)
        place = tf.range(wanted) % period
        image = tf.gather(image, tf.minimum(place, period - place) % given, axis=axis)
    return image
