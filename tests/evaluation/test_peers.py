"""The simple methods do what their formulas say, on veils and clouds put on by hand."""

import cv2
import numpy as np
import pytest

from cloud_removal.evaluation import metrics, peers


@pytest.fixture
def ground() -> np.ndarray:
    """Blocks of saturated colour: every neighbourhood has a dark channel, as He's prior asks."""
    blocks = np.random.default_rng(3).integers(0, 200, (16, 16, 3), dtype=np.uint8)
    blocks[np.arange(16)[:, None], np.arange(16)[None], np.random.default_rng(4).integers(0, 3, (16, 16))] = 0
    return cv2.resize(blocks, (96, 96), interpolation=cv2.INTER_NEAREST)


def veiled(ground: np.ndarray, opacity: float, grey: float) -> np.ndarray:
    return metrics.to_8_bit(ground / 255.0 * (1 - opacity) + opacity * grey)


def test_doing_nothing_gives_the_cloudy_picture_back(ground):
    np.testing.assert_array_equal(peers.do_nothing(ground), ground)


def test_unveil_takes_off_exactly_the_veil_whose_opacity_it_knows(ground):
    """The brightest of the picture must be as bright as the veil for its colour to be found."""
    ground[:48] = 153
    hazy = veiled(ground, 0.4, 0.6)
    assert metrics.mae(peers.unveil(hazy, opacity=0.4, percentile=90), ground) <= 1.0


def test_the_dark_channel_takes_off_a_white_haze(ground):
    ground[:8, :8] = 255  # Something as bright as the haze, to find its colour by.
    hazy = veiled(ground, 0.5, 1.0)
    assert metrics.psnr(peers.dark_channel_prior(hazy), ground) > metrics.psnr(hazy, ground) + 6.0


def test_the_guided_filter_keeps_a_picture_that_is_its_own_guide():
    steps = np.repeat(np.float32([0, 1, 0, 1]), 16)[None].repeat(64, axis=0)
    np.testing.assert_allclose(peers.guided_filter(steps, steps, radius=4, smoothness=1e-6), steps, atol=1e-3)


def test_mask_and_telea_changes_only_what_is_bright_and_near_it():
    cloudy = np.full((64, 64, 3), 60, np.uint8)
    cloudy[:, 40:] = np.random.default_rng(0).integers(40, 80, (64, 24, 3))
    cloudy[20:30, 10:20] = 250
    restored = peers.mask_and_telea(cloudy)
    np.testing.assert_array_equal(restored[:, 40:], cloudy[:, 40:])


def test_mask_and_telea_fills_a_cloud_from_its_surroundings():
    cloudy = np.full((64, 64, 3), 60, np.uint8)
    cloudy[20:30, 10:20] = 250
    np.testing.assert_allclose(peers.mask_and_telea(cloudy), 60, atol=5)


def test_a_picture_all_bright_is_left_as_it_is_by_mask_and_telea():
    white = np.full((32, 32, 3), 250, np.uint8)
    np.testing.assert_array_equal(peers.mask_and_telea(white), white)


@pytest.mark.parametrize("name", peers.PEERS)
def test_no_peer_changes_the_picture_it_is_given(name, ground):
    kept = ground.copy()
    peers.PEERS[name](ground)
    np.testing.assert_array_equal(ground, kept)


@pytest.mark.parametrize("name", peers.PEERS)
def test_every_peer_copes_with_a_black_picture(name):
    black = np.zeros((32, 32, 3), np.uint8)
    assert peers.PEERS[name](black).max() == 0
