"""Error bars measured on drawn pixels."""

import numpy as np
import pytest

from cloud_removal.config import Augmentation, Simulation
from cloud_removal.data.terrain import ProceduralGround
from cloud_removal.evaluation.calibration import Pixels, Recipe, Seen, drawn, factors, joined, judged, simulated

RECIPE = Recipe(Simulation(kinds=(0.0, 0.0, 1.0, 0.0)), Augmentation(noise=(0.0, 0.0)), 16)


def pixels(kinds, errors, pictures) -> Pixels:
    return Pixels(np.asarray(kinds), np.ones(len(kinds), np.float32), np.asarray(errors, np.float32), pictures)


@pytest.fixture
def ground():
    return ProceduralGround(0, "validation", 16)


def test_a_picture_is_a_function_of_the_seed_and_its_number(ground):
    one, again, other = (simulated(ground, RECIPE, 3, number)[0] for number in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_truth_of_a_veil_is_the_ground_beneath_it(ground):
    cloudy, truth = simulated(ground, RECIPE, 0, 0)
    assert truth.dtype == np.float32 and truth.std() > cloudy.std() / 255


def test_of_each_picture_so_many_pixels_are_drawn_that_have_a_class_with_the_largest_error_of_the_bands():
    cloudy, truth = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.float32)
    truth[..., 1] = 0.25
    within = np.full((8, 8), -1)
    within[:4] = 2
    seen = [Seen(cloudy, within, np.ones((8, 8), np.float32))]
    found = joined(drawn(lambda number: (cloudy, truth), 3, lambda picture: seen, each=10))
    assert (found.within == 2).all() and (found.error == 0.25).all()
    assert np.bincount(found.picture).tolist() == [10, 10, 10]


def test_each_class_has_a_factor_of_its_own_and_one_seen_in_few_pictures_none():
    generator = np.random.default_rng(0)
    kinds = np.repeat([0, 1, 2], [400, 400, 400])
    pictures = np.concatenate([np.arange(400) % 40, np.arange(400) % 40, np.arange(400) % 3])
    errors = np.abs(generator.normal(0, np.repeat([0.1, 0.4, 0.1], 400)))
    one, four, none = factors(pixels(kinds, errors, pictures), 3, 0.9)
    assert none is None and four == pytest.approx(4 * one, rel=0.2)


def test_the_report_counts_what_holds_and_leaves_classes_of_another_result_aside():
    kinds = np.repeat([0, 1], [4, 2])
    report = judged(pixels(kinds, [0.05, 0.1, 0.1, 0.3, 0.9, 0.9], np.arange(6)), [0.2, 0.5], ["a", "b"], beside=(1,))
    assert [row["covered"] for row in report["classes"]] == [0.75, 0.0]
    assert report["covered"] == 0.75 and report["half_width"] == 0.2
    assert report["accepted"][0] == {"threshold": 0.2, "share": 1.0, "error": 0.1375}
