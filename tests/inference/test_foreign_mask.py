"""Masks of other programs on the scene's grid: widened, warped, refused."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from cloud_removal.errors import InputError, OptionError
from cloud_removal.inference.compose import Thresholds
from cloud_removal.inference.masks.foreign import Mask
from cloud_removal.inference.masks.kinds import CLEAR, CLOUD, FILL, SHADOW, THIN, UNCOVERED
from cloud_removal.inference.raster import open_scene, quiet_gdal
from cloud_removal.inference.windows import Area
from tests.small_model import ROTATED, write_raster

SIDE = 40
WHOLE = Area(0, 0, SIDE, SIDE)
LIMITS = Thresholds(0.05, 0.75)
NORTH_UP = Affine(10, 0, 500000, 0, -10, 4100000)
DATA = Path(__file__).parents[2] / ".." / "shared" / "data" / "geotiff"
FREE = {"crs": None, "transform": None}


@pytest.fixture
def opened(tmp_path):
    """Opens a mask of given values over a scene of 40 x 40 px."""
    with contextlib.ExitStack() as stack:

        def open_mask(values, kind, grid=None, scene=None, **options):
            values = np.asarray(values)
            scene = {"transform": NORTH_UP} | (scene or {})
            source = write_raster(tmp_path / "scene.tif", np.full((3, SIDE, SIDE), 90, np.uint8), **scene)
            file = write_raster(tmp_path / "mask.tif", values[None], **(scene | (grid or {})))
            stack.enter_context(quiet_gdal())
            place = stack.enter_context(open_scene(source))
            return stack.enter_context(Mask(file, kind, **options).opened(place))

        yield open_mask


def codes(dtype="uint8"):
    return np.zeros((SIDE, SIDE), dtype)


def test_cloud_is_opaque_and_thin_cloud_is_restored_but_not_opaque(opened):
    values = codes()
    values[1, 1:4] = [1, 2, 3]
    mask = opened(values, "omnicloudmask")
    floor = mask.floor(WHOLE, LIMITS)[1, :5]
    np.testing.assert_allclose(floor, [0, 1, 0.15, 0, 0])
    assert mask.shadow(WHOLE).sum() == 1 and mask.shadow(WHOLE)[1, 3]


def test_cloud_can_be_taken_for_thin(opened):
    values = codes()
    values[1, 1] = 4
    mask = opened(values, "fmask", cloud_is_thin=True)
    np.testing.assert_allclose(mask.floor(WHOLE, LIMITS)[1, 1], 0.15)


def test_thin_cloud_never_counts_as_opaque_whatever_the_thresholds(opened):
    values = codes()
    values[1, 1] = 2
    floor = opened(values, "omnicloudmask").floor(WHOLE, Thresholds(0.05, 0.1))[1, 1]
    assert 0.05 < floor < 0.1


def test_fill_is_empty_and_is_not_widened(opened):
    values = codes()
    values[5, 5], values[20, 20] = 255, 4
    mask = opened(values, "fmask", dilate="3")
    assert mask.empty(WHOLE).sum() == 1 and mask.empty(WHOLE)[5, 5]
    assert (mask.classes(WHOLE) == FILL).sum() == 1


def test_a_mask_is_widened_by_a_disc_of_pixels(opened):
    values = codes()
    values[20, 20] = 1
    rows, columns = np.nonzero(opened(values, "binary", dilate="3").floor(WHOLE, LIMITS))
    expected = [(y, x) for y in range(SIDE) for x in range(SIDE) if (y - 20) ** 2 + (x - 20) ** 2 <= 9]
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == expected


def test_metres_are_pixels_of_the_scene_whatever_their_shape(opened):
    values = codes()
    values[20, 20] = 1
    oblong = {"transform": Affine(5, 0, 500000, 0, -10, 4100000)}
    floor = opened(values, "binary", scene=oblong, dilate="30m").floor(WHOLE, LIMITS)
    assert floor[:, 20].sum() == 7 and floor[20].sum() == 13


def test_metres_are_measured_on_the_ground_where_the_scene_is_in_degrees(opened):
    values = codes()
    values[20, 20] = 1
    degrees = {"crs": "EPSG:4326", "transform": Affine(1e-4, 0, 10.0, 0, -1e-4, 60.0)}
    floor = opened(values, "binary", scene=degrees, dilate="34m").floor(WHOLE, LIMITS)
    assert floor[:, 20].sum() == 7 and floor[20].sum() == 13  # A degree of longitude is half as long at 60 degrees.


def test_where_clouds_widen_over_shadow_it_is_cloud(opened):
    values = codes()
    values[10, 10], values[10, 12] = 1, 3
    assert opened(values, "omnicloudmask", dilate="2").classes(WHOLE)[10, 10:15].tolist() == [
        CLOUD, CLOUD, CLOUD, SHADOW, SHADOW
    ]  # fmt: skip


def test_read_in_pieces_it_is_what_it_is_read_whole(opened):
    values = np.random.default_rng(5).choice(4, (SIDE, SIDE), p=[0.96, 0.02, 0.01, 0.01]).astype(np.uint8)
    coarse = {"transform": Affine(13, 3, 499980, 3, -13, 4100030)}
    mask = opened(values, "omnicloudmask", grid=coarse, scene={"transform": ROTATED}, dilate="2.5")
    whole = mask.classes(WHOLE)
    assert len(np.unique(whole)) == 4
    for top, left, height, width in ((0, 0, 7, 40), (7, 3, 20, 11), (33, 30, 7, 10)):
        area = Area(top, left, height, width)
        np.testing.assert_array_equal(mask.classes(area), whole[area.inside(WHOLE)])


def test_a_coarser_mask_of_another_place_is_warped_and_covers_what_it_covers(opened):
    values = np.array([[8, 4], [10, 0]], np.uint8)
    grid = {"transform": Affine(100, 0, 500100, 0, -100, 4099900), "nodata": 0}
    mask = opened(values, "scl", grid=grid)
    found = mask.classes(WHOLE)
    assert (found[10:20, 10:20] == CLOUD).all() and (found[10:20, 20:30] == CLEAR).all()
    assert (found[20:30, 10:20] == THIN).all() and (found[20:30, 20:30] == FILL).all()
    assert mask.survey() == {CLOUD: 100, CLEAR: 100, THIN: 100, FILL: 100, UNCOVERED: 1200}
    assert not found[:10].any() and not found[30:].any()


def test_a_mask_in_another_crs_is_warped(opened, tmp_path):
    values = np.zeros((400, 400), np.uint8)
    values[:, :200] = 1
    with rasterio.open(write_raster(tmp_path / "x.tif", codes()[None], transform=NORTH_UP)) as place:
        west, south, east, north = rasterio.warp.transform_bounds(place.crs, "EPSG:4326", *place.bounds)
    across, down = (east - west) / 400, (north - south) / 400
    grid = {"crs": "EPSG:4326", "transform": Affine(across, 0, west, 0, -down, north)}
    found = opened(values, "binary", grid=grid).classes(WHOLE)
    assert (found[2:-2, 2:18] == CLOUD).all() and not found[2:-2, 22:-2].any()


def test_a_mask_warped_from_degrees_does_not_depend_on_the_windows_that_are_read(opened):
    values = np.random.default_rng(3).choice(4, (90, 90)).astype(np.uint8)
    degrees = {"crs": "EPSG:4326", "transform": Affine(8e-5, 0, 2.9995, 0, -7e-5, 37.0475)}
    mask = opened(values, "omnicloudmask", grid=degrees)
    whole = mask.classes(WHOLE)
    assert len(np.unique(whole)) == 4 and mask.survey().get(UNCOVERED, 0) < 200
    for top in range(0, SIDE, 7):
        area = Area(top, 3, min(7, SIDE - top), 30)
        np.testing.assert_array_equal(mask.classes(area), whole[area.inside(WHOLE)])


def test_a_mask_without_georeference_is_taken_pixel_by_pixel_and_that_is_said(opened):
    values = codes()
    values[3, 4] = 1
    mask = opened(values, "binary", grid=FREE)
    mask.counts = mask.survey()
    assert mask.classes(WHOLE)[3, 4] == CLOUD
    assert "pixel by pixel" in mask.remarks()[1]


def test_shares_of_the_scene_are_told(opened):
    values = codes()
    values[:4], values[4:8] = 1, 3
    mask = opened(values, "omnicloudmask")
    mask.counts = mask.survey()
    assert mask.remarks() == ["mask mask.tif (omnicloudmask): 10.0 % cloud, 10.0 % shadow"]


def test_a_mask_of_another_size_without_georeference_is_refused(opened):
    with pytest.raises(InputError, match="mask.tif does not say where on Earth"):
        opened(np.zeros((9, 9), np.uint8), "binary", grid=FREE)


def test_a_mask_of_another_size_for_a_scene_without_georeference_is_refused(opened):
    with pytest.raises(InputError, match="scene.tif does not say where on Earth"):
        opened(np.zeros((9, 9), np.uint8), "binary", grid={"crs": "EPSG:32631", "transform": NORTH_UP}, scene=FREE)


def test_unknown_codes_are_refused_with_their_kind(opened):
    values = codes()
    values[30, 2] = 77
    with pytest.raises(InputError, match=r"mask.tif holds 77 in rows 0 to 39, not known to masks of kind scl"):
        opened(values, "scl").survey()


def test_probabilities_in_whole_numbers_must_say_what_certainty_is(opened):
    with pytest.raises(OptionError, match="--mask-scale"):
        opened(codes(), "s2cloudless")


def test_probabilities_beyond_certainty_are_refused(opened):
    values = codes()
    values[0, 0] = 180
    with pytest.raises(InputError, match="180 .* --mask-scale"):
        opened(values, "s2cloudless", full=100).survey()


def test_a_mask_of_several_bands_is_refused(tmp_path):
    scene = write_raster(tmp_path / "scene.tif", np.full((3, SIDE, SIDE), 90, np.uint8))
    with quiet_gdal(), open_scene(scene) as place, pytest.raises(InputError, match="3 bands; a mask has one"):
        Mask(scene, "binary").opened(place).__enter__()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "clouds"}, "--mask-kind clouds: expected one of scl, fmask"),
        ({"dilate": "3km"}, "--mask-dilate 3km"),
        ({"dilate": "-1"}, "--mask-dilate -1"),
        ({"dilate": "5000"}, "at most 1000"),
        ({"full": 100.0}, "--mask-scale: a mask of kind binary holds no probabilities"),
        ({"kind": "probability", "threshold": 1.5}, "--mask-threshold 1.5"),
        ({"kind": "probability", "full": 0.0}, "--mask-scale 0"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(opened, options, words):
    with pytest.raises(OptionError) as refused:
        opened(codes("float32"), **({"kind": "binary"} | options))
    assert words in str(refused.value)


def test_metres_need_a_scene_that_says_how_large_its_pixels_are(opened):
    with pytest.raises(OptionError, match="give it in pixels"):
        opened(codes(), "binary", scene=FREE, dilate="30m")


def test_masks_differ_in_what_a_killed_run_must_have_in_common(tmp_path):
    file = write_raster(tmp_path / "mask.tif", codes()[None])
    before = Mask(file, "binary").identity()
    assert Mask(file, "binary", dilate="2").identity() != before
    write_raster(file, codes()[None] + 1)
    assert Mask(file, "binary").identity() != before


@pytest.mark.skipif(not DATA.is_dir(), reason="the rasters of ../shared/data/geotiff are not on this machine")
@pytest.mark.parametrize("stack", ["stack_p013r032", "stack_p014r032"])
def test_real_quality_bands_of_landsat_collection_1_are_refused(stack):
    for qa in sorted((DATA / stack / "qa").glob("*.tif")):
        scene = open_scene(qa.parents[1] / qa.name, (3, 2, 1))
        unknown = pytest.raises(InputError, match="not known to masks of kind")
        with quiet_gdal(), scene as place, Mask(qa, "qa_pixel").opened(place) as mask, unknown:
            mask.survey()


@pytest.mark.skipif(not DATA.is_dir(), reason="the rasters of ../shared/data/geotiff are not on this machine")
def test_a_real_mask_at_a_third_of_the_resolution_covers_the_scene_as_its_own(tmp_path):
    with quiet_gdal(), open_scene(DATA / "l8_quebec_uint16_collar.tif") as place:
        area = Area(0, 0, place.height, place.width)
        grid, bright = place.source.transform, place.read_bands([1], area)[0]
        ours = (bright > np.median(bright[bright > 0])).astype(np.uint8)
        profile = {"crs": place.source.crs, "transform": grid}
        fine = write_raster(tmp_path / "fine.tif", ours[None], **profile)
        profile["transform"] = Affine(3 * grid.a, 0, grid.c, 0, 3 * grid.e, grid.f)
        coarse = write_raster(tmp_path / "coarse.tif", ours[None, 1::3, 1::3], **profile)
        with Mask(fine, "binary").opened(place) as one, Mask(coarse, "binary").opened(place) as other:
            same = one.classes(area) == other.classes(area)
            centre = np.zeros_like(same)
            centre[1::3, 1::3] = True
            assert same[centre].all() and 0.2 < ours.mean() < 0.6 and same.mean() > 0.6
