"""Reading, computing and writing at the same time, in order, with a bounded number of pieces in memory."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Answer = TypeVar("Answer")


def overlapped(
    items: Iterable[Item],
    read: Callable[[Item], Loaded],
    compute: Callable[[Loaded], Answer],
    write: Callable[[Loaded, Answer], None],
    ahead: int = 1,
) -> None:
    """`write(x, compute(x))` for `x = read(item)` of all items, in order; at most `ahead` wait before and after.

    `read` runs in one thread, `write` in another, `compute` in the caller's. The first error of any of them is raised.
    """
    upcoming = iter(items)
    with ThreadPoolExecutor(1, "read") as reader, ThreadPoolExecutor(1, "write") as writer:
        coming: deque[Future[Loaded]] = deque(reader.submit(read, item) for item in islice(upcoming, ahead))
        leaving: deque[Future[None]] = deque()
        while coming:
            loaded = coming.popleft().result()
            coming.extend(reader.submit(read, item) for item in islice(upcoming, 1))
            leaving.append(writer.submit(write, loaded, compute(loaded)))
            if len(leaving) > ahead:
                leaving.popleft().result()
        for finished in leaving:
            finished.result()
