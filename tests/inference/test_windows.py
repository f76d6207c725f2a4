"""Windows: cores tile the scene, frames lie on the stride grid and hold the halo."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_removal.inference.windows import Area, Grid, extend, groups, plan, share_kept

GRIDS = st.builds(
    lambda stride, halo, smallest: Grid(stride, halo * stride, smallest),
    st.sampled_from([8, 32]), st.integers(0, 4), st.sampled_from([1, 32, 64]),
)  # fmt: skip
BLENDED = GRIDS.map(lambda grid: dataclasses.replace(grid, exact=False))
SIDES = st.integers(1, 300)
CORES = st.integers(1, 200)


@settings(deadline=None)
@given(SIDES, SIDES, CORES, GRIDS | BLENDED)
def test_cores_cover_every_pixel_once(height, width, core, grid):
    times = np.zeros((height, width), int)
    for window in plan(height, width, core, grid):
        area = window.core
        times[area.top : area.bottom, area.left : area.right] += 1
    assert (times == 1).all()


@settings(deadline=None)
@given(SIDES, SIDES, CORES, GRIDS | BLENDED)
def test_frames_lie_on_the_stride_grid(height, width, core, grid):
    for window in plan(height, width, core, grid):
        area = window.frame
        assert all(side % grid.stride == 0 for side in (area.top, area.left, area.height, area.width))


@settings(deadline=None)
@given(SIDES, SIDES, CORES, GRIDS)
def test_frames_hold_the_halo_up_to_where_the_padded_scene_ends(height, width, core, grid):
    bottom, right = grid.padded(height), grid.padded(width)
    for window in plan(height, width, core, grid):
        inner, outer = window.core, window.frame
        assert outer.top <= max(0, inner.top - grid.halo)
        assert outer.left <= max(0, inner.left - grid.halo)
        assert outer.bottom >= min(bottom, inner.bottom + grid.halo) and outer.bottom <= bottom
        assert outer.right >= min(right, inner.right + grid.halo) and outer.right <= right


@settings(deadline=None)
@given(SIDES, SIDES, CORES, GRIDS | BLENDED)
def test_no_frame_is_smaller_than_the_network_takes(height, width, core, grid):
    for window in plan(height, width, core, grid):
        assert min(window.frame.height, window.frame.width) >= grid.smallest


@settings(deadline=None)
@given(SIDES, SIDES, CORES, GRIDS)
def test_cores_are_no_longer_than_asked_rounded_up_to_the_stride(height, width, core, grid):
    longest = -(-core // grid.stride) * grid.stride
    for window in plan(height, width, core, grid):
        assert max(window.core.height, window.core.width) <= longest


@settings(deadline=None)
@given(SIDES, SIDES, CORES, GRIDS, st.integers(1, 100_000))
def test_groups_hold_every_window_in_order_with_frames_of_one_shape(height, width, core, grid, most):
    windows = plan(height, width, core, grid)
    batches = list(groups(windows, most))
    assert [window for batch in batches for window in batch] == windows
    for batch in batches:
        shapes = {(window.frame.height, window.frame.width) for window in batch}
        assert len(shapes) == 1
        ((frame_height, frame_width),) = shapes
        assert len(batch) == 1 or len(batch) * frame_height * frame_width <= most


@settings(deadline=None)
@given(SIDES, SIDES, CORES, BLENDED)
def test_windows_that_are_blended_reach_into_the_next_cores_and_no_farther(height, width, core, grid):
    windows = plan(height, width, core, grid)
    overlap = grid.overlap(core)
    for window in windows:
        below = [w for w in windows if (w.core.top, w.core.left) == (window.core.bottom, window.core.left)]
        beside = [w for w in windows if (w.core.top, w.core.left) == (window.core.top, window.core.right)]
        assert window.shared == (overlap if below else 0, overlap if beside else 0)
        assert all(w.core.height >= overlap for w in below) and all(w.core.width >= overlap for w in beside)
        assert window.used.common(window.frame) == window.used


@settings(deadline=None)
@given(SIDES, SIDES, CORES, BLENDED)
def test_frames_that_are_blended_are_of_one_shape(height, width, core, grid):
    assert len({(w.frame.height, w.frame.width) for w in plan(height, width, core, grid)}) == 1


def test_windows_are_blended_over_a_quarter_of_the_core_and_at_least_the_halo():
    assert Grid(32, 64, 32, exact=False).overlap(1280) == 320
    assert Grid(32, 64, 32, exact=False).overlap(130) == 64
    assert Grid(32, 640, 32, exact=False).overlap(256) == 128
    assert Grid(32, 64, 32).overlap(1280) == 0


def test_a_scene_hardly_larger_than_a_core_is_one_window_where_windows_are_blended():
    (window,) = plan(1600, 1500, 1280, Grid(32, 64, 32, exact=False))
    assert window.core == Area(0, 0, 1600, 1500) and window.frame == Area(0, 0, 1600, 1504)


def test_a_small_scene_is_one_window_without_halo():
    (window,) = plan(60, 90, 1024, Grid(32, 224, 64))
    assert window.core == Area(0, 0, 60, 90)
    assert window.frame == Area(0, 0, 64, 96)


def test_lengths_are_evened_out_so_that_little_is_computed_for_nothing():
    windows = plan(1500, 1500, 1024, Grid(32, 128, 64))
    assert {(w.core.height, w.core.width) for w in windows} == {(768, 768), (768, 732), (732, 768), (732, 732)}


def test_share_kept_counts_the_halo_as_computed():
    windows = plan(128, 256, 128, Grid(32, 64, 32))
    assert share_kept(windows) == 128 * 256 / (2 * 128 * 192)


def test_a_picture_is_continued_by_reflection_however_small():
    canvas = np.full((2, 7), -1)
    canvas[:1, :3] = [0, 1, 2]
    extend(canvas, 1, 3)
    np.testing.assert_array_equal(canvas, [[0, 1, 2, 1, 0, 1, 2]] * 2)


@pytest.mark.parametrize(("height", "width"), [(3, 2), (1, 1), (5, 9), (8, 4)])
def test_reflection_is_that_of_numpy(height, width):
    picture = np.random.default_rng(0).random((height, width, 3))
    canvas = np.zeros((8, 9, 3))
    canvas[:height, :width] = picture
    extend(canvas, height, width)
    wanted = np.pad(picture, ((0, 8 - height), (0, 9 - width), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(canvas, wanted)
