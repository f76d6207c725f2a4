"""Real pairs, and the opacity estimated from them."""

import cv2
import numpy as np
import pytest

from cloud_removal.config import Augmentation
from cloud_removal.data.pairs import estimate_opacity, even_veil, open_pairs
from cloud_removal.errors import EmptyDatasetError, InputError

CLEAR = cv2.resize(np.random.default_rng(0).random((24, 24, 3), np.float32), (48, 48)) * np.float32(0.5)
GREY = np.array([0.6, 0.62, 0.65], np.float32)


def veiled(opacity, colour=GREY):
    return (CLEAR * (1 - opacity) + colour * opacity).astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """Twenty pairs whose red grey level is their number."""
    for side in ("cloud", "clear"):
        (tmp_path / side).mkdir()
        for number in range(20):
            cv2.imwrite(str(tmp_path / side / f"{number:02}.png"), np.full((40, 40, 3), number, np.uint8))
    return tmp_path


def test_the_colour_of_an_even_veil_is_found():
    np.testing.assert_allclose(even_veil(veiled(0.5), CLEAR), GREY, atol=0.02)


def test_the_opacity_of_an_even_veil_is_found():
    opacity, _ = estimate_opacity(veiled(0.5), CLEAR)
    np.testing.assert_allclose(opacity, 0.5, atol=0.02)


def test_the_opacity_of_a_cloud_over_half_of_the_picture_is_found():
    truth = np.zeros((48, 48, 1), np.float32)
    truth[:, 24:] = 0.95
    opacity, _ = estimate_opacity(veiled(truth, np.float32(0.9)), CLEAR)
    np.testing.assert_allclose(opacity[:, :18], 0.0, atol=0.05)
    np.testing.assert_allclose(opacity[:, 30:], 0.95, atol=0.05)


def test_no_opacity_is_found_where_the_two_are_the_same():
    assert estimate_opacity(CLEAR, CLEAR)[0].max() == 0.0


def test_a_drawn_pair_is_cut_turned_and_coloured_alike(folder):
    pairs = open_pairs(folder, 0.0, "training")
    cloudy, clear, _ = pairs.draw(np.random.default_rng(1), Augmentation(), 24)
    np.testing.assert_array_equal(cloudy, clear)


def levels(folder, share, split):
    return {int(pair.clear[0, 0, 0]) for pair in open_pairs(folder, share, split).pairs}


def test_the_last_pairs_are_for_validation(folder):
    assert levels(folder, 0.2, "validation") == {16, 17, 18, 19}


def test_of_pairs_at_least_15_of_100_are_for_validation(folder):
    assert levels(folder, 0.05, "validation") == {17, 18, 19}


def test_no_pair_is_of_both_parts(folder):
    assert levels(folder, 0.05, "training") == set(range(17))


def test_a_name_on_one_side_only_is_refused_and_said(folder):
    (folder / "clear" / "03.png").unlink()
    with pytest.raises(InputError, match=r"clear/03\.png is missing"):
        open_pairs(folder, 0.1, "training")


def test_a_pair_of_two_sizes_is_refused(folder):
    cv2.imwrite(str(folder / "clear" / "03.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"03\.png"):
        open_pairs(folder, 0.1, "training")


def test_a_folder_without_clear_is_refused(tmp_path):
    (tmp_path / "cloud").mkdir()
    with pytest.raises(InputError, match="clear"):
        open_pairs(tmp_path, 0.1, "training")


def test_empty_folders_are_refused(tmp_path):
    for side in ("cloud", "clear"):
        (tmp_path / side).mkdir()
    with pytest.raises(EmptyDatasetError, match="No pairs"):
        open_pairs(tmp_path, 0.1, "training")
