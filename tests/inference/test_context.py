"""Picture-wide statistics over a scene: a function of the place alone."""

import numpy as np

from cloud_removal.inference.context import Nodes, measure
from cloud_removal.inference.windows import Area


def scene_of(picture: np.ndarray, present: np.ndarray | None = None):
    there = np.ones(picture.shape[:2], bool) if present is None else present

    def read(area: Area, out: np.ndarray) -> bool:
        place = slice(area.top, area.bottom), slice(area.left, area.right)
        out[:] = picture[place]
        return bool(there[place].any())

    return read


def mean(pictures: np.ndarray) -> np.ndarray:
    return pictures.mean(axis=(1, 2))


def ramp(height: int, width: int) -> np.ndarray:
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    columns = np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    return np.concatenate([rows + 0 * columns, columns + 0 * rows, 0.5 + 0 * (rows + columns)], axis=2)


def measured(picture: np.ndarray, present: np.ndarray | None = None) -> Nodes:
    height, width = picture.shape[:2]
    return measure(height, width, 64, 32, 3, 16, scene_of(picture, present), mean)


def test_a_scene_within_one_square_has_one_vector_everywhere():
    nodes = measured(ramp(60, 50))
    everywhere = nodes.over(Area(0, 0, 64, 64), 8)
    assert everywhere.shape == (8, 8, 3)
    assert np.unique(everywhere.reshape(-1, 3), axis=0).shape[0] == 1


def test_the_vector_of_a_small_scene_is_that_of_the_whole_picture():
    picture = ramp(60, 50)
    np.testing.assert_array_equal(measured(picture).over(Area(0, 0, 8, 8), 8)[0, 0], mean(picture[None])[0])


def test_each_place_has_the_same_statistics_in_whatever_frame_it_is_seen():
    nodes = measured(ramp(300, 260))
    whole = nodes.over(Area(0, 0, 304, 264), 8)
    part = nodes.over(Area(96, 128, 80, 104), 8)
    np.testing.assert_array_equal(part, whole[12:22, 16:29])


def test_statistics_follow_the_scene():
    whole = measured(ramp(320, 320)).over(Area(0, 0, 320, 320), 8)
    assert (np.diff(whole[:, 5, 0]) >= 0).all() and whole[-1, 5, 0] - whole[0, 5, 0] > 0.7


def test_neighbouring_cells_differ_by_little():
    whole = measured(ramp(320, 320)).over(Area(0, 0, 320, 320), 8)
    assert np.abs(np.diff(whole, axis=0)).max() < 0.05


def test_squares_without_data_take_the_statistics_of_the_nearest_that_has():
    picture = ramp(64, 300)
    present = np.zeros((64, 300), bool)
    present[:, :64] = True
    nodes = measured(picture, present)
    np.testing.assert_array_equal(nodes.values[0, -1], nodes.values[0, 3])


def test_a_tiny_picture_is_looked_at_as_large_as_the_network_needs():
    seen = []
    measure(9, 20, 64, 32, 3, 16, scene_of(ramp(9, 20)), lambda p: seen.append(p.shape) or mean(p))
    assert seen == [(1, 16, 20, 3)]


def test_what_lies_between_squares_far_apart_is_not_read():
    seen = np.zeros((400, 400), int)

    def read(area: Area, out: np.ndarray) -> bool:
        seen[area.top : area.bottom, area.left : area.right] += 1
        out[:] = 0.5
        return True

    nodes = measure(400, 400, 32, 128, 3, 16, read, mean)
    assert nodes.values.shape == (5, 5, 3)  # The last two of a row see the same square at the scene's end.
    assert seen.max() == 1 and seen.sum() == 4 * 4 * 32 * 32


def test_statistics_do_not_depend_on_which_squares_are_looked_at_together():
    picture = ramp(300, 260)
    together = measured(picture)
    alone = measure(
        300, 260, 64, 32, 3, 16, scene_of(picture), lambda some: np.concatenate([mean(p[None]) for p in some])
    )
    np.testing.assert_array_equal(together.values, alone.values)
