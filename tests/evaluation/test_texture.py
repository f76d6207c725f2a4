"""Blur, rims and checkerboards in a hole are seen; ground that goes on as it is around has none of them."""

import cv2
import numpy as np
import pytest

from cloud_removal.evaluation.texture import STRIDES, rim, stride_power, texture


def ground(seed: int = 0, side: int = 192) -> np.ndarray:
    """Speckled grey of a few pixels' grain."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(side, side, 3)), (0, 0), 0.8)
    return np.clip(120 + 60 * noise, 0, 255).astype(np.uint8)


@pytest.fixture
def hole() -> np.ndarray:
    mask = np.zeros((192, 192), np.uint8)
    cv2.circle(mask, (90, 98), 60, 1, cv2.FILLED)
    return mask > 0


def filled_with(picture: np.ndarray, hole: np.ndarray) -> np.ndarray:
    return np.where(hole[..., None], picture, ground())


def test_ground_itself_has_the_texture_of_its_surroundings(hole):
    assert texture(ground(), hole) == pytest.approx(1.0, abs=0.15)


def test_a_blurred_patch_has_hardly_any_texture(hole):
    assert texture(filled_with(cv2.GaussianBlur(ground(), (0, 0), 4), hole), hole) < 0.1


def test_noise_has_too_much_texture(hole):
    noise = np.random.default_rng(1).integers(0, 256, (192, 192, 3), dtype=np.uint8)
    assert texture(filled_with(noise, hole), hole) > 3.0


def test_a_rim_alone_does_not_count_as_texture(hole):
    assert texture(filled_with(np.full((192, 192, 3), 250, np.uint8), hole), hole) == 0.0


def test_the_edge_of_a_patch_of_another_brightness_shows(hole):
    assert rim(filled_with(ground() // 2 + 100, hole), hole) > 1.5 > rim(ground(), hole)


def test_over_flat_ground_there_is_nothing_to_compare_with(hole):
    assert np.isnan(texture(np.full((192, 192, 3), 9, np.uint8), hole))


@pytest.mark.parametrize("period", STRIDES)
def test_a_pattern_of_a_stride_stands_out_at_its_period_not_at_longer_ones(hole, period):
    rows, columns = np.mgrid[:192, :192]
    pattern = 12 * np.cos(2 * np.pi * rows / period) + 12 * np.cos(2 * np.pi * columns / period)
    marked = np.clip(ground() + pattern[..., None], 0, 255).astype(np.uint8)
    natural, found = (stride_power(filled_with(p, hole), hole) for p in (ground(), marked))
    increase = {stride: found[stride] / natural[stride] for stride in STRIDES}
    others = [increase[stride] for stride in STRIDES if stride > period]  # Clipping and rounding make overtones.
    assert increase[period] > 2.0 and all(0.3 < other < 3.0 for other in others)


def test_the_power_at_the_strides_of_natural_ground_is_that_beside(hole):
    power = [list(stride_power(ground(seed), hole).values()) for seed in range(30)]
    np.testing.assert_allclose(np.exp(np.log(power).mean(axis=0))[1:], 1.0, atol=0.3)
