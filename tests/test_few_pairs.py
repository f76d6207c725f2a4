"""The experiment that adapts a model to few real pairs."""

import numpy as np
import pytest

from benchmarks import few_pairs
from benchmarks.few_pairs import Folds
from cloud_removal.data.pairs import names_of_pairs

NAMES = [f"{number:02}.png" for number in range(12)]


@pytest.fixture
def pairs(tmp_path):
    for side in ("cloud", "clear"):
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for name in NAMES:
            (tmp_path / "pairs" / side / name).touch()
    return tmp_path / "pairs"


def test_each_pair_is_judged_once_in_parts_of_neighbours(pairs):
    parts = [names for _, names in few_pairs.chosen(Folds(pairs, parts="stretches"), NAMES)]
    assert [name for names in parts for name in names] == NAMES
    assert [len(names) for names in parts] == [3, 3, 2, 2, 2]


def test_each_pair_is_judged_once_in_parts_that_are_mixed_alike_every_time(pairs):
    parts = [names for _, names in few_pairs.chosen(Folds(pairs), NAMES)]
    assert sorted(name for names in parts for name in names) == NAMES
    assert all(names == sorted(names) for names in parts) and parts[0] != NAMES[:3]
    assert parts == [names for _, names in few_pairs.chosen(Folds(pairs), NAMES)]


def test_parts_can_be_chosen(pairs):
    assert few_pairs.chosen(Folds(pairs, parts="stretches", only=(3,)), NAMES) == [(3, NAMES[8:10])]


def test_a_preset_that_is_not_there_is_refused(pairs, capsys):
    assert few_pairs.main(["--pairs", str(pairs), "--preset", "none"]) == 1
    assert "--preset none: expected one of" in capsys.readouterr().err


def test_one_part_is_refused(pairs, capsys):
    assert few_pairs.main(["--pairs", str(pairs), "--folds", "1"]) == 1
    assert "--folds 1: expected 2 to 12, the number of pairs" in capsys.readouterr().err


def test_a_run_sees_the_pairs_it_is_given_and_no_other(pairs, tmp_path):
    few_pairs.linked(pairs, tmp_path / "some", NAMES[3:])
    few_pairs.linked(pairs, tmp_path / "some", NAMES[3:])
    assert names_of_pairs(tmp_path / "some") == NAMES[3:]


def test_a_run_has_the_settings_of_the_script_but_those_asked_for(pairs, tmp_path):
    run = few_pairs.run_of(Folds(pairs, output=tmp_path, learning_rate=1e-3, minutes=2.0), 1)
    assert (run.run_dir, run.data.pairs) == (tmp_path / "part1", tmp_path / "part1" / "pairs")
    assert (run.learning_rate, run.minutes, run.size) == (1e-3, 2.0, 256)


def test_the_straight_line_of_each_channel_undoes_an_even_veil():
    clear = np.random.default_rng(0).integers(0, 200, (16, 16, 3)).astype(np.uint8)
    veiled = np.rint(clear * 0.5 + np.array([90.0, 100.0, 110.0])).astype(np.uint8)
    assert np.abs(few_pairs.straight_lines(veiled, clear).astype(int) - clear).max() <= 2


def test_outside_clouds_every_pixel_counts_alike_whichever_picture_it_is_of():
    wide, rim, none = {"outside": {"mae": 2.0}}, {"outside": {"mae": 12.0}}, {"outside": {}}
    assert few_pairs.over_pixels([wide, rim, none], [900, 100, 3]) == pytest.approx(3.0)
