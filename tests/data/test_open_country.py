"""Open country of little contrast."""

import numpy as np
import pytest

from cloud_removal.config import Augmentation
from cloud_removal.data.augment import draw
from cloud_removal.data.ground import Pictures
from cloud_removal.data.open_country import open_country

PICTURES = [open_country(np.random.default_rng(seed), 64) for seed in range(60)]


def test_pictures_are_float_in_0_1_of_the_size_asked_for():
    for picture in PICTURES:
        assert picture.shape == (64, 64, 3) and picture.dtype == np.float32
        assert picture.min() >= 0.0 and picture.max() <= 1.0


def test_the_same_generator_draws_the_same_country():
    np.testing.assert_array_equal(open_country(np.random.default_rng(3), 64), PICTURES[3])


def test_most_of_it_has_little_contrast():
    deviations = np.array([picture.std(axis=(0, 1)).mean() for picture in PICTURES])
    assert np.median(deviations) < 0.08
    assert deviations.min() < 0.03


def test_there_is_bright_and_dark_country():
    means = np.array([picture.mean() for picture in PICTURES])
    assert means.min() < 0.2 and means.max() > 0.6


def test_a_texture_lends_its_relief():
    texture = np.zeros((64, 64, 3), np.float32)
    texture[:, 32:] = 200.0
    steps = []
    for seed in range(20):
        picture = open_country(np.random.default_rng(seed), 64, texture)
        steps.append(abs(picture[:, 30:32].mean() - picture[:, 32:34].mean()))
    assert np.median(steps) > 0.01


@pytest.mark.parametrize("share, expected", [(0.0, 0), (1.0, 10)])
def test_its_share_among_training_pictures_is_as_asked(share, expected):
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    source = Pictures([np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)])
    wanted = Augmentation(open_country=share, palette=0.0, scale=(1, 1), gamma=(1, 1), gain=(1, 1), rotate=False)
    drawn = [draw(source, np.random.default_rng(seed), wanted, 64).picture for seed in range(10)]
    assert sum(picture.std() < 0.3 for picture in drawn) == expected
