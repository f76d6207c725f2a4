"""EnlightenGAN: a U-Net that brightens what is dark, and the two networks that judge what it makes.

Pictures are in [0, 1], as everywhere here; the networks work on [-1, 1], as their source does. Source: Jiang et al.
2019, arXiv:1906.06972, and its authors' published settings.
"""

from typing import Any, Literal

import keras
from keras import layers, ops

from cloud_removal.models.blocks import Enlarge, leaky, normal, normed, signed

LEVELS = 4
"""Times that the U-Net halves the resolution."""
STRIDE = 2**LEVELS
SMALLEST = STRIDE
RECEPTIVE_RADIUS = 137
"""Of the U-Net, where attention is of each pixel alone."""
MOMENTUM = 0.9
"""Of the moving statistics, as the source has it: they have to follow two networks that chase each other."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Shares of R, G and B: the luma of ITU-R BT.601."""

Attention = Literal["darkness", "luminance"]
Normalise = Literal["range", "picture"]


def attention_map(picture: Any, attention: Attention = "darkness", normalise: Normalise = "range") -> Any:
    """Where how much is to be done, (B, H, W, 1) in [0, 1], of `picture` (B, H, W, 3) in [0, 1].

    darkness: 1 - luminance, so that the dark is attended to. luminance: luminance itself, for haze, which is bright.
    Normalised by the range of possible values, as in the authors' code: a function of the pixel alone. Or, as the
    write-up (seed document 003) can be read, by the darkest and the brightest pixel of the picture. Source:
    arXiv:1906.06972, section 3.3.
    """
    light = ops.sum(picture * ops.convert_to_tensor(LUMINANCE, "float32"), axis=-1, keepdims=True)
    if normalise == "picture":
        low, high = (bound(light, axis=(1, 2, 3), keepdims=True) for bound in (ops.min, ops.max))
        light = (light - low) / ops.maximum(high - low, 1e-3)
    return light if attention == "luminance" else 1.0 - light


def attention_unet(
    width: int = 32,
    attention: Attention = "darkness",
    normalise: Normalise = "range",
    times_attention: bool = True,
    name: str = "generator",
) -> keras.Model:
    """Picture (B, H, W, 3) in [0, 1] -> the same enlightened, not clipped, float32; sides multiples of 16.

    Given are the picture and its attention A. Conv3, leaky ReLU and batch norm, twice a level, widths d, 2d, 4d, 8d
    with max-pooling between them, and 16d at 1/16; up by bilinear enlargement and conv3, the level's skip joined. A,
    max-pooled to each resolution, multiplies the skips, and the bottleneck after its first convolution. A 1×1
    convolution gives the residual, which is added to the picture, with `times_attention` times A.
    """
    picture = keras.Input((None, None, 3), name="picture")
    attended = [attention_map(picture, attention, normalise)]
    for level in range(LEVELS):
        attended.append(layers.MaxPooling2D(name=f"attention{level + 1}")(attended[-1]))
    x = layers.Concatenate(name="given")([signed(picture), attended[0]])
    skips = []
    for level in range(LEVELS):
        x = _twice(x, width * 2**level, f"down{level + 1}")
        skips.append(layers.Multiply(name=f"skip{level + 1}")([x, attended[level]]))
        x = layers.MaxPooling2D(name=f"pool{level + 1}")(x)
    x = _conv_norm(x, width * STRIDE, "bottom_a")
    x = layers.Multiply(name="bottom_attended")([x, attended[LEVELS]])
    x = _conv_norm(x, width * STRIDE, "bottom_b")
    for level in reversed(range(LEVELS)):
        at = f"up{level + 1}"
        x = _conv(width * 2**level, f"{at}_conv")(Enlarge(2, name=f"{at}_enlarge")(x))
        x = layers.Concatenate(name=f"{at}_joined")([x, skips[level]])
        x = _twice(x, width * 2**level, at, last_norm=level > 0)
    residual = _conv(3, "residual", kernel=1, dtype="float32")(x)
    if times_attention:
        residual = layers.Multiply(name="attended_residual", dtype="float32")([residual, attended[0]])
    return keras.Model(picture, layers.Add(name="answer", dtype="float32")([0.5 * residual, picture]), name=name)


def receptive_radius(normalise: Normalise) -> int | None:
    """Pixels around a pixel that the U-Net's answer depends on; None where attention depends on the whole picture."""
    return RECEPTIVE_RADIUS if normalise == "range" else None


def discriminator(halvings: int, width: int = 64, name: str = "discriminator") -> keras.Model:
    """Picture or patch (B, H, W, 3) in [0, 1] -> a map of scores (B, h, w, 1), float32, without any norm.

    Conv4 s2 (d, 2d, 4d, then 8d) `halvings` times, conv4 8d, each with leaky ReLU, conv4 1; all padded by 2. The
    paper's global one has five halvings, its local one four.
    """
    picture = keras.Input((None, None, 3), name="picture")
    x = signed(picture)
    for number in range(halvings + 1):
        stride = 2 if number < halvings else 1
        at = f"conv{number + 1}"
        x = layers.ZeroPadding2D(2, name=f"{at}_pad")(x)
        x = leaky(_conv(width * min(2**number, 8), at, kernel=4, strides=stride, padding="valid")(x), at)
    x = layers.ZeroPadding2D(2, name="score_pad")(x)
    return keras.Model(picture, _conv(1, "score", kernel=4, padding="valid", dtype="float32")(x), name=name)


def patches(picture: Any, corners: Any, side: int) -> Any:
    """Squares (B·P, side, side, C) out of `picture` (B, H, W, C), their tops and lefts `corners` (B, P, 2), integers.

    The patches of a picture follow one another.
    """
    _, width, channels = picture.shape[1:]
    reach = ops.arange(side, dtype="int32")
    rows = ops.reshape(corners[..., 0, None] + reach, (-1, corners.shape[1] * side))
    bands = ops.take_along_axis(picture, rows[:, :, None, None], axis=1)
    bands = ops.reshape(bands, (-1, side, width, channels))
    columns = ops.reshape(corners[..., 1, None] + reach, (-1, side))
    return ops.take_along_axis(bands, columns[:, None, :, None], axis=2)


def _twice(x: Any, filters: int, name: str, last_norm: bool = True) -> Any:
    return _conv_norm(_conv_norm(x, filters, f"{name}_a"), filters, f"{name}_b", last_norm)


def _conv_norm(x: Any, filters: int, name: str, norm: bool = True) -> Any:
    """Conv3, leaky ReLU, then batch norm: the order of the source."""
    x = leaky(_conv(filters, f"{name}_conv")(x), name)
    return normed(x, "batch", name, MOMENTUM, normal(1.0)) if norm else x


def _conv(filters: int, name: str, kernel: int = 3, padding: str = "same", **options: Any) -> layers.Layer:
    return layers.Conv2D(filters, kernel, padding=padding, kernel_initializer=normal(), name=name, **options)
