"""Error bars of a scene: what the raster says where, and what is left without data for its uncertainty."""

import dataclasses
import json

import numpy as np
import pytest
import rasterio

from cloud_removal.errors import ModelError, OptionError, OutputError
from cloud_removal.inference.holes.completer import CompleterModel
from cloud_removal.inference.model import Card, Model
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.uncertainty.calibration import Calibration, Classes
from tests.inference.test_resume import Stopped
from tests.small_completer import opaque
from tests.small_model import as_type, read, write_raster

THIN = (0.02, 0.03, 0.04, 0.05, 0.06)
GUESSED, GENERATED = 0.3, 0.2
SECTION = {
    "coverage": 0.9,
    "least": 0.4,
    "opacity": [0.15, 0.3, 0.45, 0.6, 0.75],
    "classes": [{"factor": factor} for factor in (*THIN, GUESSED, GENERATED)],
    "generator": {"title": "none", "content": "none"},
}
SCALE = 30000.0
SETTINGS = Settings(window=32, scale=SCALE, dilate=0)


def with_bars(model: Model, **changes) -> Model:
    """The model with error bars in its card."""
    values = model.card.values | {"uncertainty": SECTION | changes}
    return Model(dataclasses.replace(model.card, values=values), model._loaded)


@pytest.fixture
def calibrated(model):
    return with_bars(model)


@pytest.fixture
def scene(tmp_path):
    values = as_type(opaque(64, 80), "uint16")
    values[:, :10, :10] = 0
    return write_raster(tmp_path / "in.tif", values, nodata=0)


@pytest.fixture
def removed(tmp_path, scene, calibrated):
    """Result, provenance, opacity, half-widths and the summary."""

    def run(settings=SETTINGS, model=calibrated, **options):
        files = {"cloud": "c.tif", "provenance": "p.tif", "uncertainty": "u.tif"}
        beside = {option: tmp_path / name for option, name in files.items()}
        summary = remove(scene, tmp_path / "out.tif", model, settings, overwrite=True, **beside, **options)
        one_band = [read(file)[0] for file in (beside["provenance"], beside["cloud"], beside["uncertainty"])]
        return read(tmp_path / "out.tif"), *one_band, summary

    return run


def test_half_widths_are_those_of_the_class_in_the_units_of_the_raster(removed):
    _, codes, opacity, widths, _ = removed()
    assert (codes == 0).any() and np.isnan(widths[codes == 0]).all()
    assert (codes == 1).any() and (widths[codes == 1] == 0).all()
    for factor, low, high in zip(THIN, (0, 0.15, 0.3, 0.45, 0.6), (0.15, 0.3, 0.45, 0.6, 0.75), strict=True):
        here = (codes == 2) & (opacity >= low) & (opacity < high)
        expected = SCALE * factor * (0.4 + opacity[here])
        assert here.any()
        np.testing.assert_allclose(widths[here], expected, rtol=1e-4)
    np.testing.assert_allclose(widths[codes == 4], SCALE * GUESSED, rtol=1e-6)


def test_the_raster_lies_on_the_grid_of_the_scene_and_says_what_it_is(removed, scene, tmp_path):
    removed()
    with rasterio.open(scene) as one, rasterio.open(tmp_path / "u.tif") as two:
        assert (one.crs, one.transform, one.shape) == (two.crs, two.transform, two.shape)
        assert two.dtypes == ("float32",) and np.isnan(two.nodata)
        assert "90 %" in two.tags()["UNCERTAINTY"] and "90 %" in two.descriptions[0]


def test_results_with_error_bars_are_those_without(removed, scene, tmp_path, calibrated):
    values, *_ = removed()
    remove(scene, tmp_path / "plain.tif", calibrated, SETTINGS)
    np.testing.assert_array_equal(values, read(tmp_path / "plain.tif"))


