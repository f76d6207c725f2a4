"""The workers of `archive`: processes of this machine, or a dask cluster that runs already."""

import contextlib
import importlib.util
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cloud_removal.errors import OptionError

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

INSTALL = "python -m pip install 'dask[distributed]'"
PATIENCE = "20s"
"""How long a scheduler may take to answer."""


def check_installed() -> None:
    """OptionError where dask.distributed is missing."""
    if importlib.util.find_spec("distributed") is None:
        raise OptionError(f"archive needs dask.distributed, which is not installed: {INSTALL}")


@contextlib.contextmanager
def cluster(scheduler: str | None, count: int, say: Callable[[str], None]) -> Iterator["Client"]:
    """A client of the scheduler at address `scheduler`, or of `count` worker processes that live as long as this.

    Raises OptionError where no scheduler answers.
    """
    try:
        with local(count) if scheduler is None else _running(scheduler) as client:
            if scheduler is not None and not client.nthreads():
                say(f"{scheduler} has no workers yet; waiting for them")
            try:
                yield client
            finally:
                logging.disable()  # What dask logs of broken connections and slow ends tells a user nothing.
    finally:
        logging.disable(logging.NOTSET)


@contextlib.contextmanager
def local(count: int) -> Iterator["Client"]:
    """A client of `count` worker processes of this machine, which share its cores and end with it."""
    import dask
    from distributed import Client, LocalCluster

    threads = str(max(1, (os.cpu_count() or 1) // count))
    environment = {
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_FORCE_GPU_ALLOW_GROWTH": os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "true"),  # Several share one.
    }
    # Whether a scene is tried again when its process died is for `outcomes` to say.
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        _deaf_to_interrupts(
            LocalCluster,
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,  # A worker's limit would be a guess; `remove` bounds its own memory.
            dashboard_address="127.0.0.1:0",  # Any port that is free, for this machine alone.
            env=environment,
        ) as workers,
        Client(workers) as client,
    ):
        try:
            yield client
        except KeyboardInterrupt:
            _kill(workers)
            raise


def _kill(workers: "LocalCluster") -> None:
    """Ends the processes at once: what `remove` has finished of a scene outlives that, but not an orderly end, which
    looks like an error to it."""
    for nanny in workers.workers.values():
        nanny.auto_restart = False
        if nanny.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(nanny.pid, signal.SIGKILL)


def _deaf_to_interrupts(start: Callable[..., Any], **options: Any) -> Any:
    """What `start` makes; the processes that it starts leave Ctrl+C, which reaches all of them, to this one."""
    if threading.current_thread() is not threading.main_thread():
        return start(**options)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return start(**options)
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _running(address: str) -> Iterator["Client"]:
    from distributed import Client

    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError.
        raise OptionError(
            f"--scheduler {address}: no dask scheduler answers there. Expected the address that `dask scheduler` "
            "prints, e.g. tcp://10.0.0.5:8786."
        ) from error
    with client:
        yield client
