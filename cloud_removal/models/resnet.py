"""The generator of CycleGAN: a picture of one kind in, a picture of the other kind out."""

from typing import Any

import keras
from keras import layers, ops

from cloud_removal.models.blocks import Upsample, doubled, normal, normed

STRIDE = 4
"""Height and width must be multiples of this."""
SMALLEST = 8
"""Least height and width: two pixels, of which one is reflected, where the residual blocks are."""
LARGE = 256
"""Side in pixels of the pictures from which on the paper takes nine residual blocks, and six under it."""


def resnet(width: int = 64, blocks: int = 9, upsample: Upsample = "transposed", name: str = "resnet") -> keras.Model:
    """Picture (B, H, W, 3) in [-1, 1] -> picture (B, H, W, 3) in [-1, 1], float32.

    c7s1-d, d2d, d4d, `blocks` residual blocks of two conv3 at 4d, u2d, ud, c7s1-3 (d: `width`): dk is a conv3 of
    stride 2, uk a transposed conv3 of stride 2, instance norm and ReLU follow each convolution but the second of a
    block (no ReLU) and the last (tanh alone). Borders are reflected where the resolution stays, and zeros where it is
    halved or doubled, as in the authors' code. Source: CycleGAN, arXiv:1703.10593, section 7.2, after
    arXiv:1603.08155.
    """
    picture = keras.Input((None, None, 3), name="picture")
    x = _relu(_reflected(picture, width, 7, "first"), "first")
    for level in (1, 2):
        at = f"down{level}"
        x = _relu(_halved(x, width * 2**level, at), at)
    for number in range(1, blocks + 1):
        x = _block(x, f"block{number}")
    for level in (1, 2):
        x = _relu(doubled(x, 4 * width // 2**level, f"up{level}", 3, upsample, normal()), f"up{level}")
    x = _pad(x, 3)
    x = layers.Conv2D(3, 7, kernel_initializer=normal(), dtype="float32", name="answer")(x)
    return keras.Model(picture, ops.tanh(x), name=name)


def usual_blocks(size: int) -> int:
    """How many residual blocks the paper takes for training pictures of side `size`: 6, from 256 px on 9."""
    return 9 if size >= LARGE else 6


def _block(x: Any, name: str) -> Any:
    inner = _relu(_reflected(x, x.shape[-1], 3, f"{name}_in"), f"{name}_in")
    inner = normed(_reflected(inner, x.shape[-1], 3, f"{name}_out"), "instance", f"{name}_out")
    return layers.Add(name=f"{name}_add")([x, inner])


def _relu(x: Any, name: str) -> Any:
    return layers.ReLU(name=f"{name}_relu")(normed(x, "instance", name))


def _reflected(x: Any, filters: int, kernel: int, name: str) -> Any:
    """A convolution of stride 1 before a norm, with reflected borders."""
    conv = layers.Conv2D(filters, kernel, use_bias=False, kernel_initializer=normal(), name=f"{name}_conv")
    return conv(_pad(x, kernel // 2))


def _halved(x: Any, filters: int, name: str) -> Any:
    conv = layers.Conv2D(filters, 3, 2, "same", use_bias=False, kernel_initializer=normal(), name=f"{name}_conv")
    return conv(x)


def _pad(x: Any, pixels: int) -> Any:
    return ops.pad(x, ((0, 0), (pixels, pixels), (pixels, pixels), (0, 0)), mode="reflect")
