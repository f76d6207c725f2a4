"""A small real model folder, and pictures and rasters to put through it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import Affine

STRIDE, HALO, SPACING, LOOK = 8, 24, 32, 64


def save_small_model(folder: Path) -> None:
    """Writes a fully convolutional SavedModel of stride 8 with picture-wide statistics, and its card.

    Bright is cloud to it; what it calls ground is the picture less the cloud, with a little of everything its
    convolutions see, so that a wrong halo or context shows.
    """
    import tensorflow as tf

    class Small(tf.Module):
        def __init__(self) -> None:
            generator = np.random.default_rng(3)

            def kernel(*shape: int) -> tf.Variable:
                return tf.Variable(generator.normal(0, 1 / np.sqrt(np.prod(shape[:3])), shape).astype(np.float32))

            self.patch, self.middle, self.last = kernel(8, 8, 3, 4), kernel(3, 3, 10, 4), kernel(3, 3, 7, 4)

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, "image")])
        def context(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
            mean = tf.reduce_mean(image, (1, 2))
            return {"context": tf.concat([mean, tf.math.reduce_std(image, (1, 2))], -1)}

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, None, None, 3), tf.float32, "image"),
                tf.TensorSpec((None, None, None, 6), tf.float32, "context"),
            ]
        )
        def restore(self, image: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
            x = tf.nn.conv2d(image, self.patch, STRIDE, "VALID")
            x = tf.nn.leaky_relu(tf.nn.conv2d(tf.concat([x, context], -1), self.middle, 1, "SAME"))
            x = tf.repeat(tf.repeat(x, STRIDE, 1), STRIDE, 2)
            x = tf.nn.conv2d(tf.concat([x, image], -1), self.last, 1, "SAME")
            bright = tf.reduce_mean(image, -1, keepdims=True)
            opacity = tf.sigmoid(14.0 * (bright - 0.6) + 0.5 * x[..., :1])
            ground = tf.clip_by_value(image - 0.5 * opacity + 0.05 * x[..., 1:], 0.0, 1.0)
            return {"ground": ground, "opacity": opacity}

    small = Small()
    tf.saved_model.save(small, str(folder), signatures={"restore": small.restore, "context": small.context})
    card = {
        "format": 1,
        "name": "small",
        "version": 1,
        "stride": STRIDE,
        "smallest": 16,
        "halo": HALO,
        "receptive_radius": HALO,
        "context": {"size": 6, "window": LOOK, "spacing": SPACING},
        "thresholds": {"keep_below": 0.05, "opaque_above": 0.75},
    }
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")


def cloudy(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture (3, H, W) in [0, 1]: textured ground, a soft bright cloud over a part of it, some of it clear."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    ground = 0.25 + 0.12 * np.sin(rows / 5)[None] * np.cos(columns / np.array([7, 9, 11]).reshape(3, 1, 1))
    ground = ground + generator.normal(0, 0.02, (3, height, width))
    distance = np.hypot((rows - height * 0.4) / height, (columns - width * 0.6) / width)
    opacity = np.clip(1.2 - 3.5 * distance, 0, 1)
    return np.clip(ground * (1 - opacity) + 0.95 * opacity, 0, 1).astype(np.float32)


def as_type(picture: np.ndarray, dtype: str) -> np.ndarray:
    """A picture in [0, 1] in the values of a raster of `dtype`."""
    if np.dtype(dtype).kind == "f":
        return (0.05 + 0.9 * picture).astype(dtype)
    most = {"uint8": 255, "int16": 10000, "uint16": 30000}[dtype]
    return np.round(picture * most).astype(dtype)


ROTATED = Affine(9.56, 2.92, 500000, 2.92, -9.56, 4100000)


def write_raster(file: Path, values: np.ndarray, **profile: Any) -> Path:
    """Writes bands (C, H, W) as a GeoTIFF with a rotated grid in UTM, or as the profile says."""
    everything = {
        "driver": "GTiff",
        "dtype": values.dtype,
        "count": values.shape[0],
        "height": values.shape[1],
        "width": values.shape[2],
        "crs": "EPSG:32631",
        "transform": ROTATED,
    }
    with rasterio.open(file, "w", **(everything | profile)) as target:
        target.write(values)
    return file


def read(file: Path) -> np.ndarray:
    """All bands of a raster."""
    with rasterio.open(file) as source:
        return source.read()
