"""Jitter: all pictures of an example alike, every batch a function of the seed and its number."""

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.data.jitter import jittered

SIDE = 64
SHARE = 256 / 286


def coordinates(count=4):
    """A picture whose values say where they come from: column, row and which picture it is."""
    rows, columns = np.mgrid[:SIDE, :SIDE].astype(np.float32) / (SIDE - 1)
    return np.stack([np.stack([columns, rows, np.full_like(rows, n)], axis=-1) for n in range(count)])


def source(count=4):
    place = coordinates(count)
    known = np.arange(count, dtype=np.float32).reshape(-1, 1, 1, 1)
    batch = {"aerial": place, "known": known, "opacity": place[..., :1]}
    return tf.data.Dataset.from_tensors(batch).repeat()


def batch(number, seed=5):
    return next(iter(jittered(source(), seed).skip(number)))


@pytest.fixture(scope="module")
def pictures():
    """128 of them, cut out and mirrored."""
    return np.concatenate([cut["aerial"].numpy() for cut in jittered(source(), 5).take(32)])


def test_pictures_of_one_example_are_jittered_alike_and_single_numbers_stay():
    cut = batch(0)
    np.testing.assert_array_equal(cut["aerial"][..., :1], cut["opacity"])
    np.testing.assert_array_equal(cut["known"][:, 0, 0, 0], np.arange(4))
    np.testing.assert_allclose(cut["aerial"][..., 2], np.broadcast_to(np.arange(4)[:, None, None], (4, SIDE, SIDE)))


def test_a_picture_is_enlarged_by_286_to_256_and_never_leaves_its_source(pictures):
    columns = pictures[:, 0, :, 0]
    np.testing.assert_allclose(np.abs(np.diff(columns, axis=1)) * (SIDE - 1), SHARE, atol=1e-4)
    assert columns.min() >= 0.0 and columns.max() <= 1.0


def test_half_are_mirrored_and_none_turned_upside_down(pictures):
    mirrored = pictures[:, 0, -1, 0] < pictures[:, 0, 0, 0]
    assert 0.35 < mirrored.mean() < 0.65
    assert np.all(pictures[:, -1, 0, 1] > pictures[:, 0, 0, 1])


def test_where_they_are_cut_is_spread_over_all_places(pictures):
    for axis in (0, 1):
        least = pictures[..., axis].min(axis=(1, 2)) / (1 - SHARE)
        assert least.min() < 0.1 and least.max() > 0.9 and 0.4 < least.mean() < 0.6


def test_batches_go_on_where_they_stopped():
    unbroken, resumed = batch(3), next(iter(jittered(source(), 5, first_batch=3)))
    np.testing.assert_array_equal(unbroken["aerial"], resumed["aerial"])


def test_another_number_and_another_seed_jitter_differently():
    assert np.any(batch(0)["aerial"] != batch(1)["aerial"])
    assert np.any(batch(0)["aerial"] != batch(0, seed=6)["aerial"])
