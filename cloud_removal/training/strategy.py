"""`--strategy`: whether one process trains a run, one for each GPU of this machine, or those of several machines."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import tensorflow as tf

from cloud_removal.config import Run
from cloud_removal.errors import OptionError
from cloud_removal.systems.workers import ALONE, Workers
from cloud_removal.training.cluster import EXAMPLE, Cluster, check_batch, named, start_others
from cloud_removal.training.crew import Crew
from cloud_removal.training.saves import Say

LAST_WORDS = 60.0
"""Seconds that workers started here may take to end after this one."""


@contextmanager
def workers_of(run: Run, command: Sequence[str], say: Say) -> Iterator[Workers]:
    """Inside, the workers of `run` are connected; `command` is what started this one.

    To be entered before TensorFlow has computed anything. OptionError where the strategy cannot be had, WorkerError
    where another worker cannot.
    """
    cluster, others = _cluster(run, command)
    if cluster is None:
        yield ALONE
        return
    try:
        check_batch(run.batch_size, len(cluster.addresses))
        if run.xla == "on":
            raise OptionError("--xla on: XLA cannot compile a step in which several workers talk. Leave it out.")
        _take_gpu(cluster, say)
        say(f"Worker {cluster.index} of {', '.join(cluster.addresses)}; worker 0 is the chief, which writes.")
        yield Crew(cluster)
        for process in others:
            process.wait(LAST_WORDS)
    finally:
        for process in others:
            process.kill()
            process.wait()


def _cluster(run: Run, command: Sequence[str]) -> tuple[Cluster | None, list[subprocess.Popen]]:
    """The workers of `run`, None where there is one alone, and those of them that were started here."""
    if run.strategy == "single":
        return None, []
    cluster = named(os.environ)
    if cluster is not None:
        return cluster, []
    if run.strategy == "multiworker":
        raise OptionError(
            "--strategy multiworker: nothing names the other workers. Set TF_CONFIG for each, such as "
            f"{EXAMPLE}, or start them by SLURM's srun."
        )
    gpus = len(tf.config.list_physical_devices("GPU"))
    if run.strategy == "mirrored":
        if gpus < 2:
            raise OptionError(
                f"--strategy mirrored: TensorFlow sees {gpus} GPU(s) here, and it is for several. "
                "Use --strategy single."
            )
        check_batch(run.batch_size, gpus)
    count = max((n for n in range(1, gpus + 1) if run.batch_size % n == 0), default=1)
    return start_others(count, command) if count > 1 else (None, [])


def _take_gpu(cluster: Cluster, say: Say) -> None:
    """Of several GPUs a worker takes one: each of those on a machine another, in their order."""
    gpus = tf.config.list_physical_devices("GPU")
    if len(gpus) > 1:
        place = cluster.place()
        tf.config.set_visible_devices(gpus[place % len(gpus)], "GPU")
        say(f"Takes GPU {place % len(gpus)} of the {len(gpus)} of this machine; each worker takes one.")
