"""Whether a translation keeps what is where: the edges of a picture and of what was made of it."""

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2gray
from skimage.filters import gaussian, sobel

from cloud_removal.evaluation.metrics import Picture

SMOOTH = 1.0
"""Standard deviation in pixels of the blur before edges are looked for: noise and texture are no roads."""
FLAT = 1e-6
"""Deviation of the edges' strength, in [0, 1], under which a picture has none."""


def edge_correlation(picture: Picture, translated: Picture, smooth: float = SMOOTH) -> float:
    """Correlation of the edges of two pictures (H, W, 3) of 8 bits: 1 where all stayed in place, 0 where none did.

    Pearson's correlation of the strength of the edges (Sobel, of the blurred luminance). Neither contrast nor
    brightness count, nor whether a road is darker or brighter than its fields. NaN where a picture has no edges.
    """
    one, other = (_edges(image, smooth) for image in (picture, translated))
    if min(one.std(), other.std()) < FLAT:
        return float("nan")
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


def _edges(picture: Picture, smooth: float) -> NDArray[np.float64]:
    return np.asarray(sobel(gaussian(rgb2gray(picture), smooth)))
