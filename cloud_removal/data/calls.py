"""Python functions called by tf.data's threads, and a clean end of the program while they run ahead.

tf.data keeps making batches as long as its buffers have room, from threads that Python does not know of. If Python
ends while such a thread is in it, or about to enter it, the program aborts or hangs for ever. So the calls are
counted, and the end of the program waits for the last one; those that come later answer at once.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
_alive: "weakref.WeakSet[Counted]" = weakref.WeakSet()
QUIET = 0.05
"""Seconds without a call after which no buffer has room any more."""


class Counted(Generic[Answer]):
    """`function` with its running calls counted; once the program ends, calls get `blank` instead."""

    def __init__(self, function: Callable[[int], Answer], blank: Answer):
        self.function, self.blank = function, blank
        self.begun = self.running = 0
        self.ending = False
        self.change = threading.Condition()
        _alive.add(self)

    def __call__(self, index: int) -> Answer:
        with self.change:
            self.begun += 1
            if self.ending:
                return self.blank
            self.running += 1
        try:
            return self.function(index)
        finally:
            with self.change:
                self.running -= 1
                self.change.notify_all()

    def end(self) -> None:
        """Returns when no call runs and none will come, provided that nobody takes batches any more."""
        with self.change:
            self.ending = True
            self.change.wait_for(lambda: not self.running)
        before = -1
        while before != self.begun:  # Blank batches fill the buffers in no time.
            before = self.begun
            time.sleep(QUIET)


@atexit.register
def _end_all() -> None:
    for calls in list(_alive):
        calls.end()
