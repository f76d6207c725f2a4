"""The U-Net generator of pix2pix: a picture in, the same place as another kind of picture shows it out."""

from typing import Any

import keras
from keras import layers, ops

from cloud_removal.models.blocks import Norm, doubled, leaky, normal, normed

LEVELS = 8
"""Halvings of the resolution at 256 px: down to one pixel."""
WIDEST = 8
"""Widths grow to this multiple of the base width."""
DROPPED = 3
"""Layers of the decoder with dropout: the first, as far as they are of the widest."""


def generator(width: int = 64, levels: int = LEVELS, norm: Norm = "instance", dropout: float = 0.5) -> keras.Model:
    """U-Net of base width d: picture (B, H, W, 3) in [-1, 1] -> (B, H, W, 3) in [-1, 1], float32.

    H and W are multiples of 2^levels. Down: conv4 s2, norm, leaky ReLU of widths d, 2d, 4d, 8d, 8d …; no norm on the
    first, nor on the last, of which at 256 px and eight levels one pixel is left (a norm would make it zero). Up:
    transposed conv4 s2, norm, dropout in the first three that are 8d wide, ReLU, and the encoder's output of the same
    resolution beside it; widths mirrored. Last a transposed conv4 s2 to three channels, tanh. Dropout, the source's
    noise z, is on in training alone, so that the same picture gives the same answer; the source leaves it on at test
    time (section 3.3). Source: pix2pix, arXiv:1611.07004, section 6.1.1.
    """
    widths = [width * min(2**level, WIDEST) for level in range(levels)]
    picture = x = keras.Input((None, None, 3), name="image")
    skips = []
    for level, filters in enumerate(widths, start=1):
        x = _down(x, filters, norm if 1 < level < levels else None, f"down{level}")
        skips.append(x)
    for number, filters in enumerate(reversed(widths[:-1]), start=1):
        rate = dropout if number <= DROPPED and filters == width * WIDEST else 0.0
        x = _up(x, filters, norm, rate, f"up{number}")
        x = layers.Concatenate(name=f"skip{number}")([x, skips[-1 - number]])
    last = layers.Conv2DTranspose(3, 4, 2, "same", kernel_initializer=normal(), dtype="float32", name="answer")
    return keras.Model(picture, ops.tanh(last(x)), name="pix2pix")


def receptive_radius(levels: int) -> int:
    """Pixels around a pixel that the answer depends on, with batch norm at inference: 3·(2^levels - 1)."""
    return 3 * (2**levels - 1)


def _down(x: Any, filters: int, norm: Norm | None, name: str) -> Any:
    conv = layers.Conv2D(filters, 4, 2, "same", use_bias=norm is None, kernel_initializer=normal(), name=f"{name}_conv")
    return leaky(normed(conv(x), norm, name), name)


def _up(x: Any, filters: int, norm: Norm, dropout: float, name: str) -> Any:
    x = normed(doubled(x, filters, name, 4, "transposed", normal()), norm, name)
    if dropout:
        x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
