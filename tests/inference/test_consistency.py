"""A prediction put back under its cloud fits the input; what was never seen there shows, and the raster says where."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from cloud_removal.cli import main
from cloud_removal.cli.remove_folder import jobs
from cloud_removal.errors import OptionError
from cloud_removal.inference import targets
from cloud_removal.inference.assemble import Blocks
from cloud_removal.inference.blocks import Partial
from cloud_removal.inference.compose import KEPT, THIN, Piece, Thresholds
from cloud_removal.inference.consistency.score import HALO, THRESHOLD, judged
from cloud_removal.inference.consistency.veil import transmission
from cloud_removal.inference.consistency.whole import BANDS, SAMPLED, SQUARE, Check, Figure
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.reports import report
from cloud_removal.inference.scaling import Scaling
from cloud_removal.inference.scene import Task
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.summary import Summary
from cloud_removal.inference.targets import Targets
from cloud_removal.inference.windows import Area, Window
from tests.small_model import as_type, cloudy, read, write_raster

EIGHT_BIT = Scaling((0.0,) * 3, (255.0,) * 3, "8 bit")


def ground(height=96, width=96, seed=0):
    """Textured ground (H, W, 3)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    waves = 0.3 + 0.1 * np.sin(rows / 7) * np.cos(columns / 11) + rng.normal(0, 0.03, (height, width))
    return np.repeat(waves[..., None], 3, axis=2).astype(np.float32)


def under(picture, opacity, colour=0.7, noise=0.01):
    """The picture as it is seen through a veil, by a sensor with noise."""
    rng = np.random.default_rng(1)
    seen = picture * (1 - opacity) + colour * opacity + rng.normal(0, noise, picture.shape)
    return np.clip(seen, 0, 1).astype(np.float32)


EVERYWHERE = np.ones((96, 96), bool)


def test_a_thicker_veil_is_seen_to_let_less_through():
    means = [transmission(under(ground(), opacity)).mean() for opacity in (0.1, 0.4, 0.7)]
    assert means[0] > means[1] > means[2] and means[0] - means[2] > 0.15


def test_true_ground_fits_the_input():
    score = judged(under(ground(), 0.5), ground(), EVERYWHERE).score
    assert (np.abs(score) > THRESHOLD).mean() < 0.005


def test_a_prediction_that_is_too_bright_all_over_fits_the_input():
    seen = under(ground(), 0.5)
    np.testing.assert_allclose(judged(seen, ground() + 0.2, EVERYWHERE), judged(seen, ground(), EVERYWHERE), atol=1e-4)


def test_what_was_hardly_changed_fits_whatever_the_veil_is_thought_to_be():
    seen = under(ground(), 0.05, noise=0.0)
    assert np.abs(judged(seen, seen, EVERYWHERE, np.full((96, 96), 0.4, np.float32)).score).max() < 0.01


@pytest.mark.parametrize("contrast", [-0.15, 0.15])
def test_a_road_that_was_never_seen_stands_out_with_its_sign(contrast):
    predicted = ground()
    predicted[:, 40:43] += contrast
    residual, score = judged(under(ground(), 0.4), predicted, EVERYWHERE)
    road = score[:, 40:43] * np.sign(contrast)
    assert np.median(road) > THRESHOLD and (np.abs(score[:, 55:]) > THRESHOLD).mean() < 0.01
    assert np.sign(np.median(residual[:, 41])) == np.sign(contrast)


def test_what_is_not_to_be_judged_is_left_out_and_changes_nothing_beside_it():
    seen, where = under(ground(), 0.4), EVERYWHERE.copy()
    where[:, :30] = False
    generated = ground()
    generated[:, :30] = 0.9
    left_out = judged(seen, generated, where)
    assert np.isnan(left_out.score[:, :30]).all() and np.isfinite(left_out.score[:, 30:]).all()
    np.testing.assert_allclose(left_out.score[:, 30:], judged(seen, ground(), where).score[:, 30:], atol=1e-5)


class _Held:
    """A picture (3, H, W) in memory as a scene."""

    nodata = None

    def __init__(self, values):
        self.values, (self.height, self.width) = values, values.shape[1:]

    def read(self, area):
        values = self.values[:, area.top : area.bottom, area.left : area.right]
        return values, np.ones(values.shape, bool)


@pytest.fixture
def check(tmp_path):
    """A check of a scene in which thin cloud was removed, but for a corner."""

    def build(height, width):
        truth = ground(height, width)
        seen = np.rint(under(truth, 0.5) * 255).astype(np.uint8).transpose(2, 0, 1)
        codes = np.full((height, width), THIN, np.uint8)
        codes[:20, :20] = KEPT
        predicted = np.rint(truth * 255).astype(np.uint8).transpose(2, 0, 1)
        whole = Area(0, 0, height, width)
        window = Window(0, whole, whole)
        partial = Partial(tmp_path, "uint8", False)
        partial.save(window, Piece(predicted, codes, np.zeros((0, 0), np.float32)))
        task = Task(_Held(seen), None, EIGHT_BIT, Thresholds(0.05, 0.75))
        return Check(task, Blocks(partial, [window]))

    return build


@pytest.mark.parametrize(("height", "width"), [(64, 3 * HALO), (2 * HALO + 33, 61)])
def test_a_part_is_judged_as_within_the_whole(check, height, width):
    checked = check(height, width)
    part = Area(height - 50, width - 47, 50, 47)
    whole, alone = checked.part(Area(0, 0, height, width))[0], checked.part(part)[0]
    here = part.inside(Area(0, 0, height, width))
    for one, other in zip(whole, alone, strict=True):
        np.testing.assert_allclose(one[here], other, rtol=1e-4, atol=1e-4)


