"""How close a restored picture comes to the true one: whole picture, and inside and outside the cloud.

All functions take 8-bit RGB pictures (H, W, 3), as DESIGN's "Metrics" contract says: rounded to 8 bits, the three
channels together, range 255. A mask (H, W) of booleans limits a measure to its true pixels.
"""

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]

HIGHEST_PSNR = 100.0
"""What equal pictures score in dB, so that a mean over pictures stays a number."""
CLOUD_DIFFERENCE = 0.06
"""Smoothed difference between cloudy and clear (share of the range, largest channel) that counts as cloud."""
_SSIM_MARGIN = 5
"""Pixels on each side whose Gaussian window (sigma 1.5, cut at 3.5 sigma) leaves the picture."""
FEWEST_PIXELS = 64
MEASURES = ("psnr", "ssim", "mae", "spectral_angle", "gradient_energy_ratio")
PLACES = ("whole", "inside", "outside")


def to_8_bit(picture: NDArray[np.floating]) -> Picture:
    """A picture in [0, 1] rounded to 8 bits; values outside are clipped."""
    return np.round(np.clip(picture, 0.0, 1.0) * 255.0).astype(np.uint8)


def psnr(result: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """Peak signal-to-noise ratio in dB, range 255, all three channels together; equal pictures: `HIGHEST_PSNR`."""
    difference = _inside(result, mask) - _inside(truth, mask)
    error = float(np.mean(np.square(difference)))
    if error == 0.0:
        return HIGHEST_PSNR
    return min(HIGHEST_PSNR, 10.0 * float(np.log10(255.0**2 / error)))


def ssim(result: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """Structural similarity, mean over channels: Gaussian window of sigma 1.5, population statistics, range 255.

    With a mask, the mean of the similarity map over its pixels, the outer 5 pixels left out as in the whole picture.
    Sides of at least 11 pixels. Source: Wang et al. 2004, as in scikit-image.
    """
    return _mean_similarity(similarity(result, truth), mask)


def similarity(result: Picture, truth: Picture) -> NDArray[np.float64]:
    """The map (H, W, 3) whose mean, without the outer 5 pixels, is SSIM."""
    _, here = structural_similarity(
        result, truth, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False, full=True,
    )  # fmt: skip
    return np.asarray(here)


def mae(result: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """Mean absolute error in digital numbers (0 to 255)."""
    return float(np.mean(np.abs(_inside(result, mask) - _inside(truth, mask))))


def spectral_angle(result: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """Mean angle in degrees between the colours as vectors: 0 where only the brightness differs.

    Pixels black in either picture have no direction and are left out. Source: Kruse et al. 1993 (SAM).
    """
    a, b = _inside(result, mask), _inside(truth, mask)
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    seen = lengths > 0
    if not seen.any():
        return 0.0
    cosine = np.clip((a * b).sum(axis=-1)[seen] / lengths[seen], -1.0, 1.0)
    return float(np.degrees(np.arccos(cosine)).mean())


def gradient_energy_ratio(result: Picture, truth: Picture, mask: Mask | None = None) -> float:
    """Mean squared gradient of the result over that of the truth: under 1 is washed out, over 1 noise or ringing.

    Of the mean over channels, forward differences. NaN where the truth is flat.
    """
    wanted = _gradient_energy(truth, mask)
    return _gradient_energy(result, mask) / wanted if wanted > 0 else float("nan")


def cloud_mask(cloudy: Picture, clear: Picture) -> Mask:
    """Where the cloudy and the clear picture differ noticeably: the same "cloud" for every method judged.

    The difference is averaged over 5x5 pixels, so that noise is no cloud, and the largest over the channels must
    exceed `CLOUD_DIFFERENCE` of the range.
    """
    difference = (cloudy.astype(np.float32) - clear.astype(np.float32)) / 255.0
    return np.asarray(np.abs(_box_mean(difference, 5)).max(axis=-1) > CLOUD_DIFFERENCE)


def scores(result: Picture, truth: Picture, cloud: Mask) -> dict[str, dict[str, float]]:
    """All `MEASURES` at all `PLACES`: {"whole": {"psnr": ...}, "inside": ..., "outside": ...}, `cloud` True inside.

    A place of fewer than `FEWEST_PIXELS` has no scores (an empty dict).
    """
    masks: dict[str, Mask | None] = {"whole": None, "inside": cloud, "outside": ~cloud}
    similar = similarity(result, truth)
    return {place: _at(result, truth, similar, mask) for place, mask in masks.items()}


def _at(result: Picture, truth: Picture, similar: NDArray[np.float64], mask: Mask | None) -> dict[str, float]:
    if mask is not None and mask.sum() < FEWEST_PIXELS:
        return {}
    values = {
        "psnr": psnr(result, truth, mask),
        "ssim": _mean_similarity(similar, mask),
        "mae": mae(result, truth, mask),
        "spectral_angle": spectral_angle(result, truth, mask),
        "gradient_energy_ratio": gradient_energy_ratio(result, truth, mask),
    }
    return {measure: values[measure] for measure in MEASURES}


def _mean_similarity(similar: NDArray[np.float64], mask: Mask | None) -> float:
    core = slice(_SSIM_MARGIN, -_SSIM_MARGIN)
    inner = similar[core, core]
    chosen = inner if mask is None else inner[mask[core, core]]
    return float(chosen.mean()) if chosen.size else float("nan")


def _inside(picture: Picture, mask: Mask | None) -> NDArray[np.float64]:
    return np.asarray((picture if mask is None else picture[mask]), dtype=np.float64)


def _gradient_energy(picture: Picture, mask: Mask | None) -> float:
    grey = picture.mean(axis=-1, dtype=np.float64)
    down, right = np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1]
    energy = np.square(down) + np.square(right)
    return float(np.mean(energy if mask is None else energy[mask[:-1, :-1]]))


def _box_mean(picture: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    margin = side // 2
    padded = np.pad(picture, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    rows = sum(padded[i : i + picture.shape[0]] for i in range(side))
    columns = sum(np.asarray(rows)[:, i : i + picture.shape[1]] for i in range(side))
    return np.asarray(columns, dtype=np.float32) / np.float32(side * side)
