"""The metadata file of a Landsat product beside a raster."""

import math

import numpy as np
import pytest
import rasterio

from cloud_removal.inference import metadata
from cloud_removal.inference.raster import open_scene, quiet_gdal
from cloud_removal.inference.sensors import BRIGHTER, of_scene
from tests.small_model import as_type, cloudy, write_raster

PRODUCT = "LC09_L1TP_001002_20230101_20230109_02_T1"
TOLD = """GROUP = LANDSAT_METADATA_FILE
  GROUP = PRODUCT_CONTENTS
    PROCESSING_LEVEL = "{level}"
    COLLECTION_NUMBER = 02
  END_GROUP = PRODUCT_CONTENTS
  GROUP = IMAGE_ATTRIBUTES
    SPACECRAFT_ID = "LANDSAT_9"
    SUN_ELEVATION = 30.0
  END_GROUP = IMAGE_ATTRIBUTES
  GROUP = LEVEL1_PROCESSING_RECORD
    PROCESSING_LEVEL = "L1TP"
  END_GROUP = LEVEL1_PROCESSING_RECORD
END_GROUP = LANDSAT_METADATA_FILE
END
"""


@pytest.fixture
def product(tmp_path):
    """Writes a raster by its name and the product's file beside it; gives scaling, notes and hash of the scene."""

    def seen(name: str, level: str = "L1TP"):
        file = write_raster(tmp_path / name, as_type(cloudy(20, 24), "uint16"))
        (tmp_path / f"{PRODUCT}_MTL.txt").write_text(TOLD.format(level=level))
        with quiet_gdal(), open_scene(file) as scene:
            return *of_scene(scene, None, None), scene.content()

    return seen


@pytest.mark.parametrize("bands", ["B432", "rgb"])
def test_the_file_tells_the_sensor_and_the_height_of_the_sun_however_bands_are_called(product, bands):
    scaling, said, _ = product(f"{PRODUCT}_{bands}.tif")
    values = np.full((3, 1, 1), 15000, np.uint16)
    toa = (0.00002 * 15000 - 0.1) / math.sin(math.radians(30))
    np.testing.assert_allclose(scaling.to_network(values), BRIGHTER * toa, rtol=1e-5)
    assert f"{PRODUCT}_MTL.txt says" in said[0] and "--scale sets another" in said[0]


def test_the_level_of_the_product_counts_not_that_of_what_it_was_made_from(product):
    scaling, _, _ = product(f"{PRODUCT}_rgb.tif", level="L2SP")
    values = np.full((3, 1, 1), 15000, np.uint16)
    np.testing.assert_allclose(scaling.to_network(values), BRIGHTER * (0.0000275 * 15000 - 0.2), rtol=1e-5)


def test_a_raster_of_another_name_has_nothing_to_do_with_it(product):
    scaling, said, _ = product("another.tif")
    assert scaling is None and said == []


def test_a_run_is_not_gone_on_with_when_the_file_was_exchanged(product):
    assert product(f"{PRODUCT}_rgb.tif")[2] != product(f"{PRODUCT}_rgb.tif", level="L2SP")[2]


def test_tags_of_the_raster_itself_go_first(tmp_path, product):
    product(f"{PRODUCT}_rgb.tif")
    with rasterio.open(tmp_path / f"{PRODUCT}_rgb.tif", "r+") as raster:
        raster.update_tags(SUN_ELEVATION="60")
        told = metadata.tags(raster, tmp_path / f"{PRODUCT}_rgb.tif")
    assert (told["SUN_ELEVATION"], told["SPACECRAFT_ID"]) == ("60", "LANDSAT_9")
