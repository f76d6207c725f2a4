"""Training steps of the default U-Net per second, beside the same network in PyTorch, on the CPU.

Four processes (two libraries, float32 and bfloat16) hold a network each and step in turns, a few steps a turn, so
that what else the machine does falls on all of them alike; the ratios are medians over the turns. PyTorch is looked
for in this Python and then in .venv-bench (`make torch`); without it only TensorFlow is measured.
"""

import dataclasses
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.table import Row

if TYPE_CHECKING:
    from cloud_removal.config import Run

ROOT = Path(__file__).parent.parent
AIMS = {"float32": 1.0, "mixed_bfloat16": 0.8}
"""TensorFlow's speed over PyTorch's that is to be reached."""


def measure(quick: bool) -> list[Row]:
    """Pictures per second of both libraries, their ratios, and what costs most where TensorFlow falls short."""
    spec = default_spec() | ({"batch_size": 1, "size": 96} if quick else {})
    turns, steps = (2, 1) if quick else (7, 5)
    rows = []
    for precision in precisions():
        rows += compare(spec | {"precision": precision}, turns, steps)
    return rows


def default_spec() -> dict[str, Any]:
    """What both workers need to know of the default preset of train_defog.py."""
    import configure

    run = configure.DEFOG[configure.DEFOG_DEFAULT]
    own = {name: getattr(run, name) for name in ("batch_size", "size", "clip_norm", "ema")}
    return dataclasses.asdict(run.options) | own | {"preset": configure.DEFOG_DEFAULT}


def precisions() -> tuple[str, ...]:
    """float32, and bfloat16 where the processor computes in it."""
    flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split()) if Path("/proc/cpuinfo").exists() else set()
    return tuple(AIMS) if flags & {"avx512_bf16", "amx_bf16"} else ("float32",)


def compare(spec: dict[str, Any], turns: int, steps: int) -> list[Row]:
    """Rows of one precision."""
    precision, images = spec["precision"], spec["batch_size"] * steps
    title = f"{spec['preset']} {spec['batch_size']}x{spec['size']} px, {precision.removeprefix('mixed_')}"
    with Worker([sys.executable, "-m", "benchmarks.training_step"], spec) as ours:
        python = python_with_torch()
        if python is None:
            times = [ours.seconds(steps) for _ in range(turns)]
            note = "PyTorch not found, nothing to compare with: make torch"
            return [Row(f"TensorFlow, {title}", images / statistics.median(times), "img/s", note=note)]
        with Worker([python, "benchmarks/torch_twin.py"], spec) as twin:
            check_same(ours, twin, spec)
            pairs = [(ours.seconds(steps), twin.seconds(steps)) for _ in range(turns)]
            own, other = (statistics.median(column) for column in zip(*pairs, strict=True))
            ratio = statistics.median(b / a for a, b in pairs)
            short = ratio < AIMS[precision]
            return [
                Row(f"TensorFlow, {title}", images / own, "img/s", note=f"{ours.parameters:,} parameters"),
                Row(f"PyTorch, {title}", images / other, "img/s"),
                Row("  TensorFlow over PyTorch", ratio, "x", AIMS[precision], note=ours.costliest() if short else ""),
            ]


def check_same(ours: "Worker", twin: "Worker", spec: dict[str, Any]) -> None:
    """RuntimeError where the two networks are not of one size: a ratio of their speeds would mean nothing."""
    if ours.parameters != twin.parameters:
        raise RuntimeError(
            f"benchmarks/torch_networks.py has {twin.parameters:,} parameters, preset {spec['preset']} "
            f"{ours.parameters:,}: not the same network. Bring the twin up to date with cloud_removal/models."
        )


def python_with_torch() -> str | None:
    """The Python that has PyTorch, or None."""
    if importlib.util.find_spec("torch"):
        return sys.executable
    own = ROOT / ".venv-bench/bin/python"
    return str(own) if own.exists() else None


ONLY_CPU = {"CUDA_VISIBLE_DEVICES": ""}


