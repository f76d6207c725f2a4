"""The opacity that a restoration implies."""

import keras
import numpy as np
import pytest

from cloud_removal.models.implied import MOST_TOUCHED, REACH, implied_opacity


def implied(image, restored):
    return keras.ops.convert_to_numpy(implied_opacity(image, restored))


def ground(seed=0, side=16):
    return np.random.default_rng(seed).uniform(0.1, 0.5, (1, side, side, 3)).astype(np.float32)


def under_white(picture, opacity):
    return (picture * (1.0 - opacity) + opacity).astype(np.float32)


@pytest.mark.parametrize("opacity", [0.75, 0.9, 1.0])
def test_white_cloud_taken_off_has_its_own_opacity(opacity):
    np.testing.assert_allclose(implied(under_white(ground(), opacity), ground()), opacity, atol=1e-5)


def test_what_was_not_changed_has_none():
    np.testing.assert_array_equal(implied(ground(), ground()), 0.0)


@pytest.mark.parametrize("change", [-0.03, 0.03])
def test_a_small_change_either_way_counts_ten_times(change):
    np.testing.assert_allclose(implied(ground() + np.float32(change), ground()), 0.3, atol=1e-4)


def test_what_was_made_brighter_is_never_called_opaque():
    answer = implied(np.zeros((1, 8, 8, 3), np.float32), np.ones((1, 8, 8, 3), np.float32))
    np.testing.assert_allclose(answer, MOST_TOUCHED)


def test_a_change_of_one_channel_is_seen():
    changed = ground()
    changed[..., 2] -= 0.04
    assert implied(changed, ground()).min() > 0.39


def test_noise_of_the_sensor_does_not_show_in_the_opacity_of_cloud():
    noise = np.random.default_rng(1).normal(0, 0.02, (1, 64, 64, 3)).astype(np.float32)
    answer = implied(under_white(ground(side=64), 0.8) + noise, ground(side=64))
    assert answer.std() < 0.01 and answer.mean() == pytest.approx(0.8, abs=0.005)


def test_it_looks_no_farther_than_it_says():
    one, other = under_white(ground(), 0.8), under_white(ground(), 0.8)
    other[:, 8, 8] = 1.0
    rows, columns = np.nonzero(np.abs(implied(one, ground()) - implied(other, ground()))[0, ..., 0] > 1e-6)
    assert (rows.min(), rows.max()) == (columns.min(), columns.max()) == (8 - REACH, 8 + REACH)


def test_it_is_a_number_in_range_wherever_colours_are():
    extremes = np.stack(np.meshgrid([0.0, 0.5, 1.0], [0.0, 0.5, 1.0]), axis=-1).astype(np.float32).reshape(-1, 2)
    for x, g in extremes:
        answer = implied(np.full((1, 8, 8, 3), x), np.full((1, 8, 8, 3), g))
        assert np.all((answer >= 0.0) & (answer <= 1.0))


def test_half_precision_is_answered_in_float32():
    answer = implied_opacity(ground().astype(np.float16), ground().astype(np.float16))
    assert keras.backend.standardize_dtype(answer.dtype) == "float32"