def test_what_is_more_uncertain_than_the_threshold_is_left_without_data(removed):
    before, codes, _, widths, _ = removed()
    threshold = float(np.median(widths[codes == 2]))
    values, left, _, shown, summary = removed(dataclasses.replace(SETTINGS, abstain_above=threshold))
    doubtful = widths > threshold
    assert (doubtful & (codes == 2)).any() and (doubtful & (codes == 4)).any()
    np.testing.assert_array_equal(left, np.where(doubtful, 0, codes))
    assert (values[:, doubtful] == 0).all() and np.isnan(shown[doubtful]).all()
    np.testing.assert_array_equal(values[:, ~doubtful], before[:, ~doubtful])
    assert summary.doubtful == doubtful.sum()
    assert f"{100 * doubtful.sum() / (codes > 0).sum():.1f} % left without data for their uncertainty" in summary.line()


def test_the_provenance_says_above_which_uncertainty_pixels_were_left(removed, tmp_path):
    removed(dataclasses.replace(SETTINGS, abstain_above=1000.0))
    with rasterio.open(tmp_path / "p.tif") as codes:
        assert codes.tags()["ABSTAIN_ABOVE"] == "1000" and "above 1000" in codes.tags()["PROVENANCE_0"]


def test_both_ways_to_abstain_leave_opaque_cloud_and_what_is_uncertain(removed):
    _, codes, _, widths, _ = removed()
    threshold = float(np.median(widths[codes == 2]))
    _, codes, _, shown, summary = removed(dataclasses.replace(SETTINGS, abstain=True, abstain_above=threshold))
    assert summary.left > 0 and summary.doubtful > 0 and not (codes == 4).any() and np.nanmax(shown) <= threshold


def test_what_another_model_generated_than_was_measured_is_not_known_and_left(removed, completer_folder):
    completer, notes = CompleterModel.load(completer_folder), []
    _, codes, _, widths, _ = removed(inpaint=completer, say=notes.append)
    assert np.isnan(widths[codes == 4]).all() and (codes == 4).any() and any("not known" in note for note in notes)
    _, codes, _, _, summary = removed(dataclasses.replace(SETTINGS, abstain_above=1e9), inpaint=completer)
    assert not (codes == 4).any() and "NaN" not in summary.line() and summary.too_deep <= 1.0


def test_what_the_measured_model_generated_has_the_half_width_of_its_class(removed, model, completer_folder):
    completer = CompleterModel.load(completer_folder)
    measured = with_bars(model, generator={"title": "small", "content": completer.card.fingerprint})
    _, codes, _, widths, _ = removed(model=measured, inpaint=completer)
    np.testing.assert_allclose(widths[codes == 4], SCALE * GENERATED, rtol=1e-6)


def test_of_pixels_from_another_date_nothing_is_known_and_they_stay(reference, other, tmp_path, calibrated):
    files = {"provenance": tmp_path / "p.tif", "uncertainty": tmp_path / "u.tif"}
    settings = Settings(window=32, abstain_above=1e-6)
    remove(reference, tmp_path / "out.tif", calibrated, settings, other_dates=[other], **files)
    codes, widths = (read(file)[0] for file in files.values())
    assert (codes == 3).any() and np.isnan(widths[codes == 3]).all() and set(np.unique(codes)) == {0, 1, 3}


