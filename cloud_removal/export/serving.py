"""Of a restorer: graphs that answer whoever asks a server with what `remove` makes of a picture, and not only the
network."""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

Look = Callable[[tf.Tensor], tf.Tensor]
"""Pictures (B, H, W, 3) -> picture-wide statistics (B, K)."""
Removed = dict[str, tf.Tensor]
Remove = Callable[[tf.Tensor], Removed]
KEPT, THIN, OPAQUE = 1, 2, 4
"""Provenance of a pixel. These and the width of the blend zone are those of `remove`; a test compares the results."""
BLEND = 0.1


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """Opacities at which `remove` decides, unless it is told others."""

    keep_below: float = 0.05
    """Under this the picture stays as it is."""
    opaque_above: float = 0.75
    """Over this the ground cannot be seen."""


def statistics_over(image: tf.Tensor, look: Look, window: int, spacing: int, stride: int) -> tf.Tensor:
    """Picture-wide statistics of `image` (B, H, W, 3) at each place of its stride grid: (B, ⌈H/stride⌉, ⌈W/stride⌉, K).

    As `remove` takes them of a scene: looked at in squares of `window` px, one every `spacing` px, and interpolated
    between them.
    """
    height, width = tf.shape(image)[1], tf.shape(image)[2]
    (rows, row_of), (columns, column_of) = (_squares(side, window, spacing) for side in (height, width))
    squares = tf.gather(tf.gather(image, rows, axis=1), columns, axis=3)  # (B, R, h, C, w, 3)
    squares = tf.transpose(squares, (0, 1, 3, 2, 4, 5))
    shape = tf.shape(squares)
    seen = look(tf.reshape(squares, tf.concat(([-1], shape[3:]), 0)))
    nodes = tf.reshape(seen, tf.concat((shape[:3], [seen.shape[-1]]), 0))
    nodes = tf.gather(tf.gather(nodes, row_of, axis=1), column_of, axis=2)
    return _between(_between(nodes, 1, height, stride, spacing), 2, width, stride, spacing)


def _squares(side: tf.Tensor, window: int, spacing: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Along one side: the places (R, w) that each square covers, every square once, and which one each node sees."""
    node = spacing * tf.range(tf.maximum(1, -(-side // spacing)) + 1)
    starts = tf.clip_by_value(node - window // 2, 0, tf.maximum(0, side - window))
    starts, seen_by = tf.unique(starts)
    return starts[:, tf.newaxis] + tf.range(tf.minimum(window, side)), seen_by


def _between(nodes: tf.Tensor, axis: int, side: tf.Tensor, stride: int, spacing: int) -> tf.Tensor:
    """`nodes` interpolated along `axis` at the middle of each cell of the stride grid."""
    last = tf.shape(nodes)[axis] - 1
    cells = tf.cast(tf.range(-(-side // stride)), tf.float32)
    place = tf.clip_by_value((cells + 0.5) * (stride / spacing), 0.0, tf.cast(last, tf.float32))
    before = tf.cast(place, tf.int32)
    share = place - tf.cast(before, tf.float32)
    share = tf.reshape(share, (-1, 1, 1) if axis == 1 else (-1, 1))
    a, b = tf.gather(nodes, before, axis=axis), tf.gather(nodes, tf.minimum(before + 1, last), axis=axis)
    return a + share * (b - a)  # In this form exactly `a` where both are equal.


def blended(values: tf.Tensor, restored: tf.Tensor, opacity: tf.Tensor, thresholds: Thresholds) -> tf.Tensor:
    """`values` bit by bit where `opacity` is low, from there on more and more of `restored`: what `remove` writes."""
    weight = tf.clip_by_value((opacity - thresholds.keep_below) * (1.0 / BLEND), 0.0, 1.0)
    return values + weight * (restored - values)


def provenance(opacity: tf.Tensor, thresholds: Thresholds) -> tf.Tensor:
    """uint8: 1 kept, 2 thin cloud removed, 4 the network's own guess under opaque cloud."""
    changed = opacity > thresholds.keep_below
    opaque = changed & (opacity >= thresholds.opaque_above)
    return tf.cast(tf.where(opaque, OPAQUE, tf.where(changed, THIN, KEPT)), tf.uint8)


def remove_graph(whole: Remove, thresholds: Thresholds) -> tf.types.experimental.PolymorphicFunction:
    """`image` (B, H, W, 3) float32 in [0, 1] -> `ground` and `opacity` float32, `provenance` uint8 (B, H, W, 1).

    What `remove --no-inpaint` makes of each picture. `whole`: ground and opacity of the network, of any size.
    """

    def remove(image: tf.Tensor) -> Removed:
        answer = whole(image)
        return {
            "ground": blended(image, answer["ground"], answer["opacity"], thresholds),
            "opacity": answer["opacity"],
            "provenance": provenance(answer["opacity"], thresholds),
        }

    return tf.function(remove, input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, "image")])


def bytes_graph(whole: Remove, thresholds: Thresholds) -> tf.types.experimental.PolymorphicFunction:
    """`image_bytes` (B,), PNG or JPEG files of any sizes -> `ground_bytes` and `opacity_bytes` (B,), PNG of 8 bits.

    What `remove --no-inpaint` makes of each file. Their names end in `_bytes`, so that REST takes and gives base64.
    """

    def one(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        decoded = tf.io.decode_image(encoded, channels=3, expand_animations=False)
        values = tf.cast(tf.ensure_shape(decoded, (None, None, 3)), tf.float32)
        answer = {name: value[0] for name, value in whole(values[tf.newaxis] / 255.0).items()}
        ground = blended(values, 255.0 * answer["ground"], answer["opacity"], thresholds)
        return _png(ground), _png(255.0 * answer["opacity"])

    def of_bytes(image_bytes: tf.Tensor) -> Removed:
        # One after another: files of a batch may have different sizes, and memory stays that of one.
        both = (tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.string))
        ground, opacity = tf.map_fn(one, image_bytes, fn_output_signature=both, parallel_iterations=1)
        return {"ground_bytes": ground, "opacity_bytes": opacity}

    return tf.function(of_bytes, input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])


def card_graph(card: str) -> tf.types.experimental.PolymorphicFunction:
    """`asked` (B,), any strings -> `card_bytes` (B,): what a client must know to cut a scene into windows, as JSON.

    It has an input because REST serves no graph without one.
    """

    def served(asked: tf.Tensor) -> Removed:
        return {"card_bytes": tf.fill(tf.shape(asked), card)}

    return tf.function(served, input_signature=[tf.TensorSpec((None,), tf.string, "asked")])


def _png(values: tf.Tensor) -> tf.Tensor:
    """A PNG of values (H, W, C) in [0, 255], rounded."""
    return tf.io.encode_png(tf.cast(tf.clip_by_value(tf.round(values), 0.0, 255.0), tf.uint8))
