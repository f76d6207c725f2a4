"""Noise of fixed values that a network makes as strong as the texture around a place."""

from typing import Any

import keras
import numpy as np
from keras import ops

PERIOD = 128
"""Pixels after which the noise repeats. The same place of a scene has the same noise in all windows that begin at
multiples of this."""
OCTAVES = 4
"""Bands of the noise, each of half the frequency of the one before."""
FINEST = 0.35
"""Cycles a pixel in the middle of the first band."""
HALF_OCTAVE = 0.5
"""Standard deviation of a band in octaves."""


@keras.saving.register_keras_serializable("cloud_removal")
class Grain(keras.layers.Layer):
    """Strengths (B, H, W, 3·OCTAVES) -> noise of that strength (B, H, W, 3), float32; sides multiples of PERIOD.

    Every three channels are the strengths of one band in red, green and blue, in standard deviations, the finest band
    first. All channels have the same noise, as texture is brightness first. Noise as what a generator makes texture of:
    StyleGAN, arXiv:1812.04948, section 2.
    """

    def __init__(self, name: str = "grain"):
        super().__init__(name=name, dtype="float32")

    def call(self, strengths: Any) -> Any:
        _, height, width, _ = ops.shape(strengths)
        noise = ops.tile(ops.convert_to_tensor(bands()), (1, height // PERIOD, width // PERIOD, 1))
        each = [strengths[..., 3 * band : 3 * band + 3] * noise[..., band : band + 1] for band in range(OCTAVES)]
        return sum(each[1:], each[0])

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (*input_shape[:-1], 3)


def bands() -> np.ndarray:
    """The noise of each band, (1, PERIOD, PERIOD, OCTAVES) float32 with mean 0 and standard deviation 1, periodic."""
    white = np.fft.fft2(np.random.default_rng(0).standard_normal((PERIOD, PERIOD, OCTAVES)), axes=(0, 1))
    frequencies = np.fft.fftfreq(PERIOD)
    distance = np.hypot(frequencies[:, None], frequencies[None])[..., None]
    with np.errstate(divide="ignore"):
        octaves = np.log2(distance / FINEST) + np.arange(OCTAVES)
    noise = np.fft.ifft2(white * np.exp(-0.5 * np.square(octaves / HALF_OCTAVE)), axes=(0, 1)).real
    return (noise / noise.std(axis=(0, 1)))[None].astype(np.float32)
