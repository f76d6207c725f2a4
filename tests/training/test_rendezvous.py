"""Workers wait for each other, and say whom they wait for in vain."""

import socket
import threading

import pytest

from cloud_removal.errors import WorkerError
from cloud_removal.training.cluster import Cluster, free_ports
from cloud_removal.training.rendezvous import meet


@pytest.fixture
def addresses():
    return tuple(f"127.0.0.1:{port}" for port in free_ports(3))


def test_all_meet_whoever_comes_first_and_may_do_so_again_at_once(addresses):
    for order in ((2, 0, 1), (1, 2, 0)):
        there = []

        def come(index, there=there):
            meet(Cluster(addresses, index), patience=30)
            there.append(index)

        threads = [threading.Thread(target=come, args=(index,)) for index in order]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(there) == [0, 1, 2]


def test_the_chief_names_who_did_not_come(addresses):
    with pytest.raises(WorkerError, match=rf"waited in vain for worker 1 \({addresses[1]}\), worker 2 \(") as alone:
        meet(Cluster(addresses, 0), patience=0.1)
    assert "\n" not in str(alone.value)


def test_another_worker_names_the_chief_who_did_not_come(addresses):
    with pytest.raises(WorkerError, match=rf"^Worker 2 waited in vain for worker 0 \({addresses[0]}\)"):
        meet(Cluster(addresses, 2), patience=0.1)


def test_a_worker_that_gave_up_is_waited_for_again(addresses):
    chief = []

    def wait():
        with pytest.raises(WorkerError) as alone:
            meet(Cluster(addresses, 0), patience=1)
        chief.append(str(alone.value))

    waiting = threading.Thread(target=wait)
    waiting.start()
    with pytest.raises(WorkerError):
        meet(Cluster(addresses, 1), patience=0.3)
    waiting.join(30)
    assert "worker 1 (" in chief[0] and "worker 2 (" in chief[0]


def test_a_port_that_is_taken_is_said(addresses):
    taken = socket.create_server(("", int(addresses[0].rsplit(":", 1)[1])))
    with taken, pytest.raises(WorkerError, match=f"^Worker 0 cannot begin at {addresses[0]} .*in use"):
        meet(Cluster(addresses, 0), patience=0.0)
