"""Whether the training step of every system can be compiled by XLA, and then takes the same steps as one that is not.

Each preset of the training scripts is narrowed to a few filters and built twice from the same seed; both take three
steps on the same batches, one of them without any graph, in double precision, as rounding is not the question. What a
step draws at random XLA draws differently, from the same seed: here both get numbers of a simpler kind, and no dropout.
On a machine with a GPU it holds for that GPU, elsewhere for the processor, whose XLA knows the same operations.
"""

import dataclasses
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from benchmarks.table import Row

if TYPE_CHECKING:
    from cloud_removal.config import Run, Xla

NARROW = {
    "width": 2, "widths": (2, 2, 2, 2, 2), "discriminator_width": 2, "history_size": 4, "levels": 5, "vgg": "random",
    "blocks": 1, "pool": 3, "completion_steps": 1, "discriminator_steps": 1,
}  # fmt: skip
"""What makes a system small and lets it come into each of its phases, of the options that it has."""
SIDES, BATCH, STEPS = {"scene": 16, "pix2pix": 32, "cyclegan": 32}, 2, 3
SIDE = 96
"""Pixels, of some systems and of the others."""
ALIKE = 1e-6
"""Share by which a scalar of the two may differ in the first `STEPS` steps: the order of sums in float64, sharpened by
Adam and by what is divided by a small deviation."""


class Taken(NamedTuple):
    """A few steps of one system."""

    scalars: list[dict[str, float]]
    seconds: float
    """Of the first step: tracing and compiling."""


def measure(quick: bool) -> list[Row]:
    """A row for each preset that is not another one when narrowed; of each system only one where `quick`."""
    from cloud_removal.training.environment import make_deterministic

    rows, seen = [], set()
    for name, run in sorted(narrowed(), key=lambda named: named[1].deterministic):
        if run.deterministic:
            make_deterministic()  # From here on: there is no way back.
        if not quick or run.system not in seen:
            rows.append(compared(name, run))
        seen.add(run.system)
    return rows


def narrowed() -> Iterator[tuple[str, "Run"]]:
    """(preset, its run made small), without those that are then the same; deterministic where it can be compiled so."""
    import configure
    from cloud_removal.systems import find

    seen = []
    for presets in (configure.DEFOG, configure.INPAINT, configure.TRANSLATE, configure.SCENE):
        for name, run in presets.items():
            fields = {field.name for field in dataclasses.fields(run.options)}
            options = dataclasses.replace(run.options, **{k: v for k, v in NARROW.items() if k in fields})
            if (run.system, options) not in seen:
                seen.append((run.system, options))
                small = dataclasses.replace(run, options=options, size=SIDES.get(run.system, SIDE), batch_size=BATCH)
                small = dataclasses.replace(small, precision="float32", schedule="constant", warmup=0)
                yield name, dataclasses.replace(small, deterministic=not find(run.system).pools_maxima)


def compared(name: str, run: "Run") -> Row:
    """How much the scalars of the first steps differ, at most."""
    plain, compiled = steps(run, "off"), steps(run, "on")
    most, where = farthest(plain, compiled)
    notes = [where] if where else []
    notes.append(f"compiled in {compiled.seconds:.0f} s")
    return Row(f"{run.system}, preset {name}", most, "of the value", ALIKE, at_most=True, note="; ".join(notes))


def farthest(some: Taken, others: Taken) -> tuple[float, str]:
    """The largest `deviation` between the scalars of two, and which that is."""
    most, where = 0.0, ""
    for number, (one, other) in enumerate(zip(some.scalars, others.scalars, strict=True)):
        for scalar, value in one.items():
            difference = deviation(value, other[scalar])
            if difference > most:
                most, where = difference, f"{scalar} of step {number}"
    return most, where


def deviation(one: float, other: float) -> float:
    """Relative difference of two scalars; where one is not finite 1, unless the other is the same (or NaN, too)."""
    if not (math.isfinite(one) and math.isfinite(other)):
        return float(one != other and not (math.isnan(one) and math.isnan(other)))
    return abs(one - other) / max(abs(one), abs(other), 1e-3)


def steps(run: "Run", xla: "Xla") -> Taken:
    """The first steps of `run`, compiled by XLA or taken operation by operation, in float64 on `simple_draws`."""
    import keras
    import tensorflow as tf

    from benchmarks.double import double_precision, doubled
    from cloud_removal.training.environment import build
    from cloud_removal.training.step import Step

    with double_precision():
        system = build(dataclasses.replace(run, xla=xla))
        system.prepare()
    for layer in (layer for network in system.networks.values() for layer in network._flatten_layers()):
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    batches = [doubled(batch) for batch in system.batches("training", 0).take(STEPS)]
    begin, scalars, seconds = time.perf_counter(), [], 0.0
    draws = mock.patch.multiple(tf.random, stateless_uniform=simple_draws, stateless_normal=simple_draws)
    with double_precision(), draws:
        step = Step(system, tf.Variable(0, dtype=tf.int64, trainable=False))
        for batch in batches:
            taken = step.run(batch) if xla == "on" else step._step(batch)
            scalars.append({name: float(value) for name, value in taken.items()})
            seconds = seconds or time.perf_counter() - begin
    return Taken(scalars, seconds)


def simple_draws(shape: Any, seed: Any, minval: Any = 0, maxval: Any = 1, dtype: Any = None) -> Any:
    """In place of TensorFlow's: numbers in [minval, maxval) that look random, by exact arithmetic in `seed` (2,)."""
    import tensorflow as tf

    place = tf.reshape(tf.range(math.prod(shape), dtype=tf.int64), shape)
    share = tf.cast((place * 40_503 + seed[1] * 30_011 + 12_345) % 65_536, tf.float32) / 65_536
    return tf.cast(tf.cast(minval, tf.float32) + share * tf.cast(maxval - minval, tf.float32), dtype or tf.float32)
