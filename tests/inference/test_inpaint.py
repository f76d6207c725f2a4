"""Holes of a scene: found, filled alike in all windows, gone on with after a kill, or left without data."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio

from cloud_removal.data.terrain import terrain
from cloud_removal.errors import ModelError, OptionError, OutputError
from cloud_removal.inference.blocks import partial_folder
from cloud_removal.inference.holes.completer import CompleterModel, read_completer_card
from cloud_removal.inference.holes.inpaint import fill_picture, frame_around
from cloud_removal.inference.model import read_card
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.windows import Area, Grid
from cloud_removal.model_folder import find
from tests.small_completer import opaque
from tests.small_model import as_type, read, write_raster

SETTINGS = Settings(window=64, dilate=3)


@pytest.fixture(scope="session")
def completer(completer_folder) -> CompleterModel:
    return CompleterModel.load(completer_folder)


@pytest.fixture
def removed(tmp_path, model, completer):
    """Removes the clouds of a raster; returns result, provenance and summary."""

    def run(source, settings: Settings = SETTINGS, name: str = "out.tif", **options):
        options = {"inpaint": completer, "overwrite": True} | options
        summary = remove(source, tmp_path / name, model, settings, provenance=tmp_path / "p.tif", **options)
        return read(tmp_path / name), read(tmp_path / "p.tif")[0], summary

    return run


def scene(tmp_path, dtype: str = "uint8", height: int = 150, width: int = 203, **profile):
    return write_raster(tmp_path / "in.tif", as_type(opaque(height, width), dtype), **profile)


# What is filled


def test_without_a_model_opaque_cloud_is_what_the_network_guesses(tmp_path, removed):
    _, codes, summary = removed(scene(tmp_path), inpaint=None)
    assert (codes == 4).any() and summary.holes is None and "guessed under opaque cloud" in summary.line()


def test_opaque_cloud_and_its_edge_are_filled_from_around(tmp_path, removed):
    guess, before, _ = removed(scene(tmp_path), inpaint=None)
    values, codes, _ = removed(scene(tmp_path))
    hole = codes == 4
    assert hole[before == 4].all() and (hole & (before == 2)).any()
    assert values[:, hole].mean() < guess[:, before == 4].mean() and values[:, hole].std() < 40


def test_outside_of_holes_nothing_is_other_than_without(tmp_path, removed):
    guess, before, _ = removed(scene(tmp_path), inpaint=None)
    values, codes, _ = removed(scene(tmp_path))
    assert (values[:, codes != 4] == guess[:, codes != 4]).all() and (codes[codes != 4] == before[codes != 4]).all()


def test_what_was_clear_stays_though_it_lies_beside_a_hole(tmp_path, removed):
    source = scene(tmp_path)
    values, codes, _ = removed(source, dataclasses.replace(SETTINGS, dilate=30))
    _, before, _ = removed(source, inpaint=None)
    assert (values == read(source))[:, before == 1].all() and (codes[before == 1] == 1).all()


def test_dilation_of_none_fills_opaque_cloud_alone(tmp_path, removed):
    _, before, _ = removed(scene(tmp_path), inpaint=None)
    _, codes, _ = removed(scene(tmp_path), dataclasses.replace(SETTINGS, dilate=0))
    np.testing.assert_array_equal(codes, before)


# No seams


@pytest.mark.parametrize(("dtype", "most"), [("uint8", 1), ("uint16", 2), ("float32", 1e-4)])
def test_holes_are_filled_alike_in_any_windows(tmp_path, removed, dtype, most):
    source = scene(tmp_path, dtype, 360, 420)
    whole, codes, _ = removed(source, dataclasses.replace(SETTINGS, window=4096))
    tiled, tiled_codes, _ = removed(source, dataclasses.replace(SETTINGS, window=40))
    same = codes == tiled_codes
    assert same.mean() > 0.999 and (codes == 4).sum() > 3000
    assert np.abs(tiled.astype(np.float64) - whole)[:, same].max() <= most


def test_a_frame_begins_on_both_grids_and_ends_where_the_scene_ends():
    frame = frame_around(Area(1000, 300, 10, 500), Grid(48, 96, 96), 1100, 5000)
    assert (frame.top % 192, frame.left, frame.bottom) == (0, 0, 1104) and frame.top <= 1000 - 96
    assert frame.right >= 800 + 96 and frame.right % 192 == 0


def test_a_frame_of_a_small_scene_is_as_large_as_the_model_needs():
    assert frame_around(Area(2, 2, 3, 3), Grid(8, 8, 64), 20, 30) == Area(0, 0, 64, 64)


# A run that was killed


class Stopped(KeyboardInterrupt):
    """Ctrl+C at a chosen place."""


def test_a_run_stopped_while_filling_goes_on_to_the_same_bytes(tmp_path, removed):
    source = scene(tmp_path)
    wanted, *_ = removed(source, name="unbroken.tif")
    (tmp_path / "p.tif").unlink()
    done: list[int] = []

    def advance(pixels: int, total: int) -> None:
        done.append(pixels)
        if sum(done) > 150 * 203:
            raise Stopped

    with pytest.raises(Stopped):
        removed(source, advance=advance, overwrite=False)
    assert len(list(partial_folder(tmp_path / "out.tif").glob("*.filled"))) >= 1
    found, *_ = removed(source, overwrite=False)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("other", [{"inpaint": None}, {"settings": dataclasses.replace(SETTINGS, dilate=1)}])
def test_an_unfinished_run_is_not_gone_on_with_by_another_way_to_fill(tmp_path, removed, other):
    def stop(pixels: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        removed(scene(tmp_path), advance=stop)
    with pytest.raises(OutputError, match="other settings"):
        removed(tmp_path / "in.tif", **({"overwrite": False} | other))


# What is said


def test_the_summary_says_how_large_the_largest_hole_is(tmp_path, removed):
    _, codes, summary = removed(scene(tmp_path))
    _, _, stats, _ = cv2.connectedComponentsWithStats((codes == 4).astype(np.uint8), connectivity=4)
    assert summary.holes.largest == stats[1:, cv2.CC_STAT_AREA].max()
    assert f"largest hole {summary.holes.largest} px" in summary.line() and "km²" in summary.line()


def test_the_area_of_a_hole_is_that_on_the_ground(tmp_path, removed):
    """Pixels of 10 m: the rotated grid has sides of the length of (9.56, 2.92)."""
    *_, summary = removed(scene(tmp_path))
    assert summary.square_kilometres == pytest.approx(summary.holes.largest * (9.56**2 + 2.92**2) / 1e6, rel=0.01)


def test_without_a_place_on_earth_there_is_no_area(tmp_path, removed):
    *_, summary = removed(scene(tmp_path, crs=None, transform=None))
    assert summary.square_kilometres is None and "km²" not in summary.line()


def test_what_is_deeper_than_the_model_learned_to_fill_is_flagged(tmp_path, removed, completer):
    *_, summary = removed(scene(tmp_path))
    assert summary.holes.too_deep > 0 and "farther than 10 px" in summary.line()
    patient = CompleterModel(dataclasses.replace(completer.card, deepest=500.0), completer._loaded)
    assert "farther" not in removed(scene(tmp_path), inpaint=patient)[2].line()


def test_the_provenance_names_the_model_that_generated(tmp_path, removed):
    removed(scene(tmp_path))
    with rasterio.open(tmp_path / "p.tif") as codes:
        assert "small/1" in codes.tags()["PROVENANCE_4"] and codes.tags()["DILATE"] == "3"


# Left without data


ABSTAIN = dataclasses.replace(SETTINGS, abstain=True)


def test_abstaining_leaves_what_would_be_generated_without_data(tmp_path, removed):
    source = scene(tmp_path, "uint16", nodata=0)
    _, generated, _ = removed(source)
    values, codes, summary = removed(source, ABSTAIN, inpaint=None)
    assert (values[:, generated == 4] == 0).all() and not (codes == 4).any()
    np.testing.assert_array_equal(codes == 0, generated == 4)
    assert "left without data under opaque cloud" in summary.line()


def test_abstaining_in_a_raster_of_fractions_leaves_no_number(tmp_path, removed):
    values, codes, _ = removed(scene(tmp_path, "float32"), ABSTAIN, inpaint=None)
    assert (codes == 0).any() and np.isnan(values[:, codes == 0]).all() and np.isfinite(values[:, codes != 0]).all()


def test_abstaining_makes_an_alpha_band_transparent(tmp_path, removed):
    four = np.concatenate([as_type(opaque(150, 203), "uint8"), np.full((1, 150, 203), 255, np.uint8)])
    source = write_raster(tmp_path / "in.tif", four, photometric="RGB", alpha="YES")
    values, codes, _ = removed(source, ABSTAIN, inpaint=None)
    assert (codes == 0).any() and ((values[3] == 0) == (codes == 0)).all()


def test_abstaining_gives_a_raster_without_nodata_a_mask(tmp_path, removed):
    _, codes, _ = removed(scene(tmp_path), ABSTAIN, inpaint=None)
    with rasterio.open(tmp_path / "out.tif") as result:
        assert result.nodata is None and ((result.read_masks(1) == 0) == (codes == 0)).all()


def test_abstaining_in_a_png_that_cannot_hold_it_is_refused(tmp_path, removed):
    source = scene(tmp_path, driver="PNG", crs=None, transform=None)
    with pytest.raises(OptionError, match="--abstain"):
        removed(source.rename(tmp_path / "in.png"), ABSTAIN, name="out.png", inpaint=None)


# Models


def test_a_model_that_fills_holes_is_no_model_to_take_clouds_off(completer_folder):
    with pytest.raises(ModelError, match="--model .* expected a model that takes clouds off pictures; .* fills holes"):
        read_card(completer_folder)


def test_a_model_that_takes_clouds_off_is_no_model_to_fill_holes(model_folder):
    with pytest.raises(ModelError, match="--inpaint-model .* expected a model that fills holes .* takes clouds off"):
        read_completer_card(model_folder)


@pytest.mark.parametrize("wrong", [{"deepest": 0}, {"deepest": "deep"}, {"halo": 3}, {"stride": 0}])
def test_a_card_whose_numbers_fit_nothing_is_refused(tmp_path, completer_folder, wrong):
    import json
    import shutil

    shutil.copytree(completer_folder, tmp_path / "1")
    card = json.loads((tmp_path / "1" / "model.json").read_text()) | wrong
    (tmp_path / "1" / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelError, match="is no model's card"):
        read_completer_card(tmp_path / "1")


def test_a_picture_in_memory_is_filled_as_remove_fills_it(completer):
    picture = np.random.default_rng(0).integers(80, 120, (90, 77, 3), dtype=np.uint8)
    hole = np.zeros((90, 77), bool)
    hole[30:50, 20:60] = True
    blended, alone = fill_picture(completer, picture, hole), fill_picture(completer, picture, hole, raw=True)
    assert (blended[~hole] == picture[~hole]).all() and (alone[~hole] == picture[~hole]).all()
    assert abs(blended[hole].mean() - 100) < 3 < alone[hole].mean() - 110


def test_the_bundled_model_leaves_no_lines_along_the_border_of_a_picture():
    """Its convolutions pad with zeros: what they answer near a border they can see is up to 25 digital numbers off."""
    bundled = CompleterModel.load(find(Path("inpaint"), "--inpaint-model"))
    ground = np.rint(255.0 * terrain(np.random.default_rng(0), 256)).astype(np.uint8)
    hole = np.zeros((256, 256), bool)
    hole[150:, :120] = True
    filled = fill_picture(bundled, ground, hole).astype(float)
    below, beside = filled[-20:, :100].mean(axis=(1, 2)), filled[150:250, :20].mean(axis=(0, 2))
    assert max(np.abs(np.diff(below)).max(), np.abs(np.diff(beside)).max()) < 4.0
