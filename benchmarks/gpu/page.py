"""The rows as text: a Markdown table in which what was not measured is missing, and says so."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.gpu.cases import Case

MISSING = "missing"
COLUMNS = {
    "img/s": ("images_per_second", ",.0f"), "PyTorch img/s": ("torch_images_per_second", ",.0f"),
    "over PyTorch": ("over_torch", ".2f"), "TFLOP/s": ("tflops", ".1f"), "of the peak": ("share_of_peak", ".0%"),
    "img/s with data": ("with_data", ",.0f"), "waiting for data": ("data_wait", ".0%"),
}  # fmt: skip


def section(cases: Sequence[Case], rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The Markdown of all `cases`, of which `rows` holds by title what was measured."""
    lines = [["", *COLUMNS], ["---", *("---:" for _ in COLUMNS)]]
    lines += [[case.title, *(cell(rows.get(case.title), *column) for column in COLUMNS.values())] for case in cases]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{how(list(rows.values()))}\n\n{table}\n"


def cell(row: Mapping[str, Any] | None, name: str, form: str) -> str:
    """A number as text; "missing" where its row was not measured, a dash where it has none of these."""
    if row is None:
        return MISSING
    return "–" if row[name] is None else format(row[name], form)


def how(rows: Sequence[Mapping[str, Any]]) -> str:
    """What was measured with, in a sentence."""
    if not rows:
        return "No GPU was at hand: all rows are missing."
    each = [sorted({row[name] for row in rows if row.get(name)}) for name in ("device", "library", "torch_library")]
    device, library, torch = (" and ".join(words) for words in each)
    peaks = ", ".join(f"{row['title'].split(', ')[2]} {row['peak_tflops']:.0f}" for row in best(rows))
    beside = f", beside {torch}" if torch else ""
    return f"Measured on {device} with {library}{beside}. Peak of a matrix product, TFLOP/s: {peaks}."


def best(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of each precision the row with the highest peak."""
    by_precision: dict[str, Mapping[str, Any]] = {}
    for row in sorted(rows, key=lambda row: row["peak_tflops"]):
        by_precision[row["title"].split(", ")[2]] = row
    return list(by_precision.values())
