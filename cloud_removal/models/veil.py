"""A network that answers in the terms of the physics: how opaque, of which colour, and what is left to add.

The picture is `x = G·(1 - a) + A·a`. The network estimates the opacity `a` of each pixel and the veil's colour `A`
from statistics of the whole picture, and solves for the ground: detail then comes from the picture itself and need
not pass through the network. Where the cloud is opaque there is nothing to solve for: only there the network's own,
direct estimate of the ground takes over, by a share that the network learns too.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import keras
from keras import layers, ops

from cloud_removal.models.blocks import Enlarge, Norm, Quantiles, leaky, normed, shrink

Head = Literal["physical", "direct"]
"""physical: opacities and colours, solved for the ground. direct: the ground itself, decoded like the opacity."""

STRIDE = 32
SMALLEST = 64
RECEPTIVE_RADIUS = 256
CONTEXT_SIZE = 32
LEAST_TRANSMISSION = 0.15
RARE_AT_FIRST = 2.0
"""Logit by which a network not yet trained sees little local cloud."""
HIDES = (0.2, 0.6)
"""Share of the light left by the smooth veil that clouds take: under the first nothing is hidden, so that detail in
sight is never guessed at; from the second all may be."""
OPAQUE = (0.75, 0.9)
"""The same for veil and clouds together."""
POOL = 4
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Of the colours over a picture: its darkest and brightest ground tell a veil's light from its density."""
GRAIN = 0.002
"""Deviation within 4×4 pixels under which one is as good as none: half a grey level."""
CENTRED = (4.0, -2.0)
"""Factor and offset that bring pictures in [0, 1], whose contrast under haze is small, about zero."""


def context_network(size: int = CONTEXT_SIZE, name: str = "context") -> keras.Model:
    """Statistics of a whole picture: (B, H, W, 3) in [0, 1], sides of 64 or more -> (B, size), float32.

    The picture is averaged over 4×4 pixels, and three strided convolutions see it; of these features and of the
    colours themselves the mean, deviation, minimum and maximum over the picture are taken, of the colours and of the
    darkest channel the quantiles too. What averages hide, the shadow beside a tree and how coarse the grain is, is in
    the quantiles of `cells`; it corrects what the averages say, at first by nothing. Layers are named unlike those of
    `veil_network`: one optimizer holds the slots of both.
    """
    picture = keras.Input((None, None, 3), name="image")
    small = layers.AveragePooling2D(POOL, name="average", dtype="float32")(picture)
    x = small = layers.Rescaling(*CENTRED, name="centred", dtype="float32")(small)
    for level, filters in enumerate((24, 48, 64)):
        x = shrink(x, filters, f"statistics{level + 1}")
    colours = ops.concatenate([small, ops.min(small, axis=-1, keepdims=True)], axis=-1)
    ordered = Quantiles(QUANTILES, name="quantiles", dtype="float32")(colours)
    pooled = layers.Concatenate(name="pooled", dtype="float32")([statistics(small), ordered, statistics(x)])
    fine = Quantiles(QUANTILES, name="cell_quantiles", dtype="float32")(cells(picture))
    fine = layers.Concatenate(name="pooled_cells", dtype="float32")([pooled, fine])
    fine = leaky(layers.Dense(128, name="cells1", dtype="float32")(fine), "cells1")
    correction = layers.Dense(128, use_bias=False, kernel_initializer="zeros", name="cells2", dtype="float32")(fine)
    x = leaky(layers.Dense(128, name="context1", dtype="float32")(pooled) + correction, "context1")
    x = leaky(layers.Dense(64, name="context2", dtype="float32")(x), "context2")
    return keras.Model(picture, layers.Dense(size, name="context3", dtype="float32")(x), name=name)


def cells(picture: Any) -> Any:
    """What is in each 4×4 pixels but not in their average: (B, H, W, 3) -> (B, H/4, W/4, 8), float32.

    Per channel the darkest pixel and, as a logarithm, the deviation; the darkest pixel of any channel, which haze
    alone makes bright (the dark channel prior, doi:10.1109/TPAMI.2010.168); and the brightest.
    """
    picture = ops.cast(picture, "float32")
    mean, square = (ops.average_pool(x, POOL, POOL) for x in (picture, ops.square(picture)))
    deviation = ops.sqrt(ops.maximum(square - ops.square(mean), 0.0) + GRAIN**2)
    darkest, brightest = -ops.max_pool(-picture, POOL, POOL), ops.max_pool(picture, POOL, POOL)
    extremes = [darkest, ops.min(darkest, axis=-1, keepdims=True), ops.max(brightest, axis=-1, keepdims=True)]
    scale, offset = CENTRED
    return ops.concatenate([scale * ops.concatenate(extremes, axis=-1) + offset, ops.log(deviation) + 4.0], axis=-1)


def statistics(x: Any) -> Any:
    """Mean, standard deviation, minimum and maximum over the picture: (B, H, W, C) -> (B, 4C), float32."""
    x = ops.cast(x, "float32")
    mean = ops.mean(x, axis=(1, 2), keepdims=True)
    deviation = ops.sqrt(ops.mean(ops.square(x - mean), axis=(1, 2)) + 1e-6)
    return ops.concatenate([mean[:, 0, 0], deviation, ops.min(x, axis=(1, 2)), ops.max(x, axis=(1, 2))], axis=-1)


