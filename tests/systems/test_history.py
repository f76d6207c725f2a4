"""The pool of past completions."""

import numpy as np
import pytest
import tensorflow as tf

from cloud_removal.systems.history import History, View

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
