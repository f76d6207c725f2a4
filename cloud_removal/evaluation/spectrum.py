"""How the power of a picture falls from coarse to fine detail, and how much of it is fine."""

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

COARSEST, FINEST = 3.0, 0.4
"""Where the fall is measured: from three periods a picture, which the window leaves alone, to 0.4 periods a pixel,
over which resampling has softened real pictures."""
FINE = 0.25
"""Periods a pixel from which on detail is called fine: at most four pixels a period."""


def radial_power(picture: NDArray[np.floating]) -> Float:
    """Power of the square `picture` (S, S, 3) at k periods a picture, k = 1 … S/2: the mean over each ring.

    Of the mean over channels, less its mean, under a raised cosine in both directions (the borders of a picture do not
    fit together, and their step would be power at all frequencies).
    """
    grey = picture.mean(axis=-1, dtype=np.float64)
    side = grey.shape[0]
    window = np.hanning(side + 2)[1:-1]
    window = window[:, np.newaxis] * window
    mean = (grey * window).sum() / window.sum()
    power = np.square(np.abs(np.fft.fft2((grey - mean) * window)))
    along = np.fft.fftfreq(side, 1.0 / side)
    ring = np.rint(np.hypot(along[:, np.newaxis], along)).astype(int).ravel()
    sums, counts = np.bincount(ring, power.ravel()), np.bincount(ring)
    return sums[1 : side // 2 + 1] / counts[1 : side // 2 + 1]


def spectrum_slope(picture: NDArray[np.floating]) -> float:
    """Exponent β of power ~ frequency^β of a square picture (S, S, 3), by least squares between logarithms.

    Each octave counts alike. About -2 to -3 for pictures of land, 0 for white noise, lower for a blur; NaN where the
    picture is flat. Source: Field 1987 (doi:10.1364/JOSAA.4.002379).
    """
    power = radial_power(picture)
    periods = np.arange(1, len(power) + 1)
    measured = (periods >= COARSEST) & (periods <= FINEST * len(picture))
    if not np.all(power[measured] > 0.0):
        return float("nan")
    # Squared by polyfit: as many frequencies as an octave has, so much less.
    weights = 1.0 / np.sqrt(periods[measured])
    slope, _ = np.polyfit(np.log(periods[measured]), np.log(power[measured]), 1, w=weights)
    return float(slope)


def fine_share(picture: NDArray[np.floating]) -> float:
    """Share of the power of a square picture (S, S, 3) that is detail of at most four pixels; NaN where it is flat."""
    power = radial_power(picture)
    periods = np.arange(1, len(power) + 1)
    total = power * periods  # A ring has so many frequencies.
    return float(total[periods >= FINE * len(picture)].sum() / total.sum()) if total.sum() > 0.0 else float("nan")