def test_the_smallest_scene_is_judged(check):
    assert check(8, 9).part(Area(0, 0, 8, 9))[0].score.shape == (8, 9)


def test_of_a_large_scene_squares_are_looked_at(check):
    found = check(24, SQUARE * (SAMPLED + 2)).figure()
    assert found.sampled and found.pixels == 24 * SQUARE * SAMPLED and "looked at" in found.line()


@pytest.fixture
def removed(tmp_path, model):
    """A scene without its clouds, and the residual beside it."""
    values = as_type(cloudy(90, 120), "uint16")
    values[:, :5] = 0
    source = write_raster(tmp_path / "in.tif", values, nodata=0)

    def run(**options):
        return remove(
            source, tmp_path / "out.tif", model, Settings(window=40), provenance=tmp_path / "p.tif",
            residual=tmp_path / "r.tif", overwrite=True, **options,
        )  # fmt: skip

    return run


def test_the_raster_lies_on_the_scenes_grid_and_says_what_it_holds(tmp_path, removed):
    removed()
    codes = read(tmp_path / "p.tif")[0]
    with rasterio.open(tmp_path / "r.tif") as raster, rasterio.open(tmp_path / "in.tif") as scene:
        assert raster.crs == scene.crs and raster.transform == scene.transform and raster.dtypes[0] == "float32"
        assert raster.tags()["CONSISTENCY_THRESHOLD"] == f"{THRESHOLD:g}" and "input's units" in raster.descriptions[0]
        values = raster.read()
    assert {KEPT, THIN, 0, 4} <= set(codes.ravel())
    assert (values[:, codes == KEPT] == 0).all() and np.isfinite(values[:, codes == THIN]).all()
    assert np.isnan(values[:, (codes != KEPT) & (codes != THIN)]).all()


def test_the_figure_is_that_of_the_raster(tmp_path, removed):
    summary = removed()
    codes, (residual, score) = read(tmp_path / "p.tif")[0], read(tmp_path / "r.tif")
    thin, found = codes == THIN, summary.consistency
    assert found.pixels == thin.sum() and found.inconsistent == (np.abs(score[thin]) > THRESHOLD).sum()
    assert found.residual == pytest.approx(np.abs(residual[thin]).mean(), rel=1e-4) and not found.sampled
    assert found.line() in summary.line() and found.residual > 10  # Of 16 bits.


def test_without_the_raster_the_figure_is_the_same(tmp_path, model, removed):
    found = removed().consistency
    alone = remove(tmp_path / "in.tif", tmp_path / "alone.tif", model, Settings(window=40))
    assert alone.consistency == found and not (tmp_path / "alone.r.tif").exists()


def test_as_a_cloud_optimised_raster_it_holds_the_same(tmp_path, removed):
    removed()
    plain = read(tmp_path / "r.tif")
    removed(cog=True)
    with rasterio.open(tmp_path / "r.tif") as raster:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert raster.descriptions == BANDS and "CONSISTENCY_METHOD" in raster.tags()
        np.testing.assert_array_equal(raster.read(), plain)


def test_the_command_writes_it_and_tells_of_it(tmp_path, model_folder, capsys):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(64, 64), "uint8"))
    wanted = ["--residual", str(tmp_path / "r.tif"), "--model", str(model_folder), "--no-inpaint", "--quiet"]
    assert main(["remove", str(source), str(tmp_path / "out.tif"), *wanted]) == 0
    assert "% of the thin cloud's pixels do not fit the input" in capsys.readouterr().out
    assert read(tmp_path / "r.tif").shape == (2, 64, 64)


def test_of_a_folder_residuals_are_rasters_of_the_same_names():
    wanted = Targets(Path("results"), residual=Path("residuals"))
    assert jobs([Path("a/b.png")], wanted, "a")[0][1].residual == Path("residuals/b.tif")


def test_a_run_that_was_stopped_gives_the_same_raster(tmp_path, removed):
    removed()
    before = (tmp_path / "r.tif").read_bytes()

    finished = []

    def stop(pixels, total):
        finished.append(pixels)
        if sum(finished) > total / 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        removed(advance=stop)
    assert (tmp_path / ".out.tif.partial").is_dir()
    removed()
    assert (tmp_path / "r.tif").read_bytes() == before


def test_where_no_thin_cloud_was_removed_there_is_no_figure(tmp_path, model):
    source = write_raster(tmp_path / "in.tif", np.full((3, 40, 40), 20, np.uint8))
    summary = remove(source, tmp_path / "out.tif", model, Settings(keep_below=1.0))
    assert summary.consistency is None and "fit the input" not in summary.line()


def test_a_png_is_refused_for_residuals(tmp_path):
    wanted = Targets(tmp_path / "out.tif", residual=tmp_path / "r.png")
    with pytest.raises(OptionError, match="no numbers below 0; name it .tif"):
        targets.check(wanted, tmp_path / "in.tif", overwrite=False)


def test_a_report_tells_of_it_and_warns_where_much_does_not_fit(tmp_path):
    few, many = (Summary(tmp_path, {THIN: 1000}, consistency=Figure(1000, n, 1.5, False)) for n in (1, 50))
    (section,) = report.consistency(few)
    assert ("mean residual", "1.5 (in the input's units)") in section.facts
    assert report.warnings(few) == [] and "5.0 %" in report.warnings(many)[0]
    assert report.consistency(Summary(tmp_path, {KEPT: 1000})) == []
