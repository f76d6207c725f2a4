"""`make soak`: training killed at random moments, twenty times, and resumed each time. Also what the tests kill with.

A kill is SIGKILL, every second one in the midst of a save. After each the run must go on from a checkpoint that is
not older than the last save that was complete; in the end its variables must be those of a run never killed.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

ROOT = Path(__file__).resolve().parents[1]
TINY = ("--preset", "unet", "--width", "2", "--size", "96", "--batch-size", "1", "--precision", "float32")
SCRIPT = ROOT / "train_defog.py"
PATIENCE = 600
"""Seconds after which a process that should have done something is given up."""


@dataclass
class Process:
    """A training script at work; what it says goes into a file beside its run folder."""

    run_dir: Path
    process: subprocess.Popen
    told: Path

    def wait_for(self, condition: Callable[[], bool], look_every: float = 0.02) -> None:
        """Until `condition` holds; RuntimeError with what the process said if it ends or takes too long before."""
        for _ in range(int(PATIENCE / look_every)):
            if condition():
                return
            try:
                self.process.wait(look_every)
            except subprocess.TimeoutExpired:
                continue
            if condition():
                return
            raise RuntimeError(f"{self.run_dir} ended early with {self.process.returncode}:\n{self.told.read_text()}")
        raise RuntimeError(f"{self.run_dir} did not get there in {PATIENCE} s:\n{self.told.read_text()}")

    def run_on(self, seconds: float) -> None:
        """Lets it work so long."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise RuntimeError(f"{self.run_dir} ended early with {self.process.returncode}:\n{self.told.read_text()}")

    def signal(self, number: int) -> int:
        """Sends a signal and waits for the end. Returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def logged(self) -> int:
        """The last step in its log, 0 before the first."""
        path = self.run_dir / "log.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        whole = [line for line in lines if line.endswith("\n")]
        return int(json.loads(whole[-1])["step"]) if whole else 0

    def started_from(self) -> int:
        """The step it said it goes on from, 0 where it began anew."""
        found = re.findall(r"Going on from step (\d+)", self.told.read_text())
        return int(found[-1]) if found else 0


def start(run_dir: Path, *options: str, script: Path = SCRIPT) -> Process:
    """Starts `script` in a process of its own, with `--run-dir run_dir` and `options`."""
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    told = run_dir.with_suffix(".told")
    command = [sys.executable, str(script), "--run-dir", str(run_dir), *options]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    with open(told, "w") as file:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
    return Process(run_dir, process, told)


def last_save(run_dir: Path) -> int:
    """The step of the last save that is complete, 0 where there is none."""
    return max(
        (int(path.stem.removeprefix("ckpt-")) for path in (run_dir / "checkpoints").glob("ckpt-*.json")), default=0
    )


def is_saving(run_dir: Path) -> bool:
    """Whether files of a checkpoint are there that is not complete."""
    names = [path.name for path in (run_dir / "checkpoints").glob("*ckpt-*")]
    complete = {name.removesuffix(".json") for name in names if name.startswith("ckpt-") and name.endswith(".json")}
    return any(name.split(".")[0] not in complete for name in names)


def kill_once(
    run_dir: Path, chance: random.Random, while_saving: bool, options: Sequence[str] = TINY, script: Path = SCRIPT
) -> tuple[int, int]:
    """Trains on by `script` with `options`, kills at a random moment or in the midst of a save.

    Returns the step it had gone on from, and the step of the last complete save before it.
    """
    before = last_save(run_dir)
    endless = ("--steps", "1000000", "--checkpoint-every", "1", "--log-every", "1")
    training = start(run_dir, *options, *endless, script=script)
    try:
        training.wait_for(lambda: last_save(run_dir) > before)
        training.run_on(chance.uniform(0.0, 0.5))
        if while_saving:
            training.wait_for(lambda: is_saving(run_dir), look_every=0.001)
    finally:  # Whatever happens, no training is left behind.
        training.signal(signal.SIGKILL)
    return training.started_from(), before


def finish(run_dir: Path, steps: int, options: Sequence[str] = TINY, script: Path = SCRIPT) -> Process:
    """Trains `run_dir` by `script` with `options` to the end at `steps`."""
    until = ("--steps", str(steps), "--checkpoint-every", "1000000", "--log-every", "1")
    training = start(run_dir, *options, *until, script=script)
    try:
        code = training.process.wait(PATIENCE)
    finally:
        training.process.kill()
    if code != 0:
        raise RuntimeError(f"{run_dir} could not be gone on with:\n{training.told.read_text()}")
    return training


def differences(one: Path, other: Path, step: int) -> list[str]:
    """Variables of two runs that are not bit-identical at `step`."""
    from cloud_removal.training.checkpoint import read_values

    first, second = (read_values(run / "checkpoints" / f"ckpt-{step}") for run in (one, other))
    same = [path for path in first if path in second and first[path].tobytes() == second[path].tobytes()]
    return sorted((set(first) | set(second)) - set(same))


@dataclass(frozen=True)
class Soak:
    """Kills training at random moments and goes on with it each time, then compares with a run never killed."""

    kills: int = 20
    """How often."""
    seed: int = 0
    """Of the moments."""


@dataclass(frozen=True)
class Outcome:
    """What became of the run that was killed."""

    kills: int
    hit: int
    """How many of them left a save unfinished."""
    lost: int
    """After how many the run went on from an older step than it had saved."""
    steps: int
    different: list[str]
    """Variables that are not those of a run never killed after as many steps."""

    @property
    def passed(self) -> bool:
        """Whether nothing was lost."""
        return not self.lost and not self.different

    def line(self) -> str:
        """The result in words."""
        went_on = f"after {self.lost} of them training went on from an older step than it had saved"
        same = f"{len(self.different)} variables differ from those of a run never killed after {self.steps} steps"
        word = "passed" if self.passed else "FAILED"
        return f"soak {word}: {self.kills} kills, {self.hit} in the midst of a save; {went_on}; {same}"


def soaked(folder: Path, kills: int, chance: random.Random) -> Outcome:
    """Kills a run in `folder` again and again, finishes it, and a run beside it that is never killed."""
    run_dir, straight = folder / "killed", folder / "straight"
    lost = hit = 0
    for number in range(1, kills + 1):
        started, saved = kill_once(run_dir, chance, while_saving=number % 2 == 0)
        lost += started < saved
        hit += is_saving(run_dir)
        print(
            f"kill {number}: had saved step {saved}, went on from {started}, killed after {last_save(run_dir)}",
            flush=True,
        )
    saved = last_save(run_dir)
    lost += finish(run_dir, saved + 3).started_from() < saved
    finish(straight, saved + 3)
    return Outcome(kills, hit, lost, saved + 3, differences(run_dir, straight, saved + 3))


def main() -> int:
    """Runs the soak test. Returns 0, or 1 where a run lost what it had saved."""
    soak = tyro.cli(Soak, prog="python -m benchmarks.soak")
    print(f"soak: {soak.kills} kills, seed {soak.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        outcome = soaked(Path(folder), soak.kills, random.Random(soak.seed))
    print(outcome.line())
    for path in outcome.different:
        print(f"  {path}")
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main())
