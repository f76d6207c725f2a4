"""Part of `make soak`: every system trained by two workers, one of them killed, both gone on with, then by one alone.

The workers are the training scripts themselves, told of each other by TF_CONFIG on this machine. The survivor of a kill
must end with one line, and the run go on from its last save; a signal for a worker must stop both at the same step.
"""

import json
import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import tyro

from benchmarks.soak import ROOT, Process, last_save, start
from cloud_removal.training.cluster import free_ports

TINY = ("--batch-size", "2", "--precision", "float32", "--log-every", "1")
ENDLESS = ("--steps", "1000000", "--checkpoint-every", "2")
SCRIPTS = {
    "unet": ("train_defog.py", "--preset", "unet", "--width", "2", "--size", "96"),
    "veil": ("train_defog.py", "--preset", "veil", "--widths", "2", "2", "2", "2", "2", "--size", "96"),
    "mend": ("train_defog.py", "--system", "mend", "--width", "2", "--size", "96"),
    "inpaint": ("train_inpaint.py", "--width", "2", "--discriminator-width", "2", "--size", "64"),
    "pix2pix": ("train_translate.py", "--system", "pix2pix", "--width", "2", "--levels", "4", "--size", "64"),
    "cyclegan": ("train_translate.py", "--system", "cyclegan", "--width", "2", "--blocks", "1", "--size", "64"),
    "enlightengan": ("train_translate.py", "--system", "enlightengan", "--width", "2", "--vgg", "random")
    + ("--size", "64"),
    "scene": ("train_scene.py", "--width", "2", "--size", "64"),
}
"""A tiny run of each system."""


@dataclass(frozen=True)
class Soak:
    """Trains every system by two workers on this machine, kills one, stops one, and goes on each time."""

    systems: tuple[str, ...] = tuple(SCRIPTS)
    """Which of them."""


def pair(folder: Path, *options: str, script: str) -> list[Process]:
    """Two workers that know each other; worker 0 is the chief, and its run folder is the one that is written."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    workers = []
    for index in (0, 1):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        os.environ["TF_CONFIG"] = json.dumps(config)
        workers.append(start(folder / f"worker{index}", *options, script=ROOT / script))
    del os.environ["TF_CONFIG"]
    return workers


def ended(workers: list[Process], number: int, which: int) -> list[int]:
    """Exit codes of the workers where that numbered `which` gets signal `number` once two more saves are there."""
    before = last_save(workers[0].run_dir)
    try:
        workers[0].wait_for(lambda: last_save(workers[0].run_dir) > before + 2)
        workers[which].signal(number)
        return [worker.process.wait(120) for worker in workers]
    finally:  # Whatever happens, no training is left behind.
        for worker in workers:
            worker.process.kill()


def told(worker: Process, words: str) -> bool:
    """Whether it said so, and nothing of a traceback."""
    text = worker.told.read_text()
    return words in text and "Traceback" not in text


def troubles(folder: Path, system: str) -> list[str]:
    """What did not go as it should with `system`, trained in `folder`."""
    script, *options = SCRIPTS[system]
    words = (*options, *TINY)
    found = []
    for killed in (1, 0):
        workers = pair(folder, *words, *ENDLESS, script=script)
        codes = ended(workers, signal.SIGKILL, killed)
        if codes[1 - killed] != 1 or not told(workers[1 - killed], f"error: Worker {killed} "):
            found.append(f"worker {killed} was killed and the other ended with {codes[1 - killed]}")
    saved = last_save(folder / "worker0")
    workers = pair(folder, *words, *ENDLESS, script=script)
    codes = ended(workers, signal.SIGTERM, 1)
    if codes != [143, 143] or not told(workers[0], "Saved step"):
        found.append(f"worker 1 was to stop, and they ended with {codes}")
    if workers[0].started_from() < saved:
        found.append(f"had saved step {saved}, went on from {workers[0].started_from()}")
    saved = last_save(folder / "worker0")
    single = start(folder / "worker0", *words, "--steps", str(saved + 2), script=ROOT / script)
    if single.process.wait(600) or single.started_from() != saved:
        found.append(f"one process did not go on from step {saved}")
    if any((folder / "worker1").glob("*")):
        found.append("worker 1 wrote into its run folder")
    return found


def main() -> int:
    """Runs it. Returns 0, or 1 where anything did not go as it should."""
    soak = tyro.cli(Soak, prog="python -m benchmarks.soak_workers")
    failed = False
    for system in soak.systems:
        with tempfile.TemporaryDirectory() as folder:
            found = troubles(Path(folder), system)
        failed |= bool(found)
        print(f"two workers, {system}: {'; '.join(found) or 'passed'}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
