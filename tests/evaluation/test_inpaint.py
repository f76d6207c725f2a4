"""Holes of pictures are seeded by name; scores are those inside the hole; means over pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from cloud_removal.errors import InputError
from cloud_removal.evaluation import inpaint, metrics
from cloud_removal.evaluation.fillers import mean_colour
from cloud_removal.evaluation.inpaint import Holed

NAMES = ["a.png", "b.png"]


def noise(seed: int, side: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        cv2.imwrite(str(tmp_path / name), noise(seed)[..., ::-1])
    return tmp_path


@pytest.fixture
def holed() -> Holed:
    return Holed("a.png", noise(0), inpaint.hole_for("a.png", (64, 64)))


def test_the_hole_of_a_picture_is_the_same_whichever_others_are_judged(folder):
    alone, among = next(inpaint.holed_pictures(folder, NAMES[1:])), list(inpaint.holed_pictures(folder, NAMES))[1]
    np.testing.assert_array_equal(alone.hole, among.hole)


def test_holes_differ_from_picture_to_picture_and_with_the_seed():
    first = inpaint.hole_for("a.png", (64, 64))
    assert (first != inpaint.hole_for("b.png", (64, 64))).any()
    assert (first != inpaint.hole_for("a.png", (64, 64), seed=1)).any()


def test_the_hole_of_a_large_picture_lies_in_its_middle():
    rows, columns = np.nonzero(inpaint.hole_for("a.png", (1000, 600)))
    assert rows.min() >= 372 and rows.max() < 628 and columns.min() >= 172 and columns.max() < 428


def test_a_method_is_not_shown_what_was_in_the_hole(holed):
    seen = []
    list(inpaint.judge([holed], {"spy": lambda picture, hole: seen.append(picture) or picture}))
    assert (seen[0][holed.hole] == 0).all() and (seen[0][~holed.hole] == holed.clear[~holed.hole]).all()


def test_the_truth_scores_best_and_leaves_no_marks(holed):
    scores = inpaint.scores(holed.clear, holed)
    assert (scores["mae"], scores["psnr"], scores["ssim"]) == (0.0, metrics.HIGHEST_PSNR, 1.0)
    assert {scores[mark] for mark in inpaint.MARKS} == {1.0}


def test_what_happens_outside_the_hole_does_not_count(holed):
    other = holed.clear.copy()
    other[~holed.hole] = 255 - other[~holed.hole]
    assert inpaint.scores(other, holed)["mae"] == 0.0


def test_every_method_and_the_truth_are_scored(holed):
    (filled,) = inpaint.judge([holed], {"mean colour": mean_colour})
    assert list(filled.scores) == ["truth", "mean colour"] and filled.scores["mean colour"]["texture"] == 0.0


def test_ratios_are_averaged_geometrically_and_differences_arithmetically():
    scores = [dict.fromkeys(inpaint.MEASURES, value) for value in (0.5, 2.0)]
    means = inpaint.means(scores)
    assert (means["mae"], means["texture"], means["pictures"]) == (1.25, pytest.approx(1.0), 2)


def test_the_checkerboard_is_the_strongest_of_the_marks_in_the_mean():
    scores = [dict.fromkeys(inpaint.MEASURES, 1.0) | {"stride_4": value} for value in (2.0, 8.0)]
    assert inpaint.means(scores)["checkerboard"] == pytest.approx(4.0)


def test_a_measure_that_no_picture_has_is_none():
    flat = dict.fromkeys(inpaint.MEASURES, 1.0) | {"texture": float("nan")}
    assert inpaint.means([flat])["texture"] is None


def test_the_columns_of_the_table_stand_below_their_titles():
    means = inpaint.means([dict.fromkeys(inpaint.MEASURES, 1.0) | {"texture": float("nan")}])
    title, *rows = inpaint.table({"a method of a long name": means, "b": means}).splitlines()
    assert {len(row) for row in rows} == {len(title)} and "-" in rows[0]


def test_a_picture_too_small_is_refused(folder):
    cv2.imwrite(str(folder / "a.png"), noise(0, side=12))
    with pytest.raises(InputError, match="a.png"):
        list(inpaint.holed_pictures(folder, ["a.png"]))
