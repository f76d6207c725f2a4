"""Whether copies, collapse and blur of made pictures are found, on pictures that are one or the other."""

import json

import cv2
import numpy as np
import pytest

from cloud_removal.evaluation.copies import (
    GENERATED,
    HELD_OUT,
    LEAST_PLACES,
    SEEN,
    TURNS,
    coarse,
    copies_at_most,
    near_shares,
    neighbours,
    spread,
    turned,
    verdict,
)
from cloud_removal.evaluation.scenes import judge, report, table

SIDE = 32


def landscapes(count, seed):
    """Pictures (count, S, S, 3) of patches of colour, all different."""
    rng = np.random.default_rng(seed)
    small = rng.random((count, 6, 6, 3), np.float32)
    return np.stack([cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST) for picture in small])


TRAINING = landscapes(300, 0)
GROUPS = {HELD_OUT: landscapes(100, 1), SEEN: np.clip(TRAINING[:100] + 0.02, 0, 1)}


def shares(generated):
    return near_shares(neighbours({GENERATED: generated, **GROUPS}, [TRAINING[:200], TRAINING[200:]]))


def test_the_nearest_training_picture_is_found_whatever_its_turn_and_batch():
    rng = np.random.default_rng(3)
    copies = np.stack([turned(TRAINING[n], int(rng.integers(TURNS))) for n in (5, 150, 299)])
    found = neighbours({"copies": copies}, [TRAINING[:200], TRAINING[200:]])["copies"]
    np.testing.assert_array_equal(found.nearest, copies)
    np.testing.assert_allclose(found.distance, 0.0, atol=0.1)


def test_the_distance_is_in_digital_numbers_and_relative_to_the_mean_of_all():
    grey, training = np.full((1, SIDE, SIDE, 3), 0.5, np.float32), np.full((2, SIDE, SIDE, 3), 0.7, np.float32)
    training[1] = 0.9
    found = neighbours({"grey": grey}, [training])["grey"]
    assert found.distance == pytest.approx(51.0, rel=1e-3)
    assert found.relative == pytest.approx(0.2 / 0.3, rel=1e-3)


def test_the_eight_turns_are_all_different():
    assert len({turned(TRAINING[0], turn).tobytes() for turn in range(TURNS)}) == TURNS


def test_coarse_colours_are_means_of_parts_at_sizes_that_16_does_not_divide_too():
    picture = np.random.default_rng(0).random((1, 40, 40, 3), np.float32)
    parts = coarse(picture) + 0.5
    np.testing.assert_allclose(parts[0, 0, 0], picture[0, :2, :2].mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(parts[0, 15, 15], picture[0, 37:, 37:].mean((0, 1)), rtol=1e-5)


def test_new_pictures_are_as_near_as_held_out_ones():
    found = shares(landscapes(100, 2))
    assert found[HELD_OUT] == 0.05 and found[GENERATED] <= 0.1 and found[SEEN] == 1.0
    assert verdict(found, LEAST_PLACES, 100).startswith("No sign of copies")


def test_slightly_changed_training_pictures_are_taken_for_copies():
    found = shares(np.clip(0.9 * TRAINING[100:200] + 0.05, 0, 1))
    assert found[GENERATED] > 0.9 and "suspiciously near" in verdict(found, LEAST_PLACES, 100)


def test_a_fifth_of_copies_is_enough():
    mixed = np.concatenate([landscapes(80, 2), np.clip(TRAINING[:20] + 0.01, 0, 1)])
    assert "suspiciously near" in verdict(shares(mixed), LEAST_PLACES, 100)


def test_blurred_pictures_are_no_copies_though_they_are_nearer_to_all():
    blurred = np.stack([cv2.GaussianBlur(picture, (0, 0), 5) for picture in landscapes(100, 2)])
    found = neighbours({GENERATED: blurred, **GROUPS}, [TRAINING])
    assert np.median(found[GENERATED].distance) < np.median(found[HELD_OUT].distance)
    assert near_shares(found)[GENERATED] <= 0.1


def test_where_copies_would_look_like_held_out_pictures_nothing_is_claimed():
    assert verdict({GENERATED: 0.05, HELD_OUT: 0.05, SEEN: 0.06}, LEAST_PLACES, 100).startswith("Cannot tell")


def test_the_more_pictures_are_judged_the_fewer_copies_could_escape():
    found = {GENERATED: 0.0, HELD_OUT: 0.05, SEEN: 0.15}
    few, more = (copies_at_most(found, pictures) for pictures in (100, 1000))
    assert few == pytest.approx((1 - 0.05 ** (1 / 100)) / 0.0948, rel=0.01) and more < 0.03
    assert verdict(found, LEAST_PLACES, 100).startswith("Cannot tell")
    assert "At most 2% of them" in verdict(found, LEAST_PLACES, 1000)


def test_nothing_near_anywhere_says_nothing():
    assert copies_at_most({GENERATED: 0.0, SEEN: 0.0}, 100) == 1.0
    assert copies_at_most({GENERATED: 1.0, SEEN: 1.0}, 100) == 1.0


@pytest.mark.parametrize("generated", [0.05, 0.9])
def test_where_the_held_out_pictures_show_hardly_a_place_nothing_is_claimed(generated):
    found = {GENERATED: generated, HELD_OUT: 0.05, SEEN: 1.0}
    said = [verdict(found, places, 100).startswith("Cannot tell") for places in (1, LEAST_PLACES - 1, LEAST_PLACES)]
    assert said == [True, True, False]
    assert "(5)" in verdict(found, 5, 100) and "--data.validation-share" in verdict(found, 5, 100)


def test_pictures_all_alike_have_no_spread():
    assert spread(np.repeat(TRAINING[:1], 5, axis=0)) == 0.0
    assert spread(np.stack([np.zeros((SIDE, SIDE, 3), "f4"), np.ones((SIDE, SIDE, 3), "f4")])) == pytest.approx(
        180.3, abs=0.1
    )


def test_the_table_has_a_row_for_each_kind_of_picture():
    judged = judge({GENERATED: landscapes(100, 2), **GROUPS}, [TRAINING], places=100)
    rows = table(judged.scores).splitlines()
    assert [row.split("  ")[0] for row in rows] == ["pictures", GENERATED, HELD_OUT, SEEN]
    assert len({len(row) for row in rows}) == 1


def test_the_scores_show_a_blur_in_slope_and_fine_detail():
    blurred = np.stack([cv2.GaussianBlur(picture, (0, 0), 2) for picture in landscapes(100, 2)])
    scores = judge({GENERATED: blurred, **GROUPS}, [TRAINING], places=100).scores
    assert scores[GENERATED]["slope"] < scores[HELD_OUT]["slope"] - 1
    assert scores[GENERATED]["fine"] < 0.1 * scores[HELD_OUT]["fine"]


def test_flat_pictures_are_judged_too_and_the_report_is_json():
    judged = judge({GENERATED: np.full((20, SIDE, SIDE, 3), 0.5, np.float32), **GROUPS}, [TRAINING], places=100)
    values = json.loads(json.dumps(report(judged), allow_nan=False))
    assert values["means"][GENERATED]["slope"] is None and values["means"][GENERATED]["spread"] == 0.0
    assert len(values["pictures"][HELD_OUT]["relative"]) == values["held_out_places"] == 100
