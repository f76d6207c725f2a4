"""Two workers that train several runs, one after the other, so that TensorFlow is imported once for all."""

import atexit
import json
import os
import signal
import sys
from pathlib import Path

import keras

from cloud_removal import plots, systems
from cloud_removal.cli import train as cli
from cloud_removal.config import run_from_text
from cloud_removal.errors import CloudRemovalError
from cloud_removal.training import environment
from cloud_removal.training.cluster import named, start_others
from cloud_removal.training.crew import Crew

SIGNALLED, KILLED = 3, 8
"""Batches that worker 1 asks for when it gets a signal in a run that is to end so. The kill comes two steps after a
save: the chief takes part in a step only once it has saved."""
ENDS = {"signalled": (SIGNALLED, signal.SIGTERM), "killed": (KILLED, signal.SIGKILL)}


def by_descent(build):
    """`build`, with plain gradient descent in place of every optimizer: Adam makes much of the smallest difference."""

    def built(run):
        system = build(run)
        for name in system.optimizers:
            system.optimizers[name] = keras.optimizers.SGD(run.learning_rate)
            system.optimizers[name].build(system.trained(name))
        return system

    return built


def ending(build, at, number):
    """`build`, of systems that get signal `number` when they ask for batch `at`."""

    def built(run):
        system = build(run)
        batches = system.batches

        def until(split, first_batch=0):
            for index, batch in enumerate(batches(split, first_batch), first_batch):
                if index == at:
                    os.kill(os.getpid(), number)
                yield batch

        system.batches = until
        return system

    return built


def main(runs):
    """Trains `runs`, pairs of a file with its settings and how it ends ("" as it should); says their exit codes."""
    systems.__path__.append(str(Path(__file__).parent / "systems"))
    cluster = named(os.environ)
    if cluster is None:
        cluster, others = start_others(2, [sys.executable, "-m", "tests.training.train_as_worker", *sys.argv[1:]])
        atexit.register(others[0].kill)
    workers = Crew(cluster, patience=300)
    plots.curves = lambda run_dir: b""  # They take longer than the runs.
    plain = by_descent(environment.build)
    for path, end in runs:
        environment.build = ending(plain, *ENDS[end]) if end and not workers.chief else plain
        text = Path(path).read_text()
        run = run_from_text(text, systems.find(json.loads(text)["system"]).Options)
        code = cli.run_training(cli.Training(run), "python train.py", workers)
        print(f"worker {cluster.index}, {run.run_dir.name}: {code}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except CloudRemovalError as error:
        sys.exit(f"error: {error}")
