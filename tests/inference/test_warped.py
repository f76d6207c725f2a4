"""Other dates on the grid of a scene: the same ground in the same place, no data where there is none."""

import contextlib

import numpy as np
import pytest
from rasterio.transform import Affine
from rasterio.warp import transform

from cloud_removal.errors import CloudRemovalError
from cloud_removal.inference.dates.warped import Warped, opened_on
from cloud_removal.inference.raster import open_scene, quiet_gdal
from cloud_removal.inference.windows import Area
from tests.small_model import ROTATED, write_raster

UTM = "EPSG:32631"
GRID = Affine(10, 0, 500000, 0, -10, 4100000)
HEIGHT, WIDTH = 60, 90
ALL = Area(0, 0, HEIGHT, WIDTH)


def ground(crs: str, grid: Affine, height: int, width: int) -> np.ndarray:
    """A smooth function (3, H, W) of the place on Earth."""
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    x, y = grid.a * columns + grid.c, grid.e * rows + grid.f
    east, north = (np.reshape(v, x.shape) for v in transform(crs, UTM, x.ravel().tolist(), y.ravel().tolist())[:2])
    waves = [1000 + 300 * np.sin((east - 500000) / (80 + 20 * i)) * np.cos((north - 4100000) / 150) for i in range(3)]
    return np.stack(waves)


def dated(
    file, crs: str = UTM, grid: Affine = GRID, height: int = HEIGHT, width: int = WIDTH, dtype="float32", **profile
):
    return write_raster(file, ground(crs, grid, height, width).astype(dtype), crs=crs, transform=grid, **profile)


@pytest.fixture
def reference(tmp_path):
    return dated(tmp_path / "reference.tif")


@contextlib.contextmanager
def laid_over(reference, other):
    with quiet_gdal(), open_scene(reference) as scene, opened_on(scene, other) as there:
        yield there


def there(corner: Affine = GRID, crs: str = UTM, metres: float = 10.0) -> Affine:
    """A north-up grid of another system that begins 100 m south-east of the scene's corner."""
    x, y = transform(UTM, crs, [500100.0], [4099900.0])[:2]
    size = metres / 111_000 if crs == "EPSG:4326" else metres
    return Affine(size, 0, x[0], 0, -size, y[0])


def test_a_date_on_the_same_grid_is_read_as_it_is(tmp_path, reference):
    other = dated(tmp_path / "other.tif", dtype="float32")
    with laid_over(reference, other) as scene:
        assert not isinstance(scene, Warped)
        np.testing.assert_array_equal(scene.read(ALL)[0], ground(UTM, GRID, HEIGHT, WIDTH).astype(np.float32))


def test_a_date_shifted_by_whole_pixels_keeps_its_values(tmp_path):
    reference = dated(tmp_path / "reference.tif", dtype="uint16")
    other = dated(tmp_path / "other.tif", grid=Affine(10, 0, 500050, 0, -10, 4099930), dtype="uint16")
    with laid_over(reference, other) as scene:
        values, present = scene.read(ALL)
    wanted = ground(UTM, GRID, HEIGHT, WIDTH).astype(np.uint16)
    assert present[:, 7:, 5:].all() and not present[:, :7].any() and not present[:, :, :5].any()
    assert np.abs(values[present].astype(int) - wanted[present]).max() <= 1


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32632"])
@pytest.mark.parametrize(("metres", "most"), [(5.0, 1.5), (10.0, 3.0), (20.0, 25.0)])
def test_another_system_and_resolution_show_the_same_ground_in_the_same_place(tmp_path, reference, crs, metres, most):
    other = dated(tmp_path / "other.tif", crs, there(crs=crs, metres=metres), int(400 / metres), int(500 / metres))
    with laid_over(reference, other) as scene:
        values, present = scene.read(ALL)
    inner = present & np.roll(present, (3, 3), (1, 2)) & np.roll(present, (-3, -3), (1, 2))
    assert inner.mean() > 0.1
    assert np.abs(values - ground(UTM, GRID, HEIGHT, WIDTH))[inner].max() < most


@pytest.mark.parametrize("profile", [{}, {"nodata": 0}])
def test_what_is_read_does_not_depend_on_how_it_is_asked_for(tmp_path, profile, monkeypatch):
    monkeypatch.setattr("cloud_removal.inference.dates.warped.BLOCK", 32)
    monkeypatch.setattr("cloud_removal.inference.dates.warped.CACHE_BYTES", 0)
    reference = dated(tmp_path / "reference.tif", dtype="uint16", **profile)
    other = dated(tmp_path / "other.tif", "EPSG:4326", there(crs="EPSG:4326"), 40, 60, "uint16", **profile)
    with laid_over(reference, other) as scene:
        values, present = scene.read(ALL)
        for top in range(0, HEIGHT, 7):
            for left in range(0, WIDTH, 23):
                area = Area(top, left, min(7, HEIGHT - top), min(23, WIDTH - left))
                piece, where = scene.read(area)
                np.testing.assert_array_equal(piece, values[:, *area.inside(ALL)])
                np.testing.assert_array_equal(where, present[:, *area.inside(ALL)])


