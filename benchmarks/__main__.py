"""`make bench`: runs every benchmark in a process of its own, prints the table, writes bench/results.json."""

import dataclasses
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from benchmarks.table import machine, measured, table

SUBJECTS = ("simulator", "masks", "pipeline", "training_step", "remove", "cost", "archive", "serving")
BY_NAME = ("huge", "large_data", "xla")
"""What runs only where it is named: it takes long, and 48 or 3 GB of disk."""


@dataclass(frozen=True)
class Bench:
    """Measures speed and memory on this machine. Leave it alone meanwhile: other work falsifies the numbers."""

    subjects: tyro.conf.Positional[tuple[str, ...]] = SUBJECTS
    """Which of simulator, masks, pipeline, training_step, remove, cost, archive, serving to measure; without any all of
    these. Only where they are named: huge, rasters of up to 1,200 megapixels, long and with 48 GB of disk; large_data,
    training on more pictures than memory, with 3 GB; xla, which compiles the training step of every system."""
    quick: bool = False
    """Tiny settings: shows that everything runs; the numbers mean nothing."""
    output: Path = field(default=Path("bench/results.json"))
    """Where the numbers are written as JSON."""


def main() -> int:
    """Runs the chosen benchmarks. Returns 0, or 1 where one of them failed."""
    bench = tyro.cli(Bench, prog="python -m benchmarks", description=Bench.__doc__)
    every = (*SUBJECTS, *BY_NAME)
    wrong = sorted(set(bench.subjects) - set(every))
    if wrong:
        print(f"error: no benchmark {', '.join(wrong)}; there are {', '.join(every)}", file=sys.stderr)
        return 2
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"warning: this machine is busy (load {busy:.1f}); ratios and speeds will be wrong", file=sys.stderr)
    results: dict[str, Any] = {"machine": machine(), "load_before": busy, "quick": bench.quick, "measured": {}}
    failed = [subject for subject in bench.subjects if not run(subject, bench, results)]
    print(f"\nnumbers in {bench.output}", file=sys.stderr)
    return 1 if failed else 0


def run(subject: str, bench: Bench, results: dict[str, Any]) -> bool:
    """Measures one subject, prints its rows and adds them to the results on disk. Returns whether it succeeded."""
    print(f"{subject} ...", file=sys.stderr, flush=True)
    start = time.perf_counter()
    # A process of its own each: peak memory and thread pools of one do not weigh on the next.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            rows = pool.submit(measured, subject, bench.quick).result()
        except Exception as error:
            print(f"{subject} failed: {type(error).__name__}: {error}", file=sys.stderr)
            return False
    print(f"\n{subject} ({time.perf_counter() - start:.0f} s)\n{table(rows)}\n", flush=True)
    results["measured"][subject] = [dataclasses.asdict(row) | {"reached": row.reached} for row in rows]
    bench.output.parent.mkdir(parents=True, exist_ok=True)
    bench.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return True


if __name__ == "__main__":
    sys.exit(main())
