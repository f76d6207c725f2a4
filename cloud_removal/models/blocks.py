"""Building blocks that several networks share. Functions on Keras tensors; each names the layers it makes.

Layers follow the global dtype policy; what is named float32 stays float32 in mixed precision.
"""

from typing import Any, Literal

import keras
from keras import layers, ops

LEAK = 0.2
"""Slope of the leaky ReLU below zero (DCGAN, arXiv:1511.06434)."""

Upsample = Literal["transposed", "resize", "bilinear"]
"""How resolution is doubled: transposed convolution; or pixels repeated (resize) or interpolated (bilinear) and then
convolved, which leaves no checkerboard (Odena et al. 2016, doi:10.23915/distill.00003)."""

Norm = Literal["batch", "instance", "layer"]
"""batch: statistics of each channel over the batch, moving ones at inference. instance: over each picture alone, at
inference too (arXiv:1607.08022); in training with one picture a batch the two are the same. layer: over all values of
one picture, scales by channel; what a gradient penalty asks for (arXiv:1704.00028, section 4, "No critic batch
normalization")."""
GROUPS = {"instance": -1, "layer": 1}
"""Of group normalization, which both are; -1: each channel is a group of its own."""
EPSILON = 1e-5
"""Added to the variance by `normed`, as in the sources of its networks. Keras' own 1e-3 is too much where first weights
of deviation 0.02 leave a variance of that size."""

NORMAL = 0.02
"""Standard deviation of the first weights of DCGAN (arXiv:1511.06434, section 4, "Details"), and after it of pix2pix
(arXiv:1611.07004, section 6.2), CycleGAN and EnlightenGAN."""


def signed(picture: Any) -> Any:
    """A picture in [0, 1] in the values of networks that end in a tanh: [-1, 1]."""
    return 2.0 * picture - 1.0


def unsigned(answer: Any) -> Any:
    """The inverse of `signed`, clipped to [0, 1]."""
    return ops.clip(0.5 * answer + 0.5, 0.0, 1.0)


def normal(mean: float = 0.0) -> keras.initializers.Initializer:
    """First weights N(`mean`, 0.02)."""
    return keras.initializers.RandomNormal(mean, NORMAL)


def leaky(x: Any, name: str) -> Any:
    """Leaky ReLU with the project's slope."""
    return layers.LeakyReLU(LEAK, name=f"{name}_leaky")(x)


def normed(x: Any, norm: Norm | None, name: str, momentum: float = 0.98, scales: Any = "ones") -> Any:
    """`x` normed, or as it is where `norm` is None. (B, H, W, C), H and W of any size.

    `momentum` is that of batch norm's moving statistics, `scales` initialises the scales.
    """
    options: dict[str, Any] = {"epsilon": EPSILON, "gamma_initializer": scales, "name": f"{name}_norm"}
    if norm == "batch":
        return layers.BatchNormalization(momentum=momentum, **options)(x)
    return layers.GroupNormalization(groups=GROUPS[norm], **options)(x) if norm else x


def norm_leaky(x: Any, name: str) -> Any:
    """Batch norm, then leaky ReLU: the order the seed insists on after each transposed convolution."""
    return leaky(layers.BatchNormalization(momentum=0.98, name=f"{name}_norm")(x), name)


def shrink(x: Any, filters: int, name: str) -> Any:
    """Halves the resolution: conv4 stride 2, leaky ReLU, no norm. (B, H, W, C) -> (B, H/2, W/2, filters)."""
    conv = layers.Conv2D(filters, 4, 2, padding="same", kernel_initializer="he_normal", name=f"{name}_conv")
    return leaky(conv(x), name)


def grow(x: Any, filters: int, name: str, kernel: int = 4, upsample: Upsample = "transposed") -> Any:
    """Doubles the resolution: transposed conv s2, batch norm, leaky ReLU. (B, H, W, C) -> (B, 2H, 2W, filters)."""
    return norm_leaky(doubled(x, filters, name, kernel, upsample), name)


