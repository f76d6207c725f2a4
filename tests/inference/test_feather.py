"""The feather: a sum of overlapping answers whose weights are one in all, with bounded memory."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_removal.inference.feather import Feather, ramp
from cloud_removal.inference.windows import Grid, Window, plan

GRID = Grid(8, 8, 8, exact=False)
CORE = 32
OVERLAP = GRID.overlap(CORE)
SIDES = st.integers(1, 90)
CORES = st.integers(1, 50)


def weights(windows: list[Window], height: int, width: int) -> Iterator[np.ndarray]:
    """What each window weighs in each place of the scene (H, W), by its definition."""
    for window in windows:
        line = []
        for first, shared, side, length in (
            (window.core.top, window.shared[0], window.core.height, height),
            (window.core.left, window.shared[1], window.core.width, width),
        ):
            weight = np.zeros(length)
            weight[first : first + side] = 1.0
            if first > 0:
                weight[first : first + OVERLAP] = ramp(OVERLAP)
            weight[first + side : first + side + shared] = 1.0 - ramp(shared)
            line.append(weight)
        yield np.outer(*line)


def random_answers(windows: list[Window]) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.random((w.frame.height, w.frame.width, 4), np.float32) for w in windows]


def blended(windows: list[Window], answers: list[np.ndarray], height: int, width: int) -> np.ndarray:
    """The scene (H, W, 4), ground and opacity."""
    scene = np.full((height, width, 4), np.nan, np.float32)
    with Feather(None) as feather:
        for window, answer in zip(windows, answers, strict=True):
            core = window.core
            there = np.s_[core.top : core.bottom, core.left : core.right]
            scene[there][..., :3], scene[there][..., 3] = feather.blended(window, answer[..., :3], answer[..., 3])
    return scene


@settings(deadline=None)
@given(SIDES, SIDES)
def test_weights_are_one_in_all(height, width):
    windows = plan(height, width, CORE, GRID)
    np.testing.assert_allclose(sum(weights(windows, height, width)), 1.0, atol=1e-6)


@settings(deadline=None)
@given(SIDES, SIDES)
def test_ground_and_opacity_are_the_weighted_sums_of_all_answers(height, width):
    windows = plan(height, width, CORE, GRID)
    answers, wanted = random_answers(windows), np.zeros((height, width, 4))
    for window, answer, weight in zip(windows, answers, weights(windows, height, width), strict=True):
        used, here = window.used, window.used.inside(window.frame)
        there = np.s_[used.top : used.bottom, used.left : used.right]
        wanted[there] += weight[there][..., None] * answer[here]
    np.testing.assert_allclose(blended(windows, answers, height, width), wanted, atol=1e-6)


@settings(deadline=None)
@given(SIDES, SIDES, CORES)
def test_where_answers_agree_the_blend_is_that_answer_bit_by_bit(height, width, core):
    windows = plan(height, width, core, GRID)
    whole = np.random.default_rng(1).random((GRID.padded(height), GRID.padded(width), 4), np.float32)
    answers = [whole[w.frame.top : w.frame.bottom, w.frame.left : w.frame.right] for w in windows]
    np.testing.assert_array_equal(blended(windows, answers, height, width), whole[:height, :width])


@pytest.mark.parametrize("length", [8, 64, 320])
def test_the_ramp_rises_smoothly_from_0_to_1(length):
    weight = ramp(length)
    steps = np.diff(weight)
    assert 0 < weight[0] < 0.01 * 8 / length + 0.01 and (steps > 0).all()
    assert steps.max() < 1.7 / length and steps[0] < 0.7 * steps.max()
    np.testing.assert_allclose(weight + weight[::-1], 1.0, atol=1e-6)


def peak(height: int, width: int, folder: Path) -> int:
    """Most bytes in use while a scene of windows of 64 px is blended; a row shares 16 x 16 bytes a column."""
    windows = plan(height, width, 64, Grid(8, 16, 8, exact=False))
    ground = np.zeros((windows[0].frame.height, windows[0].frame.width, 3), np.float32)
    tracemalloc.start()
    try:
        with Feather(folder, most_in_memory=1 << 18) as feather:
            for window in windows:
                feather.blended(window, ground, ground[..., 0])
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_scene(tmp_path):
    shared_by_a_row = 16 * 16 * 40_000
    assert peak(200, 40_000, tmp_path) < peak(200, 4_000, tmp_path) + shared_by_a_row / 20
    assert peak(4_000, 200, tmp_path) < 1.1 * peak(400, 200, tmp_path)


def test_no_file_shows_while_a_wide_scene_is_blended_and_none_is_left(tmp_path):
    windows = plan(200, 4_000, 64, Grid(8, 16, 8, exact=False))
    ground = np.zeros((windows[0].frame.height, windows[0].frame.width, 3), np.float32)
    with Feather(tmp_path, most_in_memory=1 << 10) as feather:
        for window in windows:
            feather.blended(window, ground, ground[..., 0])
            assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []
