"""Two real worker processes on this machine, beside one process that trains the same runs."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.soak import ROOT, last_save
from cloud_removal import plots, systems
from cloud_removal.cli import train as cli
from cloud_removal.config import Run, run_to_text
from cloud_removal.training import environment
from cloud_removal.training.checkpoint import read_values
from tests.training.conftest import SYSTEMS
from tests.training.train_as_worker import KILLED, SIGNALLED, by_descent

STEPS, SAVED = 5, 3
"""That two workers train together; a save before that."""
SMALL = {"batch_size": 4, "precision": "float32", "log_every": 1, "sample_every": 1000, "checkpoint_every": SAVED}
GATED = {"discriminator": "patch", "balance": 2.1, "balance_window": 2, "history": 0.5, "history_size": 3}
RUNS = {
    "unet": Run("unet", systems.find("unet").Options(width=2), size=96, steps=STEPS, learning_rate=0.05, **SMALL),
    "inpaint": Run(
        "inpaint",
        systems.find("inpaint").Options(width=2, discriminator_width=2, **GATED),
        size=32,
        steps=SAVED + STEPS,
        learning_rate=0.02,
        **SMALL,
    ),
}
"""Those of `unet` begin anew, those of `inpaint` after a save of one process."""


def alone(run):
    """Trains `run` in this process, as the workers do in theirs."""
    assert cli.run_training(cli.Training(run), "python train.py") == 0


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of all these runs, and what the two workers said.

    one-*: by one process. two-*: by two workers. tiny: stopped by a signal for worker 1, gone on with, that worker
    killed, and gone on with by one process.
    """
    root = tmp_path_factory.mktemp("workers")
    path = systems.__path__
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(plots, "curves", lambda run_dir: b"")
        changed.setattr(environment, "build", by_descent(environment.build))
        changed.setattr(systems, "__path__", [*path, str(SYSTEMS)])
        for name, run in RUNS.items():
            alone(dataclasses.replace(run, run_dir=root / f"one-{name}"))
        begun = root / "two-inpaint"
        shutil.copytree(root / "one-inpaint", begun)
        for path in (begun / "checkpoints").glob("ckpt-*"):
            if not path.name.startswith(f"ckpt-{SAVED}."):
                path.unlink()
        tiny = Run("tiny", systems.find("tiny").Options(), steps=1000, run_dir=root / "tiny", **SMALL)
        runs = [(dataclasses.replace(run, run_dir=root / f"two-{name}"), "") for name, run in RUNS.items()]
        code, said = together(root, [*runs, (tiny, "signalled"), (tiny, "killed")])
        alone(dataclasses.replace(tiny, steps=KILLED + 1))
    return SimpleNamespace(root=root, code=code, said=said)


def together(root, runs):
    """Exit code of the first of two workers that train `runs`, the second of which it starts; what both said."""
    files = []
    for number, (run, end) in enumerate(runs):
        path = root / f"run{number}.json"
        path.write_text(run_to_text(run))
        files.append((str(path), end))
    command = [sys.executable, "-m", "tests.training.train_as_worker", json.dumps(files)]
    surroundings = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    surroundings |= {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr


def last(run_dir):
    """The variables at the end of a run, by path."""
    return read_values(run_dir / "checkpoints" / f"ckpt-{last_save(run_dir)}")


@pytest.mark.parametrize("name", RUNS)
def test_two_workers_reach_the_weights_of_one_process(trained, name):
    """Within a ten-thousandth of a variable's largest value; the pool of past fakes is float16, which is coarser."""
    one, two = last(trained.root / f"one-{name}"), last(trained.root / f"two-{name}")
    assert one.keys() == two.keys() and one["step"] == two["step"] == RUNS[name].steps, trained.said
    apart = {path: np.abs(one[path].astype(np.float64) - two[path]).max(initial=0.0) for path in one}
    relative = {path: 1e-3 if values.dtype == np.float16 else 1e-4 for path, values in one.items()}
    allowed = {path: relative[path] * float(np.abs(values).max(initial=0.0)) for path, values in one.items()}
    assert {path: far for path, far in apart.items() if far > allowed[path]} == {}


@pytest.mark.parametrize("name", RUNS)
def test_training_moved_the_weights_by_far_more_than_they_may_differ(trained, name):
    first = next(iter(sorted((trained.root / f"one-{name}" / "checkpoints").glob("ckpt-*.index"))))
    before, after = read_values(first.with_suffix("")), last(trained.root / f"one-{name}")
    kernels = [path for path in before if path.startswith("networks/") and path.endswith("/kernel")]
    moved = [np.abs(before[path] - after[path]).max() / np.abs(after[path]).max() for path in kernels]
    assert np.median(moved) > 5e-4


def test_two_workers_go_on_from_the_checkpoint_of_one_process(trained):
    assert f"Going on from step {SAVED} in {trained.root / 'two-inpaint'}." in trained.said


def test_one_process_goes_on_from_the_checkpoint_of_two_workers(trained):
    lines = [json.loads(line) for line in (trained.root / "tiny" / "commands.jsonl").read_text().splitlines()]
    assert [line["start"] for line in lines] == [0, SIGNALLED + 1, KILLED // SAVED * SAVED]
    assert last(trained.root / "tiny")["step"] == KILLED + 1


def test_a_signal_for_one_worker_stops_both_at_the_same_step_with_its_exit_code(trained):
    assert "worker 0, tiny: 143" in trained.said and "worker 1, tiny: 143" in trained.said
    assert f"Saved step {SIGNALLED + 1} in" in trained.said


def test_the_same_command_goes_on_where_a_signal_stopped(trained):
    assert f"Going on from step {SIGNALLED + 1} in {trained.root / 'tiny'}." in trained.said


def test_a_killed_worker_ends_the_other_with_one_line(trained):
    lines = [line for line in trained.said.splitlines() if line.startswith("error: ")]
    assert trained.code == 1 and "Traceback" not in trained.said
    assert len(lines) == 1 and lines[0].startswith("error: Worker 1 (127.0.0.1:"), trained.said
    assert "has ended" in lines[0] and "start the same command for every worker" in lines[0]


def test_only_the_chief_writes(trained):
    lines = (trained.root / "two-unet" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(1, STEPS + 1))
    assert len((trained.root / "two-unet" / "commands.jsonl").read_text().splitlines()) == 1
