"""Holes are counted over a scene as if it were looked at whole, however it is cut."""

import cv2
import numpy as np
import pytest

from cloud_removal.inference.compose import KEPT, NO_DATA, OPAQUE
from cloud_removal.inference.holes.survey import Holes, survey
from cloud_removal.inference.windows import Grid, plan


def surveyed(codes: np.ndarray, window: int = 64, deepest: float = 1000.0) -> Holes | None:
    height, width = codes.shape
    areas = [window.core for window in plan(height, width, window, Grid(8, 0, 8))]
    return survey(height, width, areas, lambda a: codes[a.top : a.bottom, a.left : a.right], OPAQUE, NO_DATA, deepest)


def noisy(height: int = 90, width: int = 130) -> np.ndarray:
    """Many holes of all shapes, some without data between them."""
    field = cv2.GaussianBlur(np.random.default_rng(2).normal(size=(height, width)), (0, 0), 4)
    codes = np.where(field > 0.03, OPAQUE, KEPT).astype(np.uint8)
    codes[:, 60:64] = NO_DATA
    return codes


def box(side: int, top: int = 20, left: int = 30) -> np.ndarray:
    codes = np.full((90, 130), KEPT, np.uint8)
    codes[top : top + side, left : left + side] = OPAQUE
    return codes


def test_a_scene_without_holes_has_none():
    assert surveyed(np.full((40, 40), KEPT, np.uint8)) is None


@pytest.mark.parametrize("window", [8, 24, 64])
def test_number_and_size_of_holes_do_not_depend_on_the_windows(window):
    _, _, stats, _ = cv2.connectedComponentsWithStats((noisy() == OPAQUE).astype(np.uint8), connectivity=4)
    found = surveyed(noisy(), window)
    assert (found.count, found.largest) == (len(stats) - 1, stats[1:, cv2.CC_STAT_AREA].max())


def test_a_ring_over_many_windows_is_one_hole():
    codes = box(60)
    codes[25:75, 35:85] = KEPT
    assert (surveyed(codes, 8).count, surveyed(codes, 8).largest) == (1, 3600 - 2500)


def test_the_place_of_the_largest_lies_within_its_bounds():
    row, column = surveyed(box(20), 128).place
    assert (row, column) == (29.5, 39.5)


def test_nothing_of_a_hole_that_is_shallow_enough_is_too_deep():
    assert surveyed(box(19), deepest=10.5).too_deep == 0


@pytest.mark.parametrize("window", [8, 64])
def test_what_lies_deeper_than_was_learned_is_counted(window):
    """A square of 41 has 21² pixels at least 11 from its edge."""
    assert surveyed(box(41), window, deepest=10.5).too_deep == pytest.approx(21**2, abs=8)


def test_what_holds_no_data_is_no_ground_to_fill_from():
    codes = np.full((40, 200), NO_DATA, np.uint8)
    codes[20, 50:150] = OPAQUE
    codes[20, 150:] = KEPT
    assert surveyed(codes, deepest=9.5).too_deep == 100 - 9
