"""The measures agree with their definitions on pictures small enough to reckon by hand."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from cloud_removal.evaluation import metrics


def noise(seed: int, side: int = 32) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def flat(value: int, side: int = 32) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def test_psnr_takes_the_three_channels_together_at_range_255():
    wanted = peak_signal_noise_ratio(noise(0), noise(1), data_range=255)
    assert metrics.psnr(noise(1), noise(0)) == pytest.approx(wanted)


def test_psnr_of_equal_pictures_is_the_highest_that_is_given():
    assert metrics.psnr(noise(0), noise(0)) == metrics.HIGHEST_PSNR


def test_psnr_inside_a_mask_does_not_see_what_is_outside():
    damaged, mask = noise(0), np.zeros((32, 32), bool)
    damaged[:16] = 0
    mask[16:] = True
    assert metrics.psnr(damaged, noise(0), mask) == metrics.HIGHEST_PSNR


def test_ssim_is_the_gaussian_one_of_the_contract():
    wanted = structural_similarity(
        noise(0),
        noise(1),
        channel_axis=2,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert metrics.ssim(noise(0), noise(1)) == pytest.approx(wanted)


def test_ssim_with_a_mask_of_everything_is_that_of_the_whole_picture():
    everywhere = np.ones((32, 32), bool)
    assert metrics.ssim(noise(0), noise(1), everywhere) == pytest.approx(metrics.ssim(noise(0), noise(1)))


def test_ssim_outside_what_was_damaged_is_one():
    damaged, far = noise(0), np.zeros((32, 32), bool)
    damaged[:8] = 0
    far[20:] = True
    assert metrics.ssim(damaged, noise(0), far) == pytest.approx(1.0)


def test_mae_is_in_digital_numbers():
    assert metrics.mae(flat(110), flat(100)) == 10.0


def test_spectral_angle_does_not_see_brightness():
    assert metrics.spectral_angle(flat(200), flat(50)) == pytest.approx(0.0, abs=1e-5)


def test_spectral_angle_between_pure_red_and_pure_green_is_a_right_angle():
    red, green = flat(0), flat(0)
    red[..., 0], green[..., 1] = 255, 255
    assert metrics.spectral_angle(red, green) == pytest.approx(90.0)


def test_halving_the_contrast_quarters_the_gradient_energy():
    full = noise(0) // 2 * 2
    assert metrics.gradient_energy_ratio(full // 2, full) == pytest.approx(0.25)


def test_a_flat_truth_has_no_gradient_energy_ratio():
    assert np.isnan(metrics.gradient_energy_ratio(noise(0), flat(9)))


def test_the_cloud_is_where_cloudy_and_clear_differ():
    cloudy = flat(100)
    cloudy[:, 16:] = 180
    mask = metrics.cloud_mask(cloudy, flat(100))
    assert mask[:, 18:].all() and not mask[:, :13].any()


def test_a_single_noisy_pixel_is_no_cloud():
    cloudy = flat(100)
    cloudy[10, 10] = 255
    assert not metrics.cloud_mask(cloudy, flat(100)).any()


def test_a_picture_wholly_under_cloud_has_no_scores_outside():
    everywhere = np.ones((32, 32), bool)
    assert metrics.scores(noise(0), noise(1), everywhere)["outside"] == {}


def test_inside_and_outside_together_make_the_whole_error():
    cloud = np.zeros((32, 32), bool)
    cloud[:, :16] = True
    scores = metrics.scores(noise(0), noise(1), cloud)
    assert scores["whole"]["mae"] == pytest.approx((scores["inside"]["mae"] + scores["outside"]["mae"]) / 2)


def test_rounding_to_8_bits_goes_to_the_nearest_and_clips():
    np.testing.assert_array_equal(metrics.to_8_bit(np.array([-1.0, 0.5, 0.4999 / 255, 2.0])), [0, 128, 0, 255])
