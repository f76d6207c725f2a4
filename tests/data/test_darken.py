"""Ground made too dark."""

import numpy as np
import pytest

from cloud_removal.data import darken


@pytest.fixture
def ground():
    return np.random.default_rng(5).uniform(0.05, 1.0, (48, 40, 3)).astype(np.float32)


def many(ground, count=40):
    rng = np.random.default_rng(0)
    return [darken.darkened(ground, rng) for _ in range(count)]


def test_what_is_drawn_depends_on_the_generator_alone(ground):
    one, same, other = (darken.darkened(ground, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.dtype == np.float32 and one.shape == ground.shape and np.any(one != other)


def test_no_pixel_is_brighter_than_it_was_nor_below_zero(ground):
    for dark in many(ground):
        assert dark.min() >= 0.0 and np.all(dark <= ground)


def test_every_picture_is_clearly_darker_and_none_is_black(ground):
    kept = [dark.mean() / ground.mean() for dark in many(ground)]
    assert max(kept) < darken.EXPOSURE[1] and min(kept) > 0.03


def test_the_dark_loses_more_than_the_bright():
    halves = np.full((32, 32, 3), 0.2, np.float32)
    halves[::2] = 0.9
    kept = [(dark[1::2].mean() / 0.2) / (dark[::2].mean() / 0.9) for dark in many(halves)]
    assert max(kept) < 1.0


def test_light_is_missing_on_one_side_more_than_on_the_other(ground):
    even = np.full_like(ground, 0.8)
    spread = [1 - dark.min() / dark.max() for dark in many(even)]
    assert max(spread) > 0.2


def test_shadows_are_soft_and_cover_what_they_should():
    rng = np.random.default_rng(0)
    for _ in range(10):
        shade = darken.shadows((64, 64), rng)
        assert shade.min() >= 0.0 and shade.max() <= 1.0 and shade.dtype == np.float32
        assert 0.05 < np.mean(shade > 0.05) < 0.8
        assert np.any((shade > 0.1) & (shade < 0.9))


def test_what_is_left_in_shadow_is_bluer():
    grey = np.full((48, 48, 3), 0.8, np.float32)
    red, blue = np.transpose([dark.mean((0, 1))[[0, 2]] for dark in many(grey)])
    shadowed = np.mean(blue > red + 1e-4)
    assert np.all(blue >= red - 1e-6) and 0.3 < shadowed < 0.9
