"""Methods without a network fill a hole from around it, touch nothing else, and do not look into it."""

import numpy as np
import pytest

from cloud_removal.evaluation.fillers import PEERS, mean_colour

FILLERS = PEERS | {"mean colour": mean_colour}


@pytest.fixture
def picture() -> np.ndarray:
    rows, columns = np.mgrid[:40, :48]
    return np.stack([60 + 2 * rows, 40 + 3 * columns, 90 + 0 * rows], axis=-1).astype(np.uint8)


@pytest.fixture
def hole() -> np.ndarray:
    mask = np.zeros((40, 48), bool)
    mask[14:24, 18:30] = True
    return mask


@pytest.mark.parametrize("name", FILLERS)
def test_around_the_hole_nothing_changes(name, picture, hole):
    np.testing.assert_array_equal(FILLERS[name](picture, hole)[~hole], picture[~hole])


@pytest.mark.parametrize("name", FILLERS)
def test_nobody_looks_into_the_hole(name, picture, hole):
    other = picture.copy()
    other[hole] = 255
    np.testing.assert_array_equal(FILLERS[name](other, hole), FILLERS[name](picture, hole))


@pytest.mark.parametrize("name", PEERS)
def test_a_slope_is_carried_on(name, picture, hole):
    error = np.abs(PEERS[name](picture, hole).astype(int) - picture)[hole].mean()
    assert error < {"biharmonic": 1.0}.get(name, 12.0)


def test_the_mean_colour_is_that_of_what_is_around(picture, hole):
    np.testing.assert_allclose(mean_colour(picture, hole)[20, 20], picture[~hole].mean(axis=0), atol=0.5)
