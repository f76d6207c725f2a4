"""A run killed outright, also in the midst of a save, goes on from the last save that was complete."""

import random
from pathlib import Path

import pytest

from benchmarks.soak import finish, kill_once, last_save

QUICK = {"options": ("--precision", "float32"), "script": Path(__file__).parent / "train_tiny.py"}
"""What is trained: `make soak` kills the U-Net, which takes longer to begin."""
MOMENTS = {"while saving": True, "at a random moment": False, "while saving again": True}


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A run killed three times: its folder, and for each kill the steps it had gone on from and had saved before."""
    run_dir = tmp_path_factory.mktemp("runs") / "killed"
    chance = random.Random()
    return run_dir, {moment: kill_once(run_dir, chance, saving, **QUICK) for moment, saving in MOMENTS.items()}


@pytest.fixture(scope="module")
def repaired(killed):
    """The killed run, its newest checkpoint damaged too, trained on: (what it said, the step that was damaged)."""
    run_dir, _ = killed
    newest = last_save(run_dir)
    data = next((run_dir / "checkpoints").glob(f"ckpt-{newest}.data-*"))
    content = bytearray(data.read_bytes())
    content[len(content) // 3] ^= 4
    data.write_bytes(content)
    return finish(run_dir, newest + 2, **QUICK), newest


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_run_goes_on_from_its_last_save(moment, killed):
    started, saved = killed[1][moment]
    assert started >= saved


def test_a_flipped_bit_in_the_newest_checkpoint_is_said(repaired):
    process, newest = repaired
    assert f"ckpt-{newest} is damaged" in process.told.read_text()


def test_the_checkpoint_before_the_damaged_one_is_used(repaired):
    process, newest = repaired
    assert process.started_from() == newest - 1


def test_after_all_this_the_run_finishes(repaired, killed):
    assert last_save(killed[0]) == repaired[1] + 2
