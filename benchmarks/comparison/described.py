"""What the pages of comparisons say of how they were measured."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison.scores import SIMULATED


def measured_on(numbers: Mapping[str, Any]) -> str:
    """Ground, machine and precision."""
    own, machine = numbers["comparison"], numbers["machine"]
    ground = folders_in_words(own["data"]["ground"]) or "procedural ground"
    precision = " and ".join(sorted({run["precision"] for run in numbers["runs"].values()}))
    return f"{ground} ({machine['processor']}, {machine['cores']} cores, {precision})"


def folders_in_words(folders: Sequence[str]) -> str:
    """Their names, and how many times each counts."""
    counts = Counter(Path(folder).name for folder in folders)
    return " and ".join(f"`{name}`" + (f" (counting {n} times)" if n > 1 else "") for name, n in counts.items())


def described(data_set: str) -> str:
    """What the pictures of a set are."""
    return "held-out ground under simulated clouds" if data_set == SIMULATED else f"the real pairs `{data_set}`"
