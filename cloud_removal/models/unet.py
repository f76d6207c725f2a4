"""The seed's U-Net: cloud opacity and clear ground at once, from one picture."""

from typing import Any, Literal

import keras
from keras import layers, ops

from cloud_removal.models.blocks import Upsample, grow, leaky, residual_unit, shrink

STRIDE = 32
SMALLEST = 96
"""The bottleneck's valid 3×3 convolutions need 3 pixels at 1/32."""
RECEPTIVE_RADIUS = 208

Squash = Literal["sigmoid", "tanh"]


def unet(
    width: int,
    squash: Squash = "sigmoid",
    outputs: int = 4,
    mask: bool = False,
    name: str = "unet",
    channels: int = 3,
    upsample: Upsample = "transposed",
) -> keras.Model:
    """U-Net of base width `width`: picture (B, H, W, channels) in [0, 1] -> (B, H, W, outputs) in [0, 1], float32.

    H and W are multiples of 32, at least 96. With four outputs, channel 0 is opacity and 1-3 are R, G, B.
    Down: five conv4 s2 + leaky ReLU (d, 2d, 4d, 8d, 16d). Bottleneck: two residual units. Up: five transposed
    conv4 s2, BN, leaky ReLU (32d, 16d, 8d, 4d, 2d), each on the concatenation with the mirrored skip. Head: the
    picture concatenated, conv3 (d) + leaky ReLU, conv3. With `mask` the inputs are [picture, mask (B, H, W, 1)],
    the mask averaged to each encoder level's size and concatenated there. Source: seed "Cloud Removal", `mod_defog`,
    `mod_mend`.
    """
    picture = keras.Input((None, None, channels), name="image")
    given = keras.Input((None, None, 1), name="mask") if mask else None
    x, skips = picture, []
    for level in range(5):
        x = shrink(_beside(x, given, level), width * 2**level, f"down{level + 1}")
        skips.append(x)
    x = residual_unit(residual_unit(x, "middle1"), "middle2")
    for level in range(5):
        x = layers.Concatenate(name=f"skip{level + 1}")([x, skips[-1 - level]])
        x = grow(x, width * 2 ** (5 - level), f"up{level + 1}", upsample=upsample)
    x = layers.Concatenate(name="head_input")([x, picture])
    x = leaky(layers.Conv2D(width, 3, padding="same", name="head_conv")(x), "head")
    x = layers.Conv2D(outputs, 3, padding="same", dtype="float32", name="answer")(x)
    return keras.Model([picture, given] if mask else picture, squashed(x, squash), name=name)


def _beside(x: Any, mask: Any, level: int) -> Any:
    """`x` with the mask, averaged over 2^level pixels, as a further channel; `x` alone where there is no mask."""
    if mask is None:
        return x
    if level:
        mask = layers.AveragePooling2D(2**level, name=f"mask{level + 1}")(mask)
    return layers.Concatenate(name=f"with_mask{level + 1}")([x, mask])


def squashed(x: Any, squash: Squash) -> Any:
    """Logits to [0, 1]: sigmoid (later version of the seed), or 0.505·tanh + 0.5 (old code), which leaves the range
    by 0.005 so that 0 and 1 can be reached; clipped by whoever shows it."""
    return ops.sigmoid(x) if squash == "sigmoid" else 0.505 * ops.tanh(x) + 0.5
