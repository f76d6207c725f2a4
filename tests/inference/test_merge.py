"""One picture out of dates in memory: which date a pixel is taken from, and how one fades into the next."""

import numpy as np
import pytest

from cloud_removal.inference.dates.merge import FEATHER, Date, Merged, Rule, merged

SIDE = 64
RULE = Rule(0.05, 0.05, 0.75, True)
NOTHING = np.full((SIDE, SIDE), np.nan, np.float32)


def flat(value: float) -> np.ndarray:
    return np.full((3, SIDE, SIDE), value, np.float32)


def cover(opacity: float, columns: slice = slice(None), elsewhere: float = 0.0) -> np.ndarray:
    result = np.full((SIDE, SIDE), elsewhere, np.float32)
    result[:, columns] = opacity
    return result


def merge(opacity: np.ndarray, *dates: Date, rule: Rule = RULE) -> Merged:
    return merged(flat(10), opacity, dates, rule)


def test_what_is_clear_is_never_taken():
    assert not merge(cover(0.05), Date(flat(50), cover(0.0))).taken.any()


def test_opaque_cloud_is_replaced_by_what_is_clear():
    found = merge(cover(1.0, slice(20, 40)), Date(flat(50), cover(0.0)))
    np.testing.assert_array_equal(found.taken, cover(1.0, slice(20, 40)) == 1)
    np.testing.assert_allclose(found.values[:, found.taken], 50, rtol=1e-6)


def test_of_clear_dates_the_first_is_taken_whatever_traces_of_cloud_they_have():
    found = merge(cover(1.0), Date(flat(50), cover(0.04)), Date(flat(90), cover(0.0)))
    np.testing.assert_allclose(found.values, 50, rtol=1e-6)


def test_of_cloudy_dates_the_thinnest_is_taken():
    found = merge(cover(0.9), Date(flat(50), cover(0.6)), Date(flat(90), cover(0.3)))
    np.testing.assert_allclose(found.values[:, found.taken], 90, rtol=1e-6)
    assert found.taken.all()


def test_hardly_thinner_cloud_is_not_worth_another_date():
    assert not merge(cover(0.5), Date(flat(50), cover(0.45))).taken.any()
    assert merge(cover(0.5), Date(flat(50), cover(0.35))).taken.all()


def test_opaque_cloud_is_taken_from_nowhere():
    assert not merge(cover(1.0), Date(flat(50), cover(0.8))).taken.any()


def test_nothing_is_taken_where_the_other_date_has_no_data():
    opacity = cover(0.0)
    opacity[:, 30:] = np.nan
    found = merge(cover(1.0), Date(np.where(np.isnan(opacity), np.nan, flat(50)), opacity))
    assert found.taken[:, :30].all() and not found.taken[:, 30:].any()
    np.testing.assert_allclose(found.values[:, found.taken], 50, rtol=1e-6)


def test_no_data_of_the_reference_stays_none():
    assert not merge(NOTHING, Date(flat(50), cover(0.0))).taken.any()


def test_restored_ground_fades_into_another_date_over_the_feather():
    """The reference's thin cloud was taken off all over; the other date is clear in a part of it."""
    opacity = cover(0.0, elsewhere=1.0)
    opacity[:, :24] = 0.7
    row = merge(cover(0.06), Date(flat(50), opacity)).values[0, SIDE // 2]
    assert (row[:24] == 10).all() and row[24] < 20 and row[24 + FEATHER] == pytest.approx(50)
    assert (np.diff(row[24 : 25 + FEATHER]) > 0).all() and np.diff(row).max() < 12


def test_a_date_that_looks_otherwise_is_taken_under_thicker_cloud_only():
    opacity = cover(0.3)
    opacity[:, 40:] = 0.6
    found = merge(opacity, Date(flat(50), cover(0.0), above=0.4))
    np.testing.assert_array_equal(found.taken, opacity > 0.4)
    assert merge(opacity, Date(flat(50), cover(0.0), above=0.4), Date(flat(90), cover(0.0))).taken.all()


def test_two_dates_fade_into_one_another():
    left, right = cover(0.0, slice(0, 40), 0.04), cover(0.0, slice(24, None), 0.04)
    left[:, 40:], right[:, :24] = np.nan, np.nan
    row = merge(cover(1.0), Date(flat(50), left), Date(flat(90), right)).values[0, 5]
    assert row[10] == pytest.approx(50) and row[60] == pytest.approx(90)
    assert (np.diff(row[28:52]) >= -1e-4).all() and 50 < row[38] < 90


def test_where_cloud_is_left_the_opacity_is_that_of_what_stands_there():
    rule = Rule(0.05, 0.05, 0.75, False)
    found = merge(cover(0.9), Date(flat(50), cover(0.4)), rule=rule)
    np.testing.assert_allclose(found.opacity, 0.4, rtol=1e-5)
