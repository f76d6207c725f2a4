"""What is in a hole before a network completes it."""

from functools import partial

import keras
import numpy as np

from cloud_removal.models.completion import GENERATORS
from cloud_removal.models.fill import HALVINGS, ROUNDS, smooth_fill
from cloud_removal.models.generators import correction, glcic
from tests.models.layer_path import path


def filled(image, hole):
    return keras.ops.convert_to_numpy(smooth_fill(image[None], hole[None, ..., None]))[0]


def test_ground_that_is_known_stays_as_it_is():
    image = np.random.default_rng(0).random((64, 96, 3), np.float32)
    hole = np.zeros((64, 96), np.float32)
    hole[10:50, 20:70] = 1
    result = filled(image, hole)
    np.testing.assert_array_equal(result[hole == 0], image[hole == 0])


def test_in_even_surroundings_a_hole_is_filled_evenly():
    image = np.tile(np.array([0.2, 0.5, 0.9], np.float32), (128, 128, 1))
    hole = np.zeros((128, 128), np.float32)
    hole[4:120, 8:127] = 1
    np.testing.assert_allclose(filled(image, hole), image, atol=1e-5)


def test_between_dark_and_bright_ground_the_fill_rises_from_the_one_to_the_other_without_a_step():
    image = np.zeros((64, 128, 3), np.float32)
    image[:, 64:] = 1.0
    hole = np.zeros((64, 128), np.float32)
    hole[:, 32:96] = 1
    row = filled(image, hole)[32, :, 0]
    assert row[34] < 0.2 < 0.4 < row[64] < 0.6 < 0.8 < row[93]
    assert np.diff(row).min() > -1e-5 and np.diff(row).max() < 0.08


def test_what_is_too_far_from_all_that_is_known_is_grey():
    image, hole = np.ones((32, 640, 3), np.float32), np.ones((32, 640), np.float32)
    hole[:, :32] = 0
    result = filled(image, hole)
    np.testing.assert_allclose(result[:, -200:], 0.5, atol=1e-6)
    assert result[:, : 32 * (ROUNDS + 1)].min() > 0.5


def test_the_correcting_networks_radius_holds_the_reach_of_its_fill():
    reach = 2**HALVINGS * (ROUNDS + 2)
    network = GENERATORS["glcic"].receptive_radius
    assert GENERATORS["glcic-correction"].receptive_radius == network + reach
    paper, own = (
        [[part for part in word.split() if not part.isdigit()] for word in path(network(2)) if "conv" in word]
        for network in (glcic, partial(correction, upsample="transposed"))
    )
    assert paper == own
    image, hole = np.zeros((32, 1024, 3), np.float32), np.ones((32, 1024), np.float32)
    hole[:, 500] = 0
    image[:, 500] = 1
    lit = np.flatnonzero(np.abs(filled(image, hole) - 0.5).max(axis=(0, 2)) > 0)
    assert 500 - lit[0] <= reach and lit[-1] - 500 <= reach
