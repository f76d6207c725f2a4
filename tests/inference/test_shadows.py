"""Cloud shadow: found, brightened, told of; where there is none, nothing changes."""

import numpy as np
import pytest
from rasterio.transform import Affine

from cloud_removal.errors import OptionError
from cloud_removal.inference.compose import DATE, NO_DATA, OPAQUE, SHADOW
from cloud_removal.inference.masks.foreign import Mask
from cloud_removal.inference.pipeline import remove
from cloud_removal.inference.settings import Settings
from cloud_removal.inference.shadows.sun import Sun
from tests.shadowed_scenes import AZIMUTH, HEIGHT, WIDTH, clouds, raster, seen, shadows
from tests.small_model import as_type, read, write_raster

SCALE = 30000.0
FULL = shadows() > 0.95


@pytest.fixture
def removed(tmp_path, model):
    """Removes clouds and shadows; returns the result (3, H, W), the provenance (H, W) and what was said."""

    def run(source, sun=Sun(), **options):  # noqa: B008
        said, other = [], options.pop("other_dates", ())
        settings = Settings(**({"scale": SCALE, "shadows": sun} | options))
        files = tmp_path / "out.tif", tmp_path / "codes.tif"
        remove(
            source, files[0], model, settings, provenance=files[1], other_dates=other, overwrite=True, say=said.append
        )
        return read(files[0]), read(files[1])[0], " ".join(said)

    return run


def away(result: np.ndarray, where: np.ndarray) -> float:
    """Error (root of the mean square) to the ground in the light."""
    return float(np.sqrt(np.mean((result[:, where] / SCALE - seen(0.0)[:, where]) ** 2)))


def test_a_shadow_is_found_without_knowing_the_sun_and_brightened(removed, tmp_path):
    source = raster(tmp_path / "in.tif", 0.5)
    result, codes, said = removed(source)
    assert "18 px down and 24 px to the left" in said
    assert (codes[FULL] == SHADOW).mean() > 0.9
    assert away(result, FULL) < 0.35 * away(read(source), FULL)


def test_what_is_kept_beside_a_shadow_is_bit_identical(removed, tmp_path):
    source = raster(tmp_path / "in.tif", 0.5)
    result, codes, _ = removed(source)
    lit = (shadows() == 0) & (clouds() == 0)
    assert (codes[lit] == SHADOW).mean() < 0.03
    np.testing.assert_array_equal(result[:, codes == 1], read(source)[:, codes == 1])


def test_windows_do_not_show(removed, tmp_path):
    source = raster(tmp_path / "in.tif", 0.5)
    whole, codes, _ = removed(source, window=400)
    tiled, tiled_codes, _ = removed(source, window=24)
    assert np.abs(whole.astype(int) - tiled).max() <= 2
    assert (codes != tiled_codes).mean() < 1e-3


def test_clouds_without_shadow_change_nothing_more(removed, tmp_path):
    source = raster(tmp_path / "in.tif", 0.0)
    as_usual, _, _ = removed(source, None)
    for sun in (Sun(), Sun(AZIMUTH), Sun(AZIMUTH, 45.0, "30")):
        result, codes, said = removed(source, sun)
        assert "no shadow was brightened" in said and not (codes == SHADOW).any()
        np.testing.assert_array_equal(result, as_usual)


