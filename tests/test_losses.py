"""Each loss against its formula, worked out by hand."""

import numpy as np
import pytest

from cloud_removal import losses


def constant(value, channels=3):
    return np.full((1, 4, 4, channels), value, np.float32)


def test_under_the_true_cloud_the_composites_differ_by_what_can_be_seen():
    difference = losses.composite_difference(constant(0.8), constant(0.4), constant(0.75, 1))
    np.testing.assert_allclose(np.asarray(difference), 0.25 * 0.4, rtol=1e-5)


def test_nothing_is_asked_under_an_opaque_cloud():
    assert float(np.abs(losses.composite_difference(constant(1.0), constant(0.0), constant(1.0, 1))).max()) == 0.0


def test_with_the_predicted_cloud_its_own_error_counts_too():
    difference = losses.composite_difference(constant(0.5), constant(0.5), constant(0.0, 1), constant(0.2, 1))
    np.testing.assert_allclose(np.asarray(difference), 0.5 - (0.5 * 0.8 + 0.2), rtol=1e-5)


@pytest.mark.parametrize("opacity, weight", [(0.0, 1.0), (0.25, 1.0), (0.5, 0.5), (0.75, 0.0), (1.0, 0.0)])
def test_the_haze_loss_weighs_by_opacity_and_is_zero_from_three_quarters_up(opacity, weight):
    loss = losses.haze_weighted_l2(constant(0.6), constant(0.4), constant(opacity, 1))
    assert float(loss) == pytest.approx(0.04 * weight, abs=1e-6)


def test_an_error_ten_times_smaller_gains_the_same_whatever_the_picture():
    weight = constant(1.0, 1) * 1e6  # So that what is added against an empty picture does not show.
    large = losses.log_mse(constant(0.0), constant(0.5), weight, 0.0)
    small = losses.log_mse(constant(0.0), constant(0.05), weight, 0.0)
    assert float(large - small) == pytest.approx(2 * np.log(10.0), rel=1e-4)


def test_under_the_floor_less_error_gains_little():
    weight = constant(1.0, 1)
    small = losses.log_mse(constant(0.0), constant(1e-3), weight, 0.015)
    none = losses.log_mse(constant(0.0), constant(0.0), weight, 0.015)
    assert float(small - none) < 0.01


def test_a_picture_counts_by_its_pixels_of_weight_only():
    error, weight = constant(0.0), constant(0.0, 1)
    error[:, :2], weight[:, 2:] = 1.0, 1.0
    assert float(losses.log_mse(constant(0.0), error, weight, 0.1)) == pytest.approx(np.log(0.01), rel=1e-4)


def test_half_the_contrast_costs_as_much_as_twice():
    ground = np.random.default_rng(0).normal(0.5, 0.2, (1, 32, 32, 3)).astype(np.float32)
    clear = np.zeros((1, 32, 32, 1), np.float32)
    half = float(losses.contrast_l1(ground, 0.5 * ground, clear))
    assert half == pytest.approx(float(losses.contrast_l1(ground, 2.0 * ground, clear)), rel=0.02)
    assert half == pytest.approx(np.log(4.0), rel=0.02)


def test_contrast_is_not_asked_of_hidden_ground():
    ground = np.random.default_rng(0).random((1, 8, 8, 3), np.float32)
    assert float(losses.contrast_l1(ground, 0.1 * ground, np.ones((1, 8, 8, 1), np.float32))) == 0.0


def test_dissimilarity_is_one_less_the_ssim_of_its_windows():
    true, other = np.random.default_rng(0).random((2, 1, 8, 8, 1))
    (mean, other_mean), covariance = (true.mean(), other.mean()), np.cov(true.ravel(), other.ravel(), bias=True)
    light = (2 * mean * other_mean + 0.01**2) / (mean**2 + other_mean**2 + 0.01**2)
    structure = (2 * covariance[0, 1] + 0.03**2) / (covariance[0, 0] + covariance[1, 1] + 0.03**2)
    found = float(losses.dissimilarity(true.astype(np.float32), other.astype(np.float32)))
    assert found == pytest.approx(1.0 - light * structure, rel=1e-4)


def test_the_same_picture_is_not_dissimilar_and_a_blur_of_it_is():
    picture = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    assert float(losses.dissimilarity(picture, picture)) == pytest.approx(0.0, abs=1e-5)
    assert float(losses.dissimilarity(picture, np.full_like(picture, picture.mean()))) > 0.8


def test_a_constant_error_has_no_gradient_loss():
    assert float(losses.gradient_l1(constant(0.2), constant(0.7), constant(0.0, 1))) == 0.0


def test_a_step_that_is_missing_is_a_gradient_loss():
    ground = constant(0.0)
    ground[:, :, 2:] = 1.0
    assert float(losses.gradient_l1(ground, constant(0.0), constant(0.0, 1))) == pytest.approx(1 / 3, rel=1e-5)


def test_cross_entropy_is_least_where_the_share_is_right():
    assert float(losses.cross_entropy(constant(0.3), constant(0.3))) == pytest.approx(0.6108643, rel=1e-5)
    assert float(losses.cross_entropy(constant(0.3), constant(0.4))) > 0.6108643
