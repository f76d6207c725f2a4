"""`make gpu`: measures row by row, writes bench/gpu.json after each, prints the table, fills in docs/performance.md.

Needs Keras with TensorFlow or with JAX, and NumPy; --page needs what the project needs.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu import cases, page
from benchmarks.gpu.measuring import WORKERS, NoGpuError, backend, measure

DONE, FAILED = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what is asked for. Returns 0, or 1 where there is no GPU to measure on."""
    asked = parser().parse_args(arguments)
    rows: dict[str, Any] = (
        json.loads(asked.output.read_text(encoding="utf-8"))["rows"] if asked.add and asked.output.exists() else {}
    )
    try:
        library = backend(asked.backend)
        for case in chosen(asked, library):
            print(f"{case.title} ...", file=sys.stderr, flush=True)
            rows[case.title] = measure(case, library, asked.quick)
            asked.output.parent.mkdir(parents=True, exist_ok=True)
            asked.output.write_text(json.dumps({"quick": asked.quick, "rows": rows}, indent=2) + "\n", encoding="utf-8")
    except NoGpuError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    section = page.section(cases.quick() if asked.quick else cases.every(), rows)
    print(section)
    if asked.page and not asked.quick:
        fill_in(asked.page, section)
    return DONE


def chosen(asked: argparse.Namespace, library: str) -> list[cases.Case]:
    """The rows to measure; without XLA, or in any order, only TensorFlow can compute."""
    named = [case for case in (cases.quick() if asked.quick else cases.every()) if case.preset in asked.presets]
    wanted = [case for case in named if asked.quick or case.batch_size in asked.batches]
    return [case for case in wanted if case.usual or library == "tensorflow"]


def fill_in(path: Path, section: str) -> None:
    """Puts `section` between the marks of the page at `path`."""
    from benchmarks.cures.page import between_marks

    path.write_text(between_marks(path.read_text(encoding="utf-8"), section, path), encoding="utf-8")


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="Training steps on a GPU.")
    made.add_argument(
        "--backend", choices=["auto", *WORKERS], default="auto", help="library under Keras (auto: the first installed)"
    )
    made.add_argument("--presets", nargs="+", choices=list(cases.NETWORKS), default=list(cases.NETWORKS))
    made.add_argument(
        "--batches", nargs="+", type=int, choices=cases.BATCHES, default=cases.BATCHES, help="pictures a step"
    )
    made.add_argument("--quick", action="store_true", help="tiny, on the processor too; the numbers mean nothing")
    made.add_argument("--output", type=Path, default=Path("bench/gpu.json"), help="the numbers (bench/gpu.json)")
    made.add_argument("--add", action="store_true", help="keep the rows that are in --output already")
    made.add_argument("--page", type=Path, help="page to fill in, docs/performance.md; not where --quick")
    return made


if __name__ == "__main__":
    sys.exit(main())
