"""What a picture shows, whatever its light: features of VGG16, trained for recognition and kept as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from cloud_removal.errors import OptionError

LAYER = "block5_conv1"
"""Of Keras' VGG16: relu5_1, the first convolution after the fourth pooling, activation included."""
SCALE = 16
"""Pixels of the picture to one of the features, both ways."""
MEAN_BGR = (103.939, 116.779, 123.68)
"""Mean colour of the pictures that VGG16 was trained on, from 0 to 255."""
FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
HELP = (
    "Give --vgg FILE: a file of weights of keras.applications.VGG16, such as the one that Keras keeps as "
    f"~/.keras/models/{FILE} on a machine where it could download it"
)


def vgg16(weights: str, seed: int = 0, build: Callable[..., keras.Model] = keras.applications.VGG16) -> keras.Model:
    """VGG16 up to relu5_1, not trainable: `prepared` pictures (B, H, W, 3) -> features (B, H/16, W/16, 512).

    `weights`: "imagenet", which Keras downloads once; a file of them (.h5 as Keras publishes it, or .weights.h5); or
    "random", drawn from `seed`, which recognise nothing and serve for trying out. OptionError where they cannot be
    had. Source: arXiv:1409.1556; `build` makes the network as keras.applications.VGG16 does.
    """
    if weights == "imagenet":
        whole = _downloaded(build)
    else:
        whole = build(include_top=False, weights=None)
        if weights == "random":
            _draw(whole, seed)
        else:
            _read(whole, Path(weights))
    network = keras.Model(whole.inputs, whole.get_layer(LAYER).output, name="vgg16_relu5_1")
    network.trainable = False
    return network


def prepared(picture: Any) -> Any:
    """RGB (B, H, W, 3) in [0, 1] as VGG16 was trained to see it: BGR from 0 to 255, less the mean colour."""
    return 255.0 * ops.flip(picture, axis=-1) - ops.convert_to_tensor(MEAN_BGR, "float32")


def instance_normalised(features: Any) -> Any:
    """`features` (B, H, W, C) in float32, each channel of each picture with mean 0 and variance 1."""
    features = ops.cast(features, "float32")
    mean, variance = ops.moments(features, axes=(1, 2), keepdims=True)
    return (features - mean) / ops.sqrt(variance + 1e-5)


def feature_difference(network: Any, one: Any, other: Any) -> Any:
    """Mean squared difference of the features of two pictures (B, H, W, 3) in [0, 1], instance-normalised; scalar.

    Source: self feature preserving loss, EnlightenGAN, arXiv:1906.06972, eq. 5, normalised as in the authors' code
    (which, unlike this and unlike VGG16, leaves out the fourth pooling and the mean colour).
    """
    features = [instance_normalised(network(prepared(picture), training=False)) for picture in (one, other)]
    return ops.mean(ops.square(features[0] - features[1]))


def _downloaded(build: Callable[..., keras.Model]) -> keras.Model:
    try:
        return build(include_top=False, weights="imagenet")
    except Exception as error:  # What Keras raises where a download fails is a plain Exception.
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise OptionError(f"--vgg imagenet: Keras could not get the weights of VGG16 ({reason}). {HELP}.") from error


def _read(network: keras.Model, path: Path) -> None:
    """Puts the weights in `path` into `network`; OptionError unless it has one for each layer that is used."""
    if not path.is_file():
        raise OptionError(f"--vgg {path}: there is no such file. Expected imagenet, random, or a file: {HELP}.")
    used = network.layers[: network.layers.index(network.get_layer(LAYER)) + 1]
    weights = [weight for layer in used for weight in layer.weights]
    for weight in weights:
        weight.assign(np.full(weight.shape, np.nan))
    try:
        if path.name.endswith(".weights.h5"):
            network.load_weights(path)
        else:
            network.load_weights(path, by_name=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise OptionError(f"--vgg {path} cannot be read as weights of VGG16 ({reason}). {HELP}.") from error
    if missing := [w.path for w in weights if np.isnan(ops.convert_to_numpy(w)).any()]:
        raise OptionError(f"--vgg {path} has no weights for {', '.join(missing[:3])} of VGG16. {HELP}.")


def _draw(network: keras.Model, seed: int) -> None:
    """Weights of He et al. (arXiv:1502.01852), the same ones for the same `seed` wherever they are drawn."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if len(weight.shape) == 4:
            deviation = np.sqrt(2.0 / np.prod(weight.shape[:3]))
            weight.assign(deviation * rng.standard_normal(weight.shape))
