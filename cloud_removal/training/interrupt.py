"""Ctrl+C and SIGTERM: the first one is a wish to stop after this step, the second leaves at once."""

import os
import signal
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def exit_code(number: int) -> int:
    """What a shell reports for a program ended by signal `number`: 130 for SIGINT, 143 for SIGTERM."""
    return 128 + number


def leave_at_once(message: str) -> None:
    """From now on the first signal prints `message` and ends the process; for the time when nothing can be lost."""

    def leave(number: int, frame: FrameType | None) -> None:
        _write(message)
        os._exit(exit_code(number))

    for number in SIGNALS:
        signal.signal(number, leave)


class Interrupt:
    """Inside `with`, a signal sets `code`, which the loop asks for after each step.

    A second signal ends the process where it stands: whatever is being written then must be atomic. Signals only
    reach the main thread between two of its bytecodes, so a step of the graph is never torn.
    """

    code: int | None = None

    def __enter__(self) -> "Interrupt":
        self._before = {number: signal.signal(number, self._receive) for number in SIGNALS}
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if self.code is not None:
            _write("Left at once; the last checkpoint is intact.")
            os._exit(exit_code(number))
        self.code = exit_code(number)
        _write("Stopping after this step; the same signal again leaves at once.")


def _write(message: str) -> None:
    """Straight to stderr: a handler may run in the middle of a buffered print."""
    os.write(2, f"\n{message}\n".encode())
