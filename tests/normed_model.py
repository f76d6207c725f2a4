"""A small real Keras model with instance norm: it looks at each window as a whole, so that no halo makes it exact."""

import json
from pathlib import Path

import numpy as np

STRIDE = 8


def save_normed_model(folder: Path) -> None:
    """Writes a SavedModel and its card, which asks for windows on a grid of 8 px and says `receptive_radius: null`.

    What is brighter than the mean of its window is cloud to it.
    """
    import keras
    import tensorflow as tf

    image = keras.Input((None, None, 3), name="image")
    seen = keras.layers.GroupNormalization(groups=-1)(image)
    wide = keras.layers.Conv2D(4, 3, dilation_rate=4, padding="same", name="wide")(seen)
    wide = keras.layers.LeakyReLU()(keras.layers.GroupNormalization(groups=-1)(wide))
    joined = keras.layers.Concatenate()([wide, seen])
    answer = keras.layers.Conv2D(4, 3, padding="same", activation="sigmoid", name="answer")(joined)
    network = keras.Model(image, answer)
    generator = np.random.default_rng(5)
    for name in ("wide", "answer"):
        kernel, bias = network.get_layer(name).get_weights()
        kernel = generator.normal(0.0, 0.3 / np.sqrt(kernel[..., 0].size), kernel.shape)
        if name == "answer":
            kernel[1, 1, 4:, 0] += 0.8  # Opacity grows with brightness.
        network.get_layer(name).set_weights([kernel, bias])

    class Served(tf.Module):
        def __init__(self) -> None:
            self.network = network

        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32, "image")], autograph=False)
        def restore(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
            answer = self.network(image)
            return {"ground": answer[..., 1:], "opacity": answer[..., :1]}

    served = Served()
    tf.saved_model.save(served, str(folder), signatures={"restore": served.restore})
    card = {
        "format": 1,
        "name": "normed",
        "version": 1,
        "stride": STRIDE,
        "smallest": STRIDE,
        "halo": 2 * STRIDE,
        "receptive_radius": None,
        "context": None,
        "thresholds": {"keep_below": 0.05, "opaque_above": 0.75},
    }
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")


def hills(height: int, width: int) -> np.ndarray:
    """A smooth picture (3, H, W) in [0, 1] of which every part has a mean and a contrast of its own."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    slope = 0.35 * columns / width + 0.15 * rows / height
    waves = 0.2 * np.sin(rows / 29.0 + 1.0) * np.cos(columns / 37.0)
    colours = np.array([0.9, 1.0, 1.1]).reshape(3, 1, 1)
    return np.clip((0.3 + slope + waves)[None] * colours, 0.0, 1.0).astype(np.float32)
