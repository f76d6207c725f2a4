"""The detail that is moved into a hole from the ground around it."""

import cv2
import numpy as np
import pytest
from keras import ops

from cloud_removal.evaluation.texture import stride_power, texture
from cloud_removal.models.detail import CELL, LIFT, REACH, MovedDetail, offsets
from cloud_removal.models.generators import correction

SIDE = 192
INSIDE = np.s_[64:128, 56:120]


@pytest.fixture
def hole():
    mask = np.zeros((SIDE, SIDE), bool)
    mask[INSIDE] = True
    return mask


def moved(picture, hole, answer):
    """What is added in the hole of one picture (H, W, 3)."""
    given = (each[None].astype(np.float32) for each in (picture, hole[..., None], answer))
    return ops.convert_to_numpy(MovedDetail()(*given))[0]


def rough(seed=0, strength=0.05):
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(SIDE, SIDE)), (0, 0), 1.0)
    return np.repeat(np.clip(0.5 + strength * noise[..., None] / noise.std(), 0, 1), 3, axis=-1).astype(np.float32)


def test_a_hole_in_rough_ground_gets_as_rough_and_no_checkerboard(hole):
    powers, textures = [], []
    for seed in range(4):
        ground, flat = rough(seed), np.full((SIDE, SIDE, 3), 0.5, np.float32)
        filled = np.where(hole[..., None], flat + moved(ground, hole, flat), ground)
        result = np.rint(255 * np.clip(filled, 0, 1)).astype(np.uint8)
        textures.append(texture(result, hole))
        natural = stride_power(np.rint(255 * ground).astype(np.uint8), hole)
        powers.append([np.log(stride_power(result, hole)[stride] / natural[stride]) for stride in natural])
    assert 0.8 < np.mean(textures) < 1.25 * LIFT**2
    assert np.abs(np.mean(powers, axis=0)).max() < 1.0


def test_detail_comes_from_ground_that_is_known(hole):
    ground = np.where(hole[..., None], rough(strength=0.3), np.float32(0.5))
    assert np.abs(moved(ground, hole, ground * 0 + 0.5)).max() < 1e-4


def test_what_was_in_the_hole_makes_no_difference(hole):
    ground, flat = rough(), np.full((SIDE, SIDE, 3), 0.5, np.float32)
    other = np.where(hole[..., None], np.float32(0.9), ground)
    np.testing.assert_array_equal(moved(ground, hole, flat), moved(other, hole, flat))


def test_nothing_is_added_outside_the_hole(hole):
    assert not moved(rough(), hole, rough(1))[~hole].any()


def test_an_answer_as_rough_as_the_ground_is_left_as_it_is(hole):
    flat = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    added = [moved(rough(), hole, answer)[INSIDE].std() for answer in (flat, rough(1, 0.025), rough(1, 0.09))]
    assert added[0] > added[1] > 5 * added[2]


def test_detail_comes_from_ground_of_the_colour_of_the_answer(hole):
    """Left dark and rough, right bright and smooth; a hole across both."""
    ground = rough(strength=0.1)
    ground[:, : SIDE // 2] -= 0.3
    ground[:, SIDE // 2 :] = 0.8 + 0.05 * (ground[:, SIDE // 2 :] - 0.5)
    answer = np.full((SIDE, SIDE, 3), 0.8, np.float32)
    answer[:, : SIDE // 2] = 0.2
    added = moved(ground, hole, answer)
    assert added[72:120, 64:84].std() > 5 * added[72:120, 104:116].std()


def test_where_no_ground_is_known_within_reach_nothing_is_added():
    side = 2 * CELL * (REACH + 4)
    hole = np.ones((side, side), bool)
    hole[:, :8] = False
    noise = np.random.default_rng(0).random((side, side, 3), np.float32)
    added = moved(noise, hole, np.full_like(noise, 0.5))
    assert not added[:, side // 2 + 48 :].any()


def test_what_little_is_known_around_a_wide_hole_is_not_repeated_all_over_it():
    side = CELL * (2 * REACH + 4)
    hole = np.ones((side, side), bool)
    hole[side // 2 - 12 : side // 2 + 12, side // 2 - 12 : side // 2 + 12] = False
    noise = np.random.default_rng(0).random((side, side, 3), np.float32)
    added = moved(noise, hole, np.full_like(noise, 0.5))
    assert np.abs(added).max() < 0.05 < noise.std()


def test_offsets_are_all_different_and_within_reach():
    found = offsets()
    assert len(np.unique(found, axis=0)) == len(found) > 200
    assert np.abs(found).max() <= CELL * REACH + 3 and np.hypot(*found.T).min() > 0


def test_the_detailed_correction_has_the_weights_of_the_plain_one_and_differs_in_the_hole_alone(hole):
    plain, detailed = correction(2), correction(2, detailed=True)
    detailed.set_weights(plain.get_weights())
    given = np.concatenate([np.where(hole[..., None], np.float32(0.5), rough()), hole[..., None]], axis=-1)[None]
    one, other = (ops.convert_to_numpy(network(given.astype(np.float32)))[0] for network in (plain, detailed))
    np.testing.assert_array_equal(one[~hole], other[~hole])
    assert other[INSIDE].std() > 10 * one[INSIDE].std()
