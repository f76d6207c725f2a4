"""What the published codes of others' cloud masks mean, by small arrays written by hand."""

import numpy as np
import pytest

from cloud_removal.inference.masks.kinds import (
    CLEAR,
    CLOUD,
    FILL,
    KINDS,
    SHADOW,
    THIN,
    UNCOVERED,
    UNKNOWN,
)


def classes(kind, values, dtype="uint8", nodata=None, **options):
    return KINDS[kind].classes(np.array(values, dtype), nodata, **options).tolist()


def test_each_code_of_the_scene_classification_has_its_class():
    assert classes("scl", [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]) == [
        [FILL, CLEAR, CLEAR, SHADOW],
        [CLEAR, CLEAR, CLEAR, CLEAR],
        [CLOUD, CLOUD, THIN, CLEAR],
    ]


def test_each_code_of_fmask_has_its_class():
    assert classes("fmask", [[0, 1, 2, 3, 4, 255]]) == [[CLEAR, CLEAR, SHADOW, CLEAR, CLOUD, FILL]]


def test_each_code_of_omnicloudmask_has_its_class():
    assert classes("omnicloudmask", [[0, 1, 2, 3]]) == [[CLEAR, CLOUD, THIN, SHADOW]]


def test_one_and_255_are_cloud_in_a_binary_mask():
    assert classes("binary", [[0, 1, 255]]) == [[CLEAR, CLOUD, CLOUD]]


# Values as Landsat 8 and 9 products have them: USGS, LSDS-1619, table of QA_PIXEL value interpretations.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, FILL),
        (21824, CLEAR),
        (21826, THIN),  # Dilated cloud over land.
        (21888, CLEAR),  # Water.
        (21890, THIN),  # Dilated cloud over water.
        (22080, CLEAR),  # Cloud of middle confidence: its bit is not set.
        (22280, CLOUD),
        (23888, SHADOW),
        (23952, SHADOW),  # Over water.
        (24344, CLOUD),  # And shadow.
        (30048, CLEAR),  # Snow.
        (54596, THIN),  # Cirrus.
        (55052, CLOUD),  # And cirrus.
    ],
)
def test_the_bits_of_qa_pixel_have_their_classes(value, expected):
    assert classes("qa_pixel", [[value]], "uint16") == [[expected]]


@pytest.mark.parametrize("value", [2720, 2800, 2976])
def test_quality_bands_of_collection_1_are_not_taken_for_those_of_collection_2(value):
    assert classes("qa_pixel", [[value]], "uint16") == [[UNKNOWN]]


def test_a_probability_above_the_published_threshold_is_cloud():
    assert KINDS["s2cloudless"].threshold == 0.4
    assert classes("s2cloudless", [[0, 0.4, 0.41, 1]], "float32", full=1.0, threshold=0.4) == [
        [CLEAR, CLEAR, CLOUD, CLOUD]
    ]


@pytest.mark.parametrize(("full", "least"), [(100, 41), (255, 103)])
def test_probabilities_in_whole_numbers_are_shares_of_what_certainty_is(full, least):
    assert classes("s2cloudless", [[least - 1, least, full]], "uint8", full=full, threshold=0.4) == [
        [CLEAR, CLOUD, CLOUD]
    ]


@pytest.mark.parametrize(
    ("kind", "values", "dtype"),
    [("scl", [12, 255], "uint8"), ("fmask", [5, 254], "uint8"), ("omnicloudmask", [4, 9], "int16"),
     ("binary", [2, 128], "uint8"), ("scl", [-1, 3.5], "float32"), ("qa_pixel", [-3, 70000], "int32"),
     ("probability", [-0.1, 1.5], "float32")],
)  # fmt: skip
def test_codes_that_a_kind_does_not_have_are_unknown(kind, values, dtype):
    assert classes(kind, [values], dtype) == [[UNKNOWN, UNKNOWN]]


def test_nodata_says_nothing_unless_the_code_is_published_as_fill():
    assert classes("scl", [[0, 99, 9]], nodata=99) == [[FILL, UNCOVERED, CLOUD]]
    assert classes("scl", [[0]], nodata=0) == [[FILL]]
    assert classes("binary", [[255, 1]], nodata=255) == [[UNCOVERED, CLOUD]]
    assert classes("probability", [[-1, np.nan, 0.9]], "float32", nodata=-1) == [[UNCOVERED, UNCOVERED, CLOUD]]


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize(("dtype", "side"), [("uint8", 20), ("uint16", 300)])
def test_many_values_have_the_classes_that_each_has_alone(kind, dtype, side):
    values = np.arange(side * side).reshape(side, side).astype(dtype)
    options = {"full": 200.0, "threshold": 0.4} if KINDS[kind].threshold else {}
    together = KINDS[kind].classes(values, 7, **options)
    apart = np.concatenate([KINDS[kind].classes(row[None], 7, **options) for row in values.astype(np.int64)])
    np.testing.assert_array_equal(together, apart)
