"""Completion networks: what could be in a hole, from what is around it.

Each takes one tensor (B, H, W, C), sides multiples of its stride, and answers (B, H, W, 3) in [0, 1], float32, over the
whole picture; what of it is used is `completion.composite`'s affair. The last layer is named `answer`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import keras
from keras import layers, ops

from cloud_removal.models import unet as defog
from cloud_removal.models.blocks import Upsample, doubled, grow, leaky, norm_leaky, shrink
from cloud_removal.models.detail import MovedDetail

Shortcut = Literal["identity", "conv"]
Form = Literal["paper", "walkthrough"]
MOMENTUM = 0.98
DARKEST = 0.005
"""What is darker, or as near to white, is corrected as if it were not: a sigmoid answers neither 0 nor 1."""


def glcic(width: int = 64, upsample: Upsample = "transposed", form: Form = "paper") -> keras.Model:
    """The completion network of GLCIC: filled picture and mask (B, H, W, 4) -> (B, H, W, 3). Stride 4.

    conv5 d, conv3 s2 2d, conv3, conv3 s2 4d, two conv3, four dilated conv3 (2, 4, 8, 16), two conv3, transposed
    conv4 s2 2d, conv3, transposed conv4 s2 d, conv3 d/2, conv3 3; batch norm and ReLU after each but the last, which
    has a sigmoid. The walk-through (seed 002) has no mask channel and a tanh, here brought from [-1, 1] to [0, 1].
    Source: Iizuka et al. 2017, doi:10.1145/3072959.3073659, table 1.
    """
    picture = keras.Input((None, None, 4 if form == "paper" else 3), name="filled")
    layer = partial(_conv_then, after=_norm_relu, bias=False)
    half = layer(layer(layer(picture, width, "conv1", kernel=5), 2 * width, "conv2", stride=2), 2 * width, "conv3")
    x = _norm_relu(doubled(_quartered(half, width, layer), 2 * width, "deconv1", 4, upsample), "deconv1")
    x = _norm_relu(doubled(layer(x, 2 * width, "conv9"), width, "deconv2", 4, upsample), "deconv2")
    x = layer(x, max(width // 2, 1), "conv10")
    x = layers.Conv2D(3, 3, padding="same", dtype="float32", name="answer")(x)
    answer = ops.sigmoid(x) if form == "paper" else 0.5 * ops.tanh(x) + 0.5
    return keras.Model(picture, answer, name="glcic")


def correction(width: int = 16, upsample: Upsample = "resize", detailed: bool = False) -> keras.Model:
    """What to add to a smooth fill: filled picture and mask (B, H, W, 4) -> (B, H, W, 3). Stride 4.

    The layers of `glcic` up to the last but one, which is d wide, with leaky ReLU and no batch norm, which tinges what
    is filled in (DeepFill, arXiv:1801.07892, section 3.1). What was seen at 1/2, at full resolution, and the picture
    itself are joined on the way up, so that edges at the rim are carried on at their place (U-Net, arXiv:1505.04597).
    The answer, at first nothing, is added to the given picture before the sigmoid; if `detailed`, what detail that then
    lacks is moved in from the ground around (`detail.MovedDetail`).
    """
    picture = keras.Input((None, None, 4), name="filled")
    layer = partial(_conv_then, after=leaky, bias=True)
    full = layer(picture, width, "conv1", kernel=5)
    half = layer(layer(full, 2 * width, "conv2", stride=2), 2 * width, "conv3")
    x = leaky(doubled(_quartered(half, width, layer), 2 * width, "deconv1", 4, upsample), "deconv1")
    x = layer(layers.Concatenate(name="skip_half")([x, half]), 2 * width, "conv9")
    x = leaky(doubled(x, width, "deconv2", 4, upsample), "deconv2")
    x = layer(layers.Concatenate(name="skip_full")([x, full, picture]), width, "conv10")
    x = layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros", dtype="float32", name="answer")(x)
    image, hole = ops.cast(picture[..., :3], "float32"), ops.cast(picture[..., 3:], "float32")
    given = ops.clip(image, DARKEST, 1.0 - DARKEST)
    answer = ops.sigmoid(x + ops.log(given) - ops.log(1.0 - given))
    if detailed:
        answer = ops.clip(answer + MovedDetail()(image, hole, answer), 0.0, 1.0)
    return keras.Model(picture, answer, name="correction")


def _quartered(half: Any, width: int, layer: Callable[..., Any]) -> Any:
    """The middle of GLCIC, at 1/4: conv3 s2 4d, two conv3, four dilated ones, two conv3."""
    x = layer(half, 4 * width, "conv4", stride=2)
    for name in ("conv5", "conv6"):
        x = layer(x, 4 * width, name)
    for number, rate in enumerate((2, 4, 8, 16), start=1):
        x = layer(x, 4 * width, f"dilated{number}", rate=rate)
    for name in ("conv7", "conv8"):
        x = layer(x, 4 * width, name)
    return x


def autoencoder(width: int = 16, upsample: Upsample = "transposed") -> keras.Model:
    """DCGAN-style auto-encoder: ragged picture and mask (B, H, W, 4) -> (B, H, W, 3). Stride 32.

    Five conv4 s2 + leaky ReLU (d, 2d, 4d, 8d, 16d); four conv3 + leaky ReLU and four transposed conv3 + BN + leaky
    ReLU at 16d, all of one size; five transposed conv4 s2 + BN + leaky ReLU (16d, 8d, 4d, 2d, d); the head.
    Source: seed "Cloud Removal", `mod_GAN_spot` and `mod_GAN_poly`.
    """
    ragged = x = keras.Input((None, None, 4), name="ragged")
    for level in range(5):
        x = shrink(x, width * 2**level, f"down{level + 1}")
    for number in range(1, 5):
        x = _conv_leaky(x, 16 * width, f"middle{number}")
    for number in range(5, 9):
        deconv = layers.Conv2DTranspose(16 * width, 3, padding="same", use_bias=False, name=f"middle{number}_conv")
        x = norm_leaky(deconv(x), f"middle{number}")
    x = _up(x, _mirrored(width, 5), 4, upsample)
    return keras.Model(ragged, _head(x, ragged, width), name="autoencoder")


def residual(width: int = 32, upsample: Upsample = "transposed") -> keras.Model:
    """A chain of residual units at 1/32: ragged picture with holes at -1 (B, H, W, 3) -> (B, H, W, 3). Stride 32.

    Five reflect-padded conv3 s2 + leaky ReLU (d … 16d), eight units (`_buffered_unit`) at 16d, five transposed conv3
    s2 + BN + leaky ReLU (16d … d), one more unit, the head. Source: seed, `mod_mend_buff` and `mod_mend_beta`.
    """
    ragged = x = keras.Input((None, None, 3), name="ragged")
    for level in range(5):
        x = _reflected(x, width * 2**level, f"down{level + 1}")
    for number in range(1, 9):
        x = _buffered_unit(x, f"middle{number}")
    x = _up(x, _mirrored(width, 5), 3, upsample)
    x = _buffered_unit(x, "last")
    return keras.Model(ragged, _head(x, ragged, width), name="residual")


def dilated(width: int = 32, upsample: Upsample = "transposed", shortcut: Shortcut = "identity") -> keras.Model:
    """Dilated residual units at 1/64, 1/32, 1/16: ragged with holes at -1 (B, H, W, 3) -> (B, H, W, 3). Stride 64.

    Six reflect-padded conv3 s2 + leaky ReLU (d … 32d); one residual unit at 1/64; then twice: the coarser level grown
    and concatenated with the encoder's, conv3, and two (1/32), three (1/16) units. Four transposed conv3 s2 + BN +
    leaky ReLU (8d, 4d, 2d, d), conv3, the head. Source: seed, `mod_mend_dila`; shortcut "conv": `mod_mend_nres`.
    """
    ragged = x = keras.Input((None, None, 3), name="ragged")
    skips = []
    for level in range(6):
        x = _reflected(x, width * 2**level, f"down{level + 1}")
        skips.append(x)
    x = _dilated_unit(x, "at64_1", shortcut)
    for scale, units, skip in ((32, 2, skips[4]), (16, 3, skips[3])):
        x = grow(x, skip.shape[-1], f"to{scale}", kernel=3, upsample=upsample)
        x = layers.Concatenate(name=f"at{scale}_joined")([x, skip])
        x = _conv_leaky(x, skip.shape[-1], f"at{scale}_joined")
        for number in range(1, units + 1):
            x = _dilated_unit(x, f"at{scale}_{number}", shortcut)
    x = _up(x, _mirrored(width, 4), 3, upsample)
    x = _conv_leaky(x, width, "last")
    return keras.Model(ragged, _head(x, ragged, width), name="dilated")


def unet(width: int = 16, upsample: Upsample = "transposed") -> keras.Model:
    """The seed's U-Net (`models.unet`) on ragged picture and mask (B, H, W, 4) -> (B, H, W, 3). Stride 32."""
    return defog.unet(width, outputs=3, channels=4, upsample=upsample, name="unet")


