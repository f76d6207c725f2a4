"""Gain and offset between two dates: exact where the ground is the same, unmoved by what changed."""

import numpy as np
import pytest

from cloud_removal.inference.matching import FEWEST, Matching, fitted, match


def ground(count: int = 5000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal([[80], [100], [120]], 20, (3, count))


def test_gain_and_offset_are_found_exactly():
    x = ground()
    found = match(x, x * np.array([[0.8], [1.0], [1.3]]) + np.array([[5], [-7], [20]]))
    np.testing.assert_allclose(found.gain, [0.8, 1.0, 1.3], atol=1e-7)
    np.testing.assert_allclose(found.offset, [5, -7, 20], atol=1e-5)


@pytest.mark.parametrize("share", [0.1, 0.35])
def test_ground_that_changed_counts_nothing(share):
    x = ground()[0]
    y = 1.25 * x - 10
    changed = np.random.default_rng(1).random(x.size) < share
    y[changed] = np.random.default_rng(2).uniform(150, 255, changed.sum())
    gain, offset = fitted(x, y)
    assert gain == pytest.approx(1.25, abs=1e-6) and offset == pytest.approx(-10, abs=1e-4)


def test_whole_numbers_are_matched_to_a_fraction_of_one():
    x = ground(20000)
    found = match(np.rint(x).astype(np.uint8), np.rint(0.85 * np.rint(x) + 12).astype(np.uint8))
    values = np.rint(x).astype(np.uint8).reshape(3, 100, 200)
    assert np.abs(found.applied(values) - (0.85 * values + 12.0)).max() < 0.2


def test_flat_ground_is_moved_but_not_stretched():
    gain, offset = fitted(np.full(500, 40.0), np.full(500, 52.0))
    assert (gain, offset) == (1.0, 12.0)


def test_ground_without_relation_is_brought_to_the_level_of_the_reference():
    generator = np.random.default_rng(0)
    x, y = generator.normal(100, 10, 5000), generator.normal(300, 20, 5000)
    gain, offset = fitted(x, y)
    assert 0 <= gain < 0.1 and gain * 100 + offset == pytest.approx(300, abs=2)


def test_a_negative_is_no_picture_of_the_same_ground():
    x = ground()[0]
    gain, offset = fitted(x, 300 - x)
    assert gain == 0.0 and offset == pytest.approx(300 - np.median(x))


def test_ground_with_little_in_common_is_told_as_well_as_can_be():
    """Half of the variance is shared: the line of least squares, which leaves less error than one of equal spreads."""
    generator = np.random.default_rng(0)
    x, noise = generator.normal(100, 20, (2, 20000))
    y = 100 + 0.5 * (x - 100) + 0.5 * (noise - 100)
    found = match(np.stack([x] * 3), np.stack([y] * 3))
    assert found.gain[0] == pytest.approx(0.5, abs=0.03) and found.error[0] == pytest.approx(10, abs=0.3)


def test_what_differs_after_matching_is_told_as_error():
    x = ground(20000)
    assert max(match(x, 1.1 * x + 3).error) < 1e-6


def test_of_too_few_pixels_nothing_is_concluded():
    x = ground(FEWEST - 1)
    found = match(x, x * 2)
    assert found == Matching() and found.pixels == 0
    np.testing.assert_allclose(found.applied(x.reshape(3, 1, -1)), x.reshape(3, 1, -1))


def test_of_very_many_pixels_all_parts_are_looked_at():
    """Were only the beginning looked at, its gain would be found."""
    x = np.random.default_rng(0).uniform(50, 150, (3, 300_000))
    y = np.where(np.arange(300_000) < 75_000, 1.0, 2.0) * x
    assert match(x, y).gain[0] == pytest.approx(2.0, abs=0.01) and match(x, y).pixels == 300_000
