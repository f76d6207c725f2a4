"""The shares of workers together are the batch that one worker makes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.data.batches import restoration_batches
from cloud_removal.data.clear import clear_batches
from cloud_removal.data.holes import completion_batches
from cloud_removal.data.jitter import jittered
from cloud_removal.data.share import Share
from cloud_removal.data.unpaired import unpaired_batches

RUN = Run("any", batch_size=4, size=16, seed=5)


def unpaired(run, split, first_batch, share):
    return unpaired_batches(run, split, first_batch, lambda ground, rng: ground * np.float32(rng.random()), share)


def holes(run, split, first_batch, share):
    return completion_batches(run, split, first_batch, share=share)


def jitter(run, split, first_batch, share):
    pictures = tf.random.stateless_uniform([run.batch_size, 16, 16, 3], [1, 2])
    same = tf.data.Dataset.from_tensors({"a": share.rows(pictures)}).repeat()
    return jittered(same, run.seed, first_batch, share)


@pytest.mark.parametrize("batches", [restoration_batches, clear_batches, holes, unpaired, jitter])
def test_two_shares_are_the_whole_batch_picture_by_picture(batches):
    whole, first, second = (
        next(iter(batches(RUN, "training", 3, share).take(1))) for share in (Share(), Share(0, 2), Share(1, 2))
    )
    for name, pictures in whole.items():
        both = np.concatenate([first[name], second[name]])
        np.testing.assert_array_equal(both, pictures, err_msg=name)
        assert len(np.unique(np.asarray(pictures).reshape(4, -1), axis=0)) > 1 or name == "known"


def test_a_share_of_all_is_what_it_is_of():
    rows = np.arange(6)
    assert Share().rows(rows) is rows


def test_shares_follow_each_other():
    rows = np.arange(6)
    np.testing.assert_array_equal([Share(index, 3).rows(rows) for index in range(3)], [[0, 1], [2, 3], [4, 5]])


def test_no_share_depends_on_how_many_there_are():
    run = dataclasses.replace(RUN, batch_size=4)
    quarter = next(iter(clear_batches(run, "training", 0, Share(2, 4)).take(1)))["ground"]
    half = next(iter(clear_batches(run, "training", 0, Share(1, 2)).take(1)))["ground"]
    np.testing.assert_array_equal(quarter[0], half[0])
