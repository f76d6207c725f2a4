"""From raster values to [0, 1] and back."""

import numpy as np
import pytest

from cloud_removal.errors import OptionError
from cloud_removal.inference.scaling import Scaling, choose

NO_TAGS = [(1.0, 0.0)] * 3


def bands(low: float, high: float, dtype: str) -> list[np.ndarray]:
    return [np.linspace(low, high, 1001).astype(dtype)] * 3


def test_eight_bits_are_divided_by_255():
    scaling = choose(bands(0, 255, "uint8"), "uint8", None, NO_TAGS, "x.tif")
    picture = scaling.to_network(np.array([0, 51, 255], np.uint8).reshape(3, 1, 1))
    np.testing.assert_allclose(picture[0, 0], [0.0, 0.2, 1.0], atol=1e-7)


def test_a_scale_of_the_user_goes_before_everything():
    scaling = choose(bands(0, 9000, "uint16"), "uint16", 10000.0, [(0.5, 1.0)] * 3, "x.tif")
    assert scaling.span == (10000.0,) * 3 and scaling.offset == (0.0,) * 3


def test_tags_of_the_raster_bring_values_to_reflectance():
    scaling = choose(bands(5000, 40000, "uint16"), "uint16", None, [(2e-5, -0.1)] * 3, "x.tif")
    picture = scaling.to_network(np.full((3, 1, 1), 30000, np.uint16))
    np.testing.assert_allclose(picture, 0.5, atol=1e-6)


@pytest.mark.parametrize("tag", [(0.0, 0.0), (float("nan"), 0.0), (1.0, float("inf"))])
def test_tags_that_cannot_be_are_refused(tag):
    with pytest.raises(OptionError, match="scale and offset tags .* --scale"):
        choose(bands(0, 9000, "uint16"), "uint16", None, [tag] * 3, "x.tif")


def test_percentiles_are_common_to_the_bands_so_that_colours_keep_their_relation():
    samples = [np.linspace(low, low + 1000, 1001).astype(np.uint16) for low in (100, 200, 300)]
    scaling = choose(samples, "uint16", None, NO_TAGS, "x.tif")
    assert scaling.offset == pytest.approx((105.0,) * 3) and scaling.span == pytest.approx((1190.0,) * 3)


def test_a_scene_of_one_value_can_be_scaled():
    scaling = choose([np.full(9, 7, np.int16)] * 3, "int16", None, NO_TAGS, "x.tif")
    assert np.isfinite(scaling.to_network(np.full((3, 2, 2), 7, np.int16))).all()


@pytest.mark.parametrize(("dtype", "high"), [("uint16", 60000), ("int16", 30000), ("float32", 3.0), ("float64", 1e6)])
def test_values_come_back_from_the_network_as_they_went_in(dtype, high):
    values = np.linspace(0.1 * high, 0.9 * high, 300).reshape(3, 10, 10).astype(dtype)
    scaling = Scaling((0.05 * high,) * 3, (high,) * 3, "")
    back = np.stack(scaling.to_raster(scaling.to_network(values), wide=dtype == "float64"))
    np.testing.assert_allclose(
        back, values.astype(np.float64), rtol=2e-6 if np.dtype(dtype).kind == "f" else 0, atol=0.02
    )


@pytest.mark.parametrize("scale", [10.0, 1e9])
def test_a_scale_that_leaves_nothing_to_see_is_refused(scale):
    with pytest.raises(OptionError, match="--scale"):
        choose(bands(1000, 9000, "uint16"), "uint16", scale, NO_TAGS, "x.tif")
