"""A small real model folder that fills holes."""

import json
from pathlib import Path

import numpy as np

STRIDE, HALO, DEEPEST = 8, 24, 10


def save_small_completer(folder: Path) -> None:
    """Writes a convolutional SavedModel of stride 8 and its card.

    It fills with the mean of what is known around, too bright by 0.1, with a little pattern of the cells it lies in,
    so that a wrong halo, grid or missing blending shows.
    """
    import tensorflow as tf

    signature = [
        tf.TensorSpec((None, None, None, 3), tf.float32, "image"),
        tf.TensorSpec((None, None, None, 1), tf.float32, "hole"),
    ]

    class Small(tf.Module):
        def __init__(self) -> None:
            self.bright = tf.Variable(0.1)

        @tf.function(input_signature=signature)
        def complete(self, image: tf.Tensor, hole: tf.Tensor) -> dict[str, tf.Tensor]:
            known = tf.where(hole < 1.0, image, 0.0)
            cells = tf.nn.avg_pool2d(tf.concat([known, 1.0 - hole], -1), STRIDE, STRIDE, "VALID")
            cells = tf.nn.avg_pool2d(cells, 5, 1, "SAME")
            mean = cells[..., :3] / tf.maximum(cells[..., 3:], 1e-3)
            patch = tf.repeat(tf.repeat(mean, STRIDE, 1), STRIDE, 2) + self.bright
            return {"completed": tf.where(hole > 0.0, tf.clip_by_value(patch, 0.0, 1.0), image)}

    small = Small()
    tf.saved_model.save(small, str(folder), signatures={"complete": small.complete})
    card = {
        "format": 1, "kind": "inpaint", "name": "small", "version": 1, "stride": STRIDE, "smallest": 16, "halo": HALO,
        "receptive_radius": HALO, "deepest": DEEPEST,
    }  # fmt: skip
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")


def opaque(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture (3, H, W) in [0, 1]: smooth ground under a white cloud of irregular shape and opacity 0 to 1."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    ground = 0.25 + 0.1 * np.sin(rows / 40)[None] * np.cos(columns / np.array([50, 60, 70]).reshape(3, 1, 1))
    ground = ground + generator.normal(0, 0.01, (3, height, width))
    away = np.hypot(rows - height * 0.45, columns - width * 0.55) + 6 * np.sin(columns / 9) + 5 * np.sin(rows / 7)
    opacity = np.clip(4.0 - away / (0.06 * min(height, width)), 0, 1)
    return np.clip(ground * (1 - opacity) + opacity, 0, 1).astype(np.float32)
