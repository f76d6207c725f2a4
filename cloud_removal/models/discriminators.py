"""Discriminators: is this picture whole, or is part of it made up? Logits (or scores of a critic), float32.

`DISCRIMINATORS[name].network(size, width, norm)` builds one for pictures of side `size`; it takes a list of tensors,
`discriminator_input(name, picture, hole, window)`, made from a real picture or from the composite, never from the
generator's raw answer. Without `norm` there is no batch norm: a gradient penalty asks for the gradient of each
picture alone (arXiv:1704.00028, section 4).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import keras
from keras import layers, ops

from cloud_removal.models.blocks import Norm, leaky, norm_leaky, normal, normed, shrink

Field = Literal[1, 16, 70, 286]
"""Side in pixels of the patches that a patch discriminator judges."""
PATCH_LAYERS: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((1, 1), (2, 1)),
    16: ((1, 2), (2, 1)),
    70: ((1, 2), (2, 2), (4, 2), (8, 1)),
    286: ((1, 2), (2, 2), (4, 2), (8, 2), (8, 2), (8, 1)),
}
"""Of each patch discriminator the width (times d) and stride of its convolutions but the last, to one channel."""


def glcic(size: int, width: int = 64, norm: bool = True) -> keras.Model:
    """Global and local: picture (B, S, S, 3) and local window (B, S/2, S/2, 3) -> logit (B, 1).

    Conv5 s2 + batch norm + ReLU (d, 2d, 4d, then 8d) down to 4 pixels, dense 16d + ReLU, for each; concatenated,
    dense 1. At 256 px six and five convolutions, at 128 px five and four. Source: GLCIC,
    doi:10.1145/3072959.3073659, table 2.
    """
    picture = keras.Input((size, size, 3), name="picture")
    local = keras.Input((size // 2, size // 2, 3), name="local")
    features = [_contracted(x, width, norm, x.name) for x in (picture, local)]
    x = layers.Concatenate(name="joined")(features)
    return keras.Model([picture, local], _logit(x), name="glcic_discriminator")


def masked(size: int, width: int = 16, norm: bool = False) -> keras.Model:
    """The whole picture and the same with all but the hole set to 0, (B, S, S, 3) twice -> logit (B, 1).

    Five conv4 s2 + leaky ReLU (d … 16d) each, concatenated, dense d + leaky ReLU, dense 1. There is no norm in the
    source; with `norm` batch norm follows each convolution but the first. Source: seed "Cloud Removal", global and
    local discrimination for holes of any shape.
    """
    picture = keras.Input((size, size, 3), name="picture")
    inside = keras.Input((size, size, 3), name="inside")
    features = [_flattened(x, width, norm) for x in (picture, inside)]
    x = layers.Concatenate(name="joined")(features)
    x = leaky(layers.Dense(width, name="dense")(x), "dense")
    return keras.Model([picture, inside], _logit(x), name="masked_discriminator")


def whole(size: int, width: int = 16, norm: bool = False) -> keras.Model:
    """`masked` without its local branch: the whole picture (B, S, S, 3) -> logit (B, 1).

    What is lost without the second look can be seen by it.
    """
    picture = keras.Input((size, size, 3), name="picture")
    x = leaky(layers.Dense(width, name="dense")(_flattened(picture, width, norm)), "dense")
    return keras.Model([picture], _logit(x), name="global_discriminator")


def fakeness_map(size: int, width: int = 32, norm: bool = True) -> keras.Model:
    """How fake each pixel is: picture (B, H, W, 3) -> map (B, H, W, 1), not squashed.

    Under squared error 0 is real and 1 made up, under cross-entropy the map is the logit of that.

    A fully convolutional auto-encoder: five conv4 s2 + leaky ReLU (d … 16d), five transposed conv4 s2 + batch norm +
    leaky ReLU (16d … d), the picture concatenated, conv3 d + leaky ReLU, conv3 1. Sides are multiples of 32.
    Source: seed "Cloud Removal", discriminator of `mod_mend_*`.
    """
    picture = x = keras.Input((None, None, 3), name="picture")
    for level in range(5):
        x = shrink(x, width * 2**level, f"down{level + 1}")
    for number, level in enumerate(reversed(range(5)), start=1):
        name = f"up{number}"
        deconv = layers.Conv2DTranspose(width * 2**level, 4, 2, "same", use_bias=not norm, name=f"{name}_conv")
        x = norm_leaky(deconv(x), name) if norm else leaky(deconv(x), name)
    x = layers.Concatenate(name="head_input")([x, picture])
    x = leaky(layers.Conv2D(width, 3, padding="same", name="head_conv")(x), "head")
    x = layers.Conv2D(1, 3, padding="same", dtype="float32", name="logit")(x)
    return keras.Model([picture], x, name="map_discriminator")


def patch(width: int = 64, field: Field = 70, norm: Norm | None = "batch", channels: int = 3) -> keras.Model:
    """PatchGAN: a logit for each patch of `field` × `field` px, (B, H, W, channels) -> (B, h, w, 1).

    Conv4 C64-C128-C256-C512 for 70 px (stride 2 but for the last), C64-C128 for 16, C64-C128-C256-C512-C512-C512 for
    286, conv1 C64-C128 for 1, each followed by a convolution to one channel; norm on all but the first and the last,
    leaky ReLU. At 256 px the answers are 30×30 for 70 px; sides of at least `smallest_patched`. `channels` are 6
    where a picture is judged beside what it was made from. Source: pix2pix, arXiv:1611.07004, section 6.1.2.
    """
    picture = x = keras.Input((None, None, channels), name="picture")
    kernel = 1 if field == 1 else 4
    for level, (times, stride) in enumerate(PATCH_LAYERS[field], start=1):
        name, own = f"conv{level}", norm if level > 1 else None
        x = _patch_conv(x, times * width, kernel, stride, own is None, name)
        x = leaky(normed(x, own, name), name)
    if kernel > 1:
        x = layers.ZeroPadding2D(name="logit_pad")(x)
    x = layers.Conv2D(1, kernel, kernel_initializer=normal(), dtype="float32", name="logit")(x)
    return keras.Model([picture], x, name="patch_discriminator")


def smallest_patched(field: Field) -> int:
    """Least side in pixels of pictures that the patch discriminator of `field` gives any answer to."""
    if field == 1:
        return 1
    # Each of the two convolutions of stride 1 takes a pixel of the last resolution.
    return 3 * math.prod(stride for _, stride in PATCH_LAYERS[field])


def _completion_patch(size: int, width: int = 64, norm: bool = True) -> keras.Model:
    """The 70×70 PatchGAN on a picture (B, H, W, 3), which may be of any size."""
    return patch(width, norm="batch" if norm else None)


@dataclass(frozen=True)
class Discriminator:
    """A discriminator to be built: `network(size, width, norm)`."""

    network: Callable[[int, int, bool], keras.Model]
    width: int
    """Base width d where no other is asked for."""
    norm: bool
    """Whether the source has batch norm."""

    def __call__(self, size: int, width: int | None = None, norm: bool | None = None) -> keras.Model:
        """The network for pictures of side `size`, by default with width and norm of its source."""
        return self.network(size, width or self.width, self.norm if norm is None else norm)


DISCRIMINATORS: dict[str, Discriminator] = {
    "glcic": Discriminator(glcic, 64, True),
    "masked": Discriminator(masked, 16, False),
    "global": Discriminator(whole, 16, False),
    "map": Discriminator(fakeness_map, 32, True),
    "patch": Discriminator(_completion_patch, 64, True),
}


def discriminator_input(name: str, picture: Any, hole: Any, window: Any) -> list[Any]:
    """What discriminator `name` takes for `picture` (B, S, S, 3), real or composite.

    `hole` (B, S, S, 1): the part that is, or would be, made up. `window` (B, 2): top and left of the local window; for
    real pictures GLCIC takes an independent one.
    """
    picture = ops.convert_to_tensor(picture)
    if name == "glcic":
        return [picture, local_window(picture, window)]
    if name == "masked":
        return [picture, picture * hole]
    return [picture]


def local_window(picture: Any, window: Any) -> Any:
    """The square of half the side out of `picture` (B, S, S, C), its top and left `window` (B, 2)."""
    corner = ops.cast(window, "int32")
    reach = ops.arange(picture.shape[1] // 2, dtype="int32")
    rows, columns = (corner[:, axis, None] + reach for axis in (0, 1))
    picture = ops.take_along_axis(picture, rows[:, :, None, None], axis=1)
    return ops.take_along_axis(picture, columns[:, None, :, None], axis=2)


def _contracted(x: Any, width: int, norm: bool, name: str) -> Any:
    """Conv5 s2 down to 4 pixels (5 to 7 where the side is no power of two), then dense 16d + ReLU."""
    for level in range(max(int(x.shape[1]).bit_length() - 3, 1)):
        conv = layers.Conv2D(width * min(2**level, 8), 5, 2, "same", use_bias=not norm, name=f"{name}{level + 1}_conv")
        x = _norm(conv(x), norm, f"{name}{level + 1}")
        x = layers.ReLU(name=f"{name}{level + 1}_relu")(x)
    x = layers.Dense(16 * width, name=f"{name}_dense")(layers.Flatten(name=f"{name}_flat")(x))
    return layers.ReLU(name=f"{name}_dense_relu")(x)


def _flattened(picture: Any, width: int, norm: bool) -> Any:
    """Five conv4 s2 + leaky ReLU (d … 16d) over an input, as one row of features."""
    x, name = picture, picture.name
    for level in range(5):
        x = _strided(x, width * 2**level, norm and level > 0, f"{name}{level + 1}")
    return layers.Flatten(name=f"{name}_flat")(x)


def _strided(x: Any, filters: int, norm: bool, name: str) -> Any:
    conv = layers.Conv2D(filters, 4, 2, "same", use_bias=not norm, kernel_initializer="he_normal", name=f"{name}_conv")
    return leaky(_norm(conv(x), norm, name), name)


def _patch_conv(x: Any, filters: int, kernel: int, stride: int, bias: bool, name: str) -> Any:
    if kernel > 1:
        x = layers.ZeroPadding2D(name=f"{name}_pad")(x)
    return layers.Conv2D(filters, kernel, stride, use_bias=bias, kernel_initializer=normal(), name=f"{name}_conv")(x)


def _norm(x: Any, norm: bool, name: str) -> Any:
    return normed(x, "batch" if norm else None, name)


def _logit(x: Any) -> Any:
    return layers.Dense(1, dtype="float32", name="logit")(x)
