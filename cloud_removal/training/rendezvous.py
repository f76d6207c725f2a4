"""Workers find each other before TensorFlow connects them: while it waits, no signal is heard and no time limit holds.

Each other worker calls at the chief's address and says its number; when all have, the chief lets them go on.
"""

import contextlib
import socket
import time

from cloud_removal.errors import WorkerError
from cloud_removal.training.cluster import Cluster

PATIENCE = 600.0
"""Seconds that a worker waits for the others."""
MOMENT, LISTENS = 0.2, 5.0
"""Seconds after which it looks again, and for which it listens to a caller."""
GO = b"go\n"


def meet(cluster: Cluster, patience: float = PATIENCE) -> None:
    """Returns when all workers of `cluster` are there; their ports are free again then.

    WorkerError where this worker's port is taken, or where one is missing after `patience` seconds.
    """
    until = time.monotonic() + patience
    where = cluster.addresses[cluster.index]
    try:
        server = socket.create_server(("", _port(where)))
    except OSError as error:
        raise WorkerError(
            f"Worker {cluster.index} cannot begin at {where} ({error.strerror}). Is its port taken, or another worker "
            "of this index at work?"
        ) from error
    with server:
        if cluster.index:
            _call(cluster, until)
        else:
            _welcome(server, cluster, until)


def _welcome(server: socket.socket, cluster: Cluster, until: float) -> None:
    """The chief's part: waits for a call of each other worker, then answers them all."""
    others = range(1, len(cluster.addresses))
    calls: dict[int, socket.socket] = {}
    server.settimeout(MOMENT)
    try:
        while set(calls) != set(others):
            if time.monotonic() > until:
                raise _missing(cluster, [number for number in others if number not in calls])
            with contextlib.suppress(OSError, ValueError):  # Nobody called, or somebody else.
                call = server.accept()[0]
                number = _said(call)
                calls[number if number in others else -1] = call
            calls = {number: call for number, call in calls.items() if number in others and _is_there(call)}
        for call in calls.values():
            call.sendall(GO)
    finally:
        for call in calls.values():
            call.close()


def _said(call: socket.socket) -> int:
    """The number of the worker that calls; what says none is no worker, and is hung up on."""
    try:
        call.settimeout(LISTENS)
        number = int(call.recv(16))
        call.setblocking(False)
    except (OSError, ValueError):
        call.close()
        raise
    return number


def _is_there(call: socket.socket) -> bool:
    """Whether the worker that called still waits for an answer."""
    try:
        return bool(call.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _call(cluster: Cluster, until: float) -> None:
    """Another worker's part: calls the chief until it answers."""
    host, port = cluster.addresses[0].rsplit(":", 1)[0].strip("[]"), _port(cluster.addresses[0])
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((host, port), LISTENS) as call:
            call.sendall(f"{cluster.index}\n".encode())
            call.settimeout(max(until - time.monotonic(), MOMENT))
            if call.recv(len(GO)) == GO:
                return
        time.sleep(MOMENT)
    raise _missing(cluster, [0])


def _missing(cluster: Cluster, numbers: list[int]) -> WorkerError:
    who = ", ".join(f"worker {number} ({cluster.addresses[number]})" for number in numbers)
    return WorkerError(
        f"Worker {cluster.index} waited in vain for {who}. Start the same command for every worker, and check that "
        f"these addresses can be reached."
    )


def _port(address: str) -> int:
    return int(address.rsplit(":", 1)[1])
