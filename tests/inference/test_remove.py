"""The scene contract: clear pixels identical, no seams, everything that came with the raster."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import rasterio.shutil
from PIL import Image, ImageCms
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp
from rasterio.transform import Affine

from cloud_removal.errors import OutputError
from cloud_removal.inference.model import Model
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from tests.small_model import as_type, cloudy, read, write_raster

DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "geotiff"
SMALL = Settings(window=64)


@pytest.fixture
def removed(tmp_path, model):
    """Removes the clouds of a raster; returns the result's path. The opacity lies in cloud.tif beside it."""

    def run(source: Path, name: str = "out.tif", settings: Settings = SMALL, **options):
        options = {"cloud": tmp_path / "cloud.tif", "overwrite": True} | options
        remove(source, tmp_path / name, model, settings, **options)
        return tmp_path / name

    return run


# (c) No seams


@pytest.mark.parametrize(("dtype", "most"), [("uint8", 1), ("uint16", 2), ("int16", 2), ("float32", 1e-4)])
@pytest.mark.parametrize("window", [16, 40, 128])
def test_tiled_equals_whole(tmp_path, removed, dtype, most, window):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(150, 203), dtype))
    whole = read(removed(source, "whole.tif", Settings(window=4096))).astype(np.float64)
    whole_cloud = read(tmp_path / "cloud.tif")
    tiled = read(removed(source, "tiled.tif", Settings(window=window))).astype(np.float64)
    far = np.abs(whole_cloud[0] - 0.05) > 1e-3
    assert np.abs(read(tmp_path / "cloud.tif") - whole_cloud).max() <= 1e-4
    assert np.abs(tiled - whole)[:, far].max() <= most


def test_with_too_small_a_halo_seams_would_show(tmp_path, model, model_folder):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(150, 203), "uint16"))
    short = Model(dataclasses.replace(model.card, grid=dataclasses.replace(model.card.grid, halo=0)), model._loaded)
    for name, window in (("whole", 4096), ("tiled", 40)):
        remove(source, tmp_path / f"{name}.tif", short, Settings(window=window))
    assert np.abs(read(tmp_path / "tiled.tif").astype(int) - read(tmp_path / "whole.tif")).max() > 2


def test_a_picture_within_one_window_is_seen_by_the_network_as_it_is(tmp_path, removed, model):
    picture = cloudy(48, 56)
    source = write_raster(tmp_path / "in.tif", as_type(picture, "uint8"))
    removed(source)
    image = (read(source) / np.float32(255)).transpose(1, 2, 0)[None].astype(np.float32)
    context = np.broadcast_to(model.context(image)[:, None, None], (1, 6, 7, 6))
    _, opacity = model.restore(image, np.ascontiguousarray(context))
    np.testing.assert_allclose(read(tmp_path / "cloud.tif"), opacity, atol=1e-6)


def test_the_default_window_takes_a_small_picture_whole(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(64, 64), "uint8"))
    assert read(removed(source, "a.tif", Settings())).tobytes() == read(removed(source, "b.tif")).tobytes()


# (a) Clear pixels are bit-identical


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "float64"])
def test_pixels_of_low_opacity_are_bit_identical(tmp_path, removed, dtype):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(90, 120), dtype))
    result, before, cloud = read(removed(source)), read(source), read(tmp_path / "cloud.tif")[0]
    clear = cloud < 0.05
    assert result[:, clear].tobytes() == before[:, clear].tobytes()
    assert clear.mean() > 0.2


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_cloudy_pixels_change(tmp_path, removed, dtype):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(90, 120), dtype))
    result, before, cloud = read(removed(source)), read(source), read(tmp_path / "cloud.tif")[0]
    assert (result != before).any(axis=0)[cloud > 0.3].mean() > 0.9


def test_a_threshold_of_the_user_keeps_more(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(90, 120), "uint8"))
    result, before = read(removed(source, settings=Settings(keep_below=1.0))), read(source)
    assert result.tobytes() == before.tobytes()


