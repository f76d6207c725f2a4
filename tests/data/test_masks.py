"""Holes: exactly as wide, as high and where they should be."""

import numpy as np
import pytest
from skimage.draw import polygon2mask

from cloud_removal.data.masks import MASKS, boxes, clouds, draw_holes, draw_mask, polygons, vertices, windows_around
from cloud_removal.errors import OptionError

SIZE = 64
PLACES = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1)
"""x and y of each pixel, (SIZE, SIZE, 2)."""


def numbers(seed=0):
    return np.random.Generator(np.random.Philox(seed))


def empty(count=1, size=SIZE):
    return np.zeros((count, size, size), np.uint8)


def box(seed, size=SIZE, **sides):
    """A box and its window."""
    masks = empty(size=size)
    windows = boxes(numbers(seed), masks, **sides)
    return masks[0], tuple(windows[0])


def poly(seed, size=SIZE):
    """A polygon and its corners."""
    masks, corners = empty(size=size), vertices(numbers(seed), 1, size)
    polygons(masks, corners)
    return masks[0], corners[0]


def cloud(seed, layers=()):
    masks = empty()
    clouds(numbers(seed), masks, layers)
    return masks[0]


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
def test_the_holes_of_a_batch_differ(kind):
    one, *others = draw_holes(kind, numbers(), 4, SIZE).masks
    assert all(np.any(one != other) for other in others)


@pytest.mark.parametrize("kind", sorted(set(MASKS) - {"spot"}))
def test_another_seed_makes_another_hole(kind):
    assert np.any(draw_mask(kind, numbers(3), SIZE) != draw_mask(kind, numbers(4), SIZE))


@pytest.mark.parametrize("side", [24, 32])
def test_a_box_is_exactly_as_wide_and_high_as_asked(side):
    for seed in range(50):
        mask, _ = box(seed, sides=(side / SIZE, side / SIZE))
        _, _, height, width = extent(mask)
        assert (height, width, mask.sum()) == (side, side, side * side)


def test_the_sides_of_boxes_at_256_pixels_are_all_of_96_to_128():
    sides = {side for seed in range(400) for side in extent(box(seed, 256)[0])[2:]}
    assert sides == set(range(96, 129))


