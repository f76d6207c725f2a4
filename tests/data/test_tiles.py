"""Tile stores cut from rasters of any size."""

import cv2
import numpy as np
import pytest
import rasterio

from cloud_removal.data.store import read_store
from cloud_removal.data.tiles import Tone, cut
from cloud_removal.errors import EmptyDatasetError, InputError, OptionError, OutputError

NORTH_UP = rasterio.Affine(10.0, 0.0, 500000.0, 0.0, -10.0, 4000000.0)
PICTURE = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)


@pytest.fixture
def raster(tmp_path):
    return write_raster(tmp_path / "raster.tif", PICTURE)


def write_raster(path, picture, **profile):
    height, width, _ = picture.shape
    profile |= {"count": 3, "height": height, "width": width, "dtype": "uint8", "transform": NORTH_UP}
    with rasterio.open(path, "w", driver="GTiff", **profile) as out:
        out.write(np.moveaxis(picture, -1, 0))
    return path


def test_tiles_of_a_raster_are_its_pixels_row_by_row(raster, tmp_path):
    store = cut(raster, tmp_path / "store", 32)
    rows = np.concatenate([np.concatenate(store.tiles[i : i + 3], axis=1) for i in (0, 3)])
    np.testing.assert_array_equal(rows, PICTURE)


def test_a_store_is_read_without_loading_it(raster, tmp_path):
    cut(raster, tmp_path / "store", 32)
    assert isinstance(read_store(tmp_path / "store").tiles, np.memmap)


def test_a_store_says_which_tiles_are_from_which_file(tmp_path):
    for name in ("a/x.png", "b/y.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "in" / name), PICTURE)
    origins = cut(tmp_path / "in", tmp_path / "store", 32).origins
    assert [(o.file.as_posix(), list(o.numbers)) for o in origins] == [
        ("a/x.png", [0, 1, 2, 3, 4, 5]),
        ("b/y.png", [6, 7, 8, 9, 10, 11]),
    ]


def test_tiles_of_nodata_are_left_out(tmp_path):
    picture = np.maximum(PICTURE, 1)
    picture[:, :32] = 0
    raster = write_raster(tmp_path / "raster.tif", picture, nodata=0)
    assert len(cut(raster, tmp_path / "store", 32).tiles) == 4


def test_a_raster_a_little_smaller_than_a_tile_is_mirrored_at_its_borders(tmp_path):
    raster = write_raster(tmp_path / "raster.tif", PICTURE[:24, :32])
    tile = cut(raster, tmp_path / "store", 32).tiles[0]
    np.testing.assert_array_equal(tile[3], tile[4])


def test_a_failing_cut_leaves_nothing_behind(tmp_path):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in" / "a.png"), PICTURE)
    (tmp_path / "in" / "b.png").write_bytes(b"no picture")
    with pytest.raises(InputError):
        cut(tmp_path / "in", tmp_path / "out" / "store", 32)
    assert [p.name for p in tmp_path.iterdir()] == ["in"]


def test_an_existing_destination_is_refused_and_kept(raster, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        cut(raster, tmp_path / "mine.txt", 32)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_destination_below_a_file_is_refused(raster, tmp_path):
    with pytest.raises(OutputError, match="store"):
        cut(raster, raster / "store", 32)


def test_a_source_of_pictures_that_are_all_too_small_is_refused(raster, tmp_path):
    with pytest.raises(EmptyDatasetError, match="smaller --size"):
        cut(raster, tmp_path / "store", 512)


def test_a_missing_source_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such"):
        cut(tmp_path / "nowhere", tmp_path / "store", 32)


def test_tiles_too_small_to_train_on_are_refused(raster, tmp_path):
    with pytest.raises(OptionError, match="--size"):
        cut(raster, tmp_path / "store", 8)


def test_a_store_that_was_cut_off_is_refused(raster, tmp_path):
    cut(raster, tmp_path / "store", 32)
    whole = (tmp_path / "store" / "tiles.npy").read_bytes()
    (tmp_path / "store" / "tiles.npy").write_bytes(whole[:-100])
    with pytest.raises(InputError, match="not a complete tile store"):
        read_store(tmp_path / "store")


def test_tiles_display_the_root_of_the_light_that_is_asked_for(raster, tmp_path):
    store = cut(raster, tmp_path / "store", 32, tone=Tone(gain=0.5, offset=0.1, gamma=2.0))
    light = 0.5 * PICTURE[:32, :32] / 255 + 0.1
    assert np.abs(store.tiles[0] / 255 - np.sqrt(light)).max() < 0.003


def test_a_store_knows_which_root_it_displays(raster, tmp_path):
    cut(raster, tmp_path / "store", 32, tone=Tone(gamma=2.0))
    assert read_store(tmp_path / "store").gamma == 2.0


@pytest.mark.parametrize("tone", [Tone(gain=0.0), Tone(gamma=-1.0), Tone(offset=1.0)])
def test_a_tone_that_shows_nothing_is_refused(raster, tmp_path, tone):
    with pytest.raises(OptionError, match="--gain"):
        cut(raster, tmp_path / "store", 32, tone=tone)
