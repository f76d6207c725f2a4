"""Where `remove` spends its time: the record of steps."""

from benchmarks.remove import stages
from benchmarks.stages import Record, in_turn


def test_a_step_within_another_is_charged_to_itself() -> None:
    seconds = iter([0.0, 1.0, 3.0, 6.0, 10.0, 15.0])
    record = Record(lambda: next(seconds))
    record.timed(record.timed(lambda: None, "reading"), "context")()
    record.charge()
    assert record.spent == {"rest": 1.0 + 5.0, "context": 2.0 + 4.0, "context: reading": 3.0}


def test_steps_in_turn_do_what_overlapping_ones_do() -> None:
    written: list[tuple[int, int]] = []
    in_turn(range(3), lambda i: i + 1, lambda i: i * i, lambda *pair: written.append(pair))
    assert written == [(1, 1), (2, 4), (3, 9)]


def test_the_profile_of_remove_counts_core_milliseconds_of_a_megapixel() -> None:
    rows = stages(1000, {"windows: network": 0.5, "verifying": 0.02, "rest": 0.01})
    assert [(row.name, round(row.value, 9)) for row in rows] == [
        ("remove 1000: all but the windows' network", 30.0),
        ("remove 1000: windows: network", 500.0),
        ("remove 1000: verifying", 20.0),
        ("remove 1000: rest", 10.0),
    ]
