"""Compositing: what is clear stays, what is not is blended, what is no data is left alone."""

import numpy as np
import pytest

from cloud_removal.inference.compose import KEPT, NO_DATA, OPAQUE, THIN, Thresholds, compose, grey_where_missing
from cloud_removal.inference.scaling import Scaling

EIGHT_BITS = Scaling((0.0,) * 3, (255.0,) * 3, "8 bit")
THRESHOLDS = Thresholds(0.05, 0.75)


def row(opacity: list[float], value: int = 100, ground: float = 0.2, dtype: str = "uint8", **options):
    """A picture of one row, `value` everywhere, restored to `ground` under the given opacities."""
    width = len(opacity)
    values = np.full((3, 1, width), value, dtype)
    present = options.pop("present", np.ones((3, 1, width), bool))
    restored = np.full((1, width, 3), ground, np.float32)
    scaling = options.pop("scaling", EIGHT_BITS)
    return compose(values, present, restored, np.array([opacity], np.float32), scaling, THRESHOLDS, **options)


def test_values_change_only_above_the_threshold_and_fully_a_tenth_above_it():
    piece = row([0.0, 0.05, 0.10, 0.15, 1.0])
    np.testing.assert_array_equal(piece.values[0, 0], [100, 100, 76, 51, 51])  # Ground 0.2 is 51 in 8 bits.


def test_provenance_follows_the_opacity():
    piece = row([0.0, 0.05, 0.06, 0.74, 0.76])
    np.testing.assert_array_equal(piece.provenance[0], [KEPT, KEPT, THIN, THIN, OPAQUE])


def test_what_is_kept_is_never_called_opaque():
    limits = Thresholds(0.5, 0.2)
    piece = compose(
        np.full((3, 1, 2), 100, np.uint8), np.ones((3, 1, 2), bool), np.zeros((1, 2, 3), np.float32),
        np.array([[0.3, 0.9]], np.float32), EIGHT_BITS, limits,
    )  # fmt: skip
    np.testing.assert_array_equal(piece.provenance[0], [KEPT, OPAQUE])
    assert piece.values[0, 0, 0] == 100


def test_pixels_without_data_stay_and_have_no_opacity():
    present = np.array([[[True, False]]] * 3)
    piece = row([0.5, 0.5], present=present)
    assert piece.values[0, 0, 1] == 100 and piece.provenance[0, 1] == NO_DATA and np.isnan(piece.opacity[0, 1])


def test_one_missing_sample_stays_missing_while_the_others_are_restored():
    present = np.array([[[False]], [[True]], [[True]]])
    piece = row([0.9], present=present)
    np.testing.assert_array_equal(piece.values[:, 0, 0], [100, 51, 51])


def test_no_restored_value_becomes_nodata_by_chance():
    assert row([0.9], nodata=51).values[0, 0, 0] == 52
    assert row([0.9], ground=1.0, nodata=255).values[0, 0, 0] == 254


def test_results_are_clipped_to_what_the_type_holds():
    scaling = Scaling((0.0,) * 3, (300.0,) * 3, "")
    assert row([0.9], ground=1.0, scaling=scaling).values[0, 0, 0] == 255


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_clear_values_are_identical_in_every_type(dtype):
    limits = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    values = np.array([limits.min, limits.max, 1], dtype).reshape(3, 1, 1)
    piece = compose(
        values, np.ones((3, 1, 1), bool), np.zeros((1, 1, 3), np.float32), np.zeros((1, 1), np.float32),
        EIGHT_BITS, THRESHOLDS,
    )  # fmt: skip
    assert piece.values.tobytes() == values.tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "float32", "float64"])
def test_every_type_is_blended_alike(dtype):
    generator = np.random.default_rng(0)
    values = generator.integers(0, 120, (3, 70, 5))
    ground, opacity = generator.random((70, 5, 3), np.float32), generator.random((70, 5), np.float32) * 0.3
    scaling, present = Scaling((7.0, 0.0, 3.0), (90.0, 100.0, 110.0), ""), np.ones(values.shape, bool)
    piece, wide = (
        compose(values.astype(kind), present, ground, opacity, scaling, THRESHOLDS) for kind in (dtype, "int32")
    )
    np.testing.assert_allclose(piece.values.astype(np.float64), wide.values, atol=0.5 if dtype[0] == "f" else 1.0)
    np.testing.assert_array_equal(piece.provenance, wide.provenance)


def test_the_values_given_stay_as_they_are():
    values = np.full((3, 1, 2), 100, np.uint16)
    compose(
        values, np.ones(values.shape, bool), np.zeros((1, 2, 3), np.float32), np.ones((1, 2), np.float32),
        EIGHT_BITS, THRESHOLDS,
    )  # fmt: skip
    assert (values == 100).all()


def test_a_value_that_is_nodata_where_it_is_kept_stays_so():
    assert row([0.01, 0.9], value=51, nodata=51).values[0, 0].tolist() == [51, 51]


def test_values_beyond_the_range_of_the_network_are_not_pulled_in_where_little_is_blended():
    piece = row([0.051], value=4000, ground=1.0, dtype="uint16")
    assert 3900 < piece.values[0, 0, 0] < 4000


def test_holes_become_the_scenes_middle_and_single_missing_samples_grey():
    picture = np.array([[[0.1, 0.2, 0.3], [0.9, 0.4, 0.2]]], np.float32)
    present = np.array([[[False, False]], [[False, True]], [[False, True]]])
    grey_where_missing(picture, present, np.array([0.5, 0.6, 0.7], np.float32))
    np.testing.assert_allclose(picture, [[[0.5, 0.6, 0.7], [0.3, 0.4, 0.2]]], atol=1e-6)
