"""The opacity that a restoration implies, of networks that give a picture back and say nothing of what was in it."""

from typing import Any

from keras import ops

WINDOW = 5
"""Side in pixels of the squares over which opacity is taken to be even, so that texture does not show in it."""
REACH = WINDOW // 2
"""Pixels around a pixel that its implied opacity depends on."""
LEAST_CONTRAST = 1e-4
"""Of the ground with white, squared and summed over channels: less of it says nothing of a white cloud over it."""
TOUCHED = 10.0
"""A change of a hundredth in any channel counts as an opacity of a tenth."""
MOST_TOUCHED = 0.7
"""Opacity that a change alone is worth at most: under what counts as opaque."""


def implied_opacity(image: Any, restored: Any) -> Any:
    """How much of the ground a cloud would have hidden that turned `restored` into `image`: (B, H, W, 1) in [0, 1].

    `image` and `restored` (B, H, W, 3) in [0, 1]; the answer is float32. The larger of two: the share of the way from
    the restored colour g to white that best explains the picture x, a = Σ(x - g)(1 - g) / Σ(1 - g)² over the channels
    and a small square, and how much the picture was changed at all, 10·max|x - g| over the channels, at most 0.7. By
    the second nothing that was changed passes for untouched, and what was made brighter counts too.

    It is no measurement: a network that says of a cloud that there is ground under it, and does not change it, implies
    0; a grey veil counts as a thinner white one; and ground changed by mistake counts as cloud. Where the opacity is
    above 0.75, the picture was nearly white and was given another colour: that is generated.
    """
    x, g = ops.cast(image, "float32"), ops.cast(restored, "float32")
    moved = _even(ops.sum((x - g) * (1.0 - g), axis=-1, keepdims=True))
    way = _even(ops.sum(ops.square(1.0 - g), axis=-1, keepdims=True))
    whitened = ops.clip(moved / ops.maximum(way, LEAST_CONTRAST), 0.0, 1.0)
    changed = ops.minimum(TOUCHED * ops.max(ops.abs(x - g), axis=-1, keepdims=True), MOST_TOUCHED)
    return ops.maximum(whitened, changed)


def _even(x: Any) -> Any:
    return ops.average_pool(x, WINDOW, strides=1, padding="same")