def test_provenance_says_of_every_pixel_whether_it_was_kept(tmp_path, removed):
    values = as_type(cloudy(90, 120), "uint16")
    values[:, :5] = 0
    source = write_raster(tmp_path / "in.tif", values, nodata=0)
    result = read(removed(source, provenance=tmp_path / "p.tif"))
    codes, cloud = read(tmp_path / "p.tif")[0], read(tmp_path / "cloud.tif")[0]
    changed = (result != values).any(axis=0)
    assert set(np.unique(codes)) == {0, 1, 2, 4}
    assert (codes[:5] == 0).all() and not changed[codes <= 1].any()
    assert ((codes == 4) == (np.nan_to_num(cloud) >= 0.75)).all()


def test_the_provenance_raster_tells_its_codes_and_thresholds(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(32, 32), "uint8"))
    removed(source, provenance=tmp_path / "p.tif")
    with rasterio.open(tmp_path / "p.tif") as codes:
        assert codes.nodata == 0 and codes.crs == "EPSG:32631"
        assert codes.tags()["KEEP_BELOW"] == "0.05" and "kept" in codes.tags()["PROVENANCE_1"]


# (b) Everything that came with the raster


def same(source: Path, result: Path, *names: str) -> None:
    with rasterio.open(source) as before, rasterio.open(result) as after:
        for name in names:
            assert getattr(after, name) == getattr(before, name), name


def test_the_georeference_comes_through_rotated_too(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(40, 50), "uint8"))
    result = removed(source)
    same(source, result, "crs", "transform", "shape", "dtypes")
    same(source, tmp_path / "cloud.tif", "crs", "transform", "shape")


def test_ground_control_points_come_through(tmp_path, removed):
    points = [GroundControlPoint(r, c, 3 + c / 100, 48 - r / 100) for r, c in ((0, 0), (0, 49), (39, 0))]
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(40, 50), "uint8"), transform=None, crs=None)
    with rasterio.open(source, "r+") as target:
        target.gcps = (points, "EPSG:4326")
    with rasterio.open(removed(source)) as result:
        assert [(p.row, p.col, p.x, p.y) for p in result.gcps[0]] == [(p.row, p.col, p.x, p.y) for p in points]
        assert result.gcps[1] == "EPSG:4326"


def test_tags_names_units_scales_and_offsets_come_through(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(40, 50), "uint16"), nodata=7)
    with rasterio.open(source, "r+") as target:
        target.update_tags(ACQUIRED="2024-05-01", AREA_OR_POINT="Point")
        target.update_tags(ns="MINE", orbit="12")
        target.update_tags(2, wavelength="560")
        target.descriptions = ("red", "green", "blue")
        target.units = ("1", "1", "1")
        target.scales, target.offsets = (4e-5,) * 3, (-0.1,) * 3
    result = removed(source)
    same(source, result, "descriptions", "units", "scales", "offsets", "nodata")
    with rasterio.open(source) as before, rasterio.open(result) as after:
        assert after.tags() == before.tags()
        assert after.tags(ns="MINE") == {"orbit": "12"}
        assert after.tags(2)["wavelength"] == "560"


@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_the_colour_profile_comes_through(tmp_path, removed, suffix):
    source = tmp_path / f"in.{suffix}"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = as_type(cloudy(40, 50), "uint8").transpose(1, 2, 0)
    Image.fromarray(np.ascontiguousarray(picture)).save(source, icc_profile=profile)
    with Image.open(removed(source, f"out.{suffix}")) as result:
        assert result.info["icc_profile"] == profile


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.mark.parametrize("profile", [b"no profile at all " * 20, PROFILE[:16] + b"CMYK" + PROFILE[20:]])
def test_a_colour_profile_that_no_png_can_hold_is_left_out_and_that_is_said(tmp_path, removed, profile):
    picture = np.ascontiguousarray(as_type(cloudy(40, 50), "uint8").transpose(1, 2, 0))
    Image.fromarray(picture).save(tmp_path / "in.tif", icc_profile=profile)
    said: list[str] = []
    with Image.open(removed(tmp_path / "in.tif", "out.png", say=said.append)) as result:
        assert "icc_profile" not in result.info and result.size == (50, 40)
    assert any(line.startswith("in.tif: its colour profile is left out") for line in said)


