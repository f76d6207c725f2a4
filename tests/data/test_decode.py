"""Pictures of any kind as 8-bit RGB."""

import cv2
import numpy as np
import pytest
import rasterio

from cloud_removal.data.decode import read_rgb
from cloud_removal.errors import InputError

NORTH_UP = rasterio.Affine(10.0, 0.0, 500000.0, 0.0, -10.0, 4000000.0)
RGB = np.arange(6 * 5 * 3, dtype=np.uint8).reshape(6, 5, 3)


def write_raster(path, bands, **profile):
    """`bands` (C, H, W) as a GeoTIFF."""
    count, height, width = bands.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        count=count,
        height=height,
        width=width,
        dtype=bands.dtype,
        transform=NORTH_UP,
        **profile,
    ) as raster:
        raster.write(bands)


def test_a_png_comes_back_in_rgb_order(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), RGB[..., ::-1])
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.png"), RGB)


def test_the_first_three_bands_of_an_8_bit_geotiff_come_back_as_they_are(tmp_path):
    bands = np.moveaxis(np.dstack((RGB, np.full((6, 5), 255, np.uint8))), -1, 0)
    write_raster(tmp_path / "a.tif", bands)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.tif"), RGB)


def test_16_bit_values_are_stretched_over_the_whole_8_bit_range(tmp_path):
    write_raster(tmp_path / "a.tif", np.linspace(300, 4000, 3 * 40 * 40).reshape(3, 40, 40).astype(np.uint16))
    picture = read_rgb(tmp_path / "a.tif")
    assert (picture.dtype, picture.min(), picture.max()) == (np.uint8, 0, 255)


def test_nodata_does_not_count_in_the_stretch(tmp_path):
    bands = np.full((3, 40, 40), 60000, np.uint16)
    bands[:, 10:] = np.linspace(300, 4000, 3 * 30 * 40).reshape(3, 30, 40)
    write_raster(tmp_path / "a.tif", bands, nodata=60000)
    assert read_rgb(tmp_path / "a.tif")[10:].max() == 255


def test_pixels_that_are_not_a_number_become_black(tmp_path):
    bands = np.random.default_rng(0).random((3, 20, 20), np.float32)
    bands[1, 3, 4] = np.nan
    write_raster(tmp_path / "a.tif", bands)
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.tif")[3, 4], [0, 0, 0])


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif"])
def test_what_is_not_a_picture_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"no picture at all")
    with pytest.raises(InputError, match=name):
        read_rgb(tmp_path / name)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_missing_picture_is_refused_by_name(tmp_path, name):
    with pytest.raises(InputError, match=name):
        read_rgb(tmp_path / name)


def test_a_jpeg_cut_off_in_the_middle_is_refused(tmp_path):
    _, whole = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    (tmp_path / "a.jpg").write_bytes(whole.tobytes()[: whole.size // 2])
    with pytest.raises(InputError, match="cut off"):
        read_rgb(tmp_path / "a.jpg")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.97])
@pytest.mark.parametrize("progressive", [0, 1])
def test_a_jpeg_that_lacks_its_middle_but_has_its_end_is_refused_by_name(tmp_path, progressive, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    whole = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    header = whole.index(b"\xff\xda") + 20
    cut = header + int(share * (len(whole) - header))
    (tmp_path / "a.jpg").write_bytes(whole[:cut] + b"\xff\xd9")
    with pytest.raises(InputError, match=r"a\.jpg: the JPEG is damaged or cut off"):
        read_rgb(tmp_path / "a.jpg")


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_whole_jpeg_is_read_as_opencv_reads_it(tmp_path, progressive):
    smooth = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8), (0, 0), 3)
    cv2.imwrite(str(tmp_path / "a.jpg"), smooth, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.jpg"), cv2.imread(str(tmp_path / "a.jpg"))[..., ::-1])


def test_a_grey_jpeg_is_read_as_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "a.jpg"), np.full((16, 16), 90, np.uint8))
    np.testing.assert_array_equal(read_rgb(tmp_path / "a.jpg"), np.full((16, 16, 3), 90, np.uint8))


def test_a_truncated_geotiff_is_refused(tmp_path):
    write_raster(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 255, (3, 64, 64), np.uint8))
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"a\.tif"):
        read_rgb(tmp_path / "a.tif")


def test_a_geotiff_of_two_bands_is_refused_and_the_number_said(tmp_path):
    write_raster(tmp_path / "a.tif", np.zeros((2, 8, 8), np.uint8))
    with pytest.raises(InputError, match="2 band"):
        read_rgb(tmp_path / "a.tif")


def test_a_geotiff_without_a_valid_pixel_is_refused(tmp_path):
    write_raster(tmp_path / "a.tif", np.zeros((3, 8, 8), np.uint16), nodata=0)
    with pytest.raises(InputError, match="nodata"):
        read_rgb(tmp_path / "a.tif")