def _head(features: Any, picture: Any, width: int) -> Any:
    """What was given beside the features, conv3 d + leaky ReLU, conv3 3, sigmoid."""
    x = layers.Concatenate(name="head_input")([features, picture])
    x = _conv_leaky(x, width, "head")
    return ops.sigmoid(layers.Conv2D(3, 3, padding="same", dtype="float32", name="answer")(x))


def _up(x: Any, widths: Sequence[int], kernel: int, upsample: Upsample) -> Any:
    for number, filters in enumerate(widths, start=1):
        x = grow(x, filters, f"up{number}", kernel, upsample)
    return x


def _mirrored(width: int, levels: int) -> list[int]:
    """Widths on the way up: 2^(levels-1)·d … 2d, d."""
    return [width * 2**level for level in reversed(range(levels))]


def _conv_then(
    x: Any,
    filters: int,
    name: str,
    kernel: int = 3,
    stride: int = 1,
    rate: int = 1,
    *,
    after: Callable[[Any, str], Any],
    bias: bool,
) -> Any:
    """A convolution and what comes `after` it; before a norm it needs no bias."""
    conv = layers.Conv2D(
        filters,
        kernel,
        stride,
        padding="same",
        dilation_rate=rate,
        use_bias=bias,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )
    return after(conv(x), name)


