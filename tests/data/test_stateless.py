"""Seeds of what is drawn in a step."""

import tensorflow as tf

from cloud_removal.data.stateless import PURPOSES, step_seed


def drawn(seed, step, purpose=0):
    return tuple(step_seed(seed, tf.constant(step), purpose).numpy().tolist())


def test_each_step_and_each_purpose_of_each_run_has_a_seed_of_its_own():
    seeds = [drawn(run, step, purpose) for run in range(3) for step in range(5) for purpose in range(PURPOSES)]
    assert len(set(seeds)) == len(seeds) == 3 * 5 * PURPOSES


def test_a_step_counted_in_another_type_is_the_same_step():
    assert drawn(7, 3) == tuple(step_seed(7, tf.constant(3, tf.int32)).numpy()) == tuple(step_seed(7, 3).numpy())


def test_a_seed_may_be_larger_than_tensorflow_takes_or_negative():
    assert drawn(2**70 + 1, 0) == drawn(1, 0) != drawn(-1, 0)
