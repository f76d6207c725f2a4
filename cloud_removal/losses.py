"""Objectives as functions that read like their formula. All in float32; pictures (B, H, W, C) in [0, 1]."""

from typing import Any

from keras import ops


def l1(true: Any, predicted: Any) -> Any:
    """Mean absolute difference, |t - p|."""
    return ops.mean(ops.abs(true - predicted))


def l2(true: Any, predicted: Any) -> Any:
    """Mean squared difference, (t - p)²."""
    return ops.mean(ops.square(true - predicted))


def cross_entropy(true: Any, predicted: Any) -> Any:
    """Mean of -(t·log p + (1 - t)·log(1 - p)) for shares t and p in [0, 1].

    Unlike L1 through a sigmoid its gradient does not vanish where a prediction is surely wrong.
    """
    predicted = ops.clip(predicted, 1e-6, 1.0 - 1e-6)
    return -ops.mean(true * ops.log(predicted) + (1.0 - true) * ops.log(1.0 - predicted))


def composite(ground: Any, opacity: Any, cloud: float = 1.0) -> Any:
    """The ground seen through a cloud of brightness `cloud`, G·(1 - c) + cloud·c. Source: seed "Cloud Removal"."""
    return ground * (1.0 - opacity) + cloud * opacity


def composite_difference(ground: Any, predicted: Any, opacity: Any, predicted_opacity: Any | None = None) -> Any:
    """Difference of the two composites, per pixel: (G(1-c) + c) - (Ĝ(1-ĉ) + ĉ).

    With the true cloud on both sides (`predicted_opacity` None) this is (1 - c)·(G - Ĝ): nothing is asked where
    the ground cannot be seen. Source: seed "Cloud Removal", "the small change in the loss"; with the predicted cloud:
    its old code.
    """
    return composite(ground, opacity) - composite(
        predicted, opacity if predicted_opacity is None else predicted_opacity
    )


def haze_weighted_l2(ground: Any, predicted: Any, opacity: Any) -> Any:
    """(G - Ĝ)²·clip(2(1 - c) - 0.5, 0, 1): weight exactly 0 where c ≥ 0.75. Source: seed's `mod_haze_unet`."""
    weight = ops.clip(2.0 * (1.0 - opacity) - 0.5, 0.0, 1.0)
    return ops.mean(weight * ops.square(ground - predicted))


def log_mse(true: Any, predicted: Any, weight: Any, floor: float) -> Any:
    """Mean over pictures of log(mean squared error + floor²): PSNR as a loss, whatever the picture's difficulty.

    `weight` (B, H, W, 1) says how much each pixel counts. Under `floor`, a difference in [0, 1], less error gains
    nothing more. What is left alone rightly gains more than what is restored roughly, so doubt means keeping.
    """
    squared = ops.mean(ops.square(true - predicted), axis=-1, keepdims=True)
    error = ops.sum(weight * squared, axis=(1, 2, 3)) / (ops.sum(weight, axis=(1, 2, 3)) + 1.0)
    return ops.mean(ops.log(error + floor**2))


def contrast_l1(true: Any, predicted: Any, opacity: Any) -> Any:
    """Mean over pictures of |log(v / v̂)|, v the variance over the picture, weighted by 1 - c.

    Squared and absolute errors reward too little contrast where it is in doubt; this one rewards its median.
    """
    return ops.mean(ops.abs(ops.log(_variance(true, opacity) + 1e-4) - ops.log(_variance(predicted, opacity) + 1e-4)))


def _variance(picture: Any, opacity: Any) -> Any:
    seen = 1.0 - opacity
    share = seen / (ops.sum(seen, axis=(1, 2), keepdims=True) + 1.0)
    mean = ops.sum(share * picture, axis=(1, 2), keepdims=True)
    return ops.mean(ops.sum(share * ops.square(picture - mean), axis=(1, 2)), axis=-1)


def gradient_l1(ground: Any, predicted: Any, opacity: Any) -> Any:
    """L1 of horizontal and vertical differences, weighted by 1 - c: keeps edges where the ground is seen.

    Source: gradient difference loss, arXiv:1511.05440, eq. 6 with alpha 1.
    """
    error = predicted - ground
    return _steps(error, 1.0 - opacity, axis=1) + _steps(error, 1.0 - opacity, axis=2)


def dissimilarity(true: Any, predicted: Any) -> Any:
    """1 - SSIM, mean over windows of 8×8 px, one every 4 px, and over channels; sides of 8 or more.

    Source: Wang et al. 2004, doi:10.1109/TIP.2003.819861, eq. 13 with data range 1; a loss: arXiv:1511.08861.
    """
    mean_true, mean_predicted = _windows(true), _windows(predicted)
    variances = _windows(ops.square(true) + ops.square(predicted)) - ops.square(mean_true) - ops.square(mean_predicted)
    covariance = _windows(true * predicted) - mean_true * mean_predicted
    light = (2.0 * mean_true * mean_predicted + 1e-4) / (ops.square(mean_true) + ops.square(mean_predicted) + 1e-4)
    return ops.mean(1.0 - light * (2.0 * covariance + 9e-4) / (variances + 9e-4))


def _windows(x: Any) -> Any:
    return ops.average_pool(x, 8, 4)


def _steps(error: Any, weight: Any, axis: int) -> Any:
    """Mean of |e - its neighbour before it along `axis`|, weighted at e (the first has no neighbour: weight 0).

    Rolled, not sliced: the gradient of a slice costs a whole picture, five times as much in all.
    """
    count = error.shape[axis]
    shape = [count if dimension == axis else 1 for dimension in range(4)]
    inner = ops.cast(ops.arange(count) > 0, "float32")
    steps = ops.abs(error - ops.roll(error, 1, axis=axis))
    return ops.mean(weight * ops.reshape(inner, shape) * steps) * (count / (count - 1))
