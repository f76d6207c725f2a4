"""A run stopped by a real signal and resumed, in separate processes, ends bit for bit as one never stopped."""

import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from benchmarks.soak import ROOT, TINY, differences, last_save, start
from tests.training.train_in_turn import train_in_turn

STEPS = ("--steps", "12", "--log-every", "1")
DEFOG = (ROOT / "train_defog.py", *TINY)
DROPOUT = (Path(__file__).parent / "train_tiny.py", "--schedule", "cosine")
CASES = {
    "train_defog in float32": (DEFOG, "float32", signal.SIGINT),
    "train_defog in mixed_bfloat16": (DEFOG, "mixed_bfloat16", signal.SIGTERM),
    "dropout in float32": (DROPOUT, "float32", signal.SIGTERM),
    "dropout in mixed_bfloat16": (DROPOUT, "mixed_bfloat16", signal.SIGINT),
}


def command(case):
    """(script, options ...) without the folder of the run."""
    words, precision, _ = CASES[case]
    return (*words, "--precision", precision, *STEPS)


def stopped(case, run_dir, wanted):
    """Stops by a signal after step `wanted` or soon after it. Returns exit code and step saved.

    A sample grid after each step keeps the steps long enough to be hit.
    """
    script, *options = command(case)
    training = start(run_dir, *options, "--sample-every", "1", script=script)
    training.wait_for(lambda: training.logged() >= wanted)
    return training.signal(CASES[case][2]), last_save(run_dir)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """For each case: exit code, step at which it stopped, and the variables that differ from a run never stopped.

    Each stopped run is a process of its own; those that go on share one, and so do those that are never stopped.
    """
    folder, chance = tmp_path_factory.mktemp("runs"), random.Random()
    places = {case: folder / str(number) for number, case in enumerate(CASES)}

    def to_the_end(kind):
        train_in_turn(*((*command(case), "--run-dir", place / kind) for case, place in places.items()))

    with ThreadPoolExecutor(1) as beside:
        straight = beside.submit(to_the_end, "straight")
        ends = {case: stopped(case, place / "stopped", chance.randint(1, 8)) for case, place in places.items()}
        to_the_end("stopped")
        straight.result()
    return {case: (*ends[case], differences(p / "straight", p / "stopped", 12)) for case, p in places.items()}


@pytest.mark.parametrize("case", CASES)
def test_every_variable_is_bit_identical(case, outcomes):
    assert outcomes[case][2] == []


@pytest.mark.parametrize("case", CASES)
def test_a_stopped_run_exits_as_the_signal_says(case, outcomes):
    assert outcomes[case][0] == 128 + CASES[case][2]


@pytest.mark.parametrize("case", CASES)
def test_a_stopped_run_was_stopped_before_its_end(case, outcomes):
    assert 0 < outcomes[case][1] < 12


TWICE = """
import os, signal
from cloud_removal.training.interrupt import Interrupt
with Interrupt() as interrupt:
    os.kill(os.getpid(), signal.{first})
    print(interrupt.code, flush=True)
    os.kill(os.getpid(), signal.{second})
    print("still here")
"""


@pytest.mark.parametrize(("first", "second", "code"), [("SIGINT", "SIGINT", 130), ("SIGINT", "SIGTERM", 143)])
def test_a_second_signal_leaves_at_once(first, second, code):
    program = TWICE.format(first=first, second=second)
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (code, "130\n")


def test_the_first_signal_says_what_the_second_would_do():
    program = TWICE.format(first="SIGTERM", second="SIGTERM")
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Stopping after this step; the same signal again leaves at once." in ended.stderr


def test_before_the_first_step_a_signal_ends_the_run_without_a_trace(tmp_path):
    training = start(tmp_path / "run", *TINY)
    training.wait_for(lambda: "weights" in training.told.read_text())
    assert training.signal(signal.SIGINT) == 130
    assert "Traceback" not in training.told.read_text()
