"""Floating-point operations of a network, counted from its layers: what the share of the peak is a share of."""

import math
from collections.abc import Sequence

import keras
from keras import layers

COUNTED = (layers.Conv2D, layers.Conv2DTranspose, layers.Dense)


def forward_flops(network: keras.Model, shapes: Sequence[tuple[int, ...]]) -> int:
    """Of convolutions and dense layers of `network` for inputs of these shapes; a multiplication and an addition are
    two. All else (norms, activations, losses, the optimizer) moves memory rather than computes, and is not counted.
    """
    counted = [layer for layer in network.layers if isinstance(layer, COUNTED)]
    # A transposed convolution has its kernel applied at each place of its input, the others at each of their output.
    ends = [layer.input if isinstance(layer, layers.Conv2DTranspose) else layer.output for layer in counted]
    inputs = [keras.KerasTensor(shape) for shape in shapes]
    places = keras.Model(network.inputs, ends).compute_output_spec(inputs if len(inputs) > 1 else inputs[0])
    return sum(
        2 * math.prod(layer.kernel.shape) * math.prod(place.shape[:-1])
        for layer, place in zip(counted, places, strict=True)
    )