def test_a_colour_profile_that_no_png_can_hold_stays_in_a_tiff(tmp_path, removed):
    picture = np.ascontiguousarray(as_type(cloudy(40, 50), "uint8").transpose(1, 2, 0))
    Image.fromarray(picture).save(tmp_path / "in.tif", icc_profile=b"no profile at all")
    said: list[str] = []
    with Image.open(removed(tmp_path / "in.tif", say=said.append)) as result:
        assert result.info["icc_profile"] == b"no profile at all" and not said


def test_a_png_that_gdal_cannot_write_is_said_and_nothing_is_left(tmp_path, removed, monkeypatch):
    picture = np.ascontiguousarray(as_type(cloudy(40, 50), "uint8").transpose(1, 2, 0))
    Image.fromarray(picture).save(tmp_path / "in.png")
    copy = rasterio.shutil.copy
    nowhere = str(tmp_path / "no folder" / "out.png")
    monkeypatch.setattr(rasterio.shutil, "copy", lambda tiff, file, **options: copy(tiff, nowhere, **options))
    with pytest.raises(OutputError, match=r"out\.png could not be written whole \(Unable to create png file"):
        removed(tmp_path / "in.png", "out.png", cloud=None)
    assert [p.name for p in tmp_path.iterdir()] == ["in.png"]


COLOURS = [
    (ColorInterp.red, ColorInterp.green, ColorInterp.blue),
    (ColorInterp.gray, ColorInterp.undefined, ColorInterp.undefined),
    (ColorInterp.blue, ColorInterp.green, ColorInterp.red),
]


@pytest.mark.parametrize("colours", COLOURS, ids=lambda colours: colours[0].name)
def test_colour_interpretation_comes_through(tmp_path, removed, colours):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(40, 50), "uint8"))
    with rasterio.open(source, "r+") as target:
        target.colorinterp = colours
    same(source, removed(source), "colorinterp")
    assert not list(tmp_path.glob("out.tif.*"))


def test_nodata_stays_nodata_and_its_opacity_is_not_a_number(tmp_path, removed):
    values = as_type(cloudy(60, 70), "uint16")
    values[:, 20:40, :30] = 0
    source = write_raster(tmp_path / "in.tif", values, nodata=0)
    result = read(removed(source))
    hole = np.zeros((60, 70), bool)
    hole[20:40, :30] = True
    assert (result[:, hole] == 0).all() and (result[:, ~hole] != 0).all()
    assert (np.isnan(read(tmp_path / "cloud.tif")[0]) == hole).all()


def test_windows_without_data_are_not_put_through_the_network(tmp_path, model):
    class Counting(Model):
        pictures = 0

        def restore(self, images, context=None):
            self.pictures += len(images)
            return super().restore(images, context)

    values = np.zeros((3, 128, 128), np.uint8)
    values[:, :16, :16] = 90
    counting = Counting(model.card, model._loaded)
    source = write_raster(tmp_path / "in.tif", values, nodata=0)
    remove(source, tmp_path / "out.tif", counting, Settings(window=16))
    assert counting.pictures == 1


def test_what_lies_in_nodata_does_not_matter(tmp_path, removed):
    results = []
    for fill in (0, 65535):
        values = as_type(cloudy(60, 70), "uint16")
        values[:, 20:40, :30] = fill
        source = write_raster(tmp_path / f"{fill}.tif", values, nodata=fill)
        result = read(removed(source))
        result[:, 20:40, :30] = 0
        results.append(result)
    np.testing.assert_array_equal(*results)


def test_pixels_that_are_not_a_number_stay_so(tmp_path, removed):
    values = as_type(cloudy(60, 70), "float32")
    values[1, 5:9, 5:9] = np.nan
    values[2, 30, 30] = np.inf
    source = write_raster(tmp_path / "in.tif", values)
    result = read(removed(source))
    missing = ~np.isfinite(values).all(axis=0)
    assert result[:, missing].tobytes() == values[:, missing].tobytes()
    assert np.isfinite(result[:, ~missing]).all()


