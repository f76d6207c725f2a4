"""Random jitter of batches: each picture a little enlarged, cut out of that at random, perhaps mirrored."""

import tensorflow as tf

from cloud_removal.data.endless import WAITING
from cloud_removal.data.share import WHOLE, Share
from cloud_removal.data.stateless import step_seed

LOAD, CROP = 286, 256
"""Pictures of 256 px are enlarged to 286, of which 256 are cut out (pix2pix, arXiv:1611.07004, section 6.2)."""
STREAM = 0x6A17
"""Apart from other random numbers of the same seed."""


def jittered(batches: tf.data.Dataset, seed: int, first_batch: int = 0, share: Share = WHOLE) -> tf.data.Dataset:
    """`batches` (dicts of (B, S, S, C) float32) with all pictures of one example jittered alike.

    Bilinear. `batches` begin with number `first_batch`; what is drawn is a function of `seed` and the number. What is
    no picture, such as one number for each example (B, 1, 1, 1), stays as it is. `share`: of which batches these are.
    """

    def change(number: tf.Tensor, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        pictures = [name for name, value in batch.items() if value.shape[1] > 1]
        count, side = batch[pictures[0]].shape[:2]
        boxes = share.rows(_boxes(step_seed(seed ^ STREAM, number), share.count * count))
        together = tf.concat([batch[name] for name in pictures], axis=-1)
        cut = tf.image.crop_and_resize(together, boxes, tf.range(count), (side, side))
        widths = [batch[name].shape[-1] for name in pictures]
        return batch | dict(zip(pictures, tf.split(cut, widths, axis=-1), strict=True))

    numbered = batches.enumerate(first_batch)
    return numbered.map(change, num_parallel_calls=2, deterministic=True).prefetch(WAITING)


def _boxes(seed: tf.Tensor, count: int) -> tf.Tensor:
    """Top, left, bottom, right (B, 4) as shares of the picture; left and right change places where it is mirrored."""
    top, left, mirror = tf.unstack(tf.random.stateless_uniform([3, count], seed))
    side = CROP / LOAD
    top, left = top * (1.0 - side), left * (1.0 - side)
    right, mirrored = left + side, mirror < 0.5
    sides = [top, tf.where(mirrored, right, left), top + side, tf.where(mirrored, left, right)]
    return tf.stack(sides, axis=1)
