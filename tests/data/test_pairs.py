"""Real pairs, and the opacity estimated from them."""

import dataclasses

import cv2
import numpy as np
import pytest

from cloud_removal.config import PairAugmentation
from cloud_removal.data.pairs import Pair, Pairs, estimate_opacity, even_veil, exchanged, open_pairs
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
    cloudy, clear, _ = pairs.draw(np.random.default_rng(1), PairAugmentation(swap=1.0, exchange=0.0), 24)
    np.testing.assert_allclose(cloudy, clear, atol=1e-6)


SAME = PairAugmentation((1, 1), (1, 1), (1, 1), scale=(1, 1), rotate=False, thickness=(1, 1), exchange=0.0)
HALF = Pair(
    np.full((32, 32, 3), 150, np.uint8),
    np.full((32, 32, 3), 60, np.uint8),
    np.full((32, 32), 128, np.uint8),
    np.array([0.9, 0.8, 0.7], np.float32),
)


@pytest.mark.parametrize(("thickness", "level", "opacity"), [(1.0, 150, 128), (0.5, 105, 64), (1.5, 195, 192)])
def test_a_drawn_cloud_can_be_thinner_or_thicker_than_it_was(thickness, level, opacity):
    between = dataclasses.replace(SAME, thickness=(thickness, thickness))
    cloudy, clear, share = Pairs([HALF]).draw(np.random.default_rng(0), between, 32)
    np.testing.assert_allclose(cloudy, level / 255, atol=1e-5)
    np.testing.assert_allclose(clear, 60 / 255, atol=1e-5)
    np.testing.assert_allclose(share, opacity / 255, atol=5e-3)


def test_a_drawn_cloud_is_never_thicker_than_opaque():
    cloudy, _, share = Pairs([HALF]).draw(np.random.default_rng(0), dataclasses.replace(SAME, thickness=(9, 9)), 32)
    np.testing.assert_allclose(cloudy, (60 + 90 * 255 / 128) / 255, atol=1e-5)
    np.testing.assert_allclose(share, 1.0, atol=1e-5)


def test_an_exchanged_cloud_lies_over_the_ground_of_another_pair():
    ground = np.zeros((48, 24, 3), np.uint8)
    ground[..., 0] = 200
    other = Pair(ground, ground, np.zeros((48, 24), np.uint8), np.ones(3, np.float32))
    mixed = exchanged(HALF, other)
    assert mixed.clear.shape == mixed.cloudy.shape == (32, 24, 3)
    np.testing.assert_array_equal(mixed.clear, ground[:32])
    hidden = 128 / 255
    expected = ground[0, 0] * (1 - hidden) + 255 * HALF.colour * hidden
    np.testing.assert_allclose(mixed.cloudy[5, 5], expected, atol=0.6)
    np.testing.assert_array_equal(mixed.opacity, HALF.opacity[:, :24])


def test_as_many_clouds_are_exchanged_as_asked_for():
    black, nothing = np.zeros_like(HALF.clear), np.zeros_like(HALF.opacity)
    bare = Pair(black, black, nothing, np.ones(3, np.float32))
    for share, expected in ((0.0, 0), (1.0, 0.25)):
        asked, rng = dataclasses.replace(SAME, exchange=share), np.random.default_rng(0)
        drawn = [Pairs([HALF, bare]).draw(rng, asked, 32) for _ in range(200)]
        mixed = np.mean([cloudy.mean() > 0.1 and clear.max() == 0.0 for cloudy, clear, _ in drawn])
        assert mixed == pytest.approx(expected, abs=0.08)


def levels(folder, share, split):
    return {int(pair.clear[0, 0, 0]) for pair in open_pairs(folder, share, split).pairs}


def test_pairs_for_validation_are_spread_over_the_names(folder):
    assert levels(folder, 0.2, "validation") == {2, 7, 12, 17}


def test_of_pairs_at_least_15_of_100_are_for_validation(folder):
    assert levels(folder, 0.05, "validation") == {3, 10, 16}


def test_no_pair_is_of_both_parts(folder):
    assert levels(folder, 0.05, "training") == set(range(20)) - {3, 10, 16}


def test_a_name_on_one_side_only_is_refused_and_said(folder):
    (folder / "clear" / "03.png").unlink()
    with pytest.raises(InputError, match=r"clear/03\.png is missing"):
        open_pairs(folder, 0.1, "training")


def test_a_pair_of_two_sizes_is_refused(folder):
    cv2.imwrite(str(folder / "clear" / "04.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(InputError, match=r"04\.png"):
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