def test_transparency_comes_through_and_hides_what_lies_under_it(tmp_path, removed):
    values = np.concatenate([as_type(cloudy(60, 70), "uint8"), np.full((1, 60, 70), 255, np.uint8)])
    values[3, :, :20] = 0
    source = write_raster(tmp_path / "in.tif", values, photometric="RGB", alpha="YES")
    result = removed(source)
    same(source, result, "colorinterp", "count")
    assert (read(result)[3] == values[3]).all()
    assert (read(result)[:, :, :20] == values[:, :, :20]).all()


def test_an_internal_mask_comes_through_and_hides_what_lies_under_it(tmp_path, removed):
    values = as_type(cloudy(60, 70), "uint8")
    mask = np.full((60, 70), 255, np.uint8)
    mask[:, :20] = 0
    source = write_raster(tmp_path / "in.tif", values)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(source, "r+") as target:
        target.write_mask(mask)
    result = removed(source)
    same(source, result, "mask_flag_enums")
    with rasterio.open(result) as after:
        assert (after.read_masks(1) == mask).all()
    assert (read(result)[:, :, :20] == values[:, :, :20]).all()
    assert not list(tmp_path.glob("*.msk"))


def test_further_bands_pass_through_and_that_is_said(tmp_path, removed):
    values = np.concatenate([as_type(cloudy(60, 70), "uint16"), as_type(cloudy(60, 70, 1), "uint16")])
    source = write_raster(tmp_path / "in.tif", values)
    said: list[str] = []
    result = read(removed(source, settings=Settings(bands=(6, 2, 1), window=64), say=said.append))
    assert (result[2:5] == values[2:5]).all()
    assert all((result[band] != values[band]).any() for band in (0, 1, 5))
    assert any("bands 3,4,5 pass through unchanged" in line for line in said)


def test_one_further_band_passes_through_in_the_singular(tmp_path, removed):
    values = as_type(np.concatenate([cloudy(40, 50), cloudy(40, 50)[:1]]), "uint16")
    said: list[str] = []
    removed(write_raster(tmp_path / "in.tif", values), say=said.append)
    assert "in.tif: band 4 passes through unchanged" in said


def test_statistics_of_pixels_that_changed_are_left_behind(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(np.concatenate([cloudy(40, 50)] * 2)[:4], "uint16"))
    with rasterio.open(source, "r+") as target:
        for band in (1, 4):
            target.update_tags(band, STATISTICS_MAXIMUM="30000", wavelength="665")
    with rasterio.open(removed(source)) as after:
        assert after.tags(1) == {"wavelength": "665"}
        assert after.tags(4) == {"STATISTICS_MAXIMUM": "30000", "wavelength": "665"}


def test_the_order_of_the_bands_is_that_of_the_user(tmp_path, removed):
    values = as_type(cloudy(60, 70), "uint8")
    straight = read(removed(write_raster(tmp_path / "rgb.tif", values)))
    turned = read(
        removed(write_raster(tmp_path / "bgr.tif", values[::-1]), settings=Settings(bands=(3, 2, 1), window=64))
    )
    np.testing.assert_array_equal(turned[::-1], straight)


def test_bands_called_blue_green_red_are_remarked_on(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(32, 32), "uint8"))
    with rasterio.open(source, "r+") as target:
        target.descriptions = ("blue", "green", "red")
    said: list[str] = []
    removed(source, say=said.append)
    assert any("blue, green, red" in line and "--bands" in line for line in said)


def test_a_jpeg_compressed_tiff_becomes_deflate_and_that_is_said(tmp_path, removed):
    source = write_raster(
        tmp_path / "in.tif", as_type(cloudy(64, 64), "uint8"), compress="jpeg", photometric="YCBCR",
    )  # fmt: skip
    said: list[str] = []
    result = removed(source, say=said.append)
    clear = read(tmp_path / "cloud.tif")[0] < 0.05
    with rasterio.open(result) as after:
        assert after.compression.name == "deflate"
    assert (read(result)[:, clear] == read(source)[:, clear]).all()
    assert any("JPEG-compressed" in line for line in said)