def veil_network(
    widths: tuple[int, ...],
    head: Head = "physical",
    norm: Norm | None = None,
    context_size: int = CONTEXT_SIZE,
    name: str = "veil",
) -> keras.Model:
    """Picture (B, H, W, 3) in [0, 1] and context (B, H/32, W/32, K) -> (B, H, W, 4) in [0, 1], float32: a, R, G, B.

    H and W are multiples of 32. `widths` are those at 1/2, 1/4, 1/8, 1/16 and 1/32. The decoder, with `norm` or
    without, ends at half resolution; a sub-pixel convolution (arXiv:1609.05158) beside the picture brings the answer to
    full resolution. With a direct `head` nothing is solved for: its last convolution decodes the ground.
    """
    decode = partial(conv, norm=norm)
    picture = keras.Input((None, None, 3), name="image")
    context = keras.Input((None, None, context_size), name="context")
    x, skips = layers.Rescaling(*CENTRED, name="centred")(picture), []
    for level, width in enumerate(widths):
        x = shrink(x, width, f"down{level + 1}")
        skips.append(x)
    x = with_context(x, context, partial(decode, filters=widths[-1]))
    veil = layers.Concatenate(name="veil_input", dtype="float32")([x, context])
    veil = layers.Dense(7 if head == "physical" else 1, name="veil", dtype="float32")(veil)
    veil = Enlarge(STRIDE, name="veil_field", dtype="float32")(veil)
    for level in reversed(range(len(widths) - 1)):
        x = layers.UpSampling2D(name=f"up{level + 1}")(x)
        x = layers.Concatenate(name=f"skip{level + 1}")([x, skips[level]])
        x = decode(x, filters=widths[level], name=f"decode{level + 1}")
    x = decode(x, filters=widths[0], name="head")
    answer = solved(picture, x, veil) if head == "physical" else decoded(picture, x, veil)
    return keras.Model([picture, context], answer, name=name)


def conv(x: Any, filters: int, name: str, norm: Norm | None = None) -> Any:
    """Conv3, norm where there is one, and leaky ReLU at one resolution."""
    layer = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=f"{name}_conv")
    return leaky(normed(layer(x), norm, name), name)


def with_context(x: Any, context: Any, convolved: Callable[..., Any]) -> Any:
    """Joins the picture-wide statistics to the bottleneck, then two residual units; `convolved` is one convolution."""
    x = layers.Concatenate(name="with_context")([x, context])
    x = convolved(x, name="middle")
    for unit in ("middle1", "middle2"):
        inner = convolved(convolved(x, name=f"{unit}_in"), name=f"{unit}_out")
        x = layers.Add(name=f"{unit}_add")([x, inner])
    return x


def enlarged(picture: Any, features: Any, channels: int) -> Any:
    """`channels` logits of each pixel, float32, from features at half resolution beside the picture."""
    x = ops.depth_to_space(layers.Conv2D(4 * 12, 3, padding="same", name="enlarge")(features), 2)
    x = layers.Concatenate(name="head_input")([x, layers.Rescaling(*CENTRED, name="head_centred")(picture)])
    return layers.Conv2D(channels, 3, padding="same", dtype="float32", name="answer")(x)


def decoded(picture: Any, features: Any, wide: Any) -> Any:
    """Opacity and ground at full resolution, each a logit of its own; `wide` (B, H, W, 1) is added to the opacity's."""
    opacity, ground = ops.split(enlarged(picture, features, 4), (1,), axis=-1)
    return ops.concatenate([ops.sigmoid(opacity + wide), ops.sigmoid(ground)], axis=-1)


def solved(picture: Any, features: Any, veil: Any) -> Any:
    """Opacity and ground at full resolution from features at half resolution. All float32.

    The veil is a smooth field of colour and opacity: an error that follows the ground's own detail would be taken
    for detail. Clouds that vary from pixel to pixel lie on top of it and are solved for after it. `veil` (B, H, W, 7)
    are logits: the veil's colour, its opacity per channel (haze is thinner in red than in blue), and what the wider
    picture says of the answered opacity. That is one of its own: what is solved with is held back where in doubt, and
    must not call clouds clear.
    """
    answer = enlarged(picture, features, 9)
    # Split, not sliced: the gradient of each slice would be a picture of all channels.
    cloud_colour, own, cloud, doubt, direct = ops.split(answer, (3, 4, 5, 6), axis=-1)
    veil_colour, veil_opacity, wide = ops.split(veil, (3, 6), axis=-1)
    veil_opacity = ops.sigmoid(veil_opacity)
    seen = without(ops.cast(picture, "float32"), ops.sigmoid(veil_colour), veil_opacity)
    seen = without(seen, ops.sigmoid(cloud_colour), ops.sigmoid(cloud - RARE_AT_FIRST))
    opacity = ops.sigmoid(own + wide)
    hidden = ops.sigmoid(doubt) * may_hide(opacity, ops.mean(veil_opacity, axis=-1, keepdims=True))
    return ops.concatenate([opacity, seen + hidden * (ops.sigmoid(direct) - seen)], axis=-1)


def may_hide(opacity: Any, veil: Any) -> Any:
    """Highest share of a direct estimate, in [0, 1]: 0 where the smooth veil accounts for the opacity. No gradient."""
    opacity, veil = ops.stop_gradient(opacity), ops.stop_gradient(veil)
    clouds = (opacity - veil) / ops.maximum(1.0 - veil, LEAST_TRANSMISSION)
    return ops.maximum(ramp(clouds, HIDES), ramp(opacity, OPAQUE))


def ramp(x: Any, between: tuple[float, float]) -> Any:
    """0 up to the first of `between`, 1 from the second on, linear from one to the other."""
    return ops.clip((x - between[0]) / (between[1] - between[0]), 0.0, 1.0)


def without(picture: Any, colour: Any, opacity: Any) -> Any:
    """What lies under a veil: `x = G·(1 - a) + A·a` solved for G."""
    return (picture - colour * opacity) * ops.reciprocal(ops.maximum(1.0 - opacity, LEAST_TRANSMISSION))
