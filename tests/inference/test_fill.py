"""A hole is filled by the model's answer at the level of what is around; nothing else changes."""

import numpy as np
import pytest

from cloud_removal.inference.holes.fill import GRID, REACH, filled, grown, membrane


def slope(height: int = 128, width: int = 128) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([0.2 + rows / 400, 0.3 + columns / 400, 0.5 + 0 * rows], axis=-1).astype(np.float32)


def disc(radius: int = 20, height: int = 128, width: int = 128, place: tuple[int, int] = (64, 64)) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.hypot(rows - place[0], columns - place[1]) <= radius


def too_bright(truth: np.ndarray):
    """A model that knows the truth but answers 0.2 too bright, and not at all outside of what it is asked for."""
    return lambda picture, hole: np.where(hole[..., None] > 0, truth + np.float32(0.2), picture)


EVERYWHERE = np.ones((128, 128), bool)


def test_an_answer_that_is_too_bright_is_brought_to_the_level_around():
    truth = slope()
    np.testing.assert_allclose(filled(truth, disc(), EVERYWHERE, too_bright(truth)), truth, atol=0.01)


def test_what_is_no_hole_stays_bit_by_bit():
    picture = np.random.default_rng(0).random((128, 128, 3), dtype=np.float32)
    result = filled(picture, disc(), EVERYWHERE, too_bright(slope()))
    assert result[~disc()].tobytes() == picture[~disc()].tobytes()


def test_what_lies_in_the_hole_does_not_matter():
    truth, other = slope(), slope()
    other[disc()] = np.nan
    model = too_bright(truth)
    np.testing.assert_array_equal(filled(other, disc(), EVERYWHERE, model), filled(truth, disc(), EVERYWHERE, model))


def test_the_model_is_not_shown_what_holds_no_data():
    known = EVERYWHERE.copy()
    known[:, :40] = False
    asked = []

    def model(picture, hole):
        asked.append(hole)
        return too_bright(slope())(picture, hole)

    filled(slope(), disc(), known, model)
    assert (asked[0][:, :40] == 1).all() and asked[0].dtype == np.float32


def test_a_rim_without_data_says_nothing_about_the_level():
    truth, known = slope(), EVERYWHERE.copy()
    known[:, :60] = False
    garbage = np.where(known[..., None], truth, np.float32(1.0))
    result = filled(garbage, disc(), known, too_bright(truth))
    inside = disc() & known
    assert np.abs(result - truth)[inside].mean() < 0.05


def test_a_membrane_over_a_straight_edge_is_a_straight_line():
    """Laplace's equation between two borders."""
    fixed = np.zeros((64, 64), bool)
    fixed[:, 10], fixed[:, 30] = True, True
    values = np.zeros((64, 64, 1), np.float32)
    values[:, 30] = 1.0
    free = np.zeros((64, 64), bool)
    free[:, 11:30] = True
    surface = membrane(values, fixed, free)[32, 10:31, 0]
    np.testing.assert_allclose(surface, np.linspace(0, 1, 21), atol=0.06)


def test_a_membrane_from_a_ragged_rim_has_no_checkerboard():
    y, x = np.mgrid[:96, :96]
    hole = (y - 48) ** 2 + (x - 48) ** 2 < 30**2
    rim = grown(hole, 1) & ~hole
    values = np.where(rim, np.random.default_rng(0).normal(size=rim.shape), 0.0).astype(np.float32)[..., None]
    surface = membrane(values, rim, hole)[..., 0]
    beside = [np.roll(surface, by, axis) for axis in (0, 1) for by in (-1, 1)]
    bend = surface - np.mean(beside, axis=0)
    inside = (y - 48) ** 2 + (x - 48) ** 2 < 29**2
    alike = np.corrcoef(bend[inside], np.roll(bend, 1, axis=0)[inside])[0, 1]
    assert alike > 0.5  # In a checkerboard each place bends the other way than the one beside it.


def test_a_membrane_far_from_everything_fixed_is_flat_zero():
    fixed, free = disc(2, 512, 64, (8, 32)), np.ones((512, 64), bool)
    values = np.where(fixed[..., None], np.float32(1.0), np.float32(0.0))
    assert np.abs(membrane(values, fixed, free & ~fixed)[400:]).max() < 1e-6


def test_a_hole_is_filled_alike_in_frames_that_reach_far_enough():
    """Both begin on the grid of the pyramid."""
    side = 2 * REACH + 4 * GRID
    picture = np.random.default_rng(1).random((side, side, 3), dtype=np.float32) * 0.5
    hole = disc(40, side, side, (side // 2, side // 2))
    model = too_bright(slope(side, side) / 4)
    whole = filled(picture, hole, np.ones_like(hole), model)
    part = np.s_[GRID : side - GRID, GRID : side - GRID]
    cut = filled(
        picture[part],
        hole[part],
        np.ones_like(hole[part]),
        lambda p, h: too_bright((slope(side, side) / 4)[part])(p, h),
    )
    np.testing.assert_allclose(cut, whole[part], atol=1e-5)


@pytest.mark.parametrize("pixels", [0, 1, 3])
def test_a_mask_grows_by_so_many_pixels(pixels):
    point = np.zeros((21, 21), bool)
    point[10, 10] = True
    assert grown(point, pixels).any(axis=0).sum() == 2 * pixels + 1
