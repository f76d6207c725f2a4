"""Rows of the benchmark table: what was measured, how much, of what, beside which aim."""

import importlib
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One measured number."""

    name: str
    value: float
    unit: str
    aim: float | None = None
    """What the value should reach (`at_most` False) or not exceed (`at_most` True); None where there is no aim."""
    at_most: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.aim is None:
            return None
        return self.value <= self.aim if self.at_most else self.value >= self.aim


def measured(subject: str, quick: bool) -> list[Row]:
    """The rows of one module of benchmarks."""
    return list(importlib.import_module(f"benchmarks.{subject}").measure(quick))


def table(rows: Sequence[Row]) -> str:
    """The rows as text in columns."""
    cells = [(row.name, f"{row.value:,.4g}", row.unit, _aim(row), row.note) for row in rows]
    widths = [max(len(cell[column]) for cell in cells) for column in range(4)]
    return "\n".join(
        f"{name:<{widths[0]}}  {value:>{widths[1]}} {unit:<{widths[2]}}  {aim:<{widths[3]}}  {note}".rstrip()
        for name, value, unit, aim, note in cells
    )


def _aim(row: Row) -> str:
    if row.aim is None:
        return ""
    return f"{'<=' if row.at_most else '>='} {row.aim:,.4g} {'reached' if row.reached else 'MISSED'}"


def seconds(function: Callable[[], object], repeats: int = 5) -> float:
    """Median wall-clock seconds of one call of `function`, after one call that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def machine() -> dict[str, str | int | None]:
    """The machine that the numbers hold for."""
    return {"processor": _processor(), "cores": os.cpu_count(), "python": platform.python_version()}


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
    except OSError:  # Not Linux.
        return platform.processor() or "unknown"
