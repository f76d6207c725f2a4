"""What stays in its place and how near the colours come, when one kind of picture is turned into another."""

import cv2
import numpy as np
import pytest

from cloud_removal.data.terrain import terrain
from cloud_removal.evaluation import style
from cloud_removal.evaluation.metrics import to_8_bit

SIDE = 96
NAMES = ["0.png", "1.png", "2.png"]
TINT = np.array([0.9, 0.7, 0.4])


def restyled(picture):
    return to_8_bit(0.1 + 0.6 * picture / 255.0 * TINT)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three places, and beside them others as in another season."""
    made = tmp_path_factory.mktemp("style")
    for seed in range(6):
        picture = to_8_bit(terrain(np.random.default_rng(seed), SIDE))
        kind, name = ("a", seed) if seed < 3 else ("b", seed - 3)
        (made / kind).mkdir(exist_ok=True)
        shown = picture if kind == "a" else restyled(picture)
        cv2.imwrite(str(made / kind / f"{name}.png"), cv2.cvtColor(shown, cv2.COLOR_RGB2BGR))
    return made


def colours(*pictures):
    found = style.Colours()
    for picture in pictures:
        found.add(picture)
    return found


def flat(level):
    return np.full((4, 4, 3), level, np.uint8)


def scored(folder, **methods):
    tally = style.Tally(methods)
    for translated in style.judge(folder / "a", NAMES, methods):
        tally.add(translated)
    return tally.means(style.reference_of(folder / "b", NAMES))


def test_colours_are_no_distance_from_themselves_however_often_they_are_counted(folder):
    picture = to_8_bit(terrain(np.random.default_rng(0), SIDE))
    assert colours(picture).distance(colours(picture, picture)) == pytest.approx(0.0, abs=1e-9)


def test_the_distance_of_colours_worked_out_by_hand():
    assert colours(flat(40)).distance(colours(flat(70))) == pytest.approx(30.0)
    two_levels = colours(flat(40), flat(60))
    assert two_levels.distance(colours(flat(50))) == pytest.approx(10.0)
    assert colours(flat(50)).distance(two_levels) == pytest.approx(10.0)
    red = flat(40)
    red[..., 0] = 100
    assert colours(red).distance(colours(flat(40))) == pytest.approx(20.0)


def test_mean_and_deviation_are_those_of_all_pixels_together():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    mean, deviation = colours(*pictures).moments()
    np.testing.assert_allclose(mean, pictures.mean((0, 1, 2)))
    np.testing.assert_allclose(deviation, pictures.std((0, 1, 2)))


def test_straight_lines_give_the_mean_and_deviation_that_are_wanted(folder):
    own, wanted = (style.reference_of(folder / kind, NAMES).colours for kind in "ab")
    translate = style.straight_lines(own, wanted)
    moved = colours(*(style.read_rgb(folder / "a" / name) for name in NAMES))
    assert moved.distance(own) == 0.0
    moved = colours(*(translate(style.read_rgb(folder / "a" / name)) for name in NAMES))
    np.testing.assert_allclose(np.array(moved.moments()), np.array(wanted.moments()), atol=1.0)


def test_a_change_of_style_keeps_the_edges_and_comes_nearer_in_colour(folder):
    found = scored(folder, before=lambda picture: picture, after=restyled)
    assert found["before"]["edges"] == pytest.approx(1.0) and found["before"]["change"] == 0.0
    assert found["after"]["edges"] > 0.95 and found["after"]["change"] > 10.0
    assert found["after"]["colours"] < 0.4 * found["before"]["colours"]


def test_inventing_a_place_in_the_right_colours_loses_the_edges(folder):
    other = restyled(to_8_bit(terrain(np.random.default_rng(9), SIDE)))
    found = scored(folder, kept=restyled, invented=lambda picture: other)
    assert found["invented"]["edges"] < 0.3 < 0.95 < found["kept"]["edges"]


def test_the_least_is_of_the_picture_that_was_moved(folder):
    first = style.read_rgb(folder / "a" / NAMES[0])
    moved = scored(folder, one=lambda p: np.roll(p, 8, axis=1) if np.array_equal(p, first) else p)["one"]
    assert moved["least_edges"] < 0.5 and moved["edges"] == pytest.approx((2 + moved["least_edges"]) / 3)


def test_pictures_without_edges_are_left_out_of_the_mean(folder):
    flattened = scored(folder, flat=lambda picture: np.full_like(picture, 90))["flat"]
    assert (flattened["pictures"], flattened["edges"], flattened["least_edges"]) == (0, None, None)
    row = style.table({"flat": flattened}).splitlines()[1].split()
    assert row[:3] == ["flat", "-", "-"] and row[-1] == "0"


def test_the_halves_of_a_reference_say_what_is_near(folder):
    assert 0.0 < style.reference_of(folder / "b", NAMES).halves < scored(folder, x=lambda p: p)["x"]["colours"]
    assert style.reference_of(folder / "b", NAMES[:1]).halves is None


def test_without_a_reference_nothing_is_said_of_colours(folder):
    tally = style.Tally(["x"])
    for translated in style.judge(folder / "a", NAMES, {"x": restyled}):
        tally.add(translated)
    found = tally.means(None)
    assert "colours" not in found["x"] and style.table(found).splitlines()[1].split()[-2:] == ["-", "3"]
