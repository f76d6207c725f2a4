"""Gain and offset between two dates: exact where the ground is the same, unmoved by what changed."""

import numpy as np
import pytest

from cloud_removal.inference.dates.matching import FEWEST, Matching, fitted, match


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


@pytest.mark.parametrize("relation", [1.0, 0.5, 0.0, -1.0])
def test_level_and_contrast_are_those_of_the_reference_however_much_of_the_ground_changed(relation):
    generator = np.random.default_rng(0)
    x, noise = generator.normal(0, 1, (2, 20000))
    y = 300 + 20 * (relation * x + np.sqrt(1 - relation**2) * noise)
    gain, offset = fitted(100 + 10 * x, y)
    assert gain == pytest.approx(2.0, rel=0.1) and gain * 100 + offset == pytest.approx(300, abs=2)


def test_what_differs_after_matching_is_told_as_error():
    x, other = ground(20000), ground(20000, seed=5)
    assert max(match(x, 1.1 * x + 3).error) < 1e-6
    assert match(x, other).error[0] == pytest.approx(20 * 2**0.5, rel=0.05)


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