def _norm_relu(x: Any, name: str) -> Any:
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(x))


def _conv_leaky(x: Any, filters: int, name: str, rate: int = 1) -> Any:
    conv = layers.Conv2D(
        filters, 3, padding="same", dilation_rate=rate, kernel_initializer="he_normal", name=f"{name}_conv"
    )
    return leaky(conv(x), name)


def _reflected(x: Any, filters: int, name: str) -> Any:
    """Halves the resolution: reflected borders of one pixel, conv3 s2, leaky ReLU. Sides of 2 or more."""
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    return leaky(layers.Conv2D(filters, 3, 2, kernel_initializer="he_normal", name=f"{name}_conv")(x), name)


def _buffered_unit(x: Any, name: str) -> Any:
    """Valid transposed conv3 (grows by two) + BN + leaky ReLU, valid conv3 (shrinks by two) + ReLU6, plus the input."""
    filters = x.shape[-1]
    inner = norm_leaky(layers.Conv2DTranspose(filters, 3, use_bias=False, name=f"{name}_deconv")(x), name)
    inner = layers.ReLU(max_value=6.0, name=f"{name}_relu6")(layers.Conv2D(filters, 3, name=f"{name}_conv")(inner))
    return layers.Add(name=f"{name}_add")([x, inner])


def _dilated_unit(x: Any, name: str, shortcut: Shortcut) -> Any:
    """Conv3 of rate 2 + leaky ReLU, conv3, plus the input or a conv3 of it."""
    filters = x.shape[-1]
    inner = _conv_leaky(x, filters, f"{name}_wide", rate=2)
    inner = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv")(inner)
    if shortcut == "conv":
        x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_shortcut")(x)
    return layers.Add(name=f"{name}_add")([x, inner])
