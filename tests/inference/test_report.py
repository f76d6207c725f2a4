"""What a report shows and says of a finished scene, and the picture of before, cloud and after."""

from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.blocks import Partial
from cloud_removal.inference.compose import Piece, Thresholds
from cloud_removal.inference.holes.survey import Holes
from cloud_removal.inference.model import Card
from cloud_removal.inference.raster import open_scene
from cloud_removal.inference.reports.pictures import NO_DATA_COLOUR, gathered
from cloud_removal.inference.reports.report import draw, model_facts, rows, warnings
from cloud_removal.inference.scaling import Scaling
from cloud_removal.inference.scene import Task
from cloud_removal.inference.summary import Summary
from cloud_removal.inference.windows import Grid, plan
from tests.small_model import write_raster

LEGEND = {"PROVENANCE_0": "no data", "PROVENANCE_1": "kept", "PROVENANCE_2": "thin", "PROVENANCE_4": "generated"}


def test_what_holds_no_data_has_the_same_colour_in_all_three_panels(tmp_path):
    cloud = np.full((32, 32), 0.5, np.float32)
    cloud[:, :16] = np.nan
    draw(tmp_path / "report.png", "scene", np.zeros((32, 32, 3)), cloud, np.ones((32, 32, 3)))
    picture = cv2.imread(str(tmp_path / "report.png"))[..., ::-1]
    blue = (np.abs(picture.astype(float) - 255 * np.array(to_rgb(NO_DATA_COLOUR))) < 2).all(-1).any(0)
    assert np.count_nonzero(np.diff(blue.astype(int)) == 1) == 3


@pytest.fixture
def small(tmp_path):
    """Pictures of a scene, at most so many pixels wide: 0 before, 200 after; columns from 72 on generated, the first
    ten without data."""

    def run(longest: int):
        source = write_raster(tmp_path / "in.tif", np.zeros((3, 64, 96), np.uint8))
        (tmp_path / "blocks").mkdir(exist_ok=True)
        partial, windows = Partial(tmp_path / "blocks", "uint8", True), plan(64, 96, 40, Grid(8, 24, 8, True))
        codes, opacity = np.ones((64, 96), np.uint8), np.full((64, 96), 0.25, np.float32)
        codes[:, :10], codes[:, 72:], opacity[:, :10] = 0, 4, np.nan
        for window in windows:
            place = np.s_[window.core.top : window.core.bottom, window.core.left : window.core.right]
            values = np.full((3, window.core.height, window.core.width), 200, np.uint8)
            partial.save(window, Piece(values, codes[place], opacity[place]))
        with open_scene(source) as scene:
            scaling = Scaling((0.0,) * 3, (255.0,) * 3, "8 bit")
            task = Task(scene, SimpleNamespace(), scaling, Thresholds(0.05, 0.75))
            return gathered(task, Blocks(partial, windows), longest)

    return run


def test_a_small_scene_is_shown_as_it_is(small):
    shown = small(1000)
    assert shown.scale == 1.0 and shown.before.shape == shown.after.shape == (64, 96, 3)
    assert (shown.before == 0).all() and np.allclose(shown.after, 200 / 255)
    assert np.isnan(shown.opacity[:, :10]).all() and (shown.opacity[:, 10:] == 0.25).all()


def test_a_large_scene_is_shown_in_as_many_pixels_as_asked_for(small):
    shown = small(24)
    assert shown.after.shape == (16, 24, 3) and shown.scale == 0.25


def test_layers_tell_which_part_of_each_pixel_is_of_a_code(small):
    shown = small(24)
    assert sorted(shown.shares) == [0, 1, 4]
    np.testing.assert_allclose(sum(shown.shares.values()), 1.0, atol=1e-6)
    np.testing.assert_allclose(shown.shares[0][5, :4], [1, 1, 0.5, 0], atol=1e-6)
    np.testing.assert_allclose(shown.shares[4][5, 16:20], [0, 0, 1, 1], atol=1e-6)


def test_rows_are_shares_of_what_holds_data_that_without_last_and_of_everything():
    summary = Summary(Path("out.tif"), {0: 20, 1: 60, 4: 20}, areas={0: 2.0, 1: 61234.5, 4: 2.0})
    told = rows(summary, LEGEND)
    assert [(row.code, row.share, row.area) for row in told] == [
        (1, "75.0 %", "61234 km²"), (2, "0.0 %", "0 km²"), (4, "25.0 %", "2 km²"), (0, "20.0 %", "2 km²"),
    ]  # fmt: skip
    assert told[-1].meaning == "0 no data (share of the whole scene)"


def test_a_code_that_cannot_occur_has_no_row_and_one_that_does_has_one():
    assert [row.code for row in rows(Summary(Path("out.tif"), {1: 5}), LEGEND)] == [1, 2, 4, 0]
    assert [row.code for row in rows(Summary(Path("out.tif"), {1: 5, 3: 5}), LEGEND)] == [1, 2, 3, 4, 0]


def test_what_must_not_be_trusted_is_said():
    told = Summary(Path("out.tif"), {1: 50, 4: 50}, holes=Holes(1, 50, (0.0, 0.0), 10), deepest=40.0)
    assert warnings(told) == [
        "20.0 % of what was generated lies farther than 40 px from ground that was seen, more than the model learned "
        "to fill: do not trust it."
    ]
    assert warnings(Summary(Path("out.tif"), {1: 50})) == []


def test_nobody_is_warned_of_what_was_generated_and_then_left_for_its_uncertainty():
    told = Summary(Path("out.tif"), {0: 50, 1: 50}, holes=Holes(1, 50, (0.0, 0.0), 10), deepest=40.0, doubtful=50,
                   unfilled=50)  # fmt: skip
    assert "generated lies" not in told.line() and not any("generated" in line for line in warnings(told))
    assert "7 pixels" in warnings(Summary(Path("out.tif"), {0: 7}, left=7))[0]


@pytest.mark.parametrize("training", [None, "lost", {"data": 3}, {"data": ["a", "b"], "licence": "free", "steps": 9}])
def test_facts_of_a_model_are_taken_from_whatever_its_card_holds(training):
    card = Card(Path("m/1"), {"name": "m", "version": 1, "training": training}, Grid(8, 8, 8), None, 0.05, 0.75)
    facts = dict(model_facts(card))
    assert facts["name"] == "m/1"
    if isinstance(training, dict) and "licence" in training:
        assert facts["trained on"] == "a; b" and facts["licence of that"] == "free" and facts["training steps"] == "9"