def test_dark_fields_are_no_shadow_of_clouds_that_cast_none(removed, tmp_path):
    picture = seen(0.0)
    field = (np.arange(HEIGHT)[:, None] // 10 + np.arange(WIDTH) // 10) % 3 == 0
    picture[:, field & (clouds() == 0)] *= 0.5
    source = write_raster(tmp_path / "in.tif", as_type(picture, "uint16"), crs=None, transform=None)
    for sun in (Sun(), Sun(AZIMUTH, 45.0, "30")):
        _, codes, said = removed(source, sun)
        assert "no shadow was brightened" in said and not (codes == SHADOW).any()


def test_with_sun_and_height_nothing_is_looked_for(removed, tmp_path):
    _, codes, said = removed(raster(tmp_path / "in.tif", 0.3), Sun(AZIMUTH, 45.0, "30"))
    assert "18 px down and 24 px to the left" in said and (codes[FULL] == SHADOW).mean() > 0.8


def test_heights_in_metres_go_by_the_size_of_pixels(removed, tmp_path):
    grid = {"crs": "EPSG:32631", "transform": Affine(10, 0, 500000, 0, -10, 100)}  # On the meridian north is up.
    _, codes, said = removed(raster(tmp_path / "in.tif", 0.4, **grid), Sun(AZIMUTH, 45.0, "300m"))
    assert "18 px down and 24 px to the left" in said and (codes[FULL] == SHADOW).mean() > 0.8


def test_a_mask_tells_where_shadows_are(removed, tmp_path):
    mask = write_raster(tmp_path / "fmask.tif", 2 * FULL[None].astype(np.uint8), crs=None, transform=None)
    source = raster(tmp_path / "in.tif", 0.5)
    result, codes, said = removed(source, mask=Mask(mask, "fmask"))
    assert "where the mask has them" in said and (codes[FULL] == SHADOW).mean() > 0.9
    assert away(result, FULL) < 0.35 * away(read(source), FULL)


def test_pixels_without_data_stay_so(removed, tmp_path):
    values = as_type(seen(0.5), "uint16")
    values[:, ::7, ::5] = 0
    source = write_raster(tmp_path / "in.tif", values, nodata=0, crs=None, transform=None)
    result, codes, _ = removed(source)
    assert (codes == SHADOW).any() and ((values == 0).all(axis=0) == (codes == NO_DATA)).all()
    assert ((result == 0) == (values == 0)).all()


def test_a_deep_shadow_counts_as_opaque(removed, tmp_path):
    _, codes, _ = removed(raster(tmp_path / "in.tif", 0.9), Sun(AZIMUTH, 45.0, "30"))
    assert (codes[FULL] == OPAQUE).mean() > 0.8


def test_a_deep_shadow_is_taken_from_another_date(removed, tmp_path):
    clear = seen(0.0, seed=1)
    clear[:, clouds() > 0] = 0.3
    other = write_raster(tmp_path / "other.tif", as_type(clear, "uint16"), crs=None, transform=None)
    source = raster(tmp_path / "in.tif", 0.9)
    result, codes, _ = removed(source, Sun(AZIMUTH, 45.0, "30"), other_dates=[other])
    assert (codes[FULL] == DATE).mean() > 0.8
    assert away(result, FULL & (codes == DATE)) < 0.1 * away(read(source), FULL)


def test_a_run_stopped_among_shadows_goes_on_to_the_same_bytes(removed, tmp_path, model):
    source = raster(tmp_path / "in.tif", 0.5)
    whole, codes, _ = removed(source, window=24)
    settings = Settings(scale=SCALE, shadows=Sun(), window=24)

    def stop(done: int, total: int) -> None:
        if total > HEIGHT * WIDTH:
            raise KeyboardInterrupt

    files = tmp_path / "again.tif", tmp_path / "again_codes.tif"
    with pytest.raises(KeyboardInterrupt):
        remove(source, files[0], model, settings, provenance=files[1], advance=stop)
    remove(source, files[0], model, settings, provenance=files[1])
    np.testing.assert_array_equal(read(files[0]), whole)
    np.testing.assert_array_equal(read(files[1])[0], codes)


def test_a_height_in_metres_without_a_size_of_pixels_is_refused(removed, tmp_path):
    with pytest.raises(OptionError, match="does not say how large its pixels are"):
        removed(raster(tmp_path / "in.tif", 0.5), Sun(AZIMUTH, 45.0, "300m"))
    assert not list(tmp_path.glob("*out*"))
