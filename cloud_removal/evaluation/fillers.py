"""Ways to fill a hole without a network, to judge a model beside: each takes a picture and a hole and fills it.

None of them reads what is in the hole.
"""

from collections.abc import Callable

import cv2
import numpy as np
from skimage.restoration import inpaint_biharmonic

from cloud_removal.evaluation.metrics import Mask, Picture, to_8_bit

RADIUS = 3.0
"""Neighbourhood in pixels of OpenCV's two methods; its documentation's usual value."""

Filler = Callable[[Picture, Mask], Picture]
"""(picture uint8 (H, W, 3), hole bool (H, W)) -> picture; where there is no hole it stays as it was."""


def mean_colour(picture: Picture, hole: Mask) -> Picture:
    """The mean of everything around: what any method has to beat."""
    filled = picture.copy()
    filled[hole] = np.round(picture[~hole].mean(axis=0)).astype(np.uint8)
    return filled


def telea(picture: Picture, hole: Mask) -> Picture:
    """Fast marching. Source: Telea 2004, as in OpenCV."""
    return _by_opencv(picture, hole, cv2.INPAINT_TELEA)


def navier_stokes(picture: Picture, hole: Mask) -> Picture:
    """Lines of equal brightness carried on as a flow. Source: Bertalmio et al. 2001, as in OpenCV."""
    return _by_opencv(picture, hole, cv2.INPAINT_NS)


def biharmonic(picture: Picture, hole: Mask) -> Picture:
    """The smoothest surface that fits. Source: Damelin and Hoang 2018, as in scikit-image."""
    known = np.where(hole[..., None], np.uint8(0), picture)
    return to_8_bit(inpaint_biharmonic(known / 255.0, hole, channel_axis=-1))


PEERS: dict[str, Filler] = {"Telea": telea, "Navier-Stokes": navier_stokes, "biharmonic": biharmonic}


def _by_opencv(picture: Picture, hole: Mask, method: int) -> Picture:
    known = np.ascontiguousarray(np.where(hole[..., None], np.uint8(0), picture))
    filled = np.asarray(cv2.inpaint(known, hole.astype(np.uint8), RADIUS, method), np.uint8)
    return np.where(hole[..., None], filled, picture)
