"""Simple methods without a network, to judge a model beside: each takes a cloudy 8-bit RGB picture and gives one back.

Their constants are fixed here and the same for every picture. None of them sees the true picture.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Float = NDArray[np.float32]


def do_nothing(cloudy: Picture) -> Picture:
    """The cloudy picture as it is: what any method has to beat."""
    return cloudy.copy()


def dark_channel_prior(cloudy: Picture, patch: int = 15, omega: float = 0.95, lowest: float = 0.1) -> Picture:
    """Haze removal by the dark channel, the transmission refined by a guided filter.

    `patch` in pixels, `omega` the share of haze taken away, `lowest` transmission divided by.
    Source: He, Sun, Tang 2009 (equations 11, 12 and 22); guided filter: He, Sun, Tang 2010.
    """
    picture = _to_unit(cloudy)
    airlight = _airlight(picture, patch)
    transmission = np.float32(1.0) - np.float32(omega) * _dark_channel(picture / airlight, patch)
    refined = guided_filter(picture.mean(axis=2), transmission, radius=4 * patch, smoothness=1e-3)
    return _to_8_bit((picture - airlight) / np.maximum(refined, lowest)[..., None] + airlight)


def unveil(cloudy: Picture, opacity: float = 0.56, percentile: float = 95.0) -> Picture:
    """An even grey veil taken off: (x - opacity·A) / (1 - opacity), one `opacity` for all pictures.

    A is the `percentile` of the picture's own grey levels, not white: real veils are grey. The two defaults are the
    best pair found on the first 30 pictures of RICE1 with the truth at hand, so this peer is flattered there.
    """
    picture = _to_unit(cloudy)
    veil = np.percentile(picture.mean(axis=2), percentile)
    return _to_8_bit((picture - opacity * veil) / (1.0 - opacity))


def mask_and_telea(cloudy: Picture, bright: float = 0.4, margin: int = 3, radius: float = 3.0) -> Picture:
    """Pixels whose darkest channel exceeds `bright`, grown by `margin` pixels, filled by fast marching.

    The defaults are the best pair found on the first 30 pictures of RICE2 with the truth at hand, so this peer is
    flattered there. Source: Telea 2004, as in OpenCV.
    """
    hole = (cloudy.min(axis=2) > bright * 255.0).astype(np.uint8)
    grown = cv2.dilate(hole, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1)))
    if grown.all():
        return cloudy.copy()
    return np.asarray(cv2.inpaint(np.ascontiguousarray(cloudy), grown, radius, cv2.INPAINT_TELEA), dtype=np.uint8)


PEERS: dict[str, Callable[[Picture], Picture]] = {
    "do nothing": do_nothing,
    "dark channel": dark_channel_prior,
    "un-veil": unveil,
    "mask + Telea": mask_and_telea,
}


def guided_filter(guide: Float, picture: Float, radius: int, smoothness: float) -> Float:
    """`picture` (H, W) smoothed over squares of `radius` pixels, keeping the edges of `guide` (H, W).

    Source: He, Sun, Tang 2010, algorithm 1.
    """

    def mean(values: Float) -> Float:
        return np.asarray(cv2.blur(values, (2 * radius + 1, 2 * radius + 1), borderType=cv2.BORDER_REFLECT))

    mean_guide, mean_picture = mean(guide), mean(picture)
    covariance = mean(guide * picture) - mean_guide * mean_picture
    slope = covariance / (mean(guide * guide) - mean_guide**2 + smoothness)
    offset = mean_picture - slope * mean_guide
    return np.asarray(mean(slope) * guide + mean(offset), dtype=np.float32)


def _dark_channel(picture: Float, patch: int) -> Float:
    darkest = np.ascontiguousarray(picture.min(axis=2))
    return np.asarray(cv2.erode(darkest, np.ones((patch, patch), np.uint8)), dtype=np.float32)


def _airlight(picture: Float, patch: int) -> Float:
    """The brightest of the 0.1 % of pixels whose dark channel is highest (He et al., section 4.4), never black."""
    dark = _dark_channel(picture, patch).ravel()
    candidates = np.argpartition(dark, -max(1, dark.size // 1000))[-max(1, dark.size // 1000) :]
    colours = picture.reshape(-1, 3)[candidates]
    return np.asarray(np.maximum(colours[colours.sum(axis=1).argmax()], 0.05), dtype=np.float32)


def _to_unit(picture: Picture) -> Float:
    return picture.astype(np.float32) / np.float32(255.0)


def _to_8_bit(picture: NDArray[np.floating]) -> Picture:
    return np.round(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)
