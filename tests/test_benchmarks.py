from collections import Counter

from benchmarks.soak import Outcome, Soak
from benchmarks.table import Row, table
from benchmarks.training_step import in_words


def test_a_speed_under_its_aim_is_missed() -> None:
    assert Row("step", 0.9, "x", aim=1.0).reached is False


def test_a_memory_under_its_limit_is_reached() -> None:
    assert Row("memory", 2.0, "GiB", aim=3.0, at_most=True).reached is True


def test_without_an_aim_nothing_is_reached_or_missed() -> None:
    assert Row("step", 0.9, "x").reached is None


def test_the_table_shows_value_unit_and_aim_in_a_line_each() -> None:
    lines = table([Row("step", 12.0, "img/s"), Row("ratio", 1.25, "x", aim=1.0)]).splitlines()
    assert [line.split() for line in lines] == [["step", "12", "img/s"], ["ratio", "1.25", "x", ">=", "1", "reached"]]


def test_the_profile_names_kinds_by_share_and_the_costliest_operation() -> None:
    spent = Counter({"up1/conv:Conv2D": 50, "up2/conv:Conv2D": 30, "up2/cast:Cast": 20})
    assert in_words(spent) == "Conv2D 80%, Cast 20%; costliest up1/conv 50%"


def test_soaking_kills_twenty_times_unless_told_otherwise() -> None:
    assert Soak().kills == 20


def test_a_soak_that_lost_nothing_passed() -> None:
    assert Outcome(20, 9, 0, 60, []).line().startswith("soak passed: 20 kills, 9 in the midst of a save; after 0 of")


def test_a_soak_that_lost_a_save_or_a_variable_failed() -> None:
    outcomes = [Outcome(20, 9, 1, 60, []), Outcome(20, 9, 0, 60, ["net/kernel"])]
    assert all(not outcome.passed and outcome.line().startswith("soak FAILED") for outcome in outcomes)
