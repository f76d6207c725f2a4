"""Procedural ground."""

import numpy as np
import pytest

from cloud_removal.data.terrain import ProceduralGround, terrain


def random(seed=0):
    return np.random.default_rng(seed)


def test_terrain_is_a_function_of_the_seed():
    np.testing.assert_array_equal(terrain(random(3), 96), terrain(random(3), 96))


def test_another_seed_is_another_landscape():
    assert np.abs(terrain(random(3), 96) - terrain(random(4), 96)).mean() > 0.02


@pytest.mark.parametrize("shape", [(64, 100), (200, 33)])
def test_terrain_has_the_shape_asked_for(shape):
    assert terrain(random(), shape).shape == (*shape, 3)


def test_terrain_uses_colours_between_black_and_white():
    picture = terrain(random(1), 128)
    assert picture.dtype == np.float32 and picture.min() >= 0.0 and picture.max() <= 1.0 and picture.std() > 0.05


def test_neighbouring_pixels_of_terrain_are_alike_as_in_photographs():
    grey = terrain(random(2), 256).mean(axis=2)
    assert np.corrcoef(grey[:, 1:].ravel(), grey[:, :-1].ravel())[0, 1] > 0.8


def test_terrain_has_many_colours_not_one():
    colours = np.concatenate([terrain(random(seed), 128).reshape(-1, 3) for seed in range(3)])
    assert np.ptp(np.percentile(colours[:, 0] - colours[:, 2], (5, 95))) > 0.1


def test_a_landscape_is_the_same_however_late_it_is_first_needed():
    early, late = ProceduralGround(1, "training", 16), ProceduralGround(1, "training", 16)
    early.crop(0, random(), 16)
    np.testing.assert_array_equal(early.crop(2, random(5), 16), late.crop(2, random(5), 16))


def test_validation_has_landscapes_of_its_own():
    training, validation = (ProceduralGround(1, split, 16) for split in ("training", "validation"))
    assert (training.crop(0, random(), 16) != validation.crop(0, random(), 16)).any()