def doubled(x: Any, filters: int, name: str, kernel: int, upsample: Upsample, start: Any = "glorot_uniform") -> Any:
    """Twice the resolution without norm, bias or activation; but by "transposed" the convolution is always 3×3.

    `start` initialises the weights.
    """
    same: dict[str, Any] = {"padding": "same", "use_bias": False, "kernel_initializer": start, "name": f"{name}_conv"}
    if upsample != "transposed":
        x = layers.UpSampling2D(name=f"{name}_repeat")(x)
        x = softened(x) if upsample == "bilinear" else x
        return layers.Conv2D(filters, 3, **same)(x)
    return layers.Conv2DTranspose(filters, kernel, 2, **same)(x)


def softened(x: Any) -> Any:
    """(B, H, W, C) filtered by 1-2-1 both ways, its border repeated: bilinear enlarging, of what was enlarged twice by
    repeating. Keras' own asks for sizes that are known when the graph is made."""
    x = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    return ops.average_pool(ops.average_pool(x, 2, 1), 2, 1)


def residual_unit(x: Any, name: str) -> Any:
    """Valid conv3, BN, leaky ReLU, valid transposed conv3, BN, leaky ReLU, added to its input. Sides of 3 or more.

    Source: seed "Cloud Removal", bottleneck of `mod_defog`.
    """
    filters = x.shape[-1]
    inner = norm_leaky(layers.Conv2D(filters, 3, use_bias=False, name=f"{name}_conv")(x), f"{name}_in")
    inner = layers.Conv2DTranspose(filters, 3, use_bias=False, name=f"{name}_deconv")(inner)
    return layers.Add(name=f"{name}_add")([x, norm_leaky(inner, f"{name}_out")])


@keras.saving.register_keras_serializable("cloud_removal")
class Enlarge(layers.Layer):
    """Bilinear enlargement, (B, h, w, C) -> (B, times·h, times·w, C), for sizes unknown in a graph too.

    By two matrix products: `ops.image.resize` asks in Python whether a size is positive, which no exported graph of
    any size can answer.
    """

    def __init__(self, times: int, **options: Any):
        super().__init__(**options)
        self.times = times

    def call(self, x: Any) -> Any:
        batch, height, width, channels = ops.shape(x)[0], ops.shape(x)[1], ops.shape(x)[2], x.shape[3]
        x = ops.matmul(ops.cast(_between(width, self.times), x.dtype), x)
        x = ops.reshape(x, (batch, height, width * self.times * channels))
        x = ops.matmul(ops.cast(_between(height, self.times), x.dtype), x)
        return ops.reshape(x, (batch, height * self.times, width * self.times, channels))

    def compute_output_shape(self, shape: Any) -> Any:
        return (shape[0], *(side and side * self.times for side in shape[1:3]), shape[3])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "times": self.times}


def _between(count: Any, times: int) -> Any:
    """Weights (times·count, count) of linear interpolation at the centres of `times` as many pixels, borders held."""
    place = (ops.cast(ops.arange(count * times), "float32") + 0.5) / times - 0.5
    place = ops.clip(place, 0.0, ops.cast(count, "float32") - 1.0)
    return ops.relu(1.0 - ops.abs(place[:, None] - ops.cast(ops.arange(count), "float32")))


@keras.saving.register_keras_serializable("cloud_removal")
class Quantiles(layers.Layer):
    """(B, H, W, C) -> (B, Q·C): the quantiles `shares` (Q, in [0, 1]) of each channel over the picture.

    A layer, as `Enlarge`, because the number of pixels is unknown while a network is put together.
    """

    def __init__(self, shares: tuple[float, ...], **options: Any):
        super().__init__(**options)
        self.shares = tuple(shares)

    def call(self, x: Any) -> Any:
        batch, pixels, channels = ops.shape(x)[0], ops.shape(x)[1] * ops.shape(x)[2], x.shape[3]
        ordered = ops.sort(ops.reshape(x, (batch, pixels, channels)), axis=1)
        last = ops.cast(pixels, "float32") - 1.0
        places = ops.cast(ops.round(ops.convert_to_tensor(self.shares, "float32") * last), "int32")
        return ops.reshape(ops.take(ordered, places, axis=1), (batch, len(self.shares) * channels))

    def compute_output_shape(self, shape: Any) -> Any:
        return shape[0], len(self.shares) * shape[3]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "shares": self.shares}
