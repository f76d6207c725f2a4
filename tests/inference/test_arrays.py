"""remove_clouds: a DataArray in, a lazy Dataset out, the same values as the command."""

import subprocess
import sys

import dask
import dask.array as da
import numpy as np
import pytest
import rasterio
import rioxarray
import xarray
from rasterio.transform import Affine

from cloud_removal import remove_clouds
from cloud_removal.errors import CloudRemovalError, InputError, ModelError, OptionError
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.xarrays import lazy
from tests.small_model import as_type, cloudy, read, write_raster

UPRIGHT = Affine(10, 0, 500000, 0, -10, 4100000)


@pytest.fixture
def written(tmp_path):
    """Writes a scene as a GeoTIFF; returns its path."""

    def write(values, **profile):
        return write_raster(tmp_path / "in.tif", values, **({"transform": UPRIGHT} | profile))

    return write


@pytest.fixture
def by_command(tmp_path, model):
    """Ground, opacity and provenance as files hold them."""

    def run(source, **settings):
        files = {name: tmp_path / f"{name}.tif" for name in ("output", "cloud", "provenance")}
        remove(source, files.pop("output"), model, Settings(**settings), **files)
        return read(tmp_path / "output.tif"), read(tmp_path / "cloud.tif")[0], read(tmp_path / "provenance.tif")[0]

    return run


def opened(file, rows=37, columns=29):
    return rioxarray.open_rasterio(file, chunks={"band": 1, "y": rows, "x": columns})


def check_same(results, files):
    for name, expected in zip(("ground", "opacity", "provenance"), files, strict=True):
        found = results[name].values
        assert found.dtype == expected.dtype and found.tobytes() == expected.tobytes(), name


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("window", [32, 1280])
def test_the_values_are_those_of_the_command_byte_for_byte(dtype, window, written, by_command, model_folder):
    file = written(as_type(cloudy(90, 110), dtype))
    check_same(remove_clouds(opened(file), model_folder, window=window), by_command(file, window=window))


def test_places_without_data_stay_so(written, by_command, model_folder):
    values = as_type(cloudy(90, 110), "uint16")
    values[:, :40, :50] = 0
    values[1, 60, 60:80] = 0
    file = written(values, nodata=0)
    results = remove_clouds(opened(file), model_folder, window=32)
    check_same(results, by_command(file, window=32))
    assert (results.provenance.values == 0).any() and results.ground.rio.nodata == 0


def test_chosen_bands_are_replaced_and_others_pass_through(written, by_command, model_folder):
    values = np.concatenate([as_type(cloudy(60, 70), "uint16")[::-1], np.full((2, 60, 70), 7, np.uint16)])
    file = written(values[[3, 0, 1, 2, 4]])
    options = {"bands": (4, 3, 2), "scale": 30000.0, "window": 32, "keep_below": 0.2, "opaque_above": 0.6}
    check_same(remove_clouds(opened(file), model_folder, **options), by_command(file, **options))


def test_scale_and_offset_of_the_raster_count(written, by_command, model_folder):
    file = written(as_type(cloudy(60, 70), "uint16"))
    with rasterio.open(file, "r+") as target:
        target.scales, target.offsets = (1 / 30000,) * 3, (0.01,) * 3
    check_same(remove_clouds(opened(file), model_folder), by_command(file))


