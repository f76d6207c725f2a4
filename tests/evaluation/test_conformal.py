"""Conformal intervals: by hand, and whether they hold on what they were calibrated for."""

import numpy as np
import pytest

from cloud_removal.evaluation.conformal import accepted, covered, quantile, risk


@pytest.mark.parametrize(
    ("count", "coverage", "expected"),
    [(9, 0.9, 9.0), (10, 0.9, 10.0), (19, 0.9, 18.0), (8, 0.9, np.inf), (3, 0.5, 2.0)],
)
def test_the_width_is_the_score_of_rank_n_plus_one_times_the_coverage_rounded_up(count, coverage, expected):
    scores = np.random.default_rng(0).permutation(np.arange(1.0, count + 1))
    assert quantile(scores, coverage) == expected


def test_intervals_hold_nine_in_ten_of_what_comes_from_the_same_distribution():
    generator = np.random.default_rng(1)
    first, second = np.abs(generator.standard_t(3, (2, 4000)))
    assert 0.87 <= covered(second, np.full(4000, quantile(first, 0.9))) <= 0.93


def test_of_a_hundred_small_calibrations_the_mean_coverage_is_what_was_asked_for():
    generator = np.random.default_rng(2)
    drawn = generator.exponential(size=(100, 219))
    found = [covered(scores[19:], quantile(scores[:19], 0.9)) for scores in drawn]
    assert 0.88 <= np.mean(found) <= 0.92  # Without the rank's + 1 it is 0.85.


def test_nothing_to_cover_is_no_number():
    assert np.isnan(covered(np.zeros(0), np.zeros(0)))


def test_what_is_accepted_is_what_is_at_most_as_uncertain_as_the_threshold():
    one, two = accepted(np.array([1.0, 2.0, 6.0]), np.array([0.1, 0.2, 0.3]), np.array([0.2, 0.3]))
    assert (one.share, one.error) == (pytest.approx(2 / 3), 1.5)
    assert (two.share, two.error) == (1.0, 3.0)


def test_the_risk_is_the_mean_error_of_growing_shares():
    errors = np.array([3.0, 1.0, 5.0])
    assert risk(errors, np.array([0.2, 0.1, 0.3])) == pytest.approx((1 + 2 + 3) / 3)


def test_pixels_of_equal_uncertainty_are_taken_together():
    assert risk(np.array([0.0, 4.0]), np.array([0.5, 0.5])) == 2.0
