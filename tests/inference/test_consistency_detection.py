"""Roads painted into predictions under thin cloud are found, and predictions without any are left in peace."""

import dataclasses

import numpy as np
import pytest

from benchmarks.consistency import CONTRASTS, OPACITIES, Detection, Scores, auroc, cells, roads, table

SCENES = 51


@pytest.fixture(scope="module")
def found():
    """Scores of small scenes, by kind of prediction."""
    return Detection(scenes=SCENES, size=96, model=None).scores()


@pytest.mark.parametrize("prediction", ["true ground", "true ground, brightness and contrast off"])
def test_planted_roads_score_higher_than_what_lies_beside_them(found, prediction):
    scores = found[prediction]
    assert len(scores.unplanted) == SCENES and len(scores.planted) == len(CONTRASTS) * (len(OPACITIES) - 1)
    assert scores.area() > 0.85 and scores.found() > 0.35


@pytest.mark.parametrize("prediction", ["true ground", "true ground, brightness and contrast off"])
def test_hardly_any_pixel_of_an_unplanted_prediction_is_doubted(found, prediction):
    assert found[prediction].false_alarms()[0] < 0.005


def test_predictions_of_a_model_are_judged_where_it_removed_thin_cloud(model):
    detection = Detection(scenes=2, size=64)
    scores = detection.scores(model)[model.card.title]
    assert sum(map(len, scores.unplanted)) > 0 and all(np.isfinite(some).all() for some in scores.unplanted)


def test_scenes_depend_on_the_seed_alone():
    one, same, other = (list(Detection(scenes=2, size=64, seed=seed).simulated())[1] for seed in (3, 3, 4))
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(same, field.name))
    assert (one.seen != other.seen).any() and 0.02 < one.roads.mean() < 0.4


def test_the_area_under_the_curve_counts_pairs_in_order():
    assert auroc(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == 0.875
    assert np.isnan(auroc(np.array([]), np.array([1.0])))


def test_the_tables_hold_what_was_found():
    scores = Scores({(c, p): [np.array([1.0, 3.0])] for c in CONTRASTS for p in range(3)}, [np.array([0.0, 2.0])])
    scores.unplanted.extend([np.array([0.0, 3.0]), np.array([0.0, 0.0])])
    assert table({"a": scores}).splitlines()[-1] == "| a | 0.750 | 50% | 25.00% | 50.0% | 50% |"
    assert cells(scores).splitlines()[-1] == "| 0.15 | 0.750 | 0.750 | 0.750 |"


def test_roads_are_lines():
    drawn = roads(np.random.default_rng(0), 128)
    assert drawn.dtype == bool and 0.01 < drawn.mean() < 0.2
