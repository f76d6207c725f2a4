"""Of a completer: the graphs that a model folder holds, and what its card says for the holes of a scene."""

import math
from typing import Any

import cv2
import numpy as np
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.data.masks import draw_mask
from cloud_removal.data.terrain import terrain
from cloud_removal.export.restorer import HALO_TOLERANCE
from cloud_removal.export.sides import multiple, reflected, smallest_side
from cloud_removal.systems.base import Completer

KIND = "inpaint"
HALO_CORE, HALO_PICTURES = 64, 2
HOLES_MEASURED, DEEP = 200, 95
"""Holes drawn as in training, and the percentile of their depths that the model is taken to fill."""


def card(system: Completer) -> dict[str, Any]:
    """What the card of a completer says besides what every card does."""
    return {"kind": KIND, "halo": measured_halo(system), "deepest": deepest_hole(system.run)}


def signatures(system: Completer) -> dict[str, Any]:
    """The graphs of a model folder: `serving_default` for pictures of any size, `complete` for multiples of the stride.

    Both take `image` (B, H, W, 3) and `hole` (B, H, W, 1) and answer `completed` (B, H, W, 3).
    """
    image = tf.TensorSpec((None, None, None, 3), tf.float32, "image")
    hole = tf.TensorSpec((None, None, None, 1), tf.float32, "hole")
    smallest, stride = smallest_side(system.smallest, system.stride), system.stride

    def serving_default(image: tf.Tensor, hole: tf.Tensor) -> dict[str, tf.Tensor]:
        height, width = tf.shape(image)[1], tf.shape(image)[2]
        sides = [multiple(tf.maximum(side, smallest), stride) for side in (height, width)]
        completed = system.complete(reflected(image, *sides), reflected(hole, *sides))
        return {"completed": completed[:, :height, :width]}

    def complete(image: tf.Tensor, hole: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"completed": system.complete(image, hole)}

    return {
        "serving_default": tf.function(serving_default, input_signature=[image, hole]),
        "complete": tf.function(complete, input_signature=[image, hole]),
    }


def measured_halo(system: Completer) -> int:
    """Pixels around a window's core that what is generated in it depends on in practice: a multiple of the stride.

    The smallest from which on every halo gives the core as in the whole picture, within `HALO_TOLERANCE`, on procedural
    ground with holes, in one of the pictures larger than the core; never more than the theoretical radius rounded up.
    """
    stride = system.stride
    if system.receptive_radius is None:
        return 2 * stride  # No halo makes windows exact.
    largest = math.ceil(system.receptive_radius / stride) * stride
    core = math.ceil(HALO_CORE / stride) * stride
    run = tf.function(system.complete, reduce_retracing=True)
    return max(_halo_on(run, system, *_picture(seed, core, largest), core) for seed in range(HALO_PICTURES))


def deepest_hole(run: Run) -> int:
    """Pixels from the farthest place of a hole to the ground around it, of holes as the model learned to fill them."""
    kind = getattr(run.options, "mask", "poly")
    generator = np.random.default_rng(0)
    depths = []
    for _ in range(HOLES_MEASURED):
        hole = np.asarray(draw_mask(kind, generator, run.size)) > 0
        depths.append(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5).max())
    return round(float(np.percentile(depths, DEEP)))


def _picture(seed: int, core: int, largest: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Ground (1, S, S, 3) and holes (1, S, S, 1): discs all over, in the core a disc or, in every other, all of it."""
    side = core + 2 * largest
    generator = np.random.default_rng(seed)
    ground = terrain(generator, side).astype(np.float32)
    hole = np.zeros((side, side), np.uint8)
    cv2.circle(hole, (side // 2, side // 2), core if seed % 2 else core // 3, 1, cv2.FILLED)
    for _ in range(side * side // (4 * core * core)):
        x, y = generator.integers(0, side, 2)
        cv2.circle(hole, (int(x), int(y)), int(generator.integers(4, core // 2)), 1, cv2.FILLED)
    return tf.constant(ground[None]), tf.constant(hole[None, :, :, None].astype(np.float32))


def _halo_on(run: Any, system: Completer, image: tf.Tensor, hole: tf.Tensor, core: int) -> int:
    side = image.shape[1]
    largest = (side - core) // 2
    whole = run(image, hole).numpy()[:, largest : largest + core, largest : largest + core]
    for halo in range(largest - system.stride, -1, -system.stride):
        window = slice(largest - halo, largest + core + halo)
        if core + 2 * halo < smallest_side(system.smallest, system.stride):
            return halo + system.stride
        answer = run(image[:, window, window], hole[:, window, window]).numpy()
        if np.abs(answer[:, halo : halo + core, halo : halo + core] - whole).max() > HALO_TOLERANCE:
            return halo + system.stride
    return 0
