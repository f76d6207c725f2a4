"""Completion of pictures with holes: the generators by name, what each is given, and what of its answer is used.

Masks: 1 = hole, 0 = ground that is known, between them a soft edge.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import keras
from keras import ops

from cloud_removal.models import detail
from cloud_removal.models.blocks import Upsample
from cloud_removal.models.fill import smooth_fill
from cloud_removal.models.generators import autoencoder, correction, dilated, glcic, residual, unet

__all__ = ["GENERATORS", "Generator", "autoencoder", "composite", "correction", "dilated", "generator_input", "glcic",
           "residual", "unet"]  # fmt: skip

Name = Literal[
    "glcic", "glcic-walkthrough", "glcic-correction", "glcic-texture", "autoencoder", "residual", "dilated",
    "dilated-shortcut", "unet"
]  # fmt: skip
"""Of the completion networks."""
Filling = Literal["mean", "smooth", "grey", "ragged", "minus"]


@dataclass(frozen=True)
class Generator:
    """A completion network to be built, and its geometry in pixels."""

    network: Callable[..., keras.Model]
    width: int
    """Base width d where no other is asked for."""
    filling: Filling
    """What is in the hole that it is given: see `generator_input`."""
    stride: int
    """Sides of the picture are multiples of this."""
    smallest: int
    """Least side of the picture."""
    receptive_radius: int
    """Pixels around a pixel that its result depends on at most."""

    def __call__(self, width: int | None = None, upsample: Upsample = "transposed") -> keras.Model:
        """The network of base width `width`, by default the source's."""
        return self.network(width or self.width, upsample)


GENERATORS: dict[Name, Generator] = {
    "glcic": Generator(glcic, 64, "mean", 4, 4, 153),
    "glcic-walkthrough": Generator(partial(glcic, form="walkthrough"), 64, "grey", 4, 4, 153),
    "glcic-correction": Generator(correction, 16, "smooth", 32, 32, 345),
    "glcic-texture": Generator(partial(correction, detailed=True), 16, "smooth", 32, 32, 345 + detail.RADIUS),
    "autoencoder": Generator(autoencoder, 16, "ragged", 32, 32, 337),
    "residual": Generator(residual, 32, "minus", 32, 32, 594),
    "dilated": Generator(dilated, 32, "minus", 64, 64, 737),
    "dilated-shortcut": Generator(partial(dilated, shortcut="conv"), 32, "minus", 64, 64, 737),
    "unet": Generator(unet, 16, "ragged", 32, 96, 209),
}
"""By name. The variants: glcic as in the write-up (seed 002), glcic correcting a smooth fill (ours), without and with
detail moved in from around, dilated with a convolution as shortcut (seed 000)."""


def generator_input(name: Name, image: Any, hole: Any, mean_colour: Any = 0.5) -> Any:
    """What generator `name` takes, float32: `image` (B, H, W, 3) in [0, 1] with `hole` (B, H, W, 1) cut out of it.

    mean: the hole in `mean_colour` (3,), and the mask as a fourth channel. smooth: filled smoothly from what is around
    it (`fill.smooth_fill`), and the mask. grey: values brought to [-1, 1], the hole at
    0, no mask. ragged: the hole black, and the mask. minus: the hole at -1, no mask. Where `hole` is 1 nothing of
    `image` is in the answer, not even a NaN.
    """
    filling = GENERATORS[name].filling
    if filling == "smooth":
        return ops.concatenate([smooth_fill(image, hole), hole], axis=-1)
    ragged = _ragged(image, hole)
    if filling == "minus":
        return ragged - hole
    if filling == "grey":
        return 2.0 * (ragged + 0.5 * hole) - 1.0
    if filling == "mean":
        ragged = ragged + ops.cast(mean_colour, "float32") * hole
    return ops.concatenate([ragged, hole], axis=-1)


def composite(image: Any, patch: Any, hole: Any) -> Any:
    """The completed picture, image·(1 - m) + patch·m: where `hole` is 0 it is `image` bit by bit, where 1 `patch`.

    Source: seed "Cloud Removal"; GLCIC, doi:10.1145/3072959.3073659, section 3.3.
    """
    return ops.where(hole > 0.0, _ragged(image, hole) + patch * hole, image)


def _ragged(image: Any, hole: Any) -> Any:
    """G·(1 - m), and 0 where m is 1, whatever is there."""
    return ops.where(hole < 1.0, image * (1.0 - hole), 0.0)