def test_a_named_sensor_counts(written, by_command, model_folder):
    file = written((as_type(cloudy(60, 70), "uint16") // 3).astype(np.uint16))
    options = {"sensor": "sentinel2-l2a", "baseline": 5.09}
    check_same(remove_clouds(opened(file), model_folder, **options), by_command(file, **options))


def test_brightness_comes_from_the_whole_array_also_where_only_places_of_it_are_looked_at(
    written, by_command, model_folder, monkeypatch
):
    monkeypatch.setattr("cloud_removal.inference.statistics.SMALL", 1000)
    monkeypatch.setattr("cloud_removal.inference.statistics.SIDE", 16)
    monkeypatch.setattr("cloud_removal.inference.statistics.RASTER", 8)
    file = written(as_type(cloudy(200, 230), "uint16"))
    check_same(remove_clouds(opened(file), model_folder, window=64), by_command(file, window=64))


def test_nothing_is_read_until_it_is_asked_for(model_folder):
    read_at = []

    def block(block_info=None):
        _, rows, columns = block_info[None]["array-location"]
        read_at.append((rows[0], columns[0]))
        return as_type(cloudy(rows[1] - rows[0], columns[1] - columns[0]), "uint8")

    data = da.map_blocks(block, chunks=((3,), (32, 32), (32, 32)), dtype=np.uint8)
    results = remove_clouds(xarray.DataArray(data, dims=("band", "y", "x")), model_folder, window=32)
    assert isinstance(results.ground.data, da.Array) and read_at == []
    results.ground.compute()
    assert set(read_at) == {(0, 0), (0, 32), (32, 0), (32, 32)}


def test_ground_keeps_grid_crs_and_order_of_dimensions(written, model_folder):
    array = opened(written(as_type(cloudy(40, 50), "uint8"))).transpose("y", "x", "band")
    results = remove_clouds(array, model_folder)
    assert results.ground.dims == ("y", "x", "band") and results.opacity.dims == ("y", "x")
    for name in ("ground", "opacity", "provenance"):
        assert results[name].rio.crs.to_epsg() == 32631 and results[name].rio.transform() == UPRIGHT
    assert np.isnan(results.opacity.rio.nodata) and results.provenance.rio.nodata == 0


def test_results_can_be_written_as_rasters(written, by_command, tmp_path, model_folder):
    file = written(as_type(cloudy(40, 50), "uint8"))
    results = remove_clouds(opened(file), model_folder)
    results.ground.rio.to_raster(tmp_path / "ground.tif")
    results.provenance.rio.to_raster(tmp_path / "codes.tif")
    ground, _, provenance = by_command(file)
    np.testing.assert_array_equal(read(tmp_path / "ground.tif"), ground)
    np.testing.assert_array_equal(read(tmp_path / "codes.tif")[0], provenance)


def test_an_array_in_memory_is_taken_too(written, by_command, model_folder):
    file = written(as_type(cloudy(40, 50), "uint8"))
    check_same(remove_clouds(rioxarray.open_rasterio(file), model_folder), by_command(file))


def test_a_model_is_loaded_once(written, model_folder):
    lazy._model.cache_clear()
    with dask.config.set(scheduler="synchronous"):
        remove_clouds(opened(written(as_type(cloudy(90, 110), "uint8"))), model_folder, window=32).compute()
    assert lazy._model.cache_info().misses == 1 and lazy._model.cache_info().hits > 1


@pytest.mark.parametrize(
    "array, options, error, message",
    [
        (np.zeros((3, 40, 40), np.uint8), {"window": 0}, OptionError, "--window 0"),
        (np.zeros((3, 40, 40), np.uint8), {"bands": (1, 2, 9)}, OptionError, "three different bands of the 3"),
        (np.zeros((4, 40, 40), np.uint8), {}, OptionError, "has 4 bands. Say which are red, green and blue"),
        (np.zeros((3, 40, 4), np.uint8), {}, InputError, "4x40 px; 8 a side are needed"),
        (np.zeros((3, 40, 40), np.complex64), {}, InputError, "values of type complex64"),
        (np.zeros((3, 40, 40), np.uint8), {"model": "no-such-model"}, ModelError, "no-such-model"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(array, options, error, message, model_folder):
    with pytest.raises(error, match=message):
        remove_clouds(xarray.DataArray(array, dims=("band", "y", "x")), **({"model": model_folder} | options))


def test_an_array_without_bands_is_refused(model_folder):
    with pytest.raises(InputError, match="dimensions y, x; expected bands, y and x"):
        remove_clouds(xarray.DataArray(np.zeros((40, 40), np.uint8), dims=("y", "x")), model_folder)


def test_an_array_that_holds_no_data_is_refused_when_it_is_computed(model_folder):
    empty = xarray.DataArray(np.full((3, 40, 40), np.nan, np.float32), dims=("band", "y", "x"))
    with pytest.raises(CloudRemovalError, match="holds no data"):
        remove_clouds(empty, model_folder).provenance.compute()


def test_a_model_that_looks_at_windows_as_a_whole_is_refused(normed_folder):
    with pytest.raises(ModelError, match="looks at each window as a whole"):
        remove_clouds(xarray.DataArray(np.zeros((3, 40, 40), np.uint8), dims=("band", "y", "x")), normed_folder)


def test_importing_the_package_imports_nothing_large():
    code = "import sys, cloud_removal; print({'tensorflow', 'dask', 'xarray', 'rasterio', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_name_that_the_package_does_not_have_is_no_attribute():
    with pytest.raises(ImportError):
        from cloud_removal import no_such_thing  # noqa: F401
