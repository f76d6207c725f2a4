"""The pool of past completions."""

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.systems.history import History, Pool, View

SIZE = 2


def view(*values):
    """A batch of one picture a value, filled with it; hole and window say the same."""
    column = tf.constant(values, tf.float32)[:, None]
    flat = column[:, None, None]
    return View(tf.tile(flat, (1, SIZE, SIZE, 3)), tf.tile(flat, (1, SIZE, SIZE, 1)), tf.tile(column, (1, 2)))


def kept(history):
    return history.pool.picture.numpy()[:, 0, 0, 0].tolist()


def shown(views):
    return views.picture.numpy()[:, 0, 0, 0].tolist()


def test_an_empty_history_shows_what_is_new():
    assert shown(History(4, 0.25, SIZE, 0).draw(view(1, 2, 3), 0)) == [1, 2, 3]


def test_free_places_are_filled_first():
    history = History(4, 1.0, SIZE, 0)
    history.keep(view(1, 2), 0)
    history.keep(view(3, 4), 1)
    assert sorted(kept(history)) == [1, 2, 3, 4]


def test_a_quarter_of_a_batch_is_put_into_a_full_history():
    history = History(6, 1.0, SIZE, 0)
    history.keep(view(*[0] * 6), 0)
    history.share = 0.25
    history.keep(view(*range(1, 9)), 1)
    assert sum(value > 0 for value in kept(history)) == 2


def test_a_share_that_is_no_whole_number_of_pictures_holds_in_the_mean():
    history = History(4096, 0.368, SIZE, 0)
    for step in range(400):
        history.keep(view(1, 1), step)
    assert history.kept.numpy() / 800 == pytest.approx(0.368, abs=0.05)


def test_a_full_history_shows_past_completions_only():
    history = History(2, 1.0, SIZE, 0)
    history.keep(view(5, 6), 0)
    assert set(shown(history.draw(view(1, 2, 3, 4), 1))) <= {5, 6}


def test_a_picture_comes_with_its_own_hole_and_window():
    history = History(3, 1.0, SIZE, 0)
    history.keep(view(5, 6, 7), 0)
    drawn = history.draw(view(1, 2, 3, 4), 1)
    np.testing.assert_array_equal(drawn.picture[:, 0, 0, 0], drawn.hole[:, 0, 0, 0])
    np.testing.assert_array_equal(drawn.picture[:, 0, 0, 0], drawn.window[:, 0])


def test_what_is_drawn_and_kept_depends_on_seed_and_step_only():
    one, other = (History(4, 0.5, SIZE, 3) for _ in range(2))
    for step in range(6):
        other.draw(view(9, 9, 9), step)  # Drawing more often changes nothing.
        for history in (one, other):
            history.keep(view(step, step + 0.25, step + 0.5), step)
    assert kept(one) == kept(other)
    assert shown(one.draw(view(0, 0), 6)) == shown(other.draw(view(0, 0), 6))


def test_a_history_smaller_than_a_batch_still_works():
    history = History(1, 1.0, SIZE, 0)
    history.keep(view(1, 2, 3), 0)
    history.keep(view(1, 2, 3), 1)
    assert kept(history)[0] in (1, 2, 3)


# The pool


def pictures(*values):
    """A batch of one picture a value, filled with it."""
    return tf.tile(tf.constant(values, tf.float32)[:, None, None, None], (1, SIZE, SIZE, 3))


def colours(batch):
    return batch.numpy()[:, 0, 0, 0].tolist()


def full_pool(entries, stream=0):
    """A pool that holds 1, 2, ... entries."""
    pool = Pool(entries, SIZE, 0, stream)
    pool.exchange(pictures(*range(1, entries + 1)), 0)
    return pool


def test_a_pool_takes_in_and_shows_each_fake_until_it_is_full():
    pool = Pool(4, SIZE, 0)
    assert colours(pool.exchange(pictures(1, 2, 3), 0)) == [1, 2, 3]
    assert colours(pool.exchange(pictures(4), 1)) == [4]
    assert colours(pool.pictures) == [1, 2, 3, 4]


def test_a_full_pool_shows_a_past_fake_half_of_the_time_and_none_of_them_twice():
    pool, past = full_pool(50), []
    exchange = tf.function(pool.exchange)
    for step in range(1, 98):
        new = [20 * step + 31 + n for n in range(20)]  # Up to 2048 float16 holds whole numbers.
        shown = colours(exchange(pictures(*new), tf.constant(step, tf.int64)))
        past += [was for was, now in zip(shown, new, strict=True) if was != now]
    assert len(past) / 1940 == pytest.approx(0.5, abs=0.05)  # Over four standard deviations.
    assert len(set(past)) == len(past) and len(set(past) & set(range(1, 51))) == 50


def test_a_past_fake_that_is_shown_gives_its_place_to_the_new_one_and_else_the_new_one_is_not_kept():
    pool = full_pool(8)
    before = colours(pool.pictures)
    for step in range(1, 40):
        (shown,) = colours(pool.exchange(pictures(100 + step), step))
        after = colours(pool.pictures)
        if shown == 100 + step:
            assert after == before
        else:
            assert after == [100 + step if value == shown else value for value in before]
        before = after


def test_the_past_fakes_come_from_all_places_of_a_pool_alike():
    pool, counts = full_pool(4), np.zeros(4)
    exchange = tf.function(pool.exchange)
    for step in range(1, 401):
        before = colours(pool.pictures)
        exchange(pictures(4 + step), tf.constant(step, tf.int64))
        counts += np.array(before) != np.array(colours(pool.pictures))
    assert counts.min() > 22 and counts.max() < 78  # 50 each, standard deviation 6.6.


def test_what_a_pool_shows_depends_on_seed_stream_and_step_only():
    one, other, third = full_pool(4), full_pool(4), full_pool(4, stream=1)
    shown = [colours(pool.exchange(pictures(*range(10, 18)), 3)) for pool in (one, other, third)]
    assert shown[0] == shown[1] != shown[2]


def test_two_pools_of_a_system_have_names_of_their_own():
    assert not full_pool(1).state().keys() & full_pool(1, stream=1).state().keys()


def test_a_pool_smaller_than_a_batch_passes_its_pictures_on():
    pool = Pool(1, SIZE, 0)
    shown = colours(tf.function(pool.exchange)(pictures(*range(1, 13)), tf.constant(0, tf.int64)))
    (held,) = colours(pool.pictures)
    assert shown[0] == 1 and shown != list(range(1, 13))
    assert sorted([*shown, held]) == [1, *range(1, 13)]
