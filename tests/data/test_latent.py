"""Noise, and the ways through it."""

import numpy as np
import pytest

from cloud_removal.data.latent import between, draw_noise

KINDS = ("uniform", "normal")


@pytest.mark.parametrize("kind", KINDS)
def test_noise_is_a_function_of_the_seed(kind):
    one, same, other = (draw_noise(kind, seed, 3, 10) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert np.all(one != other)


@pytest.mark.parametrize("kind", KINDS)
def test_asking_for_more_keeps_the_first(kind):
    np.testing.assert_array_equal(draw_noise(kind, -1, 9, 10)[:4], draw_noise(kind, -1, 4, 10))


def test_uniform_noise_fills_the_range_from_minus_1_to_1():
    noise = draw_noise("uniform", 0, 1000, 100)
    assert -1 <= noise.min() < -0.999 and 0.999 < noise.max() <= 1
    assert noise.std() == pytest.approx(1 / np.sqrt(3), rel=0.01)


def test_normal_noise_has_deviation_1():
    noise = draw_noise("normal", 0, 1000, 100)
    assert (noise.mean(), noise.std()) == (pytest.approx(0, abs=0.01), pytest.approx(1, rel=0.01))


@pytest.mark.parametrize("kind", KINDS)
def test_a_way_goes_from_one_point_to_the_other(kind):
    start, end = draw_noise(kind, 0, 2, 100)
    way = between(kind, start, end, 7)
    assert way.dtype == np.float32 and way.shape == (7, 100)
    np.testing.assert_allclose(way[[0, -1]], [start, end], atol=1e-6)


def test_uniform_noise_is_left_along_a_line():
    start, end = draw_noise("uniform", 0, 2, 100)
    np.testing.assert_allclose(between("uniform", start, end, 3)[1], (start + end) / 2, atol=1e-6)


def test_on_its_way_normal_noise_keeps_as_far_from_the_origin_as_noise_is():
    start, end = (v / np.linalg.norm(v) for v in draw_noise("normal", 0, 2, 100))
    np.testing.assert_allclose(np.linalg.norm(between("normal", start, end, 9), axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_way_to_the_same_point_stays_there(kind):
    (start,) = draw_noise(kind, 0, 1, 10)
    np.testing.assert_allclose(between(kind, start, start, 4), np.tile(start, (4, 1)), atol=1e-6)