def test_the_result_is_tiled(tmp_path, removed):
    with rasterio.open(removed(write_raster(tmp_path / "in.tif", as_type(cloudy(600, 40), "uint8")))) as after:
        assert after.block_shapes[0] == (512, 512) and after.profile["tiled"]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_in_png_out(tmp_path, removed, dtype):
    values = as_type(cloudy(60, 70), dtype)
    source = write_raster(tmp_path / "in.png", values, driver="PNG", crs=None, transform=None)
    result = removed(source, "out.png")
    clear = read(tmp_path / "cloud.tif")[0] < 0.05
    after = cv2.imread(str(result), cv2.IMREAD_UNCHANGED)[..., ::-1].transpose(2, 0, 1)
    assert after.dtype == np.dtype(dtype)
    assert (after[:, clear] == values[:, clear]).all() and (after != values).any()


def test_jpeg_in_png_out(tmp_path, removed):
    values = np.ascontiguousarray(as_type(cloudy(60, 70), "uint8").transpose(1, 2, 0))
    cv2.imwrite(str(tmp_path / "in.jpg"), values)
    result = removed(tmp_path / "in.jpg", "out.png")
    clear = read(tmp_path / "cloud.tif")[0] < 0.05
    assert (read(result)[:, clear] == read(tmp_path / "in.jpg")[:, clear]).all()


def test_opacity_as_png_is_rounded_to_255_steps(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(60, 70), "uint8"))
    removed(source, cloud=tmp_path / "cloud.png")
    removed(source, cloud=tmp_path / "cloud.tif")
    np.testing.assert_array_equal(read(tmp_path / "cloud.png"), np.rint(255 * read(tmp_path / "cloud.tif")))


def test_the_report_shows_before_cloud_and_after_side_by_side(tmp_path, removed):
    values = np.full((3, 64, 64), 40, np.uint8)
    values[0] = 230  # Red before; the small model takes nothing of it for cloud.
    source = write_raster(tmp_path / "in.tif", values)
    removed(source, report=tmp_path / "report.png", settings=Settings(keep_below=1.0))
    picture = cv2.imread(str(tmp_path / "report.png"))[..., ::-1]
    red = (picture == (230, 40, 40)).all(axis=-1)
    assert picture.shape[1] > 2.5 * picture.shape[0] and picture.shape[1] >= 1500
    assert red[:, : picture.shape[1] // 3].mean() > 0.5 and red[:, -picture.shape[1] // 3 :].mean() > 0.5


# Real rasters of many kinds


@pytest.mark.skipif(not DATA.is_dir(), reason="the rasters of ../shared/data/geotiff are not on this machine")
@pytest.mark.parametrize(
    "name",
    [
        "aerial_uint8_alpha",
        "aerial_uint8_internal_mask",
        "fields_int16_albers_nodata",
        "goes_full_disk_uint8",
        "l8_cumulus_float32_nan",
        "l8_quebec_uint16_collar",
        "l8_quebec_uint16_lonlat",
        "s2_cloud_int16_nocrs",
        "worldview_town_float64_4band",
    ],
)
def test_real_rasters_keep_what_came_with_them(tmp_path, removed, name):
    source = DATA / f"{name}.tif"
    result = removed(source, settings=Settings(window=128))
    same(
        source, result, "crs", "transform", "dtypes", "descriptions", "colorinterp", "scales", "offsets",
        "mask_flag_enums", "count",
    )  # fmt: skip
    with rasterio.open(source) as before, rasterio.open(result) as after:
        assert after.tags() == before.tags() and str(after.nodata) == str(before.nodata)
        assert (after.read_masks() == before.read_masks()).all()
    cloud = read(tmp_path / "cloud.tif")[0]
    untouched = ~(cloud >= 0.05)
    assert read(result)[:, untouched].tobytes() == read(source)[:, untouched].tobytes()


def test_identity_transforms_come_through_as_none(tmp_path, removed):
    source = write_raster(tmp_path / "in.tif", as_type(cloudy(32, 32), "uint8"), crs=None, transform=None)
    with rasterio.open(removed(source)) as after:
        assert after.transform == Affine.identity() and after.crs is None
