"""Edges before and after a translation."""

import numpy as np
import pytest

from cloud_removal.data.terrain import terrain
from cloud_removal.evaluation.edges import edge_correlation
from cloud_removal.evaluation.metrics import to_8_bit

SIDE = 96


def town(seed):
    return terrain(np.random.default_rng(seed), SIDE)


def score(picture, translated):
    return edge_correlation(to_8_bit(picture), to_8_bit(translated))


def test_a_picture_keeps_all_its_own_edges():
    assert score(town(0), town(0)) == pytest.approx(1.0)


def test_another_place_has_none_of_them():
    assert abs(score(town(0), town(1))) < 0.2


def test_contrast_brightness_and_colour_do_not_count():
    restyled = 0.3 + 0.4 * town(0) * np.array([1.0, 0.9, 0.8])
    assert score(town(0), restyled) > 0.97


def test_a_negative_has_its_edges_in_the_same_places():
    assert score(town(0), 1.0 - town(0)) > 0.99


def test_what_was_moved_by_a_few_pixels_has_lost_its_edges():
    scores = [score(town(0), np.roll(town(0), pixels, axis=1)) for pixels in (0, 1, 4, 16)]
    assert scores == sorted(scores, reverse=True) and scores[2] < 0.5


def test_a_little_noise_takes_little_away():
    noise = np.random.default_rng(0).normal(0.0, 0.01, (SIDE, SIDE, 3))
    assert score(town(0), town(0) + noise) > 0.9


def test_a_flat_picture_has_no_edges_to_compare():
    assert np.isnan(score(town(0), np.full((SIDE, SIDE, 3), 0.5)))
