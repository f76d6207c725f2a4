"""Holes: exactly as wide, as high and where they should be."""

import numpy as np
import pytest
from skimage.draw import polygon2mask

from cloud_removal.data.masks import (
    MASKS,
    box,
    circles,
    cloud,
    draw_hole,
    draw_mask,
    poly,
    spot,
    vertices,
    window_around,
)
from cloud_removal.errors import OptionError

SIZE = 64
PLACES = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1)
"""x and y of each pixel, (SIZE, SIZE, 2)."""


def numbers(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def extent(mask):
    """Top, left, height and width of what is marked."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1


@pytest.mark.parametrize("kind", MASKS)
def test_a_hard_mask_is_of_zeros_and_ones(kind):
    mask = draw_mask(kind, numbers(), SIZE)
    assert mask.shape == (SIZE, SIZE) and mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 1}


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_is_a_function_of_the_generator(kind):
    np.testing.assert_array_equal(draw_mask(kind, numbers(3), SIZE), draw_mask(kind, numbers(3), SIZE))


@pytest.mark.parametrize("kind", sorted(set(MASKS) - {"spot"}))
def test_another_seed_makes_another_hole(kind):
    assert np.any(draw_mask(kind, numbers(3), SIZE) != draw_mask(kind, numbers(4), SIZE))


@pytest.mark.parametrize("side", [24, 32])
def test_a_box_is_exactly_as_wide_and_high_as_asked(side):
    for seed in range(50):
        mask, _ = box(numbers(seed), SIZE, (side / SIZE, side / SIZE))
        _, _, height, width = extent(mask)
        assert (height, width, mask.sum()) == (side, side, side * side)


def test_the_sides_of_boxes_at_256_pixels_are_all_of_96_to_128():
    sides = {side for seed in range(400) for side in extent(box(numbers(seed), 256)[0])[2:]}
    assert sides == set(range(96, 129))


def test_a_box_lies_within_its_local_window_and_the_window_within_the_picture():
    for seed in range(200):
        mask, (top, left) = box(numbers(seed), SIZE)
        assert 0 <= top <= SIZE // 2 and 0 <= left <= SIZE // 2
        assert mask[top : top + SIZE // 2, left : left + SIZE // 2].sum() == mask.sum()


def test_boxes_and_windows_reach_every_border():
    drawn = [box(numbers(seed), 32) for seed in range(600)]
    assert {top for _, (top, _) in drawn} == {left for _, (_, left) in drawn} == set(range(17))
    reached = np.max([mask for mask, _ in drawn], axis=0)
    assert all(border.any() for border in (reached[0], reached[-1], reached[:, 0], reached[:, -1]))


def test_the_spot_is_the_middle_half():
    mask = spot(numbers(), SIZE)
    assert extent(mask) == (16, 16, 32, 32) and mask.sum() == 32 * 32


def test_a_polygon_has_five_vertices_between_an_eighth_and_seven_eighths():
    corners = np.stack([vertices(numbers(seed), SIZE) for seed in range(300)])
    assert corners.shape == (300, 5, 2) and (corners.min(), corners.max()) == (8, 56)


def test_a_polygon_is_filled_by_the_even_odd_rule_and_has_a_disc_at_its_first_vertex():
    for seed in range(30):
        corners = vertices(numbers(seed), SIZE)
        to_disc = np.linalg.norm(PLACES - corners[0], axis=-1) - SIZE / 8
        expected = polygon2mask((SIZE, SIZE), corners[:, ::-1]) | (to_disc <= 0)
        outline = np.minimum(abs(to_disc), to_edges(corners))
        differs = poly(numbers(seed), SIZE).astype(bool) != expected
        assert outline[differs].max(initial=0.0) < 1.0, "only pixels that the outline touches may be counted otherwise"


def to_edges(corners):
    """Distance of each pixel's middle to the nearest edge of the polygon."""
    distances = []
    for begin, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        edge = (end - begin).astype(float)
        share = np.clip((PLACES - begin) @ edge / max(edge @ edge, 1.0), 0.0, 1.0)[..., None]
        distances.append(np.linalg.norm(PLACES - begin - share * edge, axis=-1))
    return np.min(distances, axis=0)


def test_the_disc_has_an_eighth_of_the_side_as_radius():
    for seed in range(30):
        (x, y), mask = vertices(numbers(seed), SIZE)[0], poly(numbers(seed), SIZE)
        assert mask[y, max(x - 8, 0) : x + 9].all() and mask[max(y - 8, 0) : y + 9, x].all()


def test_a_polygon_never_vanishes():
    assert min(poly(numbers(seed), SIZE).mean() for seed in range(300)) > 0.03


def test_there_are_three_to_eight_circles_of_at_most_an_eighth():
    shares = [circles(numbers(seed), SIZE).mean() for seed in range(100)]
    assert 0.0 < min(shares) < max(shares) < 8 * np.pi / 60


@pytest.mark.parametrize("layers", [(), (np.random.default_rng(0).integers(0, 255, (200, 220), np.uint8),)])
def test_a_cloud_hole_is_the_thickest_13_to_17_percent(layers):
    shares = [cloud(numbers(seed), SIZE, layers).mean() for seed in range(40)]
    assert 0.129 < min(shares) < 0.135 and 0.165 < max(shares) < 0.171


def test_a_cloud_hole_is_where_the_layer_is_thickest():
    layer = np.zeros((160, 160), np.uint8)
    layer[:, 80:] = 255
    mask = cloud(numbers(1), SIZE, (np.tile(layer, (2, 2)),))
    assert mask.any() and not mask.all()


@pytest.mark.parametrize("kind", MASKS)
def test_a_soft_edge_is_the_mean_over_eight_by_eight_pixels(kind):
    hard, soft = draw_mask(kind, numbers(5), SIZE), draw_mask(kind, numbers(5), SIZE, soft=True)
    assert soft.dtype == np.float32
    y, x = 30, 34
    assert soft[y, x] == pytest.approx(hard[y - 4 : y + 4, x - 4 : x + 4].mean(), abs=1e-6)


@pytest.mark.parametrize("kind", MASKS)
def test_the_local_window_lies_within_the_picture(kind):
    for seed in range(40):
        top, left = draw_hole(kind, numbers(seed), SIZE).window
        assert 0 <= top <= SIZE // 2 and 0 <= left <= SIZE // 2


def test_the_local_window_has_a_small_hole_in_its_middle_where_there_is_room():
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[30:40, 24:28] = 1
    assert window_around(mask) == (19, 10)
    mask[:] = 0
    mask[0:5, 60:64] = 1
    assert window_around(mask) == (0, 32)


@pytest.mark.parametrize("kind", ["poly", "circles", "cloud"])
def test_of_a_hole_larger_than_the_local_window_as_much_as_can_be_lies_in_it(kind):
    for seed in range(10):
        mask = draw_mask(kind, numbers(seed), SIZE)
        if max(extent(mask)[2:]) > SIZE // 2:
            every = np.lib.stride_tricks.sliding_window_view(mask, (SIZE // 2, SIZE // 2)).sum(axis=(2, 3))
            assert every[window_around(mask)] == every.max()


def test_an_unknown_mask_is_refused_with_the_right_names():
    with pytest.raises(OptionError, match="poly, spot, box, circles, cloud"):
        draw_mask("star", numbers(), SIZE)
