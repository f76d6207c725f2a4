"""One row: our worker and PyTorch's step in turns on the same card, and what a matrix product reaches there."""

import importlib.util
import json
import statistics
import sys
from typing import Any

from benchmarks.gpu.cases import Case
from benchmarks.training_step import Worker, check_same, python_with_torch

WORKERS = {"tensorflow": "benchmarks.gpu.tensorflow_worker", "jax": "benchmarks.gpu.jax_worker"}
SHARED = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""So that both find memory on the one card."""
TURNS, TURN_SECONDS, MOST_STEPS = 7, 1.0, 200
STEP_OVER_FORWARD = 3
"""A training step over the way forward: each product once forward and twice backward, for inputs and weights."""


class NoGpuError(Exception):
    """What is to be measured on a GPU would run on the processor."""


def backend(asked: str) -> str:
    """Which library under Keras measures: the one asked for, or for "auto" the first that is installed.

    NoGpuError where it is not.
    """
    there = [name for name in WORKERS if importlib.util.find_spec(name) and asked in (name, "auto")]
    if not there:
        raise NoGpuError(f"{' or '.join(WORKERS) if asked == 'auto' else asked} is not installed here.")
    return there[0]


def measure(case: Case, library: str, quick: bool) -> dict[str, Any]:
    """The numbers of `case` by name, with `library` under Keras; of PyTorch and of the data None where there are none.

    NoGpuError where the library finds no GPU, unless `quick`.
    """
    spec = case.spec() | {"gpu": True}
    with Worker([sys.executable, "-m", WORKERS[library]], spec, SHARED, warm=False) as ours:
        device = json.loads(ours.ask("device"))
        if not device["gpu"] and not quick:
            raise NoGpuError(f"{device['library']} sees no GPU here; --quick tries the benchmark on the processor.")
        ours.warm()
        found = {"title": case.title, "device": device["name"], "library": device["library"]}
        return found | beside_torch(case, spec, ours, device, quick)


def beside_torch(case: Case, spec: dict[str, Any], ours: Worker, device: dict[str, Any], quick: bool) -> dict[str, Any]:
    """The same with the twin at work beside it, where there is one on a device of the same kind."""
    python = python_with_torch()
    if python is None:
        return numbers(case, ours, None, quick)
    with Worker([python, "benchmarks/torch_twin.py"], spec, SHARED) as twin:
        check_same(ours, twin, spec)
        other = json.loads(twin.ask("device"))
        compared = twin if other["gpu"] == device["gpu"] else None
        return {"torch_library": other["library"]} | numbers(case, ours, compared, quick)


def numbers(case: Case, ours: Worker, twin: Worker | None, quick: bool) -> dict[str, Any]:
    """What both take, in turns; the peak is the best that either of them reaches."""
    steps = 1 if quick else min(MOST_STEPS, max(1, round(4 * TURN_SECONDS / ours.seconds(4))))
    turns = [(ours.seconds(steps), twin.seconds(steps) if twin else None) for _ in range(2 if quick else TURNS)]
    pictures, own = case.batch_size * steps, statistics.median(mine for mine, _ in turns)
    theirs = [other for _, other in turns if other is not None]
    peak = max(json.loads(worker.ask("peak")) for worker in (ours, twin) if worker)
    speed = pictures / own
    used = STEP_OVER_FORWARD * json.loads(ours.ask("flops")) * speed
    data = json.loads(ours.ask(f"data {steps}")) or {}
    return {
        "images_per_second": speed,
        "torch_images_per_second": pictures / statistics.median(theirs) if theirs else None,
        "over_torch": statistics.median(other / mine for mine, other in turns if other) if theirs else None,
        "tflops": used / 1e12,
        "peak_tflops": peak / 1e12,
        "share_of_peak": used / peak,
        "with_data": data.get("images_per_second"),
        "data_wait": data.get("data_wait"),
    }
