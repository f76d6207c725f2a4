"""What pairs kept from training are for: judging, keeping what did best, stopping in time, exporting it."""

import dataclasses
import json

import cv2
import numpy as np
import pytest

from cloud_removal import systems
from cloud_removal.cli.train import MODEL, export_best
from cloud_removal.config import Data, Run
from cloud_removal.errors import OptionError
from cloud_removal.model_folder import version_of
from cloud_removal.training import saves, validation
from cloud_removal.training.checkpoint import network_weights, read_values, restore_run
from cloud_removal.training.environment import build

PAIRS, SIDE = 7, 32


def quiet(line):
    pass


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Noise, and the same under an even veil."""
    folder = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    for side in ("cloud", "clear"):
        (folder / side).mkdir()
    for number in range(PAIRS):
        clear = cv2.resize(rng.uniform(0, 160, (8, 8, 3)), (SIDE, SIDE))
        for side, picture in (("clear", clear), ("cloud", 0.5 * clear + 110)):
            cv2.imwrite(str(folder / side / f"{number}.png"), picture.round().astype(np.uint8))
    return folder


@pytest.fixture
def run(pairs, tmp_path):
    return Run(
        "tiny_restorer",
        options=systems.find("tiny_restorer").Options(),
        data=Data(pairs=pairs),
        run_dir=tmp_path / "run",
        steps=4,
        batch_size=2,
        size=SIDE,
        precision="float32",
        log_every=1,
        judge_every=2,
        learning_rate=1e-3,
    )


def scores(run):
    lines = [json.loads(line) for line in (run.run_dir / "log.jsonl").read_text().splitlines()]
    return {line["step"]: line[validation.SCORE] for line in lines if validation.SCORE in line}


def best(run):
    return saves.newest(run.run_dir / "best", quiet).step


def test_weights_are_judged_before_training_as_often_as_asked_and_at_the_end(run, train):
    train(dataclasses.replace(run, steps=5))
    assert sorted(scores(run)) == [0, 2, 4, 5]


def test_the_weights_kept_are_those_with_the_highest_score(run, train):
    train(run)
    assert scores(run)[best(run)] == max(scores(run).values())


def test_a_rate_that_ruins_the_weights_leaves_those_from_before_training(run, train):
    train(dataclasses.replace(run, learning_rate=10.0))
    assert best(run) == 0


def test_what_counts_of_a_run_is_what_did_best_not_what_came_last(run, train):
    train(dataclasses.replace(run, learning_rate=10.0))
    told = []
    _, system, saved = restore_run(run.run_dir, told.append)
    kept = read_values(run.run_dir / "best" / "ckpt-0")
    assert saved.step == 0
    assert told == [f"Taking step 0 of {run.run_dir}, which did best on what was kept from training, not the newest."]
    for path, variable in network_weights(system).items():
        np.testing.assert_array_equal(variable.numpy(), kept[f"networks/{path}"])


def test_training_stops_after_so_many_judgements_without_gain(run, train):
    code, told = train(dataclasses.replace(run, learning_rate=10.0, steps=100, judge_every=1, patience=3))
    assert code == 0 and max(scores(run)) == 3
    assert "No gain on what is kept from training since step 0 (--patience 3)" in told


def test_a_run_that_stopped_for_want_of_gain_has_nothing_left_to_do(run, train):
    ruined = dataclasses.replace(run, learning_rate=10.0, steps=100, judge_every=1, patience=2)
    train(ruined)
    _, told = train(ruined)
    assert "Nothing left to do" in told and max(scores(run)) == 2


def test_patience_0_never_stops(run, train):
    train(dataclasses.replace(run, learning_rate=10.0, judge_every=1, patience=0))
    assert max(scores(run)) == 4


def test_a_run_in_two_stretches_scores_and_keeps_what_one_in_one_does(run, train, tmp_path):
    whole = dataclasses.replace(run, checkpoint_every=2)
    halves = dataclasses.replace(whole, run_dir=tmp_path / "halves")
    train(whole)
    train(halves)
    saves.discard_after(halves.run_dir / "checkpoints", 2)
    train(halves)
    assert scores(whole) == scores(halves) and best(whole) == best(halves)


def test_before_and_after_are_said(run, train):
    _, told = train(run)
    (line,) = [line for line in told if "kept from training" in line]
    found = scores(run)
    assert f"before training {found[0]:.2f} dB, best {max(found.values()):.2f} dB at step {best(run)}" in line
    assert line.startswith("On 1 picture(s)")


def test_without_pairs_nothing_is_judged(run, train):
    train(dataclasses.replace(run, data=Data(), steps=1, judge_every=None))
    assert scores(run) == {} and not (run.run_dir / "best").exists()


def test_without_pairs_held_out_ground_under_simulated_clouds_is_judged_where_asked(run, train):
    _, told = train(dataclasses.replace(run, data=Data(), steps=2))
    assert sorted(scores(run)) == [0, 2] and "On 32 picture(s) kept from training" in told


def test_what_cannot_be_judged_is_said_where_asked(tiny, train):
    with pytest.raises(OptionError, match="--judge-every 2: tiny learns nothing it could be judged on"):
        train(tiny(judge_every=2))


def test_judging_can_be_left_out(run, train):
    train(dataclasses.replace(run, judge_every=0, steps=1))
    assert scores(run) == {}


def test_pictures_are_judged_where_the_network_takes_them(run):
    """Of stride 8, at least 16 px: what is smaller is continued, what is left over cut."""
    restorer = build(run)
    assert validation._middle(np.zeros((5, 47, 3), np.uint8), restorer).shape == (1, 16, 40, 3)
    assert validation._middle(np.zeros((30, 900, 3), np.uint8), restorer).shape == (1, 24, 512, 3)


def test_the_best_is_exported_once(run, train):
    train(run)
    export_best(run)
    export_best(run)
    assert version_of(run.run_dir / MODEL).name == "1"
    card = json.loads((run.run_dir / MODEL / "1" / "model.json").read_text())
    assert card["training"]["steps"] == best(run)
