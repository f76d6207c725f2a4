"""Reading, computing and writing at the same time."""

import threading

import pytest

from cloud_removal.inference.overlap import overlapped


def test_everything_is_written_in_order():
    written = []
    overlapped(range(20), lambda i: i, lambda i: i * i, lambda i, square: written.append((i, square)))
    assert written == [(i, i * i) for i in range(20)]


def test_no_more_than_a_few_pieces_wait():
    alive, most, lock = 0, 0, threading.Lock()

    def change(by: int) -> None:
        nonlocal alive, most
        with lock:
            alive += by
            most = max(most, alive)

    def read(i: int) -> int:
        change(1)
        return i

    overlapped(range(50), read, lambda i: i, lambda i, _: change(-1), ahead=2)
    assert most <= 6


@pytest.mark.parametrize("where", ["read", "compute", "write"])
def test_an_error_anywhere_is_raised(where):
    def fails_at(name: str):
        def step(i: int, *_: int) -> int:
            if name == where and i == 3:
                raise ValueError(name)
            return i

        return step

    with pytest.raises(ValueError, match=where):
        overlapped(range(10), fails_at("read"), fails_at("compute"), fails_at("write"))
