"""Who trains one run together: what TF_CONFIG, or SLURM, says of it, or the GPUs of this machine."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from cloud_removal.errors import OptionError

EXAMPLE = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
INDEX = "JOB_COMPLETION_INDEX"
"""Where an indexed job of Kubernetes tells a pod its number."""
PORTS = 20_000
"""The first of the ports of SLURM's tasks, from which jobs that share a machine are apart by their numbers."""


@dataclass(frozen=True)
class Cluster:
    """The workers of a run. The first one is the chief."""

    addresses: tuple[str, ...]
    """HOST:PORT of each."""
    index: int
    """Which of them this process is."""

    def place(self) -> int:
        """How many workers before this one are on the same machine."""
        host = self.addresses[self.index].rsplit(":", 1)[0]
        return sum(address.rsplit(":", 1)[0] == host for address in self.addresses[: self.index])


def named(environment: Mapping[str, str]) -> Cluster | None:
    """What the variables of `environment` say; None where they name no other worker.

    TF_CONFIG, which may leave out the task where a job of Kubernetes gives it (JOB_COMPLETION_INDEX); else the step of
    a SLURM job of several tasks. OptionError where they cannot be understood.
    """
    if environment.get("TF_CONFIG"):
        cluster = _of_tensorflow(environment["TF_CONFIG"], environment)
    elif int(environment.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        cluster = _of_slurm(environment)
    else:
        return None
    return cluster if cluster is not None and len(cluster.addresses) > 1 else None


def _of_tensorflow(text: str, environment: Mapping[str, str]) -> Cluster | None:
    """What TF_CONFIG says, None where it names nobody at all."""
    try:
        config = json.loads(text)
        jobs: dict[str, list[str]] = config.get("cluster", {})
        task: dict[str, Any] = config.get("task", {})
        kind, number = task.get("type", "worker"), int(task.get("index", environment.get(INDEX, -1)))
        others = sorted(set(jobs) - {"chief", "worker"})
        addresses = {job: [str(address) for address in jobs.get(job, ())] for job in ("chief", "worker")}
    except (ValueError, TypeError, AttributeError) as error:
        raise OptionError(f"TF_CONFIG cannot be read ({error}). Expected JSON such as {EXAMPLE}.") from error
    if not jobs:
        return None
    if others:
        raise OptionError(f"TF_CONFIG names {', '.join(others)}: here there are workers and a chief only.")
    everyone = (*addresses["chief"], *addresses["worker"])
    wrong = [address for address in everyone if not address.rpartition(":")[2].isdecimal() or ":" not in address]
    if wrong or len(set(everyone)) < len(everyone):
        what = f"{wrong[0]!r} is no HOST:PORT" if wrong else "an address is there twice"
        raise OptionError(f"TF_CONFIG: {what}. Expected JSON such as {EXAMPLE}.")
    if not 0 <= number < len(addresses.get(kind, ())):
        raise OptionError(
            f"TF_CONFIG: the cluster has no {kind} of index {number}. Expected JSON such as {EXAMPLE}, with another "
            "index for each worker."
        )
    return Cluster(everyone, number + (len(addresses["chief"]) if kind == "worker" else 0))


def _of_slurm(environment: Mapping[str, str]) -> Cluster:
    """The tasks of this step of a SLURM job, as TensorFlow's resolver finds them; each has a port of its own."""
    first = PORTS + int(environment.get("SLURM_JOB_ID", "0")) % 20_000
    try:
        # GPUs are chosen elsewhere; the resolver would ask nvidia-smi for them, and fail where there is none.
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
            port_base=first, gpus_per_node=2**16, gpus_per_task=1, auto_set_gpu=False
        )
        addresses = resolver.cluster_spec().as_dict()["worker"]
    except (RuntimeError, ValueError, KeyError) as error:
        raise OptionError(
            f"SLURM's variables cannot be understood ({error}). Start a task for each worker by srun, or set TF_CONFIG."
        ) from error
    return Cluster(tuple(addresses), int(environment["SLURM_PROCID"]))


def check_batch(batch_size: int, count: int) -> None:
    """OptionError where a batch cannot be dealt out equally to `count` workers."""
    if batch_size % count:
        raise OptionError(
            f"--batch-size {batch_size} cannot be shared by {count} workers: it is that of all of them together. Give "
            f"a multiple of {count}, such as {-(-batch_size // count) * count}."
        )


def start_others(count: int, command: Sequence[str]) -> tuple[Cluster, list[subprocess.Popen]]:
    """Starts `command` for each of `count` workers of this machine but the first, which this process is to be.

    Each finds the others by its TF_CONFIG. A signal for this process does not reach them: they are told by it.
    """
    addresses = tuple(f"127.0.0.1:{port}" for port in free_ports(count))
    processes = []
    for index in range(1, count):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = os.environ | {"TF_CONFIG": json.dumps(config)}
        processes.append(subprocess.Popen(command, env=environment, stdout=sys.stderr, start_new_session=True))
    return Cluster(addresses, 0), processes


def free_ports(count: int) -> list[int]:
    """So many ports of this machine that nobody listens to."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in sockets]
    for listening in sockets:
        listening.close()
    return ports
