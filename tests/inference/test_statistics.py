"""The statistics pass: spread over the scene, blind to what holds no data."""

import numpy as np
import pytest

from cloud_removal.inference.statistics import SMALL, sample


def scene_of(values: np.ndarray, present: np.ndarray | None = None):
    there = np.ones(values.shape, bool) if present is None else present

    def read(area):
        place = np.s_[:, area.top : area.bottom, area.left : area.right]
        return values[place], there[place]

    return read


def test_a_small_scene_is_looked_at_whole():
    values = np.arange(3 * 20 * 30).reshape(3, 20, 30)
    found = sample(20, 30, scene_of(values))
    np.testing.assert_array_equal(found.bands[1], values[1].ravel())
    assert found.median[2] == np.median(values[2])


def test_every_part_of_a_large_scene_counts():
    rows = np.linspace(0, 1, 1500, dtype=np.float32)[:, None]
    values = np.stack([rows + np.zeros((1, 1400), np.float32)] * 3)
    found = sample(1500, 1400, scene_of(values))
    assert found.bands[0].size < values[0].size
    np.testing.assert_allclose(np.percentile(found.bands[0], (0.5, 50, 99.5)), (0.005, 0.5, 0.995), atol=0.03)


def test_places_of_a_large_scene_lie_within_one_tile_each_but_at_its_ends():
    seen = []

    def read(area):
        seen.append(area)
        return np.ones((3, area.height, area.width)), np.ones((3, area.height, area.width), bool)

    sample(3001, 2777, read)
    assert len(seen) == 100 and {area.bottom for area in seen} >= {3001}
    assert all(area.top // 256 == (area.bottom - 1) // 256 or area.bottom == 3001 for area in seen)
    assert all(area.left // 256 == (area.right - 1) // 256 or area.right == 2777 for area in seen)


def test_what_holds_no_data_does_not_count():
    values = np.full((3, 40, 40), 9.0)
    values[:, :, 20:] = 1e9
    found = sample(40, 40, scene_of(values, values < 100))
    assert all((band == 9.0).all() for band in found.bands)


def test_a_speck_of_data_between_the_places_looked_at_is_found():
    present = np.zeros((3, 1200, 1100), bool)
    present[:, 250, 300] = True
    assert present[0].size > SMALL
    found = sample(1200, 1100, scene_of(np.full(present.shape, 5), present))
    assert [band.tolist() for band in found.bands] == [[5]] * 3


def test_a_band_without_any_data_takes_the_statistics_of_the_others():
    present = np.ones((3, 10, 10), bool)
    present[1] = False
    assert sample(10, 10, scene_of(np.full((3, 10, 10), 4.0), present)).median[1] == 4.0


@pytest.mark.parametrize("side", [10, 1100])
def test_a_scene_without_data_has_no_statistics(side):
    nothing = np.zeros((3, side, side), bool)
    assert sample(side, side, scene_of(nothing, nothing)) is None
