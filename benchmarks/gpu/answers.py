"""How a worker answers: one JSON value a line for each question on stdin."""

import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, TextIO

SIDES = {True: 8192, False: 512}
"""Side of the square matrices whose product is the peak, on a GPU and on a processor."""
TIMES = 20


class Trainer(ABC):
    """A network with its optimizer, and one fixed random batch."""

    parameters: int
    """Trained weights."""

    @abstractmethod
    def run(self, steps: int) -> None:
        """So many steps, done when it returns."""

    @abstractmethod
    def device(self) -> dict[str, Any]:
        """{"name": of the device, "gpu": whether it is one, "library": what computes}."""

    @abstractmethod
    def peak(self) -> float:
        """Floating-point operations a second of a large matrix product in the precision of the networks."""

    @abstractmethod
    def flops(self) -> int:
        """Floating-point operations of the networks' way forward over one picture."""

    def data(self, steps: int) -> dict[str, float] | None:
        """images_per_second and data_wait over so many steps on batches as in training; None where there are none."""
        return None


def serve(trainer: Trainer, questions: Iterable[str] = sys.stdin, answers: TextIO = sys.stdout) -> None:
    """Says how many parameters there are; then answers N with the seconds of N steps, a method with its value."""
    print(trainer.parameters, file=answers, flush=True)
    for question in questions:
        name, *numbers = question.split()
        if name.isdecimal():
            start = time.perf_counter()
            trainer.run(int(name))
            answer: Any = time.perf_counter() - start
        else:
            answer = getattr(trainer, name)(*map(int, numbers))
        print(json.dumps(answer), file=answers, flush=True)


def product_speed(multiply: Callable[[int], object], side: int) -> float:
    """Operations a second of `multiply`, which takes that many products of two square matrices one after the other."""
    multiply(2)  # Chooses its kernel.
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        multiply(TIMES)
        seconds.append(time.perf_counter() - start)
    return 2.0 * side**3 * TIMES / min(seconds)