class Worker:
    """A process that holds a network and takes steps when told to; `environment` is beside what this process has."""

    def __init__(
        self, command: list[str], spec: dict[str, Any], environment: Mapping[str, str] = ONLY_CPU, warm: bool = True
    ):
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [*command, json.dumps(spec)], cwd=ROOT, env=os.environ | environment, text=True, stdin=pipe, stdout=pipe
        )
        self.parameters = int(self._answer())
        if warm:
            self.warm()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.communicate()

    def warm(self) -> None:
        """Traces, compiles and allocates: steps that are not counted."""
        self.seconds(2)

    def seconds(self, steps: int) -> float:
        """Seconds of so many steps."""
        return float(self.ask(str(steps)))

    def costliest(self) -> str:
        """The operations that take most of a step, in words (TensorFlow's worker only)."""
        return str(json.loads(self.ask("profile")))

    def ask(self, question: str) -> str:
        """The line it answers `question` with."""
        assert self._process.stdin is not None
        self._process.stdin.write(question + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"a worker of this benchmark ended with {self._process.wait()}")
        return answer


def work(spec: dict[str, Any]) -> None:
    """TensorFlow's worker: answers each line N on stdin with the seconds of N steps, "profile" with the costs."""
    step, parameters = training_step(spec)
    print(parameters, flush=True)
    for line in sys.stdin:
        if line.strip() == "profile":
            print(json.dumps(profile(step)), flush=True)
            continue
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        print(time.perf_counter() - start, flush=True)


def training_step(spec: dict[str, Any]) -> tuple[Callable[[], object], int]:
    """(one training step of the default preset on a fixed random batch, number of trained parameters)."""
    import tensorflow as tf

    import configure
    from cloud_removal.training.environment import build, make_deterministic
    from cloud_removal.training.step import Step

    run = dataclasses.replace(
        configure.DEFOG[spec["preset"]],
        **{name: spec[name] for name in ("batch_size", "size", "precision")},
    )
    make_deterministic()  # As in training.
    system = build(run)
    batch = random_batch(run)
    step = Step(system, tf.Variable(0, dtype=tf.int64))
    parameters = sum(v.shape.num_elements() for n in system.networks.values() for v in n.trainable_variables)
    return lambda: float(step.run(batch)["loss"]), parameters


def random_batch(run: "Run") -> dict[str, Any]:
    """Pictures without sense, without shadow, of known opacity."""
    import tensorflow as tf

    picture, plane = (run.batch_size, run.size, run.size, 3), (run.batch_size, run.size, run.size, 1)
    batch = {"aerial": tf.random.uniform(picture), "ground": tf.random.uniform(picture)}
    return batch | {
        "opacity": tf.random.uniform(plane),
        "shadow": tf.zeros(plane),
        "known": tf.ones(plane[:1] + (1, 1, 1)),
    }


def profile(step: Callable[[], object], steps: int = 3) -> str:
    """Kinds of operation by their share of the time in operations, and the single costliest one."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            for _ in range(steps):
                step()
        space = xplane_pb2.XSpace()
        space.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    spent: Counter[str] = Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                if ":" in name and not name.startswith("Eager"):  # Operations are recorded as name:kind.
                    spent[name] += event.duration_ps
    return in_words(spent)


def in_words(spent: Counter[str]) -> str:
    """The costliest kinds of operation and the costliest single one; `spent` counts time by "name:kind"."""
    total = sum(spent.values())
    kinds: Counter[str] = Counter()
    for name, time_ps in spent.items():
        kinds[name.rsplit(":", 1)[1].strip()] += time_ps
    listed = ", ".join(f"{kind} {time_ps / total:.0%}" for kind, time_ps in kinds.most_common(5))
    name, time_ps = spent.most_common(1)[0]
    return f"{listed}; costliest {name.split(':')[0]} {time_ps / total:.0%}"


if __name__ == "__main__":
    work(json.loads(sys.argv[1]))