@pytest.mark.parametrize(("dtype", "nodata"), [("uint8", 0), ("int16", -9999), ("float32", -9999.0), ("float32", None)])
def test_no_data_stays_none_when_warped_band_by_band(tmp_path, dtype, nodata):
    grid = Affine(10, 0, 500005, 0, -10, 4099995)
    values = (ground(UTM, grid, HEIGHT, WIDTH) / 8).astype(dtype)
    empty = np.nan if nodata is None else nodata
    values[:, :10], values[0, 30:40, 30:40] = empty, empty
    other = write_raster(tmp_path / "other.tif", values, crs=UTM, transform=grid, nodata=nodata)
    reference = dated(tmp_path / "reference.tif", dtype=dtype)
    with laid_over(reference, other) as scene:
        found, present = scene.read(ALL)
    assert not present[:, :10].any() and present[:, 15:25, 5:].all() and not present[0, 32:38, 32:38].any()
    seen = found[present].astype(np.float64)
    assert np.isfinite(seen).all() and seen.min() > 50 and seen.max() < 200


def test_what_is_masked_or_outside_has_no_data(tmp_path):
    import rasterio

    reference = dated(tmp_path / "reference.tif", dtype="uint8")
    grid = Affine(10, 0, 500105, 0, -10, 4099995)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"):
        other = dated(tmp_path / "other.tif", grid=grid, dtype="uint8")
        with rasterio.open(other, "r+") as target:
            mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
            mask[20:40] = 0
            target.write_mask(mask)
    with laid_over(reference, other) as scene:
        present = scene.read(ALL)[1]
    assert not present[:, :, :10].any() and not present[:, 22:38].any() and present[:, 45:, 20:].all()


def test_tags_that_tell_of_values_come_along(tmp_path, reference):
    import rasterio

    other = dated(tmp_path / "other.tif", grid=there())
    with rasterio.open(other, "r+") as target:
        target.scales, target.offsets = (0.5,) * 3, (7.0,) * 3
        target.update_tags(PROCESSING_BASELINE="05.09")
        target.update_tags(ns="IMD", SATELLITEID="WV02")
    with laid_over(reference, other) as scene:
        assert scene.source.scales[:3] == (0.5,) * 3 and scene.source.offsets[:3] == (7.0,) * 3
        assert scene.source.tags()["PROCESSING_BASELINE"] == "05.09"
        assert scene.source.tags(ns="IMD") == {"SATELLITEID": "WV02"}


# Bad input


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"grid": Affine(10, 0, 600000, 0, -10, 4100000)}, "does not overlap"),
        ({"dtype": "uint16"}, "holds uint16 values, .* float32"),
        ({"grid": ROTATED}, "is rotated, which cannot be warped"),
    ],
)
def test_what_cannot_be_laid_over_the_scene_is_refused_in_a_line(tmp_path, reference, other, message):
    file = dated(tmp_path / "other.tif", **other)
    with pytest.raises(CloudRemovalError, match=message) as caught, laid_over(reference, file):
        pass
    assert "other.tif" in str(caught.value) and "\n" not in str(caught.value)


def test_without_a_system_another_size_is_refused(tmp_path):
    reference = write_raster(tmp_path / "reference.tif", np.zeros((3, 20, 20), np.uint8), crs=None, transform=None)
    other = write_raster(tmp_path / "other.tif", np.zeros((3, 20, 21), np.uint8), crs=None, transform=None)
    with pytest.raises(CloudRemovalError, match="no coordinate reference system"), laid_over(reference, other):
        pass


def test_another_number_of_bands_is_refused(tmp_path, reference):
    other = write_raster(tmp_path / "other.tif", np.zeros((4, HEIGHT, WIDTH), np.float32), crs=UTM, transform=GRID)
    with pytest.raises(CloudRemovalError, match="has 4 bands, .* 3"), laid_over(reference, other):
        pass


def test_a_date_that_holds_nothing_on_the_scene_is_said_so(tmp_path):
    reference = dated(tmp_path / "reference.tif", dtype="uint8", nodata=0)
    empty = write_raster(
        tmp_path / "other.tif", np.zeros((3, HEIGHT, WIDTH), np.uint8), crs=UTM, transform=there(), nodata=0
    )
    with laid_over(reference, empty) as scene, pytest.raises(CloudRemovalError, match="where the reference date lies"):
        scene.sample()