def test_a_box_lies_within_its_local_window_and_the_window_within_the_picture():
    for seed in range(200):
        mask, (top, left) = box(seed)
        assert 0 <= top <= SIZE // 2 and 0 <= left <= SIZE // 2
        assert mask[top : top + SIZE // 2, left : left + SIZE // 2].sum() == mask.sum()


def test_boxes_and_windows_reach_every_border():
    drawn = [box(seed, 32) for seed in range(600)]
    assert {top for _, (top, _) in drawn} == {left for _, (_, left) in drawn} == set(range(17))
    reached = np.max([mask for mask, _ in drawn], axis=0)
    assert all(border.any() for border in (reached[0], reached[-1], reached[:, 0], reached[:, -1]))


def test_the_spot_is_the_middle_half():
    mask = draw_mask("spot", numbers(), SIZE)
    assert extent(mask) == (16, 16, 32, 32) and mask.sum() == 32 * 32


def test_a_polygon_has_five_vertices_between_an_eighth_and_seven_eighths():
    corners = vertices(numbers(), 300, SIZE)
    assert corners.shape == (300, 5, 2) and (corners.min(), corners.max()) == (8, 56)


def test_a_polygon_is_filled_by_the_even_odd_rule_and_has_a_disc_at_its_first_vertex():
    for seed in range(30):
        mask, corners = poly(seed)
        to_disc = np.linalg.norm(PLACES - corners[0], axis=-1) - SIZE / 8
        expected = polygon2mask((SIZE, SIZE), corners[:, ::-1]) | (to_disc <= 0)
        outline = np.minimum(abs(to_disc), to_edges(corners))
        differs = mask.astype(bool) != expected
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
        mask, ((x, y), *_) = poly(seed)
        assert mask[y, max(x - 8, 0) : x + 9].all() and mask[max(y - 8, 0) : y + 9, x].all()


def test_a_polygon_never_vanishes():
    assert draw_holes("poly", numbers(), 300, SIZE).masks.mean(axis=(1, 2)).min() > 0.03


@pytest.mark.parametrize("side", [33, 256])
def test_polygons_drawn_together_are_those_drawn_alone(side):
    """In a picture of all of them, one below the other, of more rows than a signed number of 16 bits counts."""
    count = 40_000 // side
    corners = vertices(numbers(), count, side)
    together, alone = empty(count, side), empty(count, side)
    polygons(together, corners)
    for place in range(count):
        polygons(alone[place : place + 1], corners[place : place + 1])
    np.testing.assert_array_equal(together, alone)


def test_there_are_three_to_eight_circles_of_at_most_an_eighth():
    shares = draw_holes("circles", numbers(), 100, SIZE).masks.mean(axis=(1, 2))
    assert 0.0 < min(shares) < max(shares) < 8 * np.pi / 60


@pytest.mark.parametrize("layers", [(), (np.random.default_rng(0).integers(0, 255, (200, 220), np.uint8),)])
def test_a_cloud_hole_is_the_thickest_13_to_17_percent(layers):
    shares = [cloud(seed, layers).mean() for seed in range(40)]
    assert 0.129 < min(shares) < 0.135 and 0.165 < max(shares) < 0.171


def test_a_cloud_hole_is_where_the_layer_is_thickest():
    layer = np.zeros((160, 160), np.uint8)
    layer[:, 80:] = 255
    mask = cloud(1, (np.tile(layer, (2, 2)),))
    assert mask.any() and not mask.all()


@pytest.mark.parametrize("kind", MASKS)
def test_a_soft_edge_is_the_mean_over_eight_by_eight_pixels(kind):
    hard, soft = (draw_holes(kind, numbers(5), 3, SIZE, soft=edge).masks for edge in (False, True))
    assert soft.dtype == np.float32
    y, x = 30, 34
    np.testing.assert_allclose(soft[:, y, x], hard[:, y - 4 : y + 4, x - 4 : x + 4].mean(axis=(1, 2)), atol=1e-6)


@pytest.mark.parametrize("kind", MASKS)
def test_the_local_window_lies_within_the_picture(kind):
    windows = draw_holes(kind, numbers(), 40, SIZE).windows
    assert windows.shape == (40, 2) and windows.min() >= 0 and windows.max() <= SIZE // 2


def test_the_local_window_has_a_small_hole_in_its_middle_where_there_is_room():
    masks = empty(2)
    masks[0, 30:40, 24:28] = 1
    masks[1, 0:5, 60:64] = 1
    np.testing.assert_array_equal(windows_around(masks), [(19, 10), (0, 32)])


@pytest.mark.parametrize("length", [127, 128])
def test_the_window_of_a_thin_hole_that_just_fits_has_it_in_its_middle(length):
    """A line one pixel wide, at 256 px, where only every fourth row and column is looked at first."""
    masks = empty(4, 256)
    for offset, mask in enumerate(masks):
        mask[40 + offset, 50 + offset : 50 + offset + length] = 1
    middle = [(0, 50 + offset + length // 2 - 64) for offset in range(4)]
    np.testing.assert_array_equal(windows_around(masks), middle)


@pytest.mark.parametrize("kind", ["poly", "circles", "cloud"])
def test_of_a_hole_larger_than_the_local_window_as_much_as_can_be_lies_in_it(kind):
    holes = draw_holes(kind, numbers(), 12, SIZE)
    larger = [max(extent(mask)[2:]) > SIZE // 2 for mask in holes.masks]
    assert any(larger)
    for mask, window in zip(holes.masks[larger], holes.windows[larger], strict=True):
        every = np.lib.stride_tricks.sliding_window_view(mask, (SIZE // 2, SIZE // 2)).sum(axis=(2, 3))
        assert every[tuple(window)] == every.max()


def test_an_unknown_mask_is_refused_with_the_right_names():
    with pytest.raises(OptionError, match="poly, spot, box, circles, cloud"):
        draw_mask("star", numbers(), SIZE)