def test_an_interrupted_run_goes_on_to_the_same_bytes(scene, tmp_path, calibrated):
    settings = dataclasses.replace(SETTINGS, abstain_above=2000.0)

    def run(place, **options):
        place.mkdir(exist_ok=True)
        remove(scene, place / "out.tif", calibrated, settings, uncertainty=place / "u.tif", **options)

    done = []

    def stop(pixels, total):
        done.append(pixels)
        if sum(done) > 64 * 80 + 2000:  # In the midst of what leaves pixels without data.
            raise Stopped

    with pytest.raises(Stopped):
        run(tmp_path / "a", advance=stop)
    assert not (tmp_path / "a" / "u.tif").exists()
    run(tmp_path / "a")
    run(tmp_path / "b")
    for name in ("out.tif", "u.tif"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_run_with_another_calibration_is_not_gone_on_with(scene, tmp_path, model, calibrated):
    def stop(done, total):
        raise Stopped

    with pytest.raises(Stopped):
        remove(scene, tmp_path / "out.tif", calibrated, SETTINGS, uncertainty=tmp_path / "u.tif", advance=stop)
    with pytest.raises(OutputError, match="other settings"):
        remove(scene, tmp_path / "out.tif", with_bars(model, least=0.5), SETTINGS, uncertainty=tmp_path / "u.tif")


def test_a_png_has_its_error_bars_as_a_tiff(tmp_path, calibrated):
    source = write_raster(tmp_path / "in.png", as_type(opaque(40, 50), "uint8"), driver="PNG", crs=None, transform=None)
    remove(source, tmp_path / "out.png", calibrated, uncertainty=tmp_path / "u.tif")
    assert 0 < np.nanmax(read(tmp_path / "u.tif")) <= 255
    with pytest.raises(OptionError, match="--uncertainty"):
        remove(source, tmp_path / "other.png", calibrated, uncertainty=tmp_path / "u.png")
    with pytest.raises(OptionError, match="--abstain 9"):
        remove(source, tmp_path / "other.png", calibrated, Settings(abstain_above=9.0))


@pytest.mark.parametrize("wish", [{"uncertainty": True}, {"settings": Settings(abstain_above=9.0)}])
def test_a_model_without_error_bars_is_refused_with_the_command_that_measures_them(scene, tmp_path, model, wish):
    if "uncertainty" in wish:
        wish = {"uncertainty": tmp_path / "u.tif"}
    with pytest.raises(ModelError, match=f"calibrate {model.card.folder} --ground"):
        remove(scene, tmp_path / "out.tif", model, **wish)
    assert [file.name for file in tmp_path.iterdir()] == ["in.tif"]


def test_of_a_model_on_a_server_is_said_where_to_measure_them(scene, tmp_path, model):
    away = Model(dataclasses.replace(model.card, content="elsewhere"), model._loaded)
    with pytest.raises(ModelError, match="on the server"):
        remove(scene, tmp_path / "out.tif", away, uncertainty=tmp_path / "u.tif")


@pytest.mark.parametrize(
    "damage",
    [
        {"classes": []},
        {"opacity": [0.5, 0.3]},
        {"coverage": 90},
        {"least": -1.0},
        {"classes": [{"factor": -0.1}] * 7},
        {"generator": 3},
    ],
)
def test_a_damaged_section_of_a_card_is_refused(model, damage):
    with pytest.raises(ModelError, match="Calibrate it again"):
        Calibration.of(with_bars(model, **damage).card)


@pytest.mark.parametrize("above", [0.0, -1.0, float("nan")])
def test_a_threshold_that_cannot_be_meant_is_refused(scene, tmp_path, calibrated, above):
    with pytest.raises(OptionError, match="--abstain"):
        remove(scene, tmp_path / "out.tif", calibrated, Settings(abstain_above=above))


def test_classes_lie_within_the_thresholds_of_the_model(model):
    card = dataclasses.replace(model.card, keep_below=0.2, opaque_above=0.5)
    assert Classes.of(card).upto == (0.3, 0.45, 0.5)


def test_a_class_that_was_seen_too_rarely_is_not_known(model):
    unknown = json.loads(json.dumps(SECTION))
    unknown["classes"][1]["factor"] = None
    card: Card = with_bars(model, **unknown).card
    codes, opacity = np.full((1, 2), 2, np.uint8), np.array([[0.2, 0.4]], np.float32)
    assert np.isnan(Calibration.of(card).width(codes, opacity, False)).tolist() == [[True, False]]
