"""DCGAN: pictures out of noise, and the discriminator that mirrors it. Values in [-1, 1], any Keras backend.

Source: arXiv:1511.06434, figure 1 and "Architecture guidelines": no pooling and no hidden dense layers; batch norm
everywhere but at the generator's output and the discriminator's input (and its one answer); ReLU and tanh in the
generator, leaky ReLU 0.2 in the discriminator. First weights N(0, 0.02), scales of the norms N(1, 0.02).
"""

from typing import Any

import keras
from keras import layers

from cloud_removal.models.blocks import Norm, leaky, normal, normed

SMALLEST = 16
"""Least side of the pictures in pixels."""
FIRST = 4
"""Least side in pixels of what the noise is projected to; double sides lie between the sizes 64, 128, 256."""


def doublings(size: int) -> int:
    """How often the first side, 4 (up to 7 where the size is no power of two), is doubled up to `size`."""
    return (size // FIRST).bit_length() - 1


def stride(size: int) -> int:
    """What `size` must be a multiple of."""
    return 2 ** max(doublings(size), 2)


def generator(size: int, width: int = 128, latent: int = 100) -> keras.Model:
    """Noise (B, latent) -> pictures (B, size, size, 3) in [-1, 1].

    Projected and reshaped to 4×4×8n (by a transposed convolution over its one place), batch norm, ReLU; transposed
    conv4 s2 + batch norm + ReLU, 4n … n; transposed conv4 s2 to three channels, tanh. Each further doubling over 64 px
    begins with one more layer of 8n.
    """
    noise = keras.Input((latent,), name="noise")
    x = layers.Reshape((1, 1, latent), name="place")(noise)
    levels = doublings(size)
    project = layers.Conv2DTranspose(
        width * _times(levels), size >> levels, use_bias=False, kernel_initializer=normal(), name="project_conv"
    )
    x = layers.ReLU(name="project_relu")(normed(project(x), "batch", "project", scales=normal(1.0)))
    for level in reversed(range(1, levels)):
        name = f"up{levels - level}"
        x = _transposed(width * _times(level), False, f"{name}_conv")(x)
        x = layers.ReLU(name=f"{name}_relu")(normed(x, "batch", name, scales=normal(1.0)))
    x = _transposed(3, True, "picture_conv")(x)
    return keras.Model(noise, layers.Activation("tanh", dtype="float32", name="picture")(x), name="dcgan_generator")


def discriminator(size: int, width: int = 128, norm: Norm = "batch") -> keras.Model:
    """Pictures (B, size, size, 3) in [-1, 1] -> logits, or scores of a critic, (B, 1).

    The generator mirrored: conv4 s2 + leaky ReLU, n, 2n … 8n, the norm after each but the first; then one convolution
    over all that is left (4×4).
    """
    picture = x = keras.Input((size, size, 3), name="picture")
    levels = doublings(size)
    for level in range(1, levels + 1):
        name, first = f"down{level}", level == 1
        conv = layers.Conv2D(
            width * _times(level), 4, 2, "same", use_bias=first, kernel_initializer=normal(), name=f"{name}_conv"
        )
        x = leaky(conv(x) if first else normed(conv(x), norm, name, scales=normal(1.0)), name)
    x = layers.Conv2D(1, size >> levels, kernel_initializer=normal(), dtype="float32", name="logit")(x)
    return keras.Model(picture, layers.Reshape((1,), name="answer", dtype="float32")(x), name="dcgan_discriminator")


def _times(level: int) -> int:
    """Width, times n, where the picture is `level` times halved: n, 2n, 4n, and 8n from there on."""
    return min(2 ** (level - 1), 8)


def _transposed(filters: int, bias: bool, name: str) -> Any:
    return layers.Conv2DTranspose(filters, 4, 2, "same", use_bias=bias, kernel_initializer=normal(), name=name)
